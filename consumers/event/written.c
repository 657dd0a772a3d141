#include "consumers/event/written.h"

#include "consumers/event/decode.h"

/* The text of {"base64": "..."}; absent: it is other JSON. */
static struct slice base64_of(const struct value *value)
{
    const struct value *text = value_get(value, SLICE("base64"));

    return value_nr(value) == 1 && value_type(text) == VALUE_STRING ? value_text(text)
                                                                    : SLICE_ABSENT;
}

static bool take_bytes(const struct value *value, struct arena *arena, struct slice *bytes,
                       struct error *err)
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
    return is_fine || error_fail(err, ERROR_REJECT, "\"base64\" does not hold base64");
}

static bool is_pair(const struct value *value)
{
    return value_nr(value) == 2 && value_type(value_at(value, 0)) == VALUE_STRING;
}

/* A member of an object, or an array of its name and its value; false: it is neither. */
static bool find_header(const struct value_iter *it, bool is_list, struct slice *name,
                        const struct value **value)
{
    *name = is_list ? value_text(value_at(it->item, 0)) : it->name;
    *value = is_list ? value_at(it->item, 1) : it->item;
    return !is_list || is_pair(it->item);
}

static bool take_headers(const struct value *headers, struct arena *arena, struct record *record,
                         struct error *err)
{
    struct value_iter it = value_walk(headers);
    struct record_header *items = arena_alloc(arena, (value_nr(headers) + 1) * sizeof(*items));
    bool is_list = value_type(headers) == VALUE_ARRAY;
    bool is_fine = headers == NULL || is_list || value_type(headers) == VALUE_OBJECT;
    const struct value *value;
    size_t nr = 0;

    while (is_fine && value_next(&it)) {
        is_fine = find_header(&it, is_list, &items[nr].name, &value);
        if (is_fine && !take_bytes(value, arena, &items[nr++].value, err))
            return false;
    }
    record->headers = items;
    record->headers_nr = nr;
    return is_fine || error_fail(err, ERROR_REJECT,
                                 "\"headers\" must be an object, or an array of [name, value]");
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
    return take_bytes(value_get(root, SLICE("key")), arena, &record->key, err) &&
           take_bytes(value_get(root, SLICE("value")), arena, &record->value, err) &&
           take_headers(value_get(root, SLICE("headers")), arena, record, err);
}
