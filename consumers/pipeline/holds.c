#include "consumers/pipeline/holds.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"

struct hold {
    struct offset_mark *marks; /* NULL: the place is free */
    size_t nr;
    size_t next_free; /* index + 1 of the next free place, 0: none */
};

struct holds {
    struct hold *items;
    size_t nr, capacity;
    size_t first_free; /* index + 1, 0: none */
    size_t used;
};

struct holds *holds_new(void)
{
    return alloc_zero(1, sizeof(struct holds));
}

void holds_free(struct holds *holds)
{
    if (!holds)
        return;
    for (size_t i = 0; i < holds->nr; i++)
        free(holds->items[i].marks);
    free(holds->items);
    free(holds);
}

static size_t free_place(struct holds *holds)
{
    if (holds->first_free) {
        size_t place = holds->first_free - 1;
        holds->first_free = holds->items[place].next_free;
        return place;
    }
    holds->items = alloc_grow(holds->items, holds->nr, &holds->capacity, sizeof(*holds->items));
    return holds->nr++;
}

uint64_t holds_give(struct holds *holds, const struct offset_mark *marks, size_t nr)
{
    size_t place = free_place(holds);
    struct offset_mark *copy = alloc_zero(nr + 1, sizeof(*copy));
    if (nr > 0)
        memcpy(copy, marks, nr * sizeof(*copy));
    holds->items[place] = (struct hold){.marks = copy, .nr = nr};
    holds->used++;
    return place;
}

void holds_take_back(struct holds *holds, uint64_t ticket, struct offsets *offsets)
{
    assert(ticket < holds->nr && holds->items[ticket].marks);
    struct hold *hold = &holds->items[ticket];
    for (size_t i = 0; i < hold->nr; i++)
        offsets_release(offsets, hold->marks[i]);
    free(hold->marks);
    *hold = (struct hold){.next_free = holds->first_free};
    holds->first_free = (size_t)ticket + 1;
    holds->used--;
}

size_t holds_nr(const struct holds *holds)
{
    return holds->used;
}
