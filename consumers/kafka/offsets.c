#include "consumers/kafka/offsets.h"

#include <assert.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"

struct held {
    int64_t offset;
    uint32_t waits; /* completions still to come; 0: finished, waits for those before it */
};

/* Held records stand in a ring by ascending offset. */
struct lane {
    struct offsets_slot slot;
    struct held *ring;
    size_t capacity; /* a power of two, or 0 */
    size_t first, nr;
};

struct offsets {
    struct lane *lanes;
    size_t nr, capacity;
};

enum { RING_FIRST_CAPACITY = 64 };

struct offsets *offsets_new(void)
{
    return alloc_zero(1, sizeof(struct offsets));
}

void offsets_free(struct offsets *offsets)
{
    if (!offsets)
        return;
    for (size_t i = 0; i < offsets->nr; i++) {
        free((char *)offsets->lanes[i].slot.topic.ptr);
        free(offsets->lanes[i].ring);
    }
    free(offsets->lanes);
    free(offsets);
}

static struct lane *find_lane(struct offsets *offsets, struct slice topic, int32_t partition)
{
    for (size_t i = 0; i < offsets->nr; i++) {
        struct lane *lane = &offsets->lanes[i];
        if (lane->slot.partition == partition && slice_equals(lane->slot.topic, topic))
            return lane;
    }
    offsets->lanes =
        alloc_grow(offsets->lanes, offsets->nr, &offsets->capacity, sizeof(*offsets->lanes));
    struct lane *lane = &offsets->lanes[offsets->nr++];
    *lane = (struct lane){.slot.partition = partition};
    lane->slot.topic = (struct slice){alloc_text_n(topic.ptr, topic.len), topic.len};
    return lane;
}

uint32_t offsets_assign(struct offsets *offsets, struct slice topic, int32_t partition)
{
    struct lane *lane = find_lane(offsets, topic, partition);
    lane->slot.epoch++;
    lane->slot.is_assigned = true;
    lane->slot.frontier = lane->slot.watermark = lane->slot.stored = OFFSETS_NONE;
    lane->slot.held_nr = 0;
    lane->first = lane->nr = 0;
    return (uint32_t)(lane - offsets->lanes);
}

void offsets_revoke(struct offsets *offsets, uint32_t slot)
{
    struct lane *lane = &offsets->lanes[slot];
    lane->slot.is_assigned = false;
    lane->slot.held_nr = 0;
    lane->first = lane->nr = 0;
}

static struct held *held_at(struct lane *lane, size_t index)
{
    return &lane->ring[(lane->first + index) & (lane->capacity - 1)];
}

static void grow_ring(struct lane *lane)
{
    size_t capacity = lane->capacity ? lane->capacity * 2 : RING_FIRST_CAPACITY;
    struct held *ring = alloc_zero(capacity, sizeof(*ring));
    for (size_t i = 0; i < lane->nr; i++)
        ring[i] = *held_at(lane, i);
    free(lane->ring);
    lane->ring = ring;
    lane->capacity = capacity;
    lane->first = 0;
}

static struct lane *current_lane(struct offsets *offsets, struct offset_mark mark)
{
    assert(mark.slot < offsets->nr);
    struct lane *lane = &offsets->lanes[mark.slot];
    bool is_current = lane->slot.is_assigned && lane->slot.epoch == mark.epoch;
    return is_current ? lane : NULL;
}

void offsets_hold(struct offsets *offsets, struct offset_mark mark, uint32_t holds)
{
    struct lane *lane = current_lane(offsets, mark);
    if (!lane || holds == 0)
        return;
    assert(lane->nr == 0 || held_at(lane, lane->nr - 1)->offset < mark.offset);
    if (lane->nr == lane->capacity)
        grow_ring(lane);
    *held_at(lane, lane->nr++) = (struct held){.offset = mark.offset, .waits = holds};
    lane->slot.held_nr++;
}

static void update_watermark(struct lane *lane)
{
    while (lane->nr > 0 && held_at(lane, 0)->waits == 0) {
        lane->first = (lane->first + 1) & (lane->capacity - 1);
        lane->nr--;
    }
    lane->slot.watermark = lane->nr > 0 ? held_at(lane, 0)->offset : lane->slot.frontier;
}

static struct held *find_held(struct lane *lane, int64_t offset)
{
    size_t low = 0, high = lane->nr;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (held_at(lane, middle)->offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < lane->nr && held_at(lane, low)->offset == offset;
    return found ? held_at(lane, low) : NULL;
}

void offsets_release(struct offsets *offsets, struct offset_mark mark)
{
    struct lane *lane = current_lane(offsets, mark);
    struct held *held = lane ? find_held(lane, mark.offset) : NULL;
    if (!held || held->waits == 0)
        return;
    if (--held->waits > 0)
        return;
    lane->slot.held_nr--;
    update_watermark(lane);
}

void offsets_advance(struct offsets *offsets, struct offset_mark mark)
{
    struct lane *lane = current_lane(offsets, mark);
    if (!lane)
        return;
    lane->slot.frontier = mark.offset + 1;
    lane->slot.watermark = lane->nr > 0 ? held_at(lane, 0)->offset : lane->slot.frontier;
}

size_t offsets_nr(const struct offsets *offsets)
{
    return offsets->nr;
}

uint64_t offsets_held(const struct offsets *offsets)
{
    uint64_t held = 0;

    for (uint32_t slot = 0; slot < offsets_nr(offsets); slot++)
        held += offsets_slot(offsets, slot)->held_nr;
    return held;
}

const struct offsets_slot *offsets_slot(const struct offsets *offsets, uint32_t slot)
{
    assert(slot < offsets->nr);
    return &offsets->lanes[slot].slot;
}

bool offsets_take(struct offsets *offsets, uint32_t slot, int64_t *watermark)
{
    assert(slot < offsets->nr);
    struct offsets_slot *place = &offsets->lanes[slot].slot;
    if (!place->is_assigned || place->watermark == OFFSETS_NONE ||
        place->watermark == place->stored)
        return false;
    place->stored = place->watermark;
    *watermark = place->watermark;
    return true;
}
