/*
 * arena - memory that is taken forward and given back all at once.
 *
 * Three lifetimes exist in the service: the process, a batch, a call. What a batch needs comes from
 * its arena and is never freed alone. arena_reset() keeps the chunks, so that a batch in steady
 * state costs no malloc at all. Out of memory aborts (see alloc.h). Not thread-safe: one owner.
 */
#ifndef CONSUMERS_BASE_ARENA_H
#define CONSUMERS_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consumers/base/compiler.h"
#include "consumers/base/slice.h"

struct arena_chunk;

struct arena {
    char *next;                  /* first free byte of the current chunk */
    char *end;                   /* one past its last byte */
    struct arena_chunk *current; /* the chunk allocations come from */
    struct arena_chunk *first;   /* oldest chunk, kept over resets */
    size_t chunk_bytes;          /* size of a new chunk; larger requests get one of their own */
};

/* Where an arena stood; arena_rewind() gives back all that was taken since. */
struct arena_mark {
    struct arena_chunk *chunk;
    char *next;
};

void arena_init(struct arena *arena, size_t chunk_bytes);
void arena_release(struct arena *arena);

/* Forgets every allocation and keeps the memory, up to keep_bytes of it (0: all). */
void arena_reset(struct arena *arena, size_t keep_bytes);

struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);

/* What arena_alloc() and arena_bytes() do when the current chunk is full. */
void *arena_alloc_slow(struct arena *arena, size_t bytes) CHECKED;

/* Unaligned bytes: for text. */
static inline char *arena_bytes(struct arena *arena, size_t bytes)
{
    char *taken = arena->next;

    /* Strictly less: a fresh arena has no room, and even 0 bytes need a chunk to point into. */
    if (bytes >= (uintptr_t)arena->end - (uintptr_t)taken)
        return arena_alloc_slow(arena, bytes);
    arena->next = taken + bytes;
    return taken;
}

/* Aligned for any type; contents undefined. Never NULL. bytes 0 gives a valid pointer. */
static inline void *arena_alloc(struct arena *arena, size_t bytes)
{
    size_t pad = -(uintptr_t)arena->next & (_Alignof(max_align_t) - 1);
    size_t room = (uintptr_t)arena->end - (uintptr_t)arena->next;
    char *taken;

    if (pad >= room || bytes >= room - pad)
        return arena_alloc_slow(arena, bytes);
    taken = arena->next + pad;
    arena->next = taken + bytes;
    return taken;
}

void *arena_zero(struct arena *arena, size_t count, size_t bytes) CHECKED;

/*
 * Grows or shrinks an allocation of old_bytes. In place if it was the last one, else by a copy
 * when it grows. Returns where it is now.
 */
void *arena_resize(struct arena *arena, void *old, size_t old_bytes, size_t bytes) CHECKED;

/* Gives back what lies behind `end` if the last allocation ended at old_end; else nothing. */
static inline void arena_trim(struct arena *arena, const char *old_end, char *end)
{
    if (arena->next == old_end)
        arena->next = end;
}

struct slice arena_copy(struct arena *arena, struct slice text); /* absent stays absent */
const char *arena_text(struct arena *arena, struct slice text);  /* a NUL-terminated copy */
struct slice arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

/* Bytes handed out since the last reset, for limits and metrics. */
size_t arena_used(const struct arena *arena);

/*
 * One more element in a growing array that lives in an arena (doubling; old copies stay until the
 * reset). Use: items = arena_grow(arena, items, nr, &capacity, sizeof(*items)).
 */
void *arena_grow(struct arena *arena, void *items, size_t nr, size_t *capacity,
                 size_t bytes) CHECKED;

#endif
