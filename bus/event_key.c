#include "bus/event.h"

#include "bus/json.h"

static unsigned *pk_count(struct unstale_event *event, enum unstale_pk_list list)
{
    switch (list) {
    case UNSTALE_PK:
        return &event->pk_nr;
    case UNSTALE_PKS:
        return &event->pks_nr;
    case UNSTALE_M2M_PKS:
        return &event->m2m_pks_nr;
    }
    return NULL;
}

/* Counts one more key and writes its comma; NULL when that fails. */
static struct bus_buffer *open_pk(struct unstale_event *event, enum unstale_pk_list list)
{
    unsigned *nr = pk_count(event, list);
    struct bus_buffer *buffer;

    if (!bus_event_is_open(event))
        return NULL;
    if (!nr) {
        bus_event_reject(event, "no such list of keys");
        return NULL;
    }
    if (list == UNSTALE_PKS && *nr == UNSTALE_PKS_MAX) {
        bus_fail(&event->error, UNSTALE_REJECT, "more than %d pks", UNSTALE_PKS_MAX);
        return NULL;
    }
    buffer = &event->pieces[list == UNSTALE_PK    ? PIECE_PK
                            : list == UNSTALE_PKS ? PIECE_PKS
                                                  : PIECE_M2M_PKS];
    ++*nr;
    if (bus_buffer_add_char(buffer, ','))
        return buffer;
    bus_fail_memory(&event->error);
    return NULL;
}

/* The record key has a string bare; with more columns than one their JSON stands there instead. */
static bool note_key(struct unstale_event *event, enum unstale_pk_list list, const char *text,
                     size_t length)
{
    if (list != UNSTALE_PK || event->pk_nr != 1)
        return true;
    return bus_buffer_add(&event->pieces[PIECE_PK_TEXT], text, length) ||
           bus_fail_memory(&event->error);
}

bool unstale_event_pk_int(struct unstale_event *event, enum unstale_pk_list list, int64_t pk)
{
    struct bus_buffer *buffer = open_pk(event, list);

    return buffer && bus_json_int(buffer, pk, &event->error);
}

bool unstale_event_pk_string(struct unstale_event *event, enum unstale_pk_list list,
                             const char *text, size_t length)
{
    struct bus_buffer *buffer = open_pk(event, list);

    if (!buffer)
        return false;
    if (bus_json_string(buffer, text, length, &event->error))
        return note_key(event, list, text, length);
    bus_error_wrap(&event->error, "pk");
    return false;
}

/* Is this compact JSON an array of nothing but strings and integers, at least one? */
static bool is_key_array(const char *json, size_t length)
{
    bool in_string = false;

    if (length < 3 || json[0] != '[')
        return false;
    for (size_t i = 1; i + 1 < length; i++) {
        if (json[i] == '"')
            in_string = !in_string;
        else if (in_string)
            i += json[i] == '\\';
        else if (!strchr("-0123456789,", json[i]))
            return false;
    }
    return true;
}

bool unstale_event_pk_array(struct unstale_event *event, enum unstale_pk_list list,
                            const char *json, size_t length)
{
    struct bus_buffer *buffer = open_pk(event, list);
    size_t start;

    if (!buffer)
        return false;
    if (list == UNSTALE_PK)
        return bus_event_reject(event, "a pk of several columns is given a column a call");
    start = buffer->length;
    if (!bus_json_copy(buffer, json, length, &event->error)) {
        bus_error_wrap(&event->error, "pk");
        return false;
    }
    return is_key_array(buffer->data + start, buffer->length - start) ||
           bus_event_reject(event, "a pk array holds strings and integers, at least one");
}

static bool finish_row(struct unstale_event *event)
{
    struct bus_buffer *rows = &event->pieces[PIECE_ROWS];
    size_t start = rows->length + 1;

    if (event->pk_nr == 0)
        return bus_fail(&event->error, UNSTALE_REJECT, "row %u has no pk", event->rows_nr);
    if (!bus_buffer_add_char(rows, ',') || !bus_event_write_row(event, rows) ||
        !bus_buffer_add_char(rows, '}'))
        return bus_fail_memory(&event->error);
    rows->data[start] = '{';
    return true;
}

bool unstale_event_row(struct unstale_event *event)
{
    if (!bus_event_is_open(event) || (event->has_rows && !finish_row(event)))
        return false;
    if (event->rows_nr == UNSTALE_ROWS_MAX)
        return bus_fail(&event->error, UNSTALE_REJECT, "more than %d rows", UNSTALE_ROWS_MAX);
    if (!event->has_rows && (event->pk_nr > 0 || event->images[UNSTALE_BEFORE].members.length > 0 ||
                             event->images[UNSTALE_AFTER].members.length > 0))
        return bus_event_reject(event, "rows begin before any pk, before and after");
    event->pieces[PIECE_PK].length = event->pieces[PIECE_PK_TEXT].length = 0;
    bus_image_clear(&event->images[UNSTALE_BEFORE]);
    bus_image_clear(&event->images[UNSTALE_AFTER]);
    event->pk_nr = 0;
    event->has_rows = true;
    event->rows_nr++;
    return true;
}
