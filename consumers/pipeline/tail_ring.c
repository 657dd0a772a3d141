#include "consumers/pipeline/tail_ring.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"

typedef uint32_t line_length; /* what stands before each line */

void tail_ring_init(struct tail_ring *ring, size_t capacity)
{
    *ring = (struct tail_ring){.bytes = alloc_zero(1, capacity), .capacity = capacity};
}

void tail_ring_release(struct tail_ring *ring)
{
    free(ring->bytes);
}

static void copy_in(struct tail_ring *ring, size_t place, struct slice bytes)
{
    size_t at = place % ring->capacity, room = ring->capacity - at;
    size_t first = bytes.len < room ? bytes.len : room;

    memcpy(ring->bytes + at, bytes.ptr, first);
    if (first < bytes.len)
        memcpy(ring->bytes, bytes.ptr + first, bytes.len - first);
}

static void copy_out(const struct tail_ring *ring, size_t place, char *out, size_t nr)
{
    size_t at = place % ring->capacity, room = ring->capacity - at;
    size_t first = nr < room ? nr : room;

    memcpy(out, ring->bytes + at, first);
    memcpy(out + first, ring->bytes, nr - first);
}

static size_t length_at(const struct tail_ring *ring, size_t place)
{
    line_length length;

    copy_out(ring, place, (char *)&length, sizeof(length));
    return length;
}

static void drop_oldest(struct tail_ring *ring)
{
    size_t whole = sizeof(line_length) + length_at(ring, ring->start);

    ring->start = (ring->start + whole) % ring->capacity;
    ring->used -= whole;
    ring->first++;
}

void tail_ring_put(struct tail_ring *ring, struct slice line)
{
    line_length length = (line_length)line.len;
    size_t whole = sizeof(length) + line.len;

    while (ring->used > 0 && ring->capacity - ring->used < whole)
        drop_oldest(ring);
    ring->next++;
    if (whole > ring->capacity) {
        ring->first = ring->next;
        return;
    }
    copy_in(ring, ring->start + ring->used, (struct slice){(const char *)&length, sizeof(length)});
    copy_in(ring, ring->start + ring->used + sizeof(length), line);
    ring->used += whole;
}

static void add_line(const struct tail_ring *ring, size_t place, size_t length, struct buffer *out)
{
    copy_out(ring, place + sizeof(line_length), buffer_reserve(out, length), length);
    out->len += length;
    out->ptr[out->len] = '\0';
}

uint64_t tail_ring_read(const struct tail_ring *ring, uint64_t *at, size_t max_bytes,
                        struct buffer *out)
{
    uint64_t missed = *at < ring->first ? ring->first - *at : 0, number = ring->first;
    size_t before = out->len, place = ring->start;

    *at += missed;
    while (number < ring->next && (out->len == before || out->len - before < max_bytes)) {
        size_t length = length_at(ring, place);

        if (number == *at) {
            if (out->len > before)
                buffer_add_char(out, ',');
            add_line(ring, place, length, out);
            ++*at;
        }
        place += sizeof(line_length) + length;
        number++;
    }
    return missed;
}
