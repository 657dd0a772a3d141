/*
 * build - values that did not stand in a record as such: made of a header, a key, or a part of an
 * image; private to this room.
 *
 * They live in the arena and look like any parsed value (see tree.h); texts are copied with the
 * padding that walking a tree wants.
 */
#ifndef CONSUMERS_EVENT_BUILD_H
#define CONSUMERS_EVENT_BUILD_H

#include "consumers/event/tree.h"

const struct value *build_string(struct slice text, struct arena *arena);

/* `text` must be a number as JSON writes it. */
const struct value *build_number(struct slice text, struct arena *arena);

/* An array of copies; the items are strings, numbers, booleans or null. */
const struct value *build_array(const struct value *const *items, size_t nr, struct arena *arena);

/* An object without the members whose value the filter drops; itself when none is dropped. */
const struct value *build_without(const struct value *object,
                                  bool (*drops)(const struct value *value), struct arena *arena);

#endif
