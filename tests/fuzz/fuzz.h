/*
 * fuzz - what the fuzz targets share: a claim that must hold, and inputs of several parts.
 *
 * Parts are separated by the byte 0x1e (ASCII's record separator), which occurs in no JSON as such.
 * An input without it is one part, so that any sample file is an input too.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdlib.h>

#include "consumers/base/buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_SEPARATOR = 0x1e };

static inline void need(bool holds)
{
    if (!holds)
        abort();
}

/* Takes the next part off *rest; absent when there is none. */
static inline struct slice fuzz_part(struct slice *rest)
{
    struct slice part = *rest;
    const char *end = rest->len ? memchr(rest->ptr, FUZZ_SEPARATOR, rest->len) : NULL;

    if (end == NULL) {
        *rest = SLICE_ABSENT;
        return part;
    }
    part.len = (size_t)(end - part.ptr);
    *rest = (struct slice){end + 1, rest->len - part.len - 1};
    return part;
}

/* The input as text; of no bytes it is empty, not absent. */
static inline struct slice fuzz_input(const uint8_t *data, size_t size)
{
    return size ? (struct slice){(const char *)data, size} : SLICE("");
}

#endif
