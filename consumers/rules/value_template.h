/*
 * value_template - what a refresh writes: a JSON shape with placeholders, or a text.
 *
 * A string that is exactly one placeholder keeps the field's JSON type ("{pk}" gives 42); any other
 * string is text. An absent value is a failure; {x?} leaves the member out, |default:null writes
 * null. The cache's serializer decides the bytes: json (compact, UTF-8), raw (the text of a scalar
 * or the compact JSON), pickle (protocol 2, data opcodes only, never a global taken from an event).
 * An integer at top level is ASCII digits in json and pickle caches alike, since django-redis and
 * Django's own backend store integers so.
 * Source: pickletools of Python 3 (protocol 2 opcodes); django-redis and django.core.cache.
 */
#ifndef CONSUMERS_RULES_VALUE_TEMPLATE_H
#define CONSUMERS_RULES_VALUE_TEMPLATE_H

#include <jansson.h>

#include "consumers/rules/template.h"

enum serializer {
    SERIALIZER_NONE,
    SERIALIZER_PICKLE,
    SERIALIZER_JSON,
    SERIALIZER_MSGPACK,
    SERIALIZER_RAW
};

struct value_template; /* immutable, in the ruleset's arena */

/*
 * Compiles a value. *place receives, for each problem, the JSON pointer (RFC 6901) below `value` of
 * the string it is in. NULL when there were problems.
 */
struct value_template_problem {
    struct slice pointer;
    struct template_problem problem;
};

struct value_template_problems {
    struct value_template_problem items[TEMPLATE_MAX_PROBLEMS];
    size_t nr;
};

const struct value_template *value_template_parse(const json_t *value, struct arena *arena,
                                                  struct value_template_problems *problems);

/* Calls visit for every placeholder in it, with the JSON pointer of its string. */
void value_template_visit(const struct value_template *value,
                          void (*visit)(const struct segment *segment, struct slice pointer,
                                        void *),
                          void *context);

/* The bytes to store, in the input's arena. */
enum render_status value_template_render(const struct value_template *value,
                                         const struct render_input *input,
                                         enum serializer serializer, struct slice *out,
                                         struct render_failure *failure);

#endif
