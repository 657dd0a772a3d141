/*
 * Maxwell's rows: one JSON object a changed row.
 *
 * `data` is the row as it is now, of a delete the row that went; `old` holds what an update
 * changed, as it was. The primary key is `primary_key` (Maxwell's output_primary_key), else that in
 * the record's key. There is no version: binary log positions and transaction numbers do not order
 * the changes of a row over a failover, so the clock (`ts`, whole seconds) stands in.
 * Source: Maxwell's Daemon, docs: dataformat, bootstrapping, producers (kafka key).
 */
#include "consumers/event/build.h"
#include "consumers/event/capture.h"
#include "consumers/event/member.h"

enum { MAX_KEY_COLUMNS = 64 };

static struct slice text_in(const struct value *object, const char *name)
{
    const struct value *value = value_get(object, slice_of(name));

    return value_type(value) == VALUE_STRING ? value_text(value) : SLICE_ABSENT;
}

static bool is_ddl(struct slice type)
{
    static const char *const kinds[] = {"create", "alter", "drop"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if ((slice_starts_with(type, SLICE("table-")) ||
             slice_starts_with(type, SLICE("database-"))) &&
            slice_ends_with(type, slice_of(kinds[i])))
            return true;
    }
    return false;
}

/* What this record is, if it is no row: a name to skip it by. */
static const char *other_kind(const struct value *root)
{
    struct slice type = text_in(root, "type");

    if (slice_equals(type, SLICE("bootstrap-start")))
        return "bootstrap-start";
    if (slice_equals(type, SLICE("bootstrap-complete")))
        return "bootstrap-complete";
    if (slice_equals(type, SLICE("heartbeat")) ||
        (slice_equals(text_in(root, "database"), SLICE("maxwell")) &&
         slice_equals(text_in(root, "table"), SLICE("heartbeats"))))
        return "heartbeat";
    return is_ddl(type) ? "ddl" : NULL;
}

static bool claims(const struct envelope_input *input)
{
    struct slice type = text_in(input->root, "type");

    return !slice_is_absent(type) && !slice_is_absent(text_in(input->root, "database")) &&
           (!slice_is_absent(text_in(input->root, "table")) || is_ddl(type));
}

static bool read_op(struct slice type, enum event_op *op, struct error *err)
{
    static const struct {
        const char *type;
        enum event_op op;
    } types[] = {{"insert", EVENT_CREATE},
                 {"update", EVENT_UPDATE},
                 {"delete", EVENT_DELETE},
                 {"bootstrap-insert", EVENT_READ}};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (slice_equals(type, slice_of(types[i].type))) {
            *op = types[i].op;
            return true;
        }
    }
    return error_fail(err, ERROR_REJECT,
                      "\"type\" must be insert, update, delete or bootstrap-insert, not \"%.*s\"",
                      type.len < 64 ? (int)type.len : 64, type.ptr);
}

static bool read_names(const struct envelope_input *input, struct event *event, enum event_op *op,
                       struct error *err)
{
    static const char *const needed[] = {"database", "table", "type"};
    static const struct expected expected_root = {"the row", IS_OBJECT, "an object"};

    if (!member_check_type(&expected_root, input->root, err))
        return false;
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (text_in(input->root, needed[i]).len == 0)
            return error_fail(err, ERROR_REJECT,
                              "no Maxwell row: \"%s\" must be a string that is not empty",
                              needed[i]);
    }
    if (!read_op(text_in(input->root, "type"), op, err))
        return false;
    event->model =
        capture_model(input, text_in(input->root, "database"), text_in(input->root, "table"));
    return true;
}

static const struct value *pk_of_array(const struct value *array, struct arena *arena)
{
    const struct value *columns[MAX_KEY_COLUMNS];
    struct value_iter iter;
    size_t nr = 0;

    for (iter = value_walk(array); value_next(&iter);) {
        if (!capture_is_column(iter.item) || nr == MAX_KEY_COLUMNS)
            return NULL;
        columns[nr++] = iter.item;
    }
    return capture_pk(columns, nr, arena);
}

/* {"database":"shop","table":"product","pk.id":42} */
static const struct value *pk_of_key(const struct envelope_input *input)
{
    const struct value *columns[MAX_KEY_COLUMNS];
    struct slice key = input->record->key;
    struct value_iter iter;
    size_t position;
    size_t nr = 0;

    if (key.len == 0 || key.len > DECODE_MAX_BYTES)
        return NULL;
    for (iter = value_walk(decode_json(key, input->arena, &position, NULL)); value_next(&iter);) {
        if (!slice_starts_with(iter.name, SLICE("pk.")))
            continue;
        if (!capture_is_column(iter.item) || nr == MAX_KEY_COLUMNS)
            return NULL;
        columns[nr++] = iter.item;
    }
    return capture_pk(columns, nr, input->arena);
}

static bool read_row(const struct envelope_input *input, struct event *event, struct error *err)
{
    const struct value *pk = value_get(input->root, SLICE("primary_key"));
    struct row *row = capture_row(event, input->arena);
    const struct value *data;

    if (!capture_image(value_get(input->root, SLICE("data")), "data", &data, err) ||
        !capture_image(value_get(input->root, SLICE("old")), "old", &row->before, err))
        return false;
    if (event->op == EVENT_DELETE)
        row->before = data;
    else
        row->after = data;
    row->pk = pk ? pk_of_array(pk, input->arena) : pk_of_key(input);
    return true;
}

static void read_time(const struct value *root, struct event *event)
{
    const struct value *ts = value_get(root, SLICE("ts"));

    if (value_type(ts) != VALUE_NUMBER)
        return;
    event->has_ts = tree_integer(tree_val(ts), &event->ts_ms) && event->ts_ms >= 0 &&
                    event->ts_ms <= INT64_MAX / 1000;
    event->ts_replaced = !event->has_ts;
    if (event->has_ts)
        event->ts_ms *= 1000;
}

static enum decode_result read_maxwell(const struct envelope_input *input, struct event *event,
                                       const char **skipped, struct error *err)
{
    enum event_op op = EVENT_CUSTOM;

    *skipped = other_kind(input->root);
    if (*skipped)
        return DECODE_SKIPPED;
    if (!read_names(input, event, &op, err))
        return DECODE_BAD;
    event->envelope = ENVELOPE_MAXWELL;
    event->root = input->root;
    capture_op(event, op);
    read_time(input->root, event);
    return read_row(input, event, err) ? DECODE_EVENT : DECODE_BAD;
}

const struct envelope_format envelope_maxwell = {claims, read_maxwell};
