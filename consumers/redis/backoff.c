#include "consumers/redis/backoff.h"

#include "consumers/base/clock.h"

enum {
    FIRST_MS = 100,
    LAST_MS = 10000,
    CONFIG_FIRST_MS = 1000,
    CONFIG_LAST_MS = 5000,
    DOUBLINGS = 7
};

void backoff_init(struct backoff *backoff)
{
    backoff->failures = 0;
    backoff->random = (uint64_t)clock_steady_ns() | 1;
}

void backoff_reset(struct backoff *backoff)
{
    backoff->failures = 0;
}

/* Marsaglia's xorshift64: good enough to spread. */
static uint64_t next_random(struct backoff *backoff)
{
    backoff->random ^= backoff->random << 13;
    backoff->random ^= backoff->random >> 7;
    backoff->random ^= backoff->random << 17;
    return backoff->random;
}

/* From half the ceiling to the ceiling. */
int64_t backoff_next(struct backoff *backoff, bool is_config)
{
    int64_t first = is_config ? CONFIG_FIRST_MS : FIRST_MS;
    int64_t last = is_config ? CONFIG_LAST_MS : LAST_MS;
    int64_t ceiling = first << (backoff->failures < DOUBLINGS ? backoff->failures : DOUBLINGS);

    backoff->failures++;
    if (ceiling > last)
        ceiling = last;
    return ceiling / 2 + (int64_t)(next_random(backoff) % (uint64_t)(ceiling / 2 + 1));
}
