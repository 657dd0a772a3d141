#include "consumers/plan/plan.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/glob.h"
#include "consumers/base/hash.h"
#include "consumers/base/zero.h"

enum { TABLE_FIRST_SLOTS = 256, COVERS_NR = 64, FEW_PURGES = 16 };

/* Small, as what a look-up costs is the way to memory. */
struct slot {
    uint16_t generation; /* of another batch: empty */
    uint16_t hash;       /* its upper bits; the lower ones lead here */
    uint32_t op;         /* last live one on the key */
};

/*
 * Open addressing, at most a quarter full, so that nearly every look-up ends where it begins; cleared by
 * counting the generation up.
 */
struct plan_table {
    struct slot *slots;
    size_t mask;
    uint16_t generation;
};

static uint16_t upper_bits(uint64_t hash)
{
    return (uint16_t)(hash >> 48);
}

void plan_init(struct plan *plan)
{
    *plan = (struct plan){.table = alloc_zero(1, sizeof(struct plan_table))};
}

void plan_release(struct plan *plan)
{
    free(plan->table->slots);
    free(plan->table);
    free(plan->ops);
    free(plan->failures);
    *plan = (struct plan){.arena = NULL};
}

void plan_clear(struct plan *plan, struct arena *arena)
{
    plan->arena = arena;
    plan->ops_nr = plan->failures_nr = plan->coalesced_nr = plan->merged_delays_nr = 0;
}

void plan_grow(struct plan *plan)
{
    plan->ops = alloc_grow(plan->ops, plan->ops_nr, &plan->ops_capacity, sizeof(*plan->ops));
}

struct op *plan_add(struct plan *plan)
{
    struct op *op = plan_add_bare(plan);

    zero_bytes(op, sizeof(*op));
    op->merged_into = OP_LIVE;
    op->previous = OP_NONE;
    return op;
}

void plan_fail(struct plan *plan, const struct failure *failure)
{
    plan->failures = alloc_grow(plan->failures, plan->failures_nr, &plan->failures_capacity,
                                sizeof(*plan->failures));
    plan->failures[plan->failures_nr++] = *failure;
}

static void table_reset(struct plan_table *table, size_t ops)
{
    size_t slots = table->slots ? table->mask + 1 : TABLE_FIRST_SLOTS;

    while (slots < ops * 4)
        slots *= 2;
    if (table->slots == NULL || slots != table->mask + 1 || table->generation == UINT16_MAX) {
        free(table->slots);
        table->slots = alloc_zero(slots, sizeof(*table->slots));
        table->mask = slots - 1;
        table->generation = 0;
    }
    table->generation++;
}

static bool is_pattern(const struct op *op)
{
    return op->action->is_pattern;
}

static bool is_same_target(const struct op *a, const struct op *b)
{
    return a->cache == b->cache || slice_equals(a->cache->redis, b->cache->redis);
}

/* A pattern is no key: its ops stand beside those of a key of the same text. */
static bool is_same_key(const struct op *a, const struct op *b)
{
    return a->hash == b->hash && is_pattern(a) == is_pattern(b) && is_same_target(a, b) &&
           slice_equals(a->key, b->key) &&
           (!is_pattern(a) || (a->verb == b->verb && a->cache == b->cache));
}

static struct slot *table_find(struct plan *plan, const struct op *op)
{
    struct plan_table *table = plan->table;
    size_t at = op->hash & table->mask;

    for (;; at = (at + 1) & table->mask) {
        struct slot *slot = &table->slots[at];

        if (slot->generation != table->generation ||
            (slot->hash == upper_bits(op->hash) && is_same_key(&plan->ops[slot->op], op)))
            return slot;
    }
}

/* Which of two neighbours on a key stands for both. */
enum winner { WINNER_NONE, WINNER_FIRST, WINNER_SECOND };

/* Guards of two kinds do not compare; no guard at all gives way to any. */
static enum winner merge_guards(const struct op *first, struct op *second)
{
    if (first->guard_source == OP_UNGUARDED)
        return WINNER_SECOND;
    if (second->guard_source != OP_UNGUARDED && second->guard_source != first->guard_source)
        return WINNER_NONE;
    if (second->guard_source == OP_UNGUARDED || second->guard < first->guard)
        second->guard = first->guard;
    second->guard_source = first->guard_source;
    return WINNER_SECOND;
}

/*
 * One after the other must leave what the winner alone leaves. An older one by explicit version is
 * ignored anyway; an older one by the clock would delete the key, so both are kept. Of two with one
 * version only identical ones are one.
 */
static enum winner merge_refreshes(const struct op *first, const struct op *second)
{
    if (first->action->condition != REFRESH_ALWAYS || second->action->condition != REFRESH_ALWAYS ||
        first->guard_source != second->guard_source)
        return WINNER_NONE;
    if (first->guard_source == OP_UNGUARDED || first->guard < second->guard)
        return WINNER_SECOND;
    if (first->guard > second->guard)
        return first->guard_source == OP_GUARD_EXPLICIT ? WINNER_FIRST : WINNER_NONE;
    return slice_equals(first->value, second->value) &&
                   first->action->ttl_ms == second->action->ttl_ms
               ? WINNER_SECOND
               : WINNER_NONE;
}

