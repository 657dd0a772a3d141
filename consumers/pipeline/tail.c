#include "consumers/pipeline/tail.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/pipeline/tail_ring.h"

enum { PENDING_MAX_BYTES = 512 << 10, SECOND_NS = 1000000000 };

struct watch {
    uint64_t number; /* 0: this place is free */
    struct tail_filter filter;
    struct tail_ring ring;
    int64_t read_ms;
};

struct tail {
    pthread_mutex_t mutex; /* guards the watches */
    struct watch watches[TAIL_WATCHES];
    uint64_t next_number;
    _Atomic uint64_t version; /* grows when a watch begins or ends */
    _Atomic uint64_t unseen;
};

/* ---- watches ---- */

/* Numbers begin with the time, so that those of an earlier process are not met again. */
struct tail *tail_new(void)
{
    struct tail *tail = alloc_zero(1, sizeof(*tail));

    pthread_mutex_init(&tail->mutex, NULL);
    tail->next_number = (uint64_t)clock_wall_ms() << 8 | 1;
    return tail;
}

static struct slice copy_text(struct slice text)
{
    if (slice_is_absent(text))
        return text;
    return (struct slice){alloc_text_n(text.ptr, text.len), text.len};
}

static void free_filter(struct tail_filter *filter)
{
    free((char *)filter->model.ptr);
    free((char *)filter->rule.ptr);
    free((char *)filter->key.ptr);
}

static void copy_filter(struct tail_filter *copy, const struct tail_filter *filter)
{
    *copy = (struct tail_filter){copy_text(filter->model), copy_text(filter->rule),
                                 copy_text(filter->key)};
}

static bool is_same(struct slice a, struct slice b)
{
    return slice_is_absent(a) == slice_is_absent(b) && slice_equals(a, b);
}

static bool is_same_filter(const struct tail_filter *a, const struct tail_filter *b)
{
    return is_same(a->model, b->model) && is_same(a->rule, b->rule) && is_same(a->key, b->key);
}

static void begin_watch(struct tail *tail, struct watch *watch, const struct tail_filter *filter)
{
    watch->number = tail->next_number++;
    copy_filter(&watch->filter, filter);
    tail_ring_init(&watch->ring, TAIL_RING_BYTES);
    atomic_fetch_add(&tail->version, 1);
}

static void end_watch(struct tail *tail, struct watch *watch)
{
    free_filter(&watch->filter);
    tail_ring_release(&watch->ring);
    *watch = (struct watch){.number = 0};
    atomic_fetch_add(&tail->version, 1);
}

void tail_free(struct tail *tail)
{
    if (!tail)
        return;
    for (size_t i = 0; i < TAIL_WATCHES; i++)
        if (tail->watches[i].number)
            end_watch(tail, &tail->watches[i]);
    pthread_mutex_destroy(&tail->mutex);
    free(tail);
}

/* The watch of that filter, begun if there is none; NULL: no place is free. */
static struct watch *watch_of(struct tail *tail, const struct tail_filter *filter)
{
    struct watch *unused = NULL;

    for (size_t i = 0; i < TAIL_WATCHES; i++) {
        struct watch *watch = &tail->watches[i];

        if (watch->number && is_same_filter(&watch->filter, filter))
            return watch;
        if (!watch->number && !unused)
            unused = watch;
    }
    if (unused)
        begin_watch(tail, unused, filter);
    return unused;
}

/* ---- readers ---- */

static void read_watch(const struct tail *tail, struct watch *watch, struct tail_page *page,
                       size_t max_bytes, struct buffer *out)
{
    struct tail_cursor *cursor = &page->cursor;
    uint64_t unseen = atomic_load(&tail->unseen);

    watch->read_ms = clock_steady_ms();
    page->is_broken = cursor->watch && cursor->watch != watch->number;
    if (cursor->watch != watch->number || cursor->line > watch->ring.next)
        *cursor = (struct tail_cursor){watch->number, watch->ring.next, unseen};
    page->unseen = unseen - cursor->unseen;
    page->missed = tail_ring_read(&watch->ring, &cursor->line, max_bytes, out);
    cursor->unseen = unseen;
}

bool tail_read(struct tail *tail, const struct tail_filter *filter, struct tail_page *page,
               size_t max_bytes, struct buffer *out)
{
    pthread_mutex_lock(&tail->mutex);
    struct watch *watch = watch_of(tail, filter);
    if (watch)
        read_watch(tail, watch, page, max_bytes, out);
    pthread_mutex_unlock(&tail->mutex);
    return watch != NULL;
}

bool tail_has_news(struct tail *tail, const struct tail_cursor *cursor)
{
    bool has = true; /* a watch that is gone is news */

    pthread_mutex_lock(&tail->mutex);
    for (size_t i = 0; i < TAIL_WATCHES; i++)
        if (tail->watches[i].number == cursor->watch)
            has = tail->watches[i].ring.next != cursor->line;
    pthread_mutex_unlock(&tail->mutex);
    return has;
}

