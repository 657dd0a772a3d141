#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/pipeline/rewind.h"

enum { KEPT_NOTES = 128 }; /* over `longest`; with a minute that is one each second */

struct note {
    int64_t at_ms, offset;
};

struct rewind_notes {
    struct note *items; /* oldest first */
    size_t nr, capacity;
    int64_t longest_ms;
    bool is_pruned; /* there were older ones */
};

struct rewind_notes *rewind_notes_new(int64_t longest_ms)
{
    struct rewind_notes *notes = alloc_zero(1, sizeof(*notes));
    notes->longest_ms = longest_ms;
    return notes;
}

void rewind_notes_free(struct rewind_notes *notes)
{
    if (!notes)
        return;
    free(notes->items);
    free(notes);
}

/* Of those older than `longest` before the newest only the last is ever asked for. */
static void prune(struct rewind_notes *notes)
{
    int64_t oldest_ms = notes->items[notes->nr - 1].at_ms - notes->longest_ms;
    size_t dropped = 0;
    while (dropped + 1 < notes->nr && notes->items[dropped + 1].at_ms <= oldest_ms)
        dropped++;
    if (dropped == 0)
        return;
    notes->nr -= dropped;
    memmove(notes->items, notes->items + dropped, notes->nr * sizeof(*notes->items));
    notes->is_pruned = true;
}

void rewind_note(struct rewind_notes *notes, int64_t at_ms, int64_t offset)
{
    const struct note *last = notes->nr > 0 ? &notes->items[notes->nr - 1] : NULL;
    bool is_soon = notes->nr > 1 && at_ms - last->at_ms < notes->longest_ms / KEPT_NOTES;
    if (last && (last->offset == offset || is_soon))
        return;
    notes->items = alloc_grow(notes->items, notes->nr, &notes->capacity, sizeof(*notes->items));
    notes->items[notes->nr++] = (struct note){at_ms, offset};
    prune(notes);
}

bool rewind_look_up(const struct rewind_notes *notes, int64_t at_ms, int64_t *offset)
{
    for (size_t i = notes->nr; i-- > 0;) {
        if (notes->items[i].at_ms > at_ms)
            continue;
        *offset = notes->items[i].offset;
        return true;
    }
    if (!notes->is_pruned)
        return false;
    *offset = notes->items[0].offset;
    return true;
}

void rewind_notes_cap(struct rewind_notes *notes, int64_t offset)
{
    for (size_t i = 0; i < notes->nr; i++)
        if (notes->items[i].offset > offset)
            notes->items[i].offset = offset;
}
