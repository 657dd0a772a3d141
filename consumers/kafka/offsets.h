/*
 * offsets - the acknowledgement tracker: how far each partition may be committed.
 *
 * A partition in an assignment has a slot and an epoch; the epoch grows with every assignment, so a
 * completion that belongs to an earlier one is told apart and dropped (storing it would skip records).
 * Records of a slot are answered in order: offsets_advance() moves the frontier. A record that
 * still waits for something slow (a purge, a delayed delete, a dead letter) is held: the watermark,
 * which is all that is ever stored for commit, stays at the lowest held record. Holes between offsets
 * (compaction, control records) are nothing special. Pure, one owner, no lock; a few ns a record.
 */
#ifndef CONSUMERS_KAFKA_OFFSETS_H
#define CONSUMERS_KAFKA_OFFSETS_H

#include <stdbool.h>
#include <stdint.h>

#include "consumers/base/slice.h"

enum { OFFSETS_MAX_HELD = 1000000, OFFSETS_NONE = -1 };

/* Names a record: where it stood and in which assignment. */
struct offset_mark {
    uint32_t slot;
    uint32_t epoch;
    int64_t offset;
};

struct offsets_slot {
    struct slice topic;
    int32_t partition;
    uint32_t epoch;
    bool is_assigned;
    int64_t
        frontier; /* next offset after the last answered record; OFFSETS_NONE before the first */
    int64_t watermark; /* what may be stored: lowest held offset, else the frontier */
    int64_t stored;    /* last watermark handed out by offsets_take() */
    uint64_t held_nr;
};

struct offsets;

struct offsets *offsets_new(void);
void offsets_free(struct offsets *offsets);

/* A slot for the partition with a new epoch; the same slot when it was assigned before. */
uint32_t offsets_assign(struct offsets *offsets, struct slice topic, int32_t partition);
void offsets_revoke(struct offsets *offsets, uint32_t slot);

/* The record waits for `holds` more completions beyond its batch. Before the advance that covers it. */
void offsets_hold(struct offsets *offsets, struct offset_mark mark, uint32_t holds);

/* One completion of a held record. Of another epoch, or of a record not held: ignored. */
void offsets_release(struct offsets *offsets, struct offset_mark mark);

/* Every record of the slot up to and including mark.offset is answered or held. */
void offsets_advance(struct offsets *offsets, struct offset_mark mark);

size_t offsets_nr(const struct offsets *offsets);
uint64_t offsets_held(const struct offsets *offsets); /* records of all slots that are held */
const struct offsets_slot *offsets_slot(const struct offsets *offsets, uint32_t slot);

/* True and the new watermark when it moved since it was last taken and the slot is assigned. */
bool offsets_take(struct offsets *offsets, uint32_t slot, int64_t *watermark);

#endif
