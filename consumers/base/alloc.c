#include "consumers/base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t product(size_t count, size_t bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, bytes, &total))
        abort();
    return total;
}

static void *or_abort(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

void *alloc_bytes(size_t bytes)
{
    return or_abort(malloc(bytes ? bytes : 1));
}

void *alloc_zero(size_t count, size_t bytes)
{
    size_t total = product(count, bytes);

    return or_abort(calloc(1, total ? total : 1));
}

void *alloc_resize(void *old, size_t count, size_t bytes)
{
    size_t total = product(count, bytes);

    return or_abort(realloc(old, total ? total : 1));
}

char *alloc_text(const char *text)
{
    return alloc_text_n(text, strlen(text));
}

char *alloc_text_n(const char *text, size_t len)
{
    char *copy;

    if (len == SIZE_MAX)
        abort();
    copy = alloc_bytes(len + 1);
    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

void *alloc_grow(void *items, size_t nr, size_t *capacity, size_t bytes)
{
    if (nr < *capacity)
        return items;
    *capacity = *capacity ? product(*capacity, 2) : 8;
    return alloc_resize(items, *capacity, bytes);
}
