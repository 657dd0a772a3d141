/*
 * Debezium's change events, with the schema in the value or without it.
 *
 * The op is `op`, the images are `before` and `after`, the primary key is the record's key. A value
 * that Debezium did not have (a TOASTed column that did not change) is a field that is missing.
 * `source.lsn` (PostgreSQL) orders the changes of a row and is the version; the positions of other
 * databases are not one number that grows, so there the clock stands in.
 * Source: Debezium 3 reference manual, connectors for PostgreSQL and MySQL (change events,
 * transaction metadata, heartbeats, schema change topic, toasted values).
 */
#include "consumers/event/build.h"
#include "consumers/event/capture.h"
#include "consumers/event/member.h"

enum { MAX_KEY_COLUMNS = 64 };

#define VERSION_MAX INT64_C(9007199254740991) /* 2^53-1: what Lua compares exactly */

static const struct expected expected_source = {"source", IS_OBJECT, "an object"};
static const struct expected expected_op = {"op", IS_STRING, "c, u, d, r, t or m"};

/* Of {"schema":...,"payload":...} the payload, which may be null; anything else is it itself. */
static const struct value *payload_of(const struct value *root)
{
    const struct value *payload = value_get(root, SLICE("payload"));

    if (payload && (value_get(root, SLICE("schema")) || value_nr(root) == 1))
        return payload;
    return root;
}

static bool has(const struct value *object, const char *name)
{
    return value_get(object, slice_of(name)) != NULL;
}

static bool is_change(const struct value *payload)
{
    return value_type(value_get(payload, SLICE("op"))) == VALUE_STRING &&
           value_type(value_get(payload, SLICE("source"))) == VALUE_OBJECT;
}

/* What this record is, if it is no change: a name to skip it by. */
static const char *other_kind(const struct value *root, const struct value *payload)
{
    bool is_wrapped = payload != root;

    if (is_wrapped && value_type(payload) == VALUE_NULL)
        return "tombstone";
    if (is_change(payload))
        return slice_equals(value_text(value_get(payload, SLICE("op"))), SLICE("m")) ? "message"
                                                                                     : NULL;
    if (has(payload, "op"))
        return NULL;
    if (value_type(value_get(payload, SLICE("source"))) == VALUE_OBJECT &&
        (has(payload, "ddl") || has(payload, "tableChanges")))
        return "schema-change";
    if (has(payload, "status") && has(payload, "id") &&
        (has(payload, "event_count") || has(payload, "data_collections")))
        return "transaction";
    if (value_nr(payload) == 1 && has(payload, "ts_ms"))
        return "heartbeat";
    return NULL;
}

static bool claims(const struct envelope_input *input)
{
    const struct value *payload = payload_of(input->root);

    return is_change(payload) || other_kind(input->root, payload) != NULL;
}

static bool is_placeholder(struct slice text)
{
    /* As it is, and as a column of bytes prints it. */
    return slice_equals(text, SLICE("__debezium_unavailable_value")) ||
           slice_equals(text, SLICE("X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="));
}

/* Of an array or a map Debezium fills one element with it. */
static bool is_unavailable(const struct value *value)
{
    struct value_iter iter;

    switch (value_type(value)) {
    case VALUE_STRING:
        return is_placeholder(value_text(value));
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        iter = value_walk(value);
        return value_next(&iter) && iter.left == 0 &&
               (is_placeholder(value_text(iter.item)) || is_placeholder(iter.name));
    default:
        return false;
    }
}

static bool read_op(const struct value *payload, enum event_op *op, struct error *err)
{
    static const char letters[] = "cudrt";
    static const enum event_op ops[] = {EVENT_CREATE, EVENT_UPDATE, EVENT_DELETE, EVENT_READ,
                                        EVENT_TRUNCATE};
    const struct value *value = value_get(payload, SLICE("op"));
    struct slice text = value_text(value);
    const char *found;

    if (value == NULL)
        return error_fail(err, ERROR_REJECT, "\"op\" is missing: this is no Debezium change event");
    if (!member_check_type(&expected_op, value, err))
        return false;
    found = text.len == 1 ? memchr(letters, text.ptr[0], sizeof(letters) - 1) : NULL;
    if (found == NULL)
        return error_fail(err, ERROR_REJECT, "\"op\" must be c, u, d, r, t or m, not \"%.*s\"",
                          text.len < 16 ? (int)text.len : 16, text.ptr);
    *op = ops[found - letters];
    return true;
}

static struct slice text_in(const struct value *object, const char *name)
{
    const struct value *value = value_get(object, slice_of(name));

