/*
 * op - one operation on one Redis key or pattern: the noun that leaves the pure rooms.
 *
 * An op borrows its texts from the batch's arena and its options from the action that made it.
 * Ops of a batch stand in one array in the order they were rendered; coalescing never moves them,
 * it links a merged op to the one that stands for it, so every contributor can be found again.
 */
#ifndef CONSUMERS_PLAN_OP_H
#define CONSUMERS_PLAN_OP_H

#include <stdint.h>

#include "consumers/rules/ruleset.h"

#define OP_LIVE UINT32_MAX /* merged_into of an op that is executed itself */
#define OP_NONE UINT32_MAX

enum guard_source {
    OP_UNGUARDED,
    OP_GUARD_CLOCK,   /* microseconds since the epoch, from ts: proves nothing */
    OP_GUARD_EXPLICIT /* what the database ordered */
};

enum op_result {
    OP_PENDING, /* not answered yet */
    OP_DONE,    /* Redis answered (or, for a purge, the engine took it over) */
    OP_REJECTED /* a poison reply: every contributor is set aside */
};

/* What Redis said of the key of a delete. */
enum op_found {
    OP_FOUND_UNKNOWN, /* not a delete, or not answered */
    OP_FOUND,
    OP_NOT_FOUND,
    OP_FOUND_SOME /* it went with others, and some of them were there */
};

struct op {
    enum verb verb;
    enum guard_source guard_source;
    const struct action *action;
    const struct cache *cache;
    struct slice key;    /* full key, or pattern where action->is_pattern */
    size_t prefix_bytes; /* patterns and tag sets: unescaped bytes of the cache's own prefix (and
                                version) that keys begin with; `protect` is tried after. Else 0 */
    uint64_t hash;       /* of target and key */
    struct slice value;  /* refresh: the bytes to store */
    int64_t guard;       /* with guard_source */
    int64_t at_least; /* bump: ts in ms; -1: the event has none (then Redis' clock alone counts) */
    uint32_t times;   /* bump: how many bumps this one stands for */
    uint32_t record;  /* index of the record in its batch */
    uint32_t merged_into; /* OP_LIVE, or the op that stands for it */
    uint32_t previous;    /* the live op before it on the same key, or OP_NONE */
    bool as_delete;       /* a refresh that must not be written: run as a guarded delete */
    enum op_result result;
    enum op_found found;
};

/* True for what walks: it runs on the purge engine, beside the pipeline's own commands. */
static inline bool op_runs_beside(const struct op *op)
{
    return op->verb == VERB_PURGE || op->verb == VERB_PURGE_TAG ||
           (op->verb == VERB_EXPIRE && op->action->is_pattern);
}

/* The reason an event, or a part of it, is set aside. */
struct failure {
    enum reason reason;
    const struct rule *rule; /* NULL: the event itself is bad */
    enum verb verb;          /* of the action; meaningless without a rule */
    struct slice field;      /* absent unless a field is to blame */
    struct slice detail;     /* one sentence */
    uint32_t record;
};

#endif
