/*
 * match - does a rule apply to a row of an event, and if not, why not.
 *
 * when: every predicate holds and one branch of each $or; unless: must not. Unknown (an image that
 * was not sent, a `changed` nobody can derive) holds in `when` and never in `unless`: when unsure,
 * delete. Missing fails every operator but {"exists": false}; null is a value.
 * Semantics follow Amazon EventBridge event patterns where they say something.
 */
#ifndef CONSUMERS_RULES_MATCH_H
#define CONSUMERS_RULES_MATCH_H

#include "consumers/rules/ruleset.h"

bool match_rule(const struct rule *rule, const struct event *event, struct row *row,
                struct arena *arena);

/* True when the rule's `when` can match the event's model or one of its parents, whatever the op. */
bool match_concerns(const struct rule *rule, const struct event *event);

enum verdict { VERDICT_NO, VERDICT_YES, VERDICT_UNKNOWN };

/* One predicate's outcome, for explain. */
struct finding {
    const struct predicate *predicate;
    enum verdict verdict;
    bool in_unless;
    struct slice have; /* compact JSON of what the event has; absent: missing */
};

struct findings {
    struct finding *items;
    size_t nr, capacity;
};

/* As match_rule, and appends the outcome of every predicate that was looked at (none is skipped). */
bool match_explain(const struct rule *rule, const struct event *event, struct row *row,
                   struct arena *arena, struct findings *out);

#endif
