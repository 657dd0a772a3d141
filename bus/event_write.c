#include "bus/event.h"

static const struct bus_buffer *piece(const struct unstale_event *event, int which)
{
    return &event->pieces[which];
}

/* Adds a piece without the comma it begins with. */
static inline bool add_bare(struct bus_buffer *out, const struct bus_buffer *members)
{
    return bus_buffer_add(out, members->data + 1, members->length - 1);
}

/* ,"name":{members} where there are any. */
static inline bool write_object(struct bus_buffer *out, const char *opening,
                                const struct bus_buffer *members)
{
    if (members->length == 0)
        return true;
    return bus_buffer_add_text(out, opening) && add_bare(out, members) &&
           bus_buffer_add_char(out, '}');
}

static inline bool write_list(struct bus_buffer *out, const char *opening,
                              const struct bus_buffer *elements)
{
    if (elements->length == 0)
        return true;
    return bus_buffer_add_text(out, opening) && add_bare(out, elements) &&
           bus_buffer_add_char(out, ']');
}

static bool write_pk(const struct unstale_event *event, struct bus_buffer *out)
{
    if (event->pk_nr > 1)
        return write_list(out, ",\"pk\":[", piece(event, PIECE_PK));
    return event->pk_nr == 0 ||
           (bus_buffer_add(out, ",\"pk\":", 6) && add_bare(out, piece(event, PIECE_PK)));
}

bool bus_event_write_row(const struct unstale_event *event, struct bus_buffer *out)
{
    return write_pk(event, out) &&
           write_object(out, ",\"before\":{", piece(event, PIECE_IMAGES + (int)UNSTALE_BEFORE)) &&
           write_object(out, ",\"after\":{", piece(event, PIECE_IMAGES + (int)UNSTALE_AFTER));
}

/* The finished rows, and the one that is being built: writing must not close it, more may come. */
static bool write_rows(const struct unstale_event *event, struct bus_buffer *out)
{
    const struct bus_buffer *rows = piece(event, PIECE_ROWS);
    size_t start;

    if (!bus_buffer_add_text(out, ",\"rows\":["))
        return false;
    if (rows->length > 0 && (!add_bare(out, rows) || !bus_buffer_add_char(out, ',')))
        return false;
    start = out->length;
    if (!bus_event_write_row(event, out) || !bus_buffer_add(out, "}]", 2))
        return false;
    out->data[start] = '{';
    return true;
}

static bool write_m2m(const struct unstale_event *event, struct bus_buffer *out)
{
    const struct bus_buffer *m2m = piece(event, PIECE_M2M);

    if (m2m->length == 0)
        return true;
    return bus_buffer_add_text(out, ",\"m2m\":{") && bus_buffer_add_buffer(out, m2m) &&
           write_list(out, ",\"pks\":[", piece(event, PIECE_M2M_PKS)) &&
           bus_buffer_add_char(out, '}');
}

static bool write_json(struct unstale_event *event)
{
    struct bus_buffer *out = &event->pieces[PIECE_JSON];

    out->length = 0;
    return bus_buffer_add_char(out, '{') && bus_buffer_add_buffer(out, piece(event, PIECE_HEAD)) &&
           (event->has_rows ? write_rows(event, out) : bus_event_write_row(event, out)) &&
           write_list(out, ",\"pks\":[", piece(event, PIECE_PKS)) &&
           bus_buffer_add_buffer(out, piece(event, PIECE_TAIL)) && write_m2m(event, out) &&
           write_object(out, ",\"meta\":{", piece(event, PIECE_IMAGES + (int)UNSTALE_META)) &&
           bus_buffer_add_char(out, '}');
}

static bool write_key(struct unstale_event *event)
{
    struct bus_buffer *key = &event->pieces[PIECE_KEY];

    key->length = event->model_bytes;
    if (event->has_rows || event->pk_nr == 0)
        return true;
    if (!bus_buffer_add_char(key, ':'))
        return false;
    if (event->pk_nr == 1)
        return bus_buffer_add_buffer(key, piece(event, PIECE_PK_TEXT));
    return write_list(key, "[", piece(event, PIECE_PK));
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
