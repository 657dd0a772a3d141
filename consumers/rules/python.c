#include "consumers/rules/python.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "consumers/base/text.h"

enum { MOST_DIGITS = 17, LEAST_EXPONENT = -4, END_EXPONENT = 16 };

/* Digits without a point, and the exponent of the first. */
static size_t shortest_digits(double number, char digits[static MOST_DIGITS + 1], int *exponent)
{
    char text[PYTHON_FLOAT_BYTES];
    size_t nr = 0;

    for (int precision = 0; precision < MOST_DIGITS; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision, number);
        if (strtod(text, NULL) == number)
            break;
    }
    for (const char *at = text; *at != 'e'; at++) {
        if (*at != '.')
            digits[nr++] = *at;
    }
    *exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    return nr;
}

static size_t print_exponent(const char *digits, size_t nr, int exponent, char *out)
{
    size_t len = 0;

    out[len++] = digits[0];
    if (nr > 1)
        out[len++] = '.';
    memcpy(out + len, digits + 1, nr - 1);
    len += nr - 1;
    return len + (size_t)snprintf(out + len, 6, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

static size_t print_fixed(const char *digits, size_t nr, int exponent, char *out)
{
    size_t len = 0;

    for (int at = exponent < 0 ? exponent : 0; at < (int)nr || at <= exponent + 1; at++) {
        if (at == exponent + 1)
            out[len++] = '.';
        out[len++] = at >= 0 && at < (int)nr ? digits[at] : '0';
    }
    return len;
}

size_t python_float(double number, char out[static PYTHON_FLOAT_BYTES])
{
    char digits[MOST_DIGITS + 1] = {0};
    size_t sign = signbit(number) ? 1 : 0, nr;
    int exponent;

    out[0] = '-';
    nr = shortest_digits(fabs(number), digits, &exponent);
    if (exponent < LEAST_EXPONENT || exponent >= END_EXPONENT)
        return sign + print_exponent(digits, nr, exponent, out + sign);
    return sign + print_fixed(digits, nr, exponent, out + sign);
}

/* Python's json knows no limit: 1e999 reads as infinity, and is printed so. */
static void add_number(struct sink *sink, struct slice text)
{
    char out[PYTHON_FLOAT_BYTES];
    double number;

    if (number_is_integer(text)) {
        sink_add(sink, slice_equals(text, SLICE("-0")) ? SLICE("0") : text);
        return;
    }
    number = strtod(arena_text(sink->arena, text), NULL);
    if (isinf(number))
        sink_add(sink, number < 0 ? SLICE("-Infinity") : SLICE("Infinity"));
    else
        sink_add(sink, (struct slice){out, python_float(number, out)});
}

static void add_unit(struct sink *sink, uint32_t unit)
{
    sink->len += (size_t)snprintf(sink_reserve(sink, 8), 8, "\\u%04x", unit);
}

static void add_char(struct sink *sink, uint32_t c)
{
    static const char plain[] = "\"\\\n\r\t\f\b", escaped[] = "\"\\nrtfb";
    const char *found = c < 0x80 && c > 0 ? strchr(plain, (int)c) : NULL;

    if (found) {
        sink_add_char(sink, '\\');
        sink_add_char(sink, escaped[found - plain]);
    } else if (c >= 0x20 && c < 0x7f) {
        sink_add_char(sink, (char)c);
    } else if (c < 0x10000) {
        add_unit(sink, c);
    } else {
        add_unit(sink, 0xd800 + ((c - 0x10000) >> 10));
        add_unit(sink, 0xdc00 + ((c - 0x10000) & 0x3ff));
    }
}

static void add_text(struct sink *sink, struct slice text)
{
    sink_add_char(sink, '"');
    while (text.len > 0) {
        uint32_t c = 0xfffd;
        size_t len = text_decode(text, &c);

        add_char(sink, c);
        len = len ? len : 1;
        text = (struct slice){text.ptr + len, text.len - len};
    }
    sink_add_char(sink, '"');
}

struct member {
    struct slice name;
    const struct value *value;
};

static int compare_members(const void *a, const void *b)
{
    return slice_compare(((const struct member *)a)->name, ((const struct member *)b)->name);
}

static void add_object(struct sink *sink, const struct field *field)
{
    size_t nr = 0;
    struct member *members = arena_zero(sink->arena, value_nr(field->value) + 1, sizeof(*members));
    struct value_iter it = value_walk(field->value);

    for (; value_next(&it); nr++)
        members[nr] = (struct member){it.name, it.item};
    qsort(members, nr, sizeof(*members), compare_members);
    sink_add_char(sink, '{');
    for (size_t i = 0; i < nr; i++) {
        struct field item = field_of_value(members[i].value);

        if (i > 0)
            sink_add(sink, SLICE(", "));
        add_text(sink, members[i].name);
        sink_add(sink, SLICE(": "));
        python_json(sink, &item);
    }
    sink_add_char(sink, '}');
}

static void add_array(struct sink *sink, const struct field *field)
{
    struct value_iter it = value_walk(field->value);
    bool is_first = true;

    sink_add_char(sink, '[');
    while (value_next(&it)) {
        struct field item = field_of_value(it.item);

        if (!is_first)
            sink_add(sink, SLICE(", "));
        is_first = false;
        python_json(sink, &item);
    }
    sink_add_char(sink, ']');
}

void python_json(struct sink *sink, const struct field *field)
{
    switch (field->type) {
    case VALUE_NUMBER:
        add_number(sink, field->text);
        break;
    case VALUE_STRING:
        add_text(sink, field->text);
        break;
    case VALUE_ARRAY:
        add_array(sink, field);
        break;
    case VALUE_OBJECT:
        add_object(sink, field);
        break;
    case VALUE_MISSING:
    case VALUE_NULL:
    case VALUE_FALSE:
    case VALUE_TRUE:
        encode_json(sink, field);
        break;
    }
}
