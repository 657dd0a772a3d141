/*
 * render - an event and the ruleset to operations.
 *
 * Rules in file order, the verbs of a rule in the order bump, refresh, delete, expire, purge_tag,
 * purge. Every verb but refresh renders a template with a bare field once for the old row and once
 * for the new, without duplicates; refresh uses the new row and does nothing for delete and
 * truncate. A template that fails leaves its other keys and rules standing: they are executed and
 * the record is set aside as well. Caps: max_keys a rule and row, EVENT_MAX_KEYS an event; what fits
 * is executed, the rest is a failure. Pure.
 */
#ifndef CONSUMERS_PLAN_RENDER_H
#define CONSUMERS_PLAN_RENDER_H

#include "consumers/plan/plan.h"

/* Numbers a rule counted, live or shadow. Index: rule->index. Owned by the caller. */
struct rule_count {
    uint64_t matches;      /* events, not rows */
    uint64_t ops[VERB_NR]; /* rendered, before coalescing; for shadow rules: would have been */
};

/* All zero but for what the caller sets; of one ruleset. */
struct render_context {
    const struct ruleset *ruleset;
    struct plan *plan;
    struct arena *arena;
    struct rule_count *counts; /* one a rule, or NULL */
    bool refresh_as_delete;    /* the record is old or replayed: refreshes become guarded deletes */
    bool unguarded_as_delete;  /* the record is read again: refreshes without a guard are deletes */
    struct rule_memo memo;     /* kept from event to event */
};

/* Appends what the event comes to. `record` is its index in the batch. */
void render_event(struct render_context *context, struct event *event, uint32_t record);

/* One rule alone, live or shadow, whether it matched before or not: for explain and tests. */
bool render_rule(struct render_context *context, const struct rule *rule, struct event *event,
                 uint32_t record);

#endif
