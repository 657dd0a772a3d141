/*
 * gaps - what is done about events that Kafka no longer has: on_gap.
 *
 * stop: nothing, the partition rests and /readyz names it. continue: go on at the first record there
 * is. purge: first delete every key of every cache the rules declare (protected ones stay), since any
 * of them may be stale, then go on. Going on is tried until it works.
 */
#ifndef CONSUMERS_PIPELINE_GAPS_H
#define CONSUMERS_PIPELINE_GAPS_H

#include "consumers/kafka/source.h"
#include "consumers/pipeline/holds.h"
#include "consumers/pipeline/rules_handle.h"
#include "consumers/redis/purge.h"

struct gaps;

struct gaps *gaps_new(void);
void gaps_free(struct gaps *gaps);

/* Notes a gap that is to be left behind once nothing waits for it any more. */
void gaps_note(struct gaps *gaps, uint32_t slot);

/* Purges all caches of the ruleset; the gap waits for the tickets. */
struct gap_purge {
    const struct ruleset *ruleset;
    struct purge_engine *const *engines; /* by target */
    struct purge_tickets *tickets;
    struct holds *holds;
};
void gaps_purge(struct gaps *gaps, uint32_t slot, const struct gap_purge *purge);

/* To be told of every ticket that comes back. */
void gaps_ticket_is_back(struct gaps *gaps, uint64_t ticket);

/* Goes on past every gap that waits for nothing; those that cannot yet are tried again later. */
void gaps_go_on(struct gaps *gaps, struct source *source, int64_t now_ms);

/* The pattern of every key of a cache: its prefix, placeholders as `*`, and `*`. */
struct slice gaps_whole_cache(const struct cache *cache, size_t version, struct arena *arena);

#endif
