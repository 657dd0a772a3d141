/*
 * diff - what one event comes to under two sets of rules; private to `unstale diff`.
 *
 * Operations are the same thing when verb, Redis target and key are; they differ when anything else
 * does. Those of live rules count, after coalescing: what would be executed.
 */
#ifndef CONSUMERS_CLI_DIFF_H
#define CONSUMERS_CLI_DIFF_H

#include "consumers/plan/render.h"

enum { DIFF_OLD, DIFF_NEW, DIFF_SIDES };

/* One set of rules at work; the plan is that of the event in hand. */
struct diff_side {
    struct ruleset *ruleset;
    struct plan plan;
    struct rule_count *counts; /* over all events, by rule */
    struct event event;
    bool is_event;            /* else bad or skipped */
    struct slice dead_letter; /* as JSON; "null": none */
};

/* Both sides: changed; one: it appears or disappears. */
struct diff_op {
    const struct op *of[DIFF_SIDES];
};

struct diff_event {
    unsigned line; /* of the file */
    const struct diff_side *sides;
    const struct diff_op *ops;
    size_t ops_nr;
    bool is_different;
};

struct diff_totals {
    size_t events, different, appear, disappear, change;
};

void diff_print_event_text(const struct diff_event *event, struct buffer *out);
void diff_print_event_json(const struct diff_event *event, struct buffer *out);

void diff_print_totals_text(const struct diff_totals *totals, const struct diff_side *sides,
                            struct buffer *out);
void diff_print_totals_json(const struct diff_totals *totals, const struct diff_side *sides,
                            struct buffer *out);

#endif
