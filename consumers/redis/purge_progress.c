#include "consumers/redis/purge_progress.h"

#include "consumers/redis/slots.h"

static const double window_ns = PURGE_SPEED_WINDOW_MS * 1e6;

enum { SLOT_BITS = 14 };

/* Swaps neighbours, then pairs, then fours, ... until the first bit is the last. */
uint64_t purge_position(uint64_t cursor)
{
    uint64_t mask = ~(uint64_t)0;

    for (unsigned width = 32; width > 0; width /= 2) {
        mask ^= mask << width;
        cursor = (cursor >> width & mask) | (cursor << width & ~mask);
    }
    return cursor;
}

static double fraction(uint64_t cursor)
{
    return (double)purge_position(cursor) / 18446744073709551616.0;
}

static double within(double share)
{
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

double purge_place(uint64_t cursor, bool has_slots, struct purge_range range)
{
    double slot;

    if (!has_slots || cursor == 0)
        return fraction(cursor);
    slot = (double)(cursor & (SLOTS_NR - 1)) - range.first;
    return within((slot + fraction(cursor >> SLOT_BITS)) / (range.last - range.first + 1));
}

void purge_speed_begin(struct purge_speed *speed, int64_t now_ns)
{
    *speed = (struct purge_speed){.last_ns = now_ns};
}

void purge_speed_add(struct purge_speed *speed, double laps, int64_t busy_ns, int64_t now_ns)
{
    double time = (double)(now_ns - speed->last_ns);
    double kept = time < window_ns ? 1 - time / window_ns : 0;

    speed->laps = speed->laps * kept + laps;
    speed->busy_ns = speed->busy_ns * kept + (double)busy_ns;
    speed->time_ns = speed->time_ns * kept + time;
    speed->last_ns = now_ns;
}

int64_t purge_speed_eta_ms(const struct purge_speed *speed, double laps_left)
{
    if (speed->laps <= 0)
        return -1;
    return (int64_t)(laps_left * speed->time_ns / speed->laps / 1e6);
}

double purge_speed_duty(const struct purge_speed *speed)
{
    return speed->time_ns > 0 ? within(speed->busy_ns / speed->time_ns) : 0;
}
