/*
 * field - a place in an event by path, for predicates and templates alike.
 *
 * A path is a root and parts: `after.price`, `m2m.pks`, `meta.a.b`, `category_id` (a bare name is a
 * field of the row). `{id}` is the row's field `id`, else the pk.
 *
 * PRESENT: there is a value, maybe null. MISSING: the row image (or object) is there and lacks it.
 * UNKNOWN: the whole image was not sent, so nobody can tell. NO_ROW: that side does not exist for
 * this op (create has no old row, delete no new one, `before` null or absent has no old one).
 */
#ifndef CONSUMERS_EVENT_FIELD_H
#define CONSUMERS_EVENT_FIELD_H

#include "consumers/event/event.h"

enum field_root {
    FIELD_ROW, /* a bare name: a field of the old or new row */
    FIELD_BEFORE,
    FIELD_AFTER,
    FIELD_PK,
    FIELD_MODEL,
    FIELD_OP,
    FIELD_EVENT,
    FIELD_EVENT_ID,
    FIELD_TS,
    FIELD_VERSION,
    FIELD_TENANT,
    FIELD_SOURCE,
    FIELD_TRACE,
    FIELD_CREATED,
    FIELD_CHANGED, /* not a value: see event_changed() */
    FIELD_SENDER,
    FIELD_META,
    FIELD_M2M,
    FIELD_ROOT_NR
};

struct field_part {
    struct slice name; /* absent: an array index */
    size_t index;
};

struct field_path {
    enum field_root root;
    const struct field_part *parts; /* below the root; a bare name is part 0 */
    size_t parts_nr;
    struct slice text; /* as written, e.g. "after.price" */
};

enum side { SIDE_OLD, SIDE_NEW };

enum field_state { FIELD_PRESENT, FIELD_MISSING, FIELD_UNKNOWN, FIELD_NO_ROW };

struct field {
    enum field_state state;
    enum value_type type;      /* of a present one */
    struct slice text;         /* of a string or number */
    const struct value *value; /* NULL for what the event computes (op, ts, event_id, ...) */
};

/* Name of a root as written ("before", "pk"); FIELD_ROW has none. */
struct slice field_root_text(enum field_root root);

/* True and *root when the text is the name of a root. */
bool field_root_parse(struct slice text, enum field_root *root);

/* True when the row has this side at all, as far as rendering goes. */
bool field_has_side(const struct event *event, const struct row *row, enum side side);

/* As field_get() in a place of the caller's, which begins all zero but for FIELD_MISSING. */
/* NOLINTNEXTLINE(readability-function-size): field_get()'s five and where the answer goes. */
void field_fill(struct field *out, const struct event *event, const struct row *row, enum side side,
                const struct field_path *path, struct arena *arena);

/*
 * Looks the path up. `side` matters to FIELD_ROW only; FIELD_BEFORE reads the old row and
 * FIELD_AFTER the new one, overlaid. Numbers the event computes (ts, version) are printed into the
 * arena. `{event_id}` without an id in the event is missing here; the caller that knows the record
 * may fill event->id beforehand.
 */
static inline struct field field_get(const struct event *event, const struct row *row,
                                     enum side side, const struct field_path *path,
                                     struct arena *arena)
{
    struct field field = {.state = FIELD_MISSING};

    field_fill(&field, event, row, side, path, arena);
    return field;
}

#endif
