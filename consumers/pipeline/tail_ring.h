/*
 * tail_ring - the newest lines, numbered, in a fixed piece of memory: a new one drops the oldest ones.
 *
 * Numbers count every line that was put, kept or not, so that a reader knows how many it missed. A line
 * that is larger than the ring is counted and not kept. Not thread-safe.
 */
#ifndef CONSUMERS_PIPELINE_TAIL_RING_H
#define CONSUMERS_PIPELINE_TAIL_RING_H

#include <stdint.h>

#include "consumers/base/buffer.h"

struct tail_ring {
    char *bytes;
    size_t capacity;
    size_t start, used; /* the oldest line's place, and bytes of all */
    uint64_t first;     /* number of the oldest line that is kept */
    uint64_t next;      /* number of the line that comes next */
};

void tail_ring_init(struct tail_ring *ring, size_t capacity);
void tail_ring_release(struct tail_ring *ring);

void tail_ring_put(struct tail_ring *ring, struct slice line);

/*
 * Appends the lines from number *at on, with commas between, until `out` has grown by max_bytes (one
 * line at least); moves *at behind them. Returns how many lines before those were dropped unread.
 */
uint64_t tail_ring_read(const struct tail_ring *ring, uint64_t *at, size_t max_bytes,
                        struct buffer *out);

#endif
