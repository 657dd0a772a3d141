/*
 * purge_pace - how much a round of the walk asks for, and how long it rests before the next.
 *
 * COUNT follows the time a round takes, from the write to the last reply: beyond 1 ms it falls by a
 * quarter, below 0.5 ms it grows by a tenth. Between rounds the walk rests twice as long as the
 * last one took, nine times when it is slowed: other clients get two thirds of the server's time, or nine
 * tenths. A rate makes it rest until so many keys a second are not exceeded.
 *
 * Pure: times are arguments.
 */
#ifndef CONSUMERS_REDIS_PURGE_PACE_H
#define CONSUMERS_REDIS_PURGE_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum { PURGE_COUNT_MIN = 10, PURGE_COUNT_MAX = 1000, PURGE_COUNT_FIRST = 100 };

struct purge_pace {
    int64_t count;
    int64_t next_round_ns;
};

void purge_pace_init(struct purge_pace *pace);

/* COUNT for the next SCAN; at most a tenth of a second's worth of the rate (0: none). */
int64_t purge_pace_count(const struct purge_pace *pace, int64_t rate);

void purge_pace_round(struct purge_pace *pace, int64_t started_ns, int64_t ended_ns,
                      bool is_slowed);

/* Rest for so many keys of a rate. */
void purge_pace_rest(struct purge_pace *pace, int64_t now_ns, int64_t keys, int64_t rate);

#endif
