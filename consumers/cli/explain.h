/*
 * explain - what one event comes to, for the two forms that `unstale explain` prints; private to it.
 */
#ifndef CONSUMERS_CLI_EXPLAIN_H
#define CONSUMERS_CLI_EXPLAIN_H

#include "consumers/cli/explain_redis.h"
#include "consumers/event/decode.h"
#include "consumers/plan/plan.h"
#include "consumers/rules/match.h"

/* A rule that was tried, or would have been. */
struct explained_rule {
    const struct rule *rule;
    bool matched;
    struct findings findings; /* of the first row; of the row that matched, if one did */
    const struct op *ops;     /* as the rule rendered them, shadow rules too */
    size_t ops_nr;
    const struct presence *found; /* one an op; NULL: Redis was not asked */
    const struct op *new_row_ops; /* what the new row alone gives; NULL: nothing to tell apart */
    size_t new_row_nr;
};

struct explanation {
    enum decode_result result;
    const char *skipped;   /* DECODE_SKIPPED: "tombstone", ... */
    const char *error;     /* DECODE_BAD, DECODE_TOO_LARGE */
    struct event *event;   /* DECODE_EVENT */
    unsigned line, column; /* of the item in its file */
    struct explained_rule *rules;
    size_t rules_nr;
    size_t others_nr;             /* enabled rules of other models, never tried */
    const struct plan *plan;      /* of the live rules, coalesced */
    const struct presence *found; /* one an op of the plan; NULL: Redis was not asked */
};

/* True when the finding kept its rule from matching. */
bool explain_is_cause(const struct explained_rule *rule, const struct finding *finding);

bool explain_is_set_aside(const struct explanation *explanation);

void explain_print_json(const struct explanation *explanation, struct arena *arena,
                        struct buffer *out);
void explain_print_text(const struct explanation *explanation, bool coloured, struct arena *arena,
                        struct buffer *out);

#endif
