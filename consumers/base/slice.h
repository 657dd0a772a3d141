/*
 * slice - bytes somebody else owns: pointer and length, never NUL-terminated by contract.
 *
 * Everything that comes from an event or a rule travels as a slice: keys are bytes, a NUL in
 * them is kept. A slice with ptr NULL is "absent"; a slice with len 0 and ptr set is "empty".
 */
#ifndef CONSUMERS_BASE_SLICE_H
#define CONSUMERS_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

/* For a literal: SLICE("shop.Product"). */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_ABSENT ((struct slice){NULL, 0})

/* For printf("%.*s", SLICE_ARG(s)). The length is cut at INT_MAX. */
#define SLICE_ARG(s) (int)((s).len > 0x7fffffff ? 0x7fffffff : (s).len), ((s).ptr ? (s).ptr : "")

static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_is_absent(struct slice s)
{
    return s.ptr == NULL;
}

static inline bool slice_equals(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_starts_with(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool slice_ends_with(struct slice s, struct slice suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

/* Three-way compare by bytes, the shorter first when one is a prefix of the other. */
int slice_compare(struct slice a, struct slice b);

/* Compare without case, ASCII only: for labels, tables and names of settings. */
bool slice_equals_nocase(struct slice a, struct slice b);

#endif