static enum winner merge_bumps(const struct op *first, struct op *second)
{
    if (first->action->start != second->action->start ||
        first->action->to_increment != second->action->to_increment)
        return WINNER_NONE;
    second->times += first->times;
    if (first->at_least > second->at_least)
        second->at_least = first->at_least;
    return WINNER_SECOND;
}

static enum winner merge(const struct op *first, struct op *second)
{
    if (first->verb != second->verb || first->as_delete != second->as_delete)
        return WINNER_NONE;
    switch (first->verb) {
    case VERB_BUMP:
        return merge_bumps(first, second);
    case VERB_REFRESH:
        return first->as_delete ? merge_guards(first, second) : merge_refreshes(first, second);
    case VERB_DELETE:
        return merge_guards(first, second);
    case VERB_EXPIRE:
        return first->action->ttl_ms == second->action->ttl_ms &&
                       first->action->jitter_ms == second->action->jitter_ms
                   ? WINNER_SECOND
                   : WINNER_NONE;
    case VERB_PURGE_TAG:
    case VERB_PURGE:
        return WINNER_SECOND;
    }
    return WINNER_NONE;
}

/* True when two became one. */
static bool link_op(struct plan *plan, uint32_t index)
{
    struct op *op = &plan->ops[index], *last;
    struct slot *slot = table_find(plan, op);

    op->previous = OP_NONE;
    if (slot->generation != plan->table->generation) {
        *slot = (struct slot){plan->table->generation, upper_bits(op->hash), index};
        return false;
    }
    last = &plan->ops[slot->op];
    switch (merge(last, op)) {
    case WINNER_FIRST:
        op->merged_into = slot->op;
        return true;
    case WINNER_SECOND:
        op->previous = last->previous;
        last->merged_into = index;
        slot->op = index;
        return true;
    case WINNER_NONE:
        break;
    }
    op->previous = slot->op;
    slot->op = index;
    return false;
}

static bool is_live_purge(const struct op *op)
{
    return op->verb == VERB_PURGE && op->merged_into == OP_LIVE;
}

/* The shortest patterns of the batch: only those are tried as covers, so the cost stays linear. */
static size_t find_covers(const struct plan *plan, uint32_t covers[static COVERS_NR])
{
    size_t nr = 0;

    for (uint32_t i = 0; i < plan->ops_nr; i++) {
        size_t at = nr;

        if (!is_live_purge(&plan->ops[i]))
            continue;
        while (at > 0 && plan->ops[covers[at - 1]].key.len > plan->ops[i].key.len)
            at--;
        if (at == COVERS_NR)
            continue;
        if (nr < COVERS_NR)
            nr++;
        memmove(covers + at + 1, covers + at, (nr - at - 1) * sizeof(*covers));
        covers[at] = i;
    }
    return nr;
}

/* Literal text and one `*` at the end. */
static bool is_prefix_pattern(struct slice pattern)
{
    size_t i = 0;

    while (i + 1 < pattern.len && memchr("*?[", pattern.ptr[i], 3) == NULL)
        i += pattern.ptr[i] == '\\' ? 2 : 1;
    return i + 1 == pattern.len && pattern.ptr[i] == '*';
}

/* The usual form is settled by a compare; the full answer, which costs, is for a few purges only. */
static bool covers_purge(const struct op *wide, const struct op *narrow, bool are_few)
{
    if (wide->cache != narrow->cache)
        return false;
    if (is_prefix_pattern(wide->key))
        return slice_starts_with(narrow->key, (struct slice){wide->key.ptr, wide->key.len - 1});
    return are_few && glob_covers(wide->key, narrow->key);
}

static void cover_purges(struct plan *plan)
{
    uint32_t covers[COVERS_NR];
    size_t nr = find_covers(plan, covers);

    for (uint32_t i = 0; nr > 1 && i < plan->ops_nr; i++) {
        struct op *op = &plan->ops[i];

        for (size_t j = 0; j < nr && is_live_purge(op); j++) {
            const struct op *wide = &plan->ops[covers[j]];

            if (wide != op && is_live_purge(wide) && covers_purge(wide, op, nr <= FEW_PURGES))
                op->merged_into = covers[j];
        }
    }
}

/*
 * Links lead straight to the op that is executed. From the end: what a link leads to is then
 * settled, or one step from it.
 */
static void shorten_links(struct plan *plan)
{
    for (size_t i = plan->ops_nr; i-- > 0;) {
        struct op *op = &plan->ops[i];

        if (op->merged_into == OP_LIVE)
            continue;
        while (plan->ops[op->merged_into].merged_into != OP_LIVE)
            op->merged_into = plan->ops[op->merged_into].merged_into;
        plan->coalesced_nr++;
        plan->merged_delays_nr += op->action->again_after_ms > 0;
    }
}

void plan_coalesce(struct plan *plan)
{
    bool has_purges = false, is_merged = false;

    plan->coalesced_nr = plan->merged_delays_nr = 0;
    table_reset(plan->table, plan->ops_nr);
    for (uint32_t i = 0; i < plan->ops_nr; i++) {
        if (plan->ops[i].merged_into == OP_LIVE) {
            is_merged |= link_op(plan, i);
            has_purges |= plan->ops[i].verb == VERB_PURGE;
        } else {
            is_merged = true;
        }
    }
    if (has_purges)
        cover_purges(plan);
    if (is_merged || has_purges)
        shorten_links(plan);
}
