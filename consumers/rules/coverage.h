/*
 * coverage - what a sample of events says about rules: which models and fields no rule names, which
 * rules no event matched, and which `changed` names a field that no event carries (W410).
 *
 * A field is carried when a row image or `changed` has it; a model whose events carry none at all
 * tells nothing. Rules of models that the sample does not hold are only not matched. Pure.
 */
#ifndef CONSUMERS_RULES_COVERAGE_H
#define CONSUMERS_RULES_COVERAGE_H

#include "consumers/rules/load.h"

struct coverage_field {
    struct slice name;
    bool is_named; /* by a rule that the model concerns */
};

struct coverage_model {
    struct slice label; /* as the first event had it */
    size_t events, rules_nr;
    bool *concerns; /* by index of the rule */
    struct coverage_field *fields;
    size_t nr, capacity;
};

struct coverage {
    const struct ruleset *set;
    struct arena arena;
    struct coverage_model *models;
    size_t models_nr, models_capacity;
    bool *is_matched; /* by index of the rule */
    size_t events, unread;
};

void coverage_init(struct coverage *coverage, const struct ruleset *set);
void coverage_release(struct coverage *coverage);

/* The event's texts are copied; the arena is of this event. */
void coverage_add(struct coverage *coverage, struct event *event, struct arena *arena);

/* After the last event: sets is_named, and adds W410 where a rule does not ignore it. */
void coverage_finish(struct coverage *coverage, const struct rule_source *files, size_t files_nr,
                     struct diagnostics *found);

#endif
