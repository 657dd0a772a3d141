/*
 * event - one model change, normalised: whatever envelope it came in, the rules see this.
 *
 * An event is one or more rows. A plain event has one; `rows` and `pks` fan out to as many; a
 * truncate has one without a pk. Shared members (op, tenant, meta, ...) stand in the event, images
 * in the rows.
 *
 * Old and new row: the new row is `after`; the old row is `after` overlaid with `before`, so
 * `before` may hold only what changed. A create has no old row, a delete no new one (its old row is
 * `before`, else `after`). A row image that was not sent is unknown, which is not the same as a
 * field missing in an image that was sent (see field.h).
 *
 * Everything lives in the arena given to decode, strings included.
 */
#ifndef CONSUMERS_EVENT_EVENT_H
#define CONSUMERS_EVENT_EVENT_H

#include <stdint.h>

#include "consumers/base/arena.h"
#include "consumers/base/slice.h"
#include "consumers/event/value.h"

enum event_op {
    EVENT_CREATE,
    EVENT_UPDATE,
    EVENT_DELETE,
    EVENT_M2M,
    EVENT_TRUNCATE,
    EVENT_READ,  /* a snapshot row of change data capture */
    EVENT_CUSTOM /* an event name of the application's own: op_name is that name */
};

enum { EVENT_OP_NR = 7 };

enum envelope { ENVELOPE_NATIVE, ENVELOPE_CLOUDEVENTS, ENVELOPE_DEBEZIUM, ENVELOPE_MAXWELL };

enum changed_state {
    CHANGED_NOT_LOOKED_AT, /* derived on first use, by event_changed() */
    CHANGED_UNKNOWN,       /* matches every `changed` predicate in when, none in unless */
    CHANGED_ALL,           /* create and delete: every field; names lists those of the image */
    CHANGED_NAMES          /* exactly these, possibly none */
};

struct changed {
    enum changed_state state;
    const struct slice *names;
    size_t nr;
};

struct row {
    const struct value *pk;     /* NULL: unknown (truncate, CDC without a key) */
    const struct value *before; /* an object, or NULL when absent or null */
    const struct value *after;  /* an object, or NULL when absent or null */
    struct changed changed;     /* use event_changed() */
};

struct event {
    enum envelope envelope;
    enum event_op op;
    bool op_is_guess;            /* post_save without `created`: prints update, may be a create */
    struct slice name;           /* "post_save" */
    struct slice op_name;        /* "update"; for EVENT_CUSTOM the event's name */
    struct slice model;          /* label as sent, e.g. "shop.Product" */
    struct slice sender;         /* absent unless sent */
    const struct value *parents; /* array of labels, or NULL */
    const struct value *created; /* true, false or NULL */
    const struct value *sent_changed; /* array, or NULL: derive per row */
    const struct value *meta;         /* object or NULL */
    const struct value *m2m;          /* object or NULL */
    const struct value *root;         /* the whole decoded message */
    struct slice id;                  /* absent unless sent */
    struct slice source, tenant, trace;
    bool has_ts;
    bool ts_replaced; /* ts was out of range: the record's time stands in */
    int64_t ts_ms;    /* commit time; the record's time when not sent */
    bool has_version;
    uint64_t version;          /* explicit, 0 .. 2^53-1 */
    struct slice version_text; /* as it was sent, where that is how it prints; else absent */
    unsigned unknown_members;  /* top-level members nobody knows (ignored, counted) */
    size_t bytes;              /* of the record's value */
    struct row *rows;
    size_t rows_nr; /* at least 1 */
};

/* What changed in this row, derived on first use and remembered in it. */
const struct changed *event_changed(const struct event *event, struct row *row,
                                    struct arena *arena);

/* "create", "update", ...; "custom" for EVENT_CUSTOM. */
struct slice event_op_text(enum event_op op);

#endif
