/*
 * plan - what one batch of records comes to: operations, coalesced, and failures.
 *
 * plan_coalesce() keeps the meaning and lowers the count. Equal operations are merged only if no
 * other operation on that key lies between, at the position of the last; n bumps of a key are one
 * bump of n; of refreshes the one with the highest version wins; a merged delete keeps the highest
 * guard. A purge is dropped only for an equal or a wider purge, never a delete for a purge: the
 * delete is instant, the purge takes a lap. Order on one key is kept, order between keys is not
 * promised. Ops of shadow rules are counted and never enter a plan. Pure: no I/O, no clock.
 */
#ifndef CONSUMERS_PLAN_PLAN_H
#define CONSUMERS_PLAN_PLAN_H

#include "consumers/base/arena.h"
#include "consumers/plan/op.h"

enum {
    PLAN_MAX_RECORDS = 1024,
    PLAN_MAX_BYTES = 8 << 20, /* of payload in a batch */
    PLAN_MAX_KEYS = 64        /* keys in one UNLINK */
};

struct plan_table; /* last live op by key; private */

struct plan {
    struct arena *arena; /* borrowed: the batch's */
    struct op *ops;
    size_t ops_nr, ops_capacity;
    struct failure *failures;
    size_t failures_nr, failures_capacity;
    struct plan_table *table;
    size_t coalesced_nr;     /* ops that were merged away */
    size_t merged_delays_nr; /* of those, the ones with an again_after: another op keeps it */
};

/* The plan keeps its arrays over plan_clear(): steady state takes no memory. */
void plan_init(struct plan *plan);
void plan_release(struct plan *plan);
void plan_clear(struct plan *plan, struct arena *arena);

void plan_grow(struct plan *plan); /* room for one more op */

struct op *plan_add(struct plan *plan); /* a zeroed op, live, at the end */

/* The same unwritten: for who sets every member, which costs less than to zero them first. */
static inline struct op *plan_add_bare(struct plan *plan)
{
    if (plan->ops_nr == plan->ops_capacity)
        plan_grow(plan);
    return &plan->ops[plan->ops_nr++];
}

void plan_fail(struct plan *plan, const struct failure *failure);

/* The op that is executed for this one: itself, or what it was merged into. */
static inline uint32_t plan_standing_op(const struct plan *plan, uint32_t op)
{
    while (plan->ops[op].merged_into != OP_LIVE)
        op = plan->ops[op].merged_into;
    return op;
}

/* Links ops as said above. Idempotent over the whole array; call once a batch. */
void plan_coalesce(struct plan *plan);

#endif