    return value_type(value) == VALUE_STRING ? value_text(value) : SLICE_ABSENT;
}

static bool read_model(const struct envelope_input *input, const struct value *source,
                       struct event *event, struct error *err)
{
    struct slice schema = text_in(source, "schema");
    struct slice table = text_in(source, "table");

    if (!member_check_type(&expected_source, source, err))
        return false;
    if (table.len == 0)
        table = text_in(source, "collection");
    if (table.len == 0)
        return error_fail(err, ERROR_REJECT, "\"source\" has no \"table\"");
    event->model = capture_model(input, schema.len > 0 ? schema : text_in(source, "db"), table);
    return true;
}

/* The columns of the record's key, in its order, but for what Debezium's own transforms add. */
static const struct value *read_pk(const struct envelope_input *input)
{
    const struct value *columns[MAX_KEY_COLUMNS];
    struct slice key = input->record->key;
    const struct value *root;
    struct value_iter iter;
    size_t position;
    size_t nr = 0;

    if (key.len == 0 || key.len > DECODE_MAX_BYTES)
        return NULL;
    root = payload_of(decode_json(key, input->arena, &position, NULL));
    if (capture_is_column(root))
        return root;
    if (value_type(root) != VALUE_OBJECT)
        return NULL;
    for (iter = value_walk(root); value_next(&iter);) {
        if (slice_starts_with(iter.name, SLICE("__dbz__")))
            continue;
        if (!capture_is_column(iter.item) || nr == MAX_KEY_COLUMNS)
            return NULL;
        columns[nr++] = iter.item;
    }
    return capture_pk(columns, nr, input->arena);
}

static bool read_images(const struct value *payload, struct row *row, struct arena *arena,
                        struct error *err)
{
    if (!capture_image(value_get(payload, SLICE("before")), "before", &row->before, err) ||
        !capture_image(value_get(payload, SLICE("after")), "after", &row->after, err))
        return false;
    if (row->before)
        row->before = build_without(row->before, is_unavailable, arena);
    if (row->after)
        row->after = build_without(row->after, is_unavailable, arena);
    return true;
}

/* The database's own time of the change; that of its reading where there is none. */
static void read_time(const struct value *payload, const struct value *source, struct event *event)
{
    const struct value *ts = value_get(source, SLICE("ts_ms"));

    if (value_type(ts) != VALUE_NUMBER)
        ts = value_get(payload, SLICE("ts_ms"));
    if (value_type(ts) != VALUE_NUMBER)
        return;
    event->has_ts = tree_integer(tree_val(ts), &event->ts_ms) && event->ts_ms >= 0;
    event->ts_replaced = !event->has_ts;
}

static void read_version(const struct value *source, struct event *event)
{
    const struct value *lsn = value_get(source, SLICE("lsn"));
    int64_t version;

    if (value_type(lsn) != VALUE_NUMBER || !tree_integer(tree_val(lsn), &version) || version < 0 ||
        version > VERSION_MAX)
        return;
    event->has_version = true;
    event->version = (uint64_t)version;
}

static void read_context(const struct envelope_input *input, const struct value *payload,
                         const struct value *source, struct event *event)
{
    event->envelope = ENVELOPE_DEBEZIUM;
    event->root = input->root;
    event->source = text_in(source, "name");
    event->tenant = envelope_header(input->record, SLICE("tenant"));
    event->trace = envelope_header(input->record, SLICE("traceparent"));
    read_time(payload, source, event);
    read_version(source, event);
}

static enum decode_result read_change(const struct envelope_input *input, struct event *event,
                                      const char **skipped, struct error *err)
{
    static const struct expected expected_payload = {"the payload", IS_OBJECT, "an object"};
    const struct value *payload = payload_of(input->root);
    const struct value *source = value_get(payload, SLICE("source"));
    enum event_op op = EVENT_CUSTOM;
    struct row *row;

    *skipped = other_kind(input->root, payload);
    if (*skipped)
        return DECODE_SKIPPED;
    if (!member_check_type(&expected_payload, payload, err) || !read_op(payload, &op, err) ||
        !read_model(input, source, event, err))
        return DECODE_BAD;
    capture_op(event, op);
    read_context(input, payload, source, event);
    row = capture_row(event, input->arena);
    if (op == EVENT_TRUNCATE)
        return DECODE_EVENT;
    row->pk = read_pk(input);
    return read_images(payload, row, input->arena, err) ? DECODE_EVENT : DECODE_BAD;
}

const struct envelope_format envelope_debezium = {claims, read_change};
