/*
 * purge_pace - how much a round of the walk asks for, and how long it rests before the next.
 *
 * What a round costs the server is the time from the write to the last reply, less what an empty round trip
 * takes: that is probed at the beginning and now and then, and the least of the last few probes counts.
 * COUNT follows that cost: beyond 1 ms it falls by a quarter, below 0.5 ms it grows by a tenth. The walk
 * takes a third of the server's time, a tenth when it is slowed: it rests until the cost is so much of the time from
 * one write to the next, and the way to the server and back counts as rest. A rate makes it rest until so many keys a
 * second are not exceeded.
 *
 * Pure: times are arguments.
 */
#ifndef CONSUMERS_REDIS_PURGE_PACE_H
#define CONSUMERS_REDIS_PURGE_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum { PURGE_COUNT_MIN = 10, PURGE_COUNT_MAX = 1000, PURGE_COUNT_FIRST = 100 };
enum { PURGE_PROBES = 4, PURGE_PROBE_EVERY = 64 };

struct purge_pace {
    int64_t count;
    int64_t next_round_ns;
    int64_t probes[PURGE_PROBES]; /* empty round trips, in turn */
    unsigned probes_nr;           /* since the beginning */
    unsigned rounds;              /* since the last probe */
};

void purge_pace_init(struct purge_pace *pace);

/* COUNT for the next SCAN; at most a tenth of a second's worth of the rate (0: none). */
int64_t purge_pace_count(const struct purge_pace *pace, int64_t rate);

/* Returns what the round cost the server. */
int64_t purge_pace_round(struct purge_pace *pace, int64_t started_ns, int64_t ended_ns,
                         bool is_slowed);

/* The next round is to be an empty one; how long that took; the way is another one than before. */
bool purge_pace_wants_probe(const struct purge_pace *pace);
void purge_pace_probe(struct purge_pace *pace, int64_t took_ns);
void purge_pace_forget_probes(struct purge_pace *pace);

/* Rest for so many keys of a rate. */
void purge_pace_rest(struct purge_pace *pace, int64_t now_ns, int64_t keys, int64_t rate);

#endif