unsigned tail_expire(struct tail *tail, int64_t steady_ms)
{
    unsigned left = 0;

    pthread_mutex_lock(&tail->mutex);
    for (size_t i = 0; i < TAIL_WATCHES; i++) {
        struct watch *watch = &tail->watches[i];

        if (watch->number && steady_ms - watch->read_ms > TAIL_IDLE_MS)
            end_watch(tail, watch);
        left += watch->number != 0;
    }
    pthread_mutex_unlock(&tail->mutex);
    return left;
}

/* ---- writers ---- */

struct tail_writer {
    struct tail *tail;
    uint64_t version; /* of the tail, when the filters were copied */
    struct tail_watching watching;
    bool is_watched;
    struct buffer pending; /* struct pending and its line, one after the other */
    int64_t second_ns, spent_ns, start_ns;
};

struct pending {
    uint32_t watches, bytes;
};

struct tail_writer *tail_writer_new(struct tail *tail)
{
    struct tail_writer *writer = alloc_zero(1, sizeof(*writer));

    writer->tail = tail;
    buffer_init(&writer->pending);
    return writer;
}

static void forget_filters(struct tail_writer *writer)
{
    for (size_t i = 0; i < TAIL_WATCHES; i++)
        free_filter(&writer->watching.filters[i]);
    writer->watching = (struct tail_watching){.numbers = {0}};
    writer->is_watched = false;
}

void tail_writer_free(struct tail_writer *writer)
{
    if (!writer)
        return;
    forget_filters(writer);
    buffer_release(&writer->pending);
    free(writer);
}

static void put(struct watch *watch, uint64_t number, struct slice line)
{
    if (watch->number == number)
        tail_ring_put(&watch->ring, line);
}

static void hand_over(struct tail_writer *writer)
{
    for (size_t at = 0; at < writer->pending.len;) {
        struct pending head;

        memcpy(&head, writer->pending.ptr + at, sizeof(head));
        at += sizeof(head);
        for (size_t i = 0; i < TAIL_WATCHES; i++)
            if (head.watches & 1U << i)
                put(&writer->tail->watches[i], writer->watching.numbers[i],
                    (struct slice){writer->pending.ptr + at, head.bytes});
        at += head.bytes;
    }
    buffer_clear(&writer->pending);
}

static void copy_filters(struct tail_writer *writer)
{
    struct tail *tail = writer->tail;

    forget_filters(writer);
    writer->version = atomic_load(&tail->version);
    for (size_t i = 0; i < TAIL_WATCHES; i++) {
        if (!tail->watches[i].number)
            continue;
        writer->is_watched = true;
        writer->watching.numbers[i] = tail->watches[i].number;
        copy_filter(&writer->watching.filters[i], &tail->watches[i].filter);
    }
}

static bool is_current(const struct tail_writer *writer)
{
    return atomic_load_explicit(&writer->tail->version, memory_order_relaxed) == writer->version;
}

void tail_writer_flush(struct tail_writer *writer)
{
    if (!writer || (writer->pending.len == 0 && is_current(writer)) ||
        pthread_mutex_trylock(&writer->tail->mutex) != 0)
        return;
    hand_over(writer);
    copy_filters(writer);
    pthread_mutex_unlock(&writer->tail->mutex);
}

struct tail_writer *tail_writer_begin(struct tail_writer *writer)
{
    tail_writer_flush(writer);
    if (!writer || !writer->is_watched)
        return NULL;
    int64_t now_ns = clock_steady_ns();
    if (now_ns - writer->second_ns >= SECOND_NS) {
        writer->second_ns = now_ns;
        writer->spent_ns = 0;
    }
    return writer;
}

static void count_unseen(struct tail_writer *writer)
{
    atomic_fetch_add_explicit(&writer->tail->unseen, 1, memory_order_relaxed);
}

bool tail_writer_start(struct tail_writer *writer)
{
    if (writer->spent_ns >= TAIL_BUDGET_NS) {
        count_unseen(writer);
        return false;
    }
    writer->start_ns = clock_steady_ns();
    return true;
}

void tail_writer_stop(struct tail_writer *writer)
{
    writer->spent_ns += clock_steady_ns() - writer->start_ns;
}

const struct tail_watching *tail_writer_watching(const struct tail_writer *writer)
{
    return &writer->watching;
}

void tail_writer_add(struct tail_writer *writer, const uint64_t numbers[TAIL_WATCHES],
                     uint32_t watches, struct slice line)
{
    struct pending head = {.bytes = (uint32_t)line.len};

    for (size_t i = 0; i < TAIL_WATCHES; i++)
        if (watches & 1U << i && numbers[i] == writer->watching.numbers[i])
            head.watches |= 1U << i;
    if (writer->pending.len + line.len > PENDING_MAX_BYTES) {
        count_unseen(writer);
        return;
    }
    buffer_add(&writer->pending, (struct slice){(const char *)&head, sizeof(head)});
    buffer_add(&writer->pending, line);
}
