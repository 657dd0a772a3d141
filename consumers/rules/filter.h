/*
 * filter - what stands after a | in a placeholder: {name|lower}, {at|date:%Y-%m-%d}.
 *
 * A filter takes a present value and gives a text, as Python and Django print it: `str`,
 * `timestamp` and `date` as datetime does, `lower` and `upper` in Unicode's full mapping, `json` as
 * compact JSON of the value before it and `pyjson` what Python's json module makes of it. `slug` is
 * Django's slugify, `urlencode` is quote(text, safe=""); `len`, `trunc` and `pad` count characters.
 * `default` and `split` belong to the template: one is about absence, one makes several texts of one.
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

/* The text up to the first separator, which *text is taken beyond; false when there was none left. */
bool filter_split(const struct filter *filter, struct slice *text, struct slice *piece);

/* True for filters that take an array or object as it is: json, pyjson and len. */
bool filter_takes_container(enum filter_kind kind);

/* True for filters that have no answer for null: date and timestamp. */
bool filter_needs_value(enum filter_kind kind);

#endif
