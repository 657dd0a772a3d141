#include "consumers/rules/encode.h"

#include <stdlib.h>

#include "consumers/base/decimal.h"

static void add_little_endian(struct sink *sink, uint64_t number, unsigned bytes)
{
    char *to = sink_reserve(sink, bytes);

    for (unsigned i = 0; i < bytes; i++)
        to[i] = (char)(unsigned char)(number >> (8 * i));
    sink->len += bytes;
}

void pickle_begin(struct sink *sink)
{
    sink_add(sink, (struct slice){"\x80\x02", 2});
}

void pickle_end(struct sink *sink)
{
    sink_add_char(sink, '.');
}

void pickle_text(struct sink *sink, struct slice text)
{
    sink_add_char(sink, 'X');
    add_little_endian(sink, text.len, 4);
    sink_add(sink, text);
}

/* Two's complement, little-endian, of decimal digits; returns the bytes used. */
static size_t digits_to_bytes(struct slice digits, bool is_negative, unsigned char *out)
{
    size_t nr = 0;

    for (size_t i = 0; i < digits.len; i++) {
        unsigned carry = (unsigned)(digits.ptr[i] - '0');

        for (size_t j = 0; j < nr; j++) {
            carry += out[j] * 10U;
            out[j] = (unsigned char)carry;
            carry >>= 8;
        }
        if (carry)
            out[nr++] = (unsigned char)carry;
    }
    out[nr++] = 0;
    for (size_t j = 0, carry = 1; is_negative && j < nr; j++) {
        carry += (unsigned char)~out[j];
        out[j] = (unsigned char)carry;
        carry >>= 8;
    }
    while (nr > 1 && (out[nr - 1] == 0 || out[nr - 1] == 0xff) &&
           (out[nr - 1] >> 7) == (out[nr - 2] >> 7))
        nr--;
    return nr;
}

static bool pickle_long(struct sink *sink, struct slice number)
{
    bool is_negative = number.ptr[0] == '-';
    struct slice digits = {number.ptr + is_negative, number.len - is_negative};
    unsigned char *bytes;
    size_t nr;

    if (digits.len > ENCODE_MAX_DIGITS)
        return false;
    bytes = arena_alloc(sink->arena, digits.len + 2);
    nr = digits_to_bytes(digits, is_negative, bytes);
    if (nr < 256) {
        sink_add_char(sink, '\x8a');
        add_little_endian(sink, nr, 1);
    } else {
        sink_add_char(sink, '\x8b');
        add_little_endian(sink, nr, 4);
    }
    sink_add(sink, (struct slice){(const char *)bytes, nr});
    return true;
}

static void pickle_float(struct sink *sink, struct slice number)
{
    double value = strtod(arena_text(sink->arena, number), NULL);
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    sink_add_char(sink, 'G');
    add_little_endian(sink, __builtin_bswap64(bits), 8);
}

static bool pickle_number(struct sink *sink, struct slice text)
{
    int64_t number;

    if (!number_is_integer(text)) {
        pickle_float(sink, text);
        return true;
    }
    if (!decimal_to_int64(text, &number) || number > INT32_MAX || number < INT32_MIN)
        return pickle_long(sink, text);
    if (number >= 0 && number <= UINT16_MAX) {
        sink_add_char(sink, number <= UINT8_MAX ? 'K' : 'M');
        add_little_endian(sink, (uint64_t)number, number <= UINT8_MAX ? 1 : 2);
    } else {
        sink_add_char(sink, 'J');
        add_little_endian(sink, (uint64_t)number, 4);
    }
    return true;
}

static bool pickle_container(struct sink *sink, const struct field *field)
{
    bool is_object = field->type == VALUE_OBJECT;
    struct value_iter it = value_walk(field->value);

    sink_add_char(sink, is_object ? '}' : ']');
    if (value_nr(field->value) == 0)
        return true;
    sink_add_char(sink, '(');
    while (value_next(&it)) {
        struct field item = field_of_value(it.item);

        if (is_object)
            pickle_text(sink, it.name);
        if (!pickle_field(sink, &item))
            return false;
    }
    sink_add_char(sink, is_object ? 'u' : 'e');
    return true;
}

bool pickle_field(struct sink *sink, const struct field *field)
{
    switch (field->type) {
    case VALUE_MISSING:
    case VALUE_NULL:
        sink_add_char(sink, 'N');
        return true;
    case VALUE_FALSE:
        sink_add_char(sink, '\x89');
        return true;
    case VALUE_TRUE:
        sink_add_char(sink, '\x88');
        return true;
    case VALUE_NUMBER:
        return pickle_number(sink, field->text);
    case VALUE_STRING:
        pickle_text(sink, field->text);
        return true;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        return pickle_container(sink, field);
    }
    return true;
}
