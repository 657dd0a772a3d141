/*
 * value - a JSON value inside a decoded event, read-only.
 *
 * An opaque view of the decoder's own tree (yyjson, which only this room knows); it lives in the
 * arena the event was decoded into. A NULL pointer is a missing value and is accepted everywhere.
 * Numbers keep the text of the event: 12.50 stays 12.50, and nothing is lost beyond 2^53.
 */
#ifndef CONSUMERS_EVENT_VALUE_H
#define CONSUMERS_EVENT_VALUE_H

#include <stdbool.h>

#include "consumers/base/buffer.h"
#include "consumers/base/slice.h"

struct value;

enum value_type {
    VALUE_MISSING,
    VALUE_NULL,
    VALUE_FALSE,
    VALUE_TRUE,
    VALUE_NUMBER,
    VALUE_STRING,
    VALUE_ARRAY,
    VALUE_OBJECT
};

enum value_type value_type(const struct value *value);

/* The bytes of a string, the text of a number; absent for every other type. */
struct slice value_text(const struct value *value);

/* Elements of an array or members of an object, else 0. */
size_t value_nr(const struct value *value);

/* Member of an object by name; NULL if there is none or it is not an object. */
const struct value *value_get(const struct value *object, struct slice name);

/* Element of an array from 0; NULL if out of range or not an array. */
const struct value *value_at(const struct value *array, size_t index);

/* Walks an array or object: for (it = value_walk(v); value_next(&it);) use it.item, it.name. */
struct value_iter {
    struct slice name; /* of an object's member; absent in an array */
    const struct value *item;
    const void *next; /* the decoder's position */
    size_t left;
    bool is_object;
};

struct value_iter value_walk(const struct value *container);
bool value_next(struct value_iter *iter);

/* Deep equality: numbers by decimal value, members of objects in any order. */
bool value_equals(const struct value *a, const struct value *b);

/* Compact JSON, members in the order of the event, numbers as they were written. */
void value_print(const struct value *value, struct buffer *out);

#endif
