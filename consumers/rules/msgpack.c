#include <stdlib.h>

#include "consumers/base/decimal.h"
#include "consumers/rules/encode.h"

/* One tag and a number, most significant byte first. */
static void add_tagged(struct sink *sink, unsigned tag, uint64_t number, unsigned bytes)
{
    char *to = sink_reserve(sink, bytes + 1);

    to[0] = (char)(unsigned char)tag;
    for (unsigned i = 0; i < bytes; i++)
        to[1 + i] = (char)(unsigned char)(number >> (8 * (bytes - 1 - i)));
    sink->len += bytes + 1;
}

/* Tags of texts, arrays and maps: the small form, and those for lengths of 1, 2 and 4 bytes. */
struct lengths {
    unsigned small, small_max, one, two, four; /* one 0: there is none */
};

static void add_length(struct sink *sink, const struct lengths *tags, size_t length)
{
    if (length <= tags->small_max)
        add_tagged(sink, tags->small | (unsigned)length, 0, 0);
    else if (length <= UINT8_MAX && tags->one)
        add_tagged(sink, tags->one, length, 1);
    else if (length <= UINT16_MAX)
        add_tagged(sink, tags->two, length, 2);
    else
        add_tagged(sink, tags->four, length, 4);
}

void msgpack_text(struct sink *sink, struct slice text)
{
    static const struct lengths tags = {0xa0, 31, 0xd9, 0xda, 0xdb};

    add_length(sink, &tags, text.len);
    sink_add(sink, text);
}

void msgpack_wrap(struct sink *sink, size_t start, bool is_object, size_t nr)
{
    static const struct lengths tags[] = {{0x90, 15, 0, 0xdc, 0xdd}, {0x80, 15, 0, 0xde, 0xdf}};
    size_t items = sink->len - start, header;
    char copy[8];

    add_length(sink, &tags[is_object], nr);
    header = sink->len - start - items;
    memcpy(copy, sink->ptr + start + items, header);
    memmove(sink->ptr + start + header, sink->ptr + start, items);
    memcpy(sink->ptr + start, copy, header);
}

static void add_unsigned(struct sink *sink, uint64_t number)
{
    if (number <= 0x7f)
        add_tagged(sink, (unsigned)number, 0, 0);
    else if (number <= UINT8_MAX)
        add_tagged(sink, 0xcc, number, 1);
    else if (number <= UINT16_MAX)
        add_tagged(sink, 0xcd, number, 2);
    else if (number <= UINT32_MAX)
        add_tagged(sink, 0xce, number, 4);
    else
        add_tagged(sink, 0xcf, number, 8);
}

static void add_negative(struct sink *sink, int64_t number)
{
    if (number >= -32)
        add_tagged(sink, (unsigned)(uint8_t)number, 0, 0);
    else if (number >= INT8_MIN)
        add_tagged(sink, 0xd0, (uint64_t)number, 1);
    else if (number >= INT16_MIN)
        add_tagged(sink, 0xd1, (uint64_t)number, 2);
    else if (number >= INT32_MIN)
        add_tagged(sink, 0xd2, (uint64_t)number, 4);
    else
        add_tagged(sink, 0xd3, (uint64_t)number, 8);
}

static bool add_number(struct sink *sink, struct slice text)
{
    uint64_t number, bits;
    int64_t negative;
    double value;

    if (!number_is_integer(text)) {
        value = strtod(arena_text(sink->arena, text), NULL);
        memcpy(&bits, &value, sizeof(bits));
        add_tagged(sink, 0xcb, bits, 8);
        return true;
    }
    if (decimal_to_uint64(text, &number)) {
        add_unsigned(sink, number);
        return true;
    }
    if (!decimal_to_int64(text, &negative))
        return false;
    if (negative < 0)
        add_negative(sink, negative);
    else
        add_unsigned(sink, (uint64_t)negative);
    return true;
}

static bool add_container(struct sink *sink, const struct field *field)
{
    struct value_iter it = value_walk(field->value);
    size_t start = sink->len;

    while (value_next(&it)) {
        struct field item = field_of_value(it.item);

        if (it.is_object)
            msgpack_text(sink, it.name);
        if (!msgpack_field(sink, &item))
            return false;
    }
    msgpack_wrap(sink, start, field->type == VALUE_OBJECT, value_nr(field->value));
    return true;
}

bool msgpack_field(struct sink *sink, const struct field *field)
{
    switch (field->type) {
    case VALUE_MISSING:
    case VALUE_NULL:
        add_tagged(sink, 0xc0, 0, 0);
        return true;
    case VALUE_FALSE:
        add_tagged(sink, 0xc2, 0, 0);
        return true;
    case VALUE_TRUE:
        add_tagged(sink, 0xc3, 0, 0);
        return true;
    case VALUE_NUMBER:
        return add_number(sink, field->text);
    case VALUE_STRING:
        msgpack_text(sink, field->text);
        return true;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return add_container(sink, field);
}
