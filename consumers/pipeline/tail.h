/*
 * tail - what the pipelines just did, for those who watch: bounded, in memory, gone with its readers.
 *
 * A watch is a filter and a ring of the lines (JSON objects, see tail_note.h) that pass it; readers with
 * the same filter share one. It begins with the first read and ends TAIL_IDLE_MS after the last.
 *
 * A pipeline never waits and is hardly slowed. Nobody watches: one relaxed load a batch. Somebody does:
 * its writer has a copy of the filters, spends at most TAIL_BUDGET_NS of a second on looking and writing,
 * and hands over only when the lock is free. Events it had no time for are counted (unseen), and lines
 * that fell out of a ring before they were read (missed).
 *
 * Thread-safe, but for a writer, which is its pipeline's own.
 */
#ifndef CONSUMERS_PIPELINE_TAIL_H
#define CONSUMERS_PIPELINE_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "consumers/base/buffer.h"

enum {
    TAIL_WATCHES = 8, /* different filters at a time */
    TAIL_RING_BYTES = 1 << 20,
    TAIL_IDLE_MS = 15000,
    TAIL_FILTER_BYTES = 512, /* of each member */
    TAIL_BUDGET_NS = 20 * 1000 * 1000
};

/* Absent members let everything pass; records that are no events pass only without any. */
struct tail_filter {
    struct slice model; /* without case */
    struct slice rule;  /* a rule that matched, live or shadow */
    struct slice key;   /* a glob that some key or pattern of the event's operations may meet */
};

struct tail;

struct tail *tail_new(void);
void tail_free(struct tail *tail);

/* ---- readers ---- */

/* Where a reader is; zeroed: it begins now. */
struct tail_cursor {
    uint64_t watch; /* 0: none; never that of another process, nor of a watch that ended */
    uint64_t line;
    uint64_t unseen;
};

struct tail_page {
    struct tail_cursor cursor; /* where it begins, then where it ended */
    bool is_broken;            /* that was of a watch that is no more: what came since is unknown */
    uint64_t missed, unseen;   /* since the cursor */
};

/*
 * Appends what came since page->cursor, joined by commas, about max_bytes at most. False: TAIL_WATCHES
 * others watch.
 */
bool tail_read(struct tail *tail, const struct tail_filter *filter, struct tail_page *page,
               size_t max_bytes, struct buffer *out);

/* True when a read at the cursor would not come back empty. */
bool tail_has_news(struct tail *tail, const struct tail_cursor *cursor);

/* Ends watches that nobody reads; returns how many are left. To be called now and then. */
unsigned tail_expire(struct tail *tail, int64_t steady_ms);

/* ---- writers ---- */

struct tail_writer;

/* The functions before and after a batch take NULL for none. */
struct tail_writer *tail_writer_new(struct tail *tail); /* borrows it */
void tail_writer_free(struct tail_writer *writer);

/* Before each batch: the writer when somebody watches, else NULL. Hands over what could not be before. */
struct tail_writer *tail_writer_begin(struct tail_writer *writer);

/*
 * Around whatever is done for the tail. False: this second's budget is spent; the event counts as
 * unseen.
 */
bool tail_writer_start(struct tail_writer *writer);
void tail_writer_stop(struct tail_writer *writer);

/* The watches as the writer last saw them. Texts are good until the next tail_writer_begin() or flush. */
struct tail_watching {
    uint64_t numbers[TAIL_WATCHES]; /* 0: none */
    struct tail_filter filters[TAIL_WATCHES];
};

const struct tail_watching *tail_writer_watching(const struct tail_writer *writer);

/* A line for those of these watches (by their bits) that are still there. */
void tail_writer_add(struct tail_writer *writer, const uint64_t numbers[TAIL_WATCHES],
                     uint32_t watches, struct slice line);

/* Hands over what was added, if the lock is free; else tail_writer_begin() will. */
void tail_writer_flush(struct tail_writer *writer);

#endif
