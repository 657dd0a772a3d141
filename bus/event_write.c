#include "bus/event.h"

static const struct bus_buffer *piece(const struct unstale_event *event, int which)
{
    return &event->pieces[which];
}

static const struct bus_buffer *members(const struct unstale_event *event, enum unstale_image image)
{
    return &event->images[image].members;
}

/*
 * What puts bytes at `to` returns their end; room for all of them was made before. WORDS is more
 * than all the text around the pieces.
 */
enum { WORDS = 128 };

static inline char *put(char *to, const char *bytes, size_t length)
{
    memcpy(to, bytes, length);
    return to + length;
}

static inline char *put_piece(char *to, const struct bus_buffer *members)
{
    return members->length > 0 ? put(to, members->data, members->length) : to;
}

/* A piece that is not empty, without the comma it begins with. */
static inline char *put_bare(char *to, const struct bus_buffer *members)
{
    return put(to, members->data + 1, members->length - 1);
}

/* Where there are any: the opening, the members and the closing bracket. */
static inline char *put_group(char *to, const char *opening, const struct bus_buffer *members,
                              char closing)
{
    if (members->length == 0)
        return to;
    to = put_bare(put(to, opening, strlen(opening)), members);
    *to = closing;
    return to + 1;
}

static inline char *put_row(char *to, const struct unstale_event *event)
{
    const struct bus_buffer *pk = piece(event, PIECE_PK);

    if (event->pk_nr == 1)
        to = put_bare(put(to, ",\"pk\":", 6), pk);
    else
        to = put_group(to, ",\"pk\":[", pk, ']');
    to = put_group(to, ",\"before\":{", members(event, UNSTALE_BEFORE), '}');
    return put_group(to, ",\"after\":{", members(event, UNSTALE_AFTER), '}');
}

static size_t row_bytes(const struct unstale_event *event)
{
    return piece(event, PIECE_PK)->length + members(event, UNSTALE_BEFORE)->length +
           members(event, UNSTALE_AFTER)->length;
}

bool bus_event_write_row(const struct unstale_event *event, struct bus_buffer *out)
{
    if (!bus_buffer_reserve(out, row_bytes(event) + WORDS))
        return false;
    bus_buffer_end_at(out, put_row(bus_buffer_end(out), event));
    return true;
}

/* The finished rows, and the one that is being built: writing must not close it, more may come. */
static char *put_rows(char *to, const struct unstale_event *event)
{
    const struct bus_buffer *rows = piece(event, PIECE_ROWS);
    char *start;

    to = put(to, ",\"rows\":[", 9);
    if (rows->length > 0) {
        to = put_bare(to, rows);
        *to++ = ',';
    }
    start = to;
    to = put_row(to, event);
    *start = '{';
    return put(to, "}]", 2);
}

static char *put_m2m(char *to, const struct unstale_event *event)
{
    if (piece(event, PIECE_M2M)->length == 0)
        return to;
    to = put_piece(put(to, ",\"m2m\":{", 8), piece(event, PIECE_M2M));
    to = put_group(to, ",\"pks\":[", piece(event, PIECE_M2M_PKS), ']');
    *to = '}';
    return to + 1;
}

static size_t json_bytes(const struct unstale_event *event)
{
    size_t bytes = row_bytes(event) + members(event, UNSTALE_META)->length + WORDS;

    for (int i = PIECE_JSON + 1; i < PIECE_NR; i++)
        bytes += piece(event, i)->length;
    return bytes;
}

static bool write_json(struct unstale_event *event)
{
    struct bus_buffer *out = &event->pieces[PIECE_JSON];
    char *to;

    out->length = event->head_bytes;
    if (!bus_buffer_reserve(out, json_bytes(event)))
        return false;
    to = bus_buffer_end(out);
    to = event->has_rows ? put_rows(to, event) : put_row(to, event);
    to = put_group(to, ",\"pks\":[", piece(event, PIECE_PKS), ']');
    to = put_piece(to, piece(event, PIECE_TAIL));
    to = put_m2m(to, event);
    to = put_group(to, ",\"meta\":{", members(event, UNSTALE_META), '}');
    *to++ = '}';
    bus_buffer_end_at(out, to);
    return true;
}

/* What of the key comes after the model and its colon: a string bare, a number, or an array. */
static inline char *put_key(char *to, const struct unstale_event *event)
{
    const struct bus_buffer *pk = piece(event, PIECE_PK);

    if (event->pk_nr > 1)
        return put_group(to, "[", pk, ']');
    return pk->data[1] == '"' ? put_piece(to, piece(event, PIECE_PK_TEXT)) : put_bare(to, pk);
}

static bool write_key(struct unstale_event *event)
{
    struct bus_buffer *key = &event->pieces[PIECE_KEY];
    char *to;

    key->length = event->model_bytes;
    if (event->has_rows || event->pk_nr == 0)
        return true;
    if (!bus_buffer_reserve(key, piece(event, PIECE_PK)->length + 2))
        return false;
    to = bus_buffer_end(key);
    *to++ = ':';
    bus_buffer_end_at(key, put_key(to, event));
    return true;
}

bool unstale_event_check(struct unstale_event *event, struct unstale_error *err)
{
    int subjects = (event->has_rows || event->pk_nr > 0) + (event->pks_nr > 0);

    if (event->error.kind != UNSTALE_OK)
        return bus_error_copy(err, &event->error);
    if (!event->is_begun)
        return bus_fail(err, UNSTALE_REJECT, "the event was not begun");
    if (event->has_rows && event->pk_nr == 0)
        return bus_fail(err, UNSTALE_REJECT, "row %u has no pk", event->rows_nr);
    if (event->is_truncate && subjects > 0)
        return bus_fail(err, UNSTALE_REJECT, "a truncate has no pk, pks or rows");
    if (!event->is_truncate && subjects != 1)
        return bus_fail(err, UNSTALE_REJECT, "one of pk, pks and rows is needed%s",
                        subjects > 1 ? ", and only one" : "");
    if (event->m2m_pks_nr > 0 && piece(event, PIECE_M2M)->length == 0)
        return bus_fail(err, UNSTALE_REJECT, "m2m pks without the m2m's field and action");
    return true;
}

bool bus_event_write(struct unstale_event *event, struct unstale_error *err)
{
    return unstale_event_check(event, err) &&
           ((write_json(event) && write_key(event)) || bus_fail_memory(err));
}

static const char *written(struct unstale_event *event, int which, size_t *length,
                           struct unstale_error *err)
{
    if (!bus_event_write(event, err))
        return NULL;
    *length = event->pieces[which].length;
    return event->pieces[which].data;
}

const char *unstale_event_json(struct unstale_event *event, size_t *length,
                               struct unstale_error *err)
{
    return written(event, PIECE_JSON, length, err);
}

const char *unstale_event_key(struct unstale_event *event, size_t *length,
                              struct unstale_error *err)
{
    return written(event, PIECE_KEY, length, err);
}
