#include "consumers/cli/record_json.h"

#include "consumers/base/text.h"
#include "consumers/event/decode.h"

/* Read back, an object is its compact text: so only what is that already may stand as one. */
static bool is_compact_object(struct slice bytes, struct arena *arena)
{
    struct error err = ERROR_INIT;
    struct buffer out;
    size_t position;

    if (!slice_starts_with(bytes, SLICE("{")) || slice_starts_with(bytes, SLICE("{\"base64\"")))
        return false;
    const struct value *root = decode_json(bytes, arena, &position, &err);
    if (!root)
        return false;
    buffer_init(&out);
    value_print(root, &out);
    bool is_same = slice_equals(buffer_slice(&out), bytes);
    buffer_release(&out);
    return is_same;
}

static void add_text_or_base64(struct slice bytes, struct buffer *out)
{
    if (text_is_utf8(bytes)) {
        buffer_add_json_string(out, bytes);
        return;
    }
    buffer_add_text(out, "{\"base64\":\"");
    buffer_add_base64(out, bytes);
    buffer_add_text(out, "\"}");
}

void record_json_bytes(struct slice bytes, struct arena *arena, struct buffer *out)
{
    if (slice_is_absent(bytes))
        buffer_add_text(out, "null");
    else if (is_compact_object(bytes, arena))
        buffer_add(out, bytes);
    else
        add_text_or_base64(bytes, out);
}

static bool is_any_name_twice(const struct record *record)
{
    for (size_t i = 0; i < record->headers_nr; i++)
        for (size_t j = 0; j < i; j++)
            if (slice_equals(record->headers[i].name, record->headers[j].name))
                return true;
    return false;
}

void record_json_headers(const struct record *record, struct arena *arena, struct buffer *out)
{
    bool is_list = is_any_name_twice(record);

    buffer_add_char(out, is_list ? '[' : '{');
    for (size_t i = 0; i < record->headers_nr; i++) {
        buffer_add_text(out, i ? "," : "");
        buffer_add_text(out, is_list ? "[" : "");
        buffer_add_json_string(out, record->headers[i].name);
        buffer_add_char(out, is_list ? ',' : ':');
        record_json_bytes(record->headers[i].value, arena, out);
        buffer_add_text(out, is_list ? "]" : "");
    }
    buffer_add_char(out, is_list ? ']' : '}');
}

void record_json_begin(const struct record *record, struct arena *arena, struct buffer *out)
{
    buffer_add_text(out, "{\"record\":true");
    if (!slice_is_absent(record->topic)) {
        buffer_add_text(out, ",\"topic\":");
        buffer_add_json_string(out, record->topic);
    }
    buffer_add_text(out, ",\"key\":");
    record_json_bytes(record->key, arena, out);
    buffer_add_text(out, ",\"headers\":");
    record_json_headers(record, arena, out);
    buffer_add_text(out, ",\"value\":");
    record_json_bytes(record->value, arena, out);
}
