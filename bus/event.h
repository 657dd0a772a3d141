/*
 * event - the inside of struct unstale_event: pieces of JSON, each written as it is told.
 *
 * Every piece is a buffer of its own, and writing the event puts them one behind the other. Members
 * in a piece have a comma in front, the first one too: the writer replaces or keeps it as the place
 * wants. An event that failed keeps its failure and its pieces mean nothing any more.
 *
 * event.c builds the members, event_key.c the keys and rows, event_field.c the images;
 * event_write.c checks and writes.
 */
#ifndef BUS_EVENT_H
#define BUS_EVENT_H

#include "bus/alloc.h"
#include "bus/buffer.h"
#include "bus/error.h"

enum event_piece {
    PIECE_JSON,    /* {"event":...,"model":...; writing adds all the others */
    PIECE_TAIL,    /* ,"created":true,"ts":... in the order they were set */
    PIECE_KEY,     /* the model's label; writing adds ":PK" */
    PIECE_PK,      /* ,42,"a": columns of the event's or the row's pk */
    PIECE_PK_TEXT, /* the first column as it was given, if it is a string */
    PIECE_PKS,     /* ,1,2 */
    PIECE_M2M,     /* "field":...,"action":... */
    PIECE_M2M_PKS, /* ,1,2 */
    PIECE_ROWS, /* ,{"pk":...},{...}: rows that are done; the one being built is in PK and images */
    PIECE_NR
};

struct event_image {
    struct bus_buffer members; /* ,"name":value */
    struct bus_buffer starts;  /* size_t[]: where each of them begins */
    uint64_t names;            /* hashed to a bit each */
};

enum { IMAGE_NR = 3 };

struct unstale_event {
    const struct bus_allocator *allocator;
    struct unstale_error error; /* the first failure since begin */
    bool is_begun;
    bool is_truncate;
    bool has_rows;
    unsigned set;       /* bit mask of members set once (event.c) */
    size_t head_bytes;  /* of what begin wrote to PIECE_JSON */
    size_t model_bytes; /* and to PIECE_KEY */
    unsigned pk_nr;     /* columns */
    unsigned pks_nr;
    unsigned m2m_pks_nr;
    unsigned rows_nr; /* the one being built included */
    struct bus_buffer pieces[PIECE_NR];
    struct event_image images[IMAGE_NR]; /* in the order of enum unstale_image */
};

static inline void bus_image_clear(struct event_image *image)
{
    image->members.length = 0;
    image->starts.length = 0;
    image->names = 0;
}

/* The event fails for not being begun, unless it failed before. Always returns false. */
bool bus_event_fail_unopened(struct unstale_event *event) BUS_COLD;

/* May the event be told more? If not, it holds the failure that says why. */
static inline bool bus_event_is_open(struct unstale_event *event)
{
    if (event->is_begun && event->error.kind == UNSTALE_OK)
        return true;
    return bus_event_fail_unopened(event);
}

/* The event fails with this text. Always returns false. */
bool bus_event_reject(struct unstale_event *event, const char *text) BUS_COLD;

/* Adds ,"pk":...,"before":{...},"after":{...} as far as they are there. */
bool bus_event_write_row(const struct unstale_event *event, struct bus_buffer *out);

/* Checks, and writes PIECE_JSON and PIECE_KEY. */
bool bus_event_write(struct unstale_event *event, struct unstale_error *err);

#endif
