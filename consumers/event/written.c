#include "consumers/event/written.h"

#include "consumers/event/decode.h"

/* The text of {"base64": "..."}; absent: it is other JSON. */
static struct slice base64_of(const struct value *value)
{
    const struct value *text = value_get(value, SLICE("base64"));

    return value_nr(value) == 1 && value_type(text) == VALUE_STRING ? value_text(text)
                                                                    : SLICE_ABSENT;
}

static bool take_bytes(const struct value *value, struct arena *arena, struct slice *bytes)
{
    struct slice base64 = base64_of(value);
    struct buffer out;
    bool is_fine = true;

    *bytes = SLICE_ABSENT;
    if (value_type(value) == VALUE_MISSING || value_type(value) == VALUE_NULL)
        return true;
    if (value_type(value) == VALUE_STRING) {
        *bytes = value_text(value);
        return true;
    }
    buffer_init(&out);
    if (slice_is_absent(base64))
        value_print(value, &out);
    else
        is_fine = buffer_add_from_base64(&out, base64);
    *bytes = arena_copy(arena, buffer_slice(&out));
    buffer_release(&out);
    return is_fine;
}

static bool take_pair(const struct value *pair, struct arena *arena, struct record_header *header)
{
    header->name = value_text(value_at(pair, 0));
    return value_nr(pair) == 2 && value_type(value_at(pair, 0)) == VALUE_STRING &&
           take_bytes(value_at(pair, 1), arena, &header->value);
}

static bool take_header(const struct value_iter *it, bool is_pair, struct arena *arena,
                        struct record_header *header)
{
    if (is_pair)
        return take_pair(it->item, arena, header);
    header->name = it->name;
    return take_bytes(it->item, arena, &header->value);
}

static bool take_headers(const struct value *headers, struct arena *arena, struct record *record)
{
    struct value_iter it = value_walk(headers);
    struct record_header *items = arena_alloc(arena, (value_nr(headers) + 1) * sizeof(*items));
    bool is_list = value_type(headers) == VALUE_ARRAY;
    size_t nr = 0;

    while (value_next(&it))
        if (!take_header(&it, is_list, arena, &items[nr++]))
            return false;
    record->headers = items;
    record->headers_nr = nr;
    return headers == NULL || is_list || value_type(headers) == VALUE_OBJECT;
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
    if (topic)
        record->topic = value_text(topic);
    if (!take_bytes(value_get(root, SLICE("key")), arena, &record->key) ||
        !take_bytes(value_get(root, SLICE("value")), arena, &record->value))
        return error_fail(err, ERROR_REJECT, "\"base64\" does not hold base64");
    return take_headers(value_get(root, SLICE("headers")), arena, record) ||
           error_fail(err, ERROR_REJECT,
                      "\"headers\" must be an object, or an array of [name, value]");
}
