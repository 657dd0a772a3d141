#include "consumers/pipeline/delayed.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"

struct delayed {
    struct delayed_delete *heap; /* earliest first */
    size_t nr, capacity;
};

struct delayed *delayed_new(void)
{
    return alloc_zero(1, sizeof(struct delayed));
}

void delayed_release(struct delayed_delete *entry)
{
    free((char *)entry->op.key.ptr);
    rules_ref_drop(entry->rules);
}

void delayed_free(struct delayed *delayed)
{
    if (!delayed)
        return;
    for (size_t i = 0; i < delayed->nr; i++)
        delayed_release(&delayed->heap[i]);
    free(delayed->heap);
    free(delayed);
}

static void swap(struct delayed_delete *a, struct delayed_delete *b)
{
    struct delayed_delete other = *a;
    *a = *b;
    *b = other;
}

static void sift_up(struct delayed_delete *heap, size_t at)
{
    while (at > 0 && heap[(at - 1) / 2].due_ms > heap[at].due_ms) {
        swap(&heap[at], &heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct delayed_delete *heap, size_t nr)
{
    for (size_t at = 0;;) {
        size_t least = at, left = 2 * at + 1;
        for (size_t child = left; child < nr && child <= left + 1; child++)
            if (heap[child].due_ms < heap[least].due_ms)
                least = child;
        if (least == at)
            return;
        swap(&heap[at], &heap[least]);
        at = least;
    }
}

void delayed_add(struct delayed *delayed, int64_t due_ms, const struct op *op,
                 struct offset_mark mark, struct rules_ref *rules)
{
    delayed->heap =
        alloc_grow(delayed->heap, delayed->nr, &delayed->capacity, sizeof(*delayed->heap));
    struct delayed_delete *entry = &delayed->heap[delayed->nr++];
    *entry = (struct delayed_delete){
        .due_ms = due_ms, .op = *op, .mark = mark, .rules = rules_ref_keep(rules)};
    entry->op.key = (struct slice){alloc_text_n(op->key.ptr, op->key.len), op->key.len};
    entry->op.value = SLICE_ABSENT;
    sift_up(delayed->heap, delayed->nr - 1);
}

bool delayed_take(struct delayed *delayed, int64_t now_ms, struct delayed_delete *out)
{
    if (delayed->nr == 0 || delayed->heap[0].due_ms > now_ms)
        return false;
    *out = delayed->heap[0];
    delayed->heap[0] = delayed->heap[--delayed->nr];
    sift_down(delayed->heap, delayed->nr);
    return true;
}

int64_t delayed_wait_ms(const struct delayed *delayed, int64_t now_ms)
{
    if (delayed->nr == 0)
        return -1;
    return delayed->heap[0].due_ms > now_ms ? delayed->heap[0].due_ms - now_ms : 0;
}

size_t delayed_nr(const struct delayed *delayed)
{
    return delayed->nr;
}
