/*
 * explain_redis - which of the keys an event comes to are there now, for `explain --redis`.
 *
 * Keys are asked for by MEMORY USAGE, the one command that neither counts as a hit or a miss nor
 * makes a key look used. Patterns are held against a sample: the first keys that SCAN meets, read once
 * for each target. A key is asked once an event, however many rules name it.
 * Source: Redis documentation, MEMORY USAGE, SCAN and INFO; measured on Redis 7.0.
 */
#ifndef CONSUMERS_CLI_EXPLAIN_REDIS_H
#define CONSUMERS_CLI_EXPLAIN_REDIS_H

#include "consumers/plan/op.h"
#include "consumers/service/settings.h"

struct redis_look;

/* What one operation would find. */
struct presence {
    bool exists;     /* of a key */
    size_t matched;  /* of a pattern: keys of the sample that it takes */
    size_t sampled;  /* keys in the sample */
    bool is_all;     /* the sample is the whole database */
    bool is_pattern; /* else `exists` counts */
};

/*
 * Connects to every target that an enabled rule goes to. NULL: ERROR_CONFIG when the rules name a
 * target that the settings do not have, ERROR_RETRY when one does not answer.
 */
struct redis_look *redis_look_open(const struct settings *settings, struct ruleset *ruleset,
                                   struct error *err) CHECKED;
void redis_look_close(struct redis_look *look);

/* Forgets what was asked, but for the samples: from here on everything is in that arena. */
void redis_look_begin(struct redis_look *look, struct arena *arena);

/* One presence an operation, in the arena; NULL when a target gave no answer. */
const struct presence *redis_look_at(struct redis_look *look, const struct op *ops, size_t nr,
                                     struct error *err) CHECKED;

#endif
