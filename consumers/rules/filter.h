/*
 * filter - what stands after a | in a placeholder: {name|lower}, {at|date:%Y-%m-%d}.
 *
 * A filter takes a present value and gives a text, as Python and Django print it: `str`,
 * `timestamp` and `date` as datetime does, `lower` and `upper` in Unicode's full mapping, `json` as
 * compact JSON of the value before it. `default` belongs to the template: it is about absence.
 */
#ifndef CONSUMERS_RULES_FILTER_H
#define CONSUMERS_RULES_FILTER_H

#include "consumers/rules/template.h"

/* Reads one `name` or `name:arg`. False: *problem is set, its offset counts from the text's start. */
bool filter_parse(struct slice text, struct arena *arena, struct filter *out,
                  struct template_problem *problem);

/* Text of a scalar as a key prints it; a container has none. */
bool filter_text(const struct field *field, bool is_django, struct slice *out);

/*
 * Replaces *field by what the filter makes of it. False when it cannot (an unreadable date, an array
 * where a text is needed); *why is one sentence.
 */
bool filter_apply(const struct filter *filter, bool is_django, struct arena *arena,
                  struct field *field, const char **why);

/* True for filters that have no answer for null: date and timestamp. */
bool filter_needs_value(enum filter_kind kind);

#endif
