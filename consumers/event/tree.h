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

#include <string.h>

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

/* What the walk does for one container in the root: true when nothing is wrong with what is in it. */
bool tree_is_sound(yyjson_val *container, unsigned max_depth, struct arena *arena) CHECKED;

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

/* By type and subtype, the low five bits of a tag. */
static inline enum value_type tree_type(const yyjson_val *val)
{
    static const unsigned char types[32] = {
        [YYJSON_TYPE_RAW] = VALUE_NUMBER,
        [YYJSON_TYPE_NULL] = VALUE_NULL,
        [YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_FALSE] = VALUE_FALSE,
        [YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_TRUE] = VALUE_TRUE,
        [YYJSON_TYPE_STR | YYJSON_SUBTYPE_NONE] = VALUE_STRING,
        [YYJSON_TYPE_STR | YYJSON_SUBTYPE_NOESC] = VALUE_STRING,
        [YYJSON_TYPE_ARR] = VALUE_ARRAY,
        [YYJSON_TYPE_OBJ] = VALUE_OBJECT,
    };

    return (enum value_type)types[val->tag & 31];
}

static inline enum value_type tree_type_of(const struct value *value)
{
    return value ? tree_type(tree_val(value)) : VALUE_MISSING;
}

static inline struct slice tree_text(const yyjson_val *val)
{
    return (struct slice){val->uni.str, (size_t)(val->tag >> YYJSON_TAG_BIT)};
}

/* The value behind a container and all that is in it. */
static inline yyjson_val *tree_behind(yyjson_val *container)
{
    return (yyjson_val *)(void *)((char *)container + container->uni.ofs);
}

/*
 * Eight bytes of a name, which compare and hash as one word; a shorter one needs its mask. Without a
 * branch, because the lengths of names are what a predictor cannot learn. Only for text that lies
 * in a tree (it reads up to seven bytes beyond the end).
 */
static inline uint64_t tree_word(const char *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof(word));
    return word;
}

/* What a name of this length, at most eight, has in the first eight bytes of memory: to be anded with them. */
static inline uint64_t tree_word_mask(size_t len)
{
    static const char masks[9][8] = {
        "",
        "\xff",
        "\xff\xff",
        "\xff\xff\xff",
        "\xff\xff\xff\xff",
        "\xff\xff\xff\xff\xff",
        "\xff\xff\xff\xff\xff\xff",
        "\xff\xff\xff\xff\xff\xff\xff",
        "\xff\xff\xff\xff\xff\xff\xff\xff",
    };
    uint64_t mask;

    memcpy(&mask, masks[len], sizeof(mask));
    return mask;
}

/*
 * Of two texts of one length, eight bytes at a time, the last load over the one before it: without a
 * call, so that a search keeps its registers. Nothing beyond either text is read.
 */
static inline bool tree_same(const char *a, const char *b, size_t len)
{
    uint32_t left[2];
    uint32_t right[2];

    if (len >= 8) {
        for (size_t i = 0; i < len - 8; i += 8) {
            if (tree_word(a + i) != tree_word(b + i))
                return false;
        }
        return tree_word(a + len - 8) == tree_word(b + len - 8);
    }
    if (len < 4)
        return len == 0 || (a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1]);
    memcpy(&left[0], a, sizeof(left[0]));
    memcpy(&left[1], a + len - 4, sizeof(left[1]));
    memcpy(&right[0], b, sizeof(right[0]));
    memcpy(&right[1], b + len - 4, sizeof(right[1]));
    return left[0] == right[0] && left[1] == right[1];
}

static inline const struct value *tree_get(yyjson_val *object, struct slice name)
{
    yyjson_val *key = unsafe_yyjson_get_first(object);

    for (size_t left = unsafe_yyjson_get_len(object); left > 0; left--) {
        yyjson_val *val = key + 1;

        if (unsafe_yyjson_get_len(key) == name.len && tree_same(key->uni.str, name.ptr, name.len))
            return tree_value(val);
        key = unsafe_yyjson_is_ctn(val) ? tree_behind(val) : val + 1;
    }
    return NULL;
}

/* Digits have this bit, and nothing else that a JSON number is made of: + - . e E. */
#define TREE_DIGIT_BITS UINT64_C(0x1010101010101010)

/* An integer without fraction and exponent that fits, from the text of a number in a tree. */
bool tree_integer(const yyjson_val *number, int64_t *integer) CHECKED;

#endif
