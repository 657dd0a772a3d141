#include "consumers/rules/encode.h"

enum { SINK_FIRST_BYTES = 128 };

void sink_init(struct sink *sink, struct arena *arena)
{
    *sink = (struct sink){.arena = arena};
}

char *sink_reserve(struct sink *sink, size_t more)
{
    size_t wanted = sink->len + more;

    if (wanted > sink->capacity) {
        size_t capacity = sink->capacity ? sink->capacity * 2 : SINK_FIRST_BYTES;

        while (capacity < wanted)
            capacity *= 2;
        sink->ptr = sink->ptr ? arena_resize(sink->arena, sink->ptr, sink->capacity, capacity)
                              : arena_bytes(sink->arena, capacity);
        sink->capacity = capacity;
    }
    return sink->ptr + sink->len;
}

void sink_add(struct sink *sink, struct slice text)
{
    if (text.len == 0)
        return;
    memcpy(sink_reserve(sink, text.len), text.ptr, text.len);
    sink->len += text.len;
}

void sink_add_char(struct sink *sink, char c)
{
    *sink_reserve(sink, 1) = c;
    sink->len++;
}

struct slice sink_slice(const struct sink *sink)
{
    return (struct slice){sink->ptr ? sink->ptr : "", sink->len};
}

struct field field_of_value(const struct value *value)
{
    if (value == NULL)
        return (struct field){.state = FIELD_MISSING};
    return (struct field){FIELD_PRESENT, value_type(value), value_text(value), value};
}

struct field field_of_text(struct slice text)
{
    return (struct field){FIELD_PRESENT, VALUE_STRING, text, NULL};
}

bool number_is_integer(struct slice number)
{
    return memchr(number.ptr, '.', number.len) == NULL &&
           memchr(number.ptr, 'e', number.len) == NULL &&
           memchr(number.ptr, 'E', number.len) == NULL;
}

static size_t escape_char(unsigned char c, char out[static 6])
{
    static const char hex[] = "0123456789abcdef";
    static const char *const names = "btn\0fr"; /* of 8, 9, 10, 12, 13 */

    out[0] = '\\';
    if (c == '"' || c == '\\') {
        out[1] = (char)c;
        return 2;
    }
    if (c >= 8 && c <= 13 && c != 11) {
        out[1] = names[c - 8];
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

void encode_json_text(struct sink *sink, struct slice text)
{
    char *start = sink_reserve(sink, text.len * 6 + 2), *to = start;

    *to++ = '"';
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c < 0x20 || c == '"' || c == '\\')
            to += escape_char(c, to);
        else
            *to++ = (char)c;
    }
    *to++ = '"';
    sink->len += (size_t)(to - start);
}

static void encode_container(struct sink *sink, const struct field *field)
{
    bool is_object = field->type == VALUE_OBJECT;
    struct value_iter it = value_walk(field->value);
    bool first = true;

    sink_add_char(sink, is_object ? '{' : '[');
    while (value_next(&it)) {
        struct field item = field_of_value(it.item);

        if (!first)
            sink_add_char(sink, ',');
        first = false;
        if (is_object) {
            encode_json_text(sink, it.name);
            sink_add_char(sink, ':');
        }
        encode_json(sink, &item);
    }
    sink_add_char(sink, is_object ? '}' : ']');
}

void encode_json(struct sink *sink, const struct field *field)
{
    switch (field->type) {
    case VALUE_MISSING:
    case VALUE_NULL:
        sink_add(sink, SLICE("null"));
        break;
    case VALUE_FALSE:
        sink_add(sink, SLICE("false"));
        break;
    case VALUE_TRUE:
        sink_add(sink, SLICE("true"));
        break;
    case VALUE_NUMBER:
        sink_add(sink, field->text);
        break;
    case VALUE_STRING:
        encode_json_text(sink, field->text);
        break;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        encode_container(sink, field);
        break;
    }
}
