#include "consumers/event/written.h"

#include "consumers/event/decode.h"

static struct slice print_compact(const struct value *value, struct arena *arena)
{
    struct buffer out;
    struct slice copy;

    if (value_type(value) == VALUE_MISSING || value_type(value) == VALUE_NULL)
        return SLICE_ABSENT;
    if (value_type(value) == VALUE_STRING)
        return value_text(value);
    buffer_init(&out);
    value_print(value, &out);
    copy = arena_copy(arena, buffer_slice(&out));
    buffer_release(&out);
    return copy;
}

static bool take_headers(const struct value *headers, struct arena *arena, struct record *record)
{
    struct value_iter it = value_walk(headers);
    struct record_header *items = arena_alloc(arena, (value_nr(headers) + 1) * sizeof(*items));
    size_t nr = 0;

    while (value_next(&it))
        items[nr++] = (struct record_header){it.name, print_compact(it.item, arena)};
    record->headers = items;
    record->headers_nr = nr;
    return headers == NULL || value_type(headers) == VALUE_OBJECT;
}

bool written_record(struct slice text, struct arena *arena, struct record *record,
                    struct error *err)
{
    const struct value *root, *topic;
    struct error ignored = ERROR_INIT;
    size_t position;

    record->value = text;
    if (memmem(text.ptr, text.len, "\"record\"", 8) == NULL)
        return true;
    root = decode_json(text, arena, &position, &ignored);
    if (value_type(value_get(root, SLICE("record"))) != VALUE_TRUE)
        return true;
    topic = value_get(root, SLICE("topic"));
    record->key = print_compact(value_get(root, SLICE("key")), arena);
    record->value = print_compact(value_get(root, SLICE("value")), arena);
    if (topic)
        record->topic = value_text(topic);
    return take_headers(value_get(root, SLICE("headers")), arena, record) ||
           error_fail(err, ERROR_REJECT, "\"headers\" must be an object");
}
