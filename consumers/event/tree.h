/*
 * tree - where a struct value and yyjson meet; private to this room.
 *
 * A struct value is a yyjson_val, never dereferenced as anything else. A parsed text lies in the
 * arena: first its copy, which yyjson turns into the strings in place, then the values in document
 * order, 16 bytes each. Names and strings point into that copy, so TREE_PADDING_BYTES beyond its
 * end may be read. Numbers are kept as raw text. Names are unique and nesting is bounded in every
 * tree that tree_check() let through, so walking one may recurse.
 * Source: yyjson 0.10 manual, doc/DataStructures.md and doc/API.md (immutable values).
 */
#ifndef CONSUMERS_EVENT_TREE_H
#define CONSUMERS_EVENT_TREE_H

#include <yyjson.h>

#include "consumers/base/arena.h"
#include "consumers/event/value.h"

enum { TREE_PADDING_BYTES = 16 };

enum tree_fault {
    TREE_SOUND,
    TREE_DUPLICATE, /* two members of one object have the same name */
    TREE_TOO_DEEP
};

/*
 * Looks for duplicate names and for nesting beyond max_depth in one walk; *name is the second of
 * two equal names. Scratch for large objects comes from the arena and goes back to it.
 */
enum tree_fault tree_check(const struct value *root, unsigned max_depth, struct arena *arena,
                           struct slice *name);

/* The names of an object in the order of their bytes; out and scratch hold one for each member. */
void tree_sort_names(const struct value *object, yyjson_val **out, yyjson_val **scratch);

static inline yyjson_val *tree_val(const struct value *value)
{
    return (yyjson_val *)(void *)value;
}

static inline const struct value *tree_value(const yyjson_val *val)
{
    return (const struct value *)(const void *)val;
}

static inline struct slice tree_text(const yyjson_val *val)
{
    return (struct slice){val->uni.str, (size_t)(val->tag >> YYJSON_TAG_BIT)};
}

#endif
