#include "consumers/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"

enum { LEAST_CHUNK_BYTES = 1024 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t bytes; /* of data */
    size_t used;  /* how far it was filled when the next chunk took over */
    _Alignas(max_align_t) char data[];
};

static void use_chunk(struct arena *arena, struct arena_chunk *chunk)
{
    arena->current = chunk;
    arena->next = chunk ? chunk->data : NULL;
    arena->end = chunk ? chunk->data + chunk->bytes : NULL;
}

void arena_init(struct arena *arena, size_t chunk_bytes)
{
    memset(arena, 0, sizeof(*arena));
    arena->chunk_bytes = chunk_bytes > LEAST_CHUNK_BYTES ? chunk_bytes : LEAST_CHUNK_BYTES;
}

void arena_release(struct arena *arena)
{
    struct arena_chunk *chunk = arena->first;

    while (chunk) {
        struct arena_chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
    arena->first = NULL;
    use_chunk(arena, NULL);
}

void arena_reset(struct arena *arena, size_t keep_bytes)
{
    struct arena_chunk **link = &arena->first;
    size_t room = keep_bytes ? keep_bytes : SIZE_MAX;

    while (*link) {
        struct arena_chunk *chunk = *link;

        if (chunk->bytes <= room) {
            room -= chunk->bytes;
            link = &chunk->next;
        } else {
            *link = chunk->next;
            free(chunk);
        }
    }
    use_chunk(arena, arena->first);
}

struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){arena->current, arena->next};
}

void arena_rewind(struct arena *arena, struct arena_mark mark)
{
    use_chunk(arena, mark.chunk ? mark.chunk : arena->first);
    if (mark.chunk)
        arena->next = mark.next;
}

static struct arena_chunk *chunk_new(size_t bytes)
{
    struct arena_chunk *chunk;

    if (bytes > SIZE_MAX - sizeof(*chunk))
        abort();
    chunk = alloc_bytes(sizeof(*chunk) + bytes);
    chunk->bytes = bytes;
    chunk->used = 0;
    return chunk;
}

/* The first chunk behind the current one that is large enough, taken out of the list; or NULL. */
static struct arena_chunk *take_kept(struct arena *arena, size_t bytes)
{
    struct arena_chunk **link = arena->current ? &arena->current->next : &arena->first;

    for (; *link; link = &(*link)->next) {
        struct arena_chunk *chunk = *link;

        if (chunk->bytes > bytes) {
            *link = chunk->next;
            return chunk;
        }
    }
    return NULL;
}

void *arena_alloc_slow(struct arena *arena, size_t bytes)
{
    struct arena_chunk *chunk = take_kept(arena, bytes);
    struct arena_chunk **link = arena->current ? &arena->current->next : &arena->first;

    if (bytes == SIZE_MAX)
        abort();
    if (chunk == NULL)
        chunk = chunk_new(bytes < arena->chunk_bytes ? arena->chunk_bytes : bytes + 1);
    if (arena->current)
        arena->current->used = (size_t)(arena->next - arena->current->data);
    chunk->next = *link;
    *link = chunk;
    use_chunk(arena, chunk);
    arena->next = chunk->data + bytes;
    return chunk->data;
}

static size_t product(size_t count, size_t bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, bytes, &total))
        abort();
    return total;
}

void *arena_zero(struct arena *arena, size_t count, size_t bytes)
{
    size_t total = product(count, bytes);

    return memset(arena_alloc(arena, total), 0, total);
}

void *arena_resize(struct arena *arena, void *old, size_t old_bytes, size_t bytes)
{
    char *start = old;
    void *copy;

    if (old && start + old_bytes == arena->next && bytes < (size_t)(arena->end - start)) {
        arena->next = start + bytes;
        return old;
    }
    if (old && bytes <= old_bytes)
        return old;
    copy = arena_alloc(arena, bytes);
    if (old && old_bytes > 0)
        memcpy(copy, old, old_bytes);
    return copy;
}

struct slice arena_copy(struct arena *arena, struct slice text)
{
    char *copy;

    if (slice_is_absent(text))
        return text;
    copy = arena_bytes(arena, text.len);
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    return (struct slice){copy, text.len};
}

const char *arena_text(struct arena *arena, struct slice text)
{
    char *copy;

    if (text.len == SIZE_MAX)
        abort();
    copy = arena_bytes(arena, text.len + 1);
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

struct slice arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    int len;
    char *out;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        abort();
    out = arena_bytes(arena, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(out, (size_t)len + 1, format, args);
    va_end(args);
    return (struct slice){out, (size_t)len};
}

size_t arena_used(const struct arena *arena)
{
    size_t used = 0;

    if (arena->current == NULL)
        return 0;
    for (const struct arena_chunk *chunk = arena->first; chunk != arena->current;
         chunk = chunk->next)
        used += chunk->used;
    return used + (size_t)(arena->next - arena->current->data);
}

void *arena_grow(struct arena *arena, void *items, size_t nr, size_t *capacity, size_t bytes)
{
    size_t old_bytes = *capacity * bytes;

    if (nr < *capacity)
        return items;
    *capacity = *capacity ? product(*capacity, 2) : 8;
    return arena_resize(arena, items, old_bytes, product(*capacity, bytes));
}
