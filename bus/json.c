#include "bus/json.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

size_t bus_utf8_length(const char *text, size_t length)
{
    const unsigned char *c = (const unsigned char *)text;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t bytes;

    if (length == 0)
        return 0;
    if (c[0] < 0x80)
        return 1;
    if (c[0] < 0xc2 || c[0] > 0xf4)
        return 0;
    bytes = c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
    if (length < bytes)
        return 0;
    if (c[0] == 0xe0)
        low = 0xa0;
    else if (c[0] == 0xed)
        high = 0x9f;
    else if (c[0] == 0xf0)
        low = 0x90;
    else if (c[0] == 0xf4)
        high = 0x8f;
    if (c[1] < low || c[1] > high)
        return 0;
    for (size_t i = 2; i < bytes; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    }
    return bytes;
}

size_t bus_utf8_characters(const char *text, size_t length)
{
    size_t characters = 0;

    for (size_t i = 0; i < length; i++)
        characters += ((unsigned char)text[i] & 0xc0) != 0x80;
    return characters;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Eight bytes at once: is each of them plain ASCII? A borrow may only make a plain word look special. */
static bool is_plain_word(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = word ^ (ones * '"');
    uint64_t backslash = word ^ (ones * '\\');

    return !((word | (word - ones * 0x20) | (quote - ones) | (backslash - ones)) & (ones * 0x80));
}

static uint64_t load_word(const char *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof(word));
    return word;
}

size_t bus_json_plain_run(const char *text, size_t length)
{
    size_t i = 0;
    size_t character;

    for (;;) {
        while (length - i >= 8 && is_plain_word(load_word(text + i)))
            i += 8;
        while (i < length && is_plain((unsigned char)text[i]))
            i++;
        if (i == length || (unsigned char)text[i] < 0x80)
            return i;
        character = bus_utf8_length(text + i, length - i);
        if (character == 0)
            return i;
        i += character;
    }
}

static bool add_escape(struct bus_buffer *buffer, unsigned char c)
{
    static const char letters[] = "btn.fr";
    char escape[7];

    if (c == '"' || c == '\\') {
        const char pair[2] = {'\\', (char)c};
        return bus_buffer_add(buffer, pair, 2);
    }
    if (c >= '\b' && c <= '\r' && c != '\v') {
        const char pair[2] = {'\\', letters[c - '\b']};
        return bus_buffer_add(buffer, pair, 2);
    }
    snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)c);
    return bus_buffer_add(buffer, escape, 6);
}

/*
 * Copies plain ASCII while looking at it, which most strings are to their end. The last word overlaps
 * the one before, so that no byte is looked at alone. False at the first special byte.
 */
static inline bool copy_plain(char *to, const char *text, size_t length)
{
    uint64_t word;
    size_t i = 0;

    if (length < 8) {
        for (; i < length && is_plain((unsigned char)text[i]); i++)
            to[i] = text[i];
        return i == length;
    }
    for (; i < length; i += 8) {
        if (i > length - 8)
            i = length - 8;
        word = load_word(text + i);
        if (!is_plain_word(word))
            return false;
        memcpy(to + i, &word, sizeof(word));
    }
    return true;
}

static bool add_escaped(struct bus_buffer *buffer, const char *text, size_t length,
                        struct unstale_error *err)
{
    for (size_t i = 0; i < length; i++) {
        size_t run = bus_json_plain_run(text + i, length - i);
        if (!bus_buffer_add(buffer, text + i, run))
            return bus_fail_memory(err);
        i += run;
        if (i == length)
            break;
        if ((unsigned char)text[i] >= 0x80)
            return bus_fail(err, UNSTALE_REJECT, "not UTF-8 at byte %zu", i);
        if (!add_escape(buffer, (unsigned char)text[i]))
            return bus_fail_memory(err);
    }
    return bus_buffer_add_char(buffer, '"') || bus_fail_memory(err);
}

bool bus_json_string(struct bus_buffer *buffer, const char *text, size_t length,
                     struct unstale_error *err)
{
    size_t start = buffer->length;
    char *to;

    if (!bus_buffer_reserve(buffer, length + 2))
        return bus_fail_memory(err);
    to = buffer->data + start;
    to[0] = '"';
    if (copy_plain(to + 1, text, length)) {
        to[length + 1] = '"';
        buffer->length += length + 2;
        return true;
    }
    buffer->length++;
    if (add_escaped(buffer, text, length, err))
        return true;
    buffer->length = start;
    return false;
}

bool bus_json_member(struct bus_buffer *buffer, const char *name, size_t length,
                     struct unstale_error *err)
{
    size_t start = buffer->length;
    char *to;

    if (!bus_buffer_reserve(buffer, length + 4))
        return bus_fail_memory(err);
    to = buffer->data + start;
    to[0] = ',';
    to[1] = '"';
    if (copy_plain(to + 2, name, length)) {
        to[length + 2] = '"';
        to[length + 3] = ':';
        buffer->length += length + 4;
        return true;
    }
    buffer->length += 2;
    if (add_escaped(buffer, name, length, err) &&
        (bus_buffer_add_char(buffer, ':') || bus_fail_memory(err)))
        return true;
    buffer->length = start;
    return false;
}

/* Bits times log10(2), in 4096ths, is the number of digits or one less. */
static inline size_t digits_of(uint64_t value)
{
    static const uint64_t powers[] = {
        UINT64_C(1),
        UINT64_C(10),
        UINT64_C(100),
        UINT64_C(1000),
        UINT64_C(10000),
        UINT64_C(100000),
        UINT64_C(1000000),
        UINT64_C(10000000),
        UINT64_C(100000000),
        UINT64_C(1000000000),
        UINT64_C(10000000000),
        UINT64_C(100000000000),
        UINT64_C(1000000000000),
        UINT64_C(10000000000000),
        UINT64_C(100000000000000),
        UINT64_C(1000000000000000),
        UINT64_C(10000000000000000),
        UINT64_C(100000000000000000),
        UINT64_C(1000000000000000000),
        UINT64_C(10000000000000000000),
    };
    size_t guess = (size_t)(64 - __builtin_clzll(value | 1)) * 1233 >> 12;

    return guess + (value >= powers[guess] || guess == 0);
}

/* Two digits a step, from the end, into their place. */
static inline void write_digits(char *end, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";

    for (; value >= 100; value /= 100) {
        end -= 2;
        memcpy(end, pairs + value % 100 * 2, 2);
    }
    if (value >= 10)
        memcpy(end - 2, pairs + value * 2, 2);
    else
        end[-1] = (char)('0' + value);
}

bool bus_json_int(struct bus_buffer *buffer, int64_t value, struct unstale_error *err)
{
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t length = digits_of(rest) + (value < 0);

    if (!bus_buffer_reserve(buffer, length))
        return bus_fail_memory(err);
    if (value < 0)
        buffer->data[buffer->length] = '-';
    buffer->length += length;
    write_digits(buffer->data + buffer->length, rest);
    return true;
}

/* A double as 0.DIGITS times ten to the point. */
struct digits {
    char text[20];
    int nr;
    int point;
};

/*
 * Fifteen digits always survive in a normal double and seventeen tell any two apart; a subnormal
 * one may need as few as one.
 */
static void shortest_digits(double value, struct digits *digits)
{
    char text[32];
    const char *c = text;

    for (int precision = value < DBL_MIN ? 0 : 14; precision <= 16; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision, value);
        if (!(strtod(text, NULL) < value) && !(strtod(text, NULL) > value))
            break;
    }
    *digits = (struct digits){.nr = 0};
    for (; *c != 'e'; c++) {
        if (*c >= '0' && *c <= '9') /* and not the locale's decimal point */
            digits->text[digits->nr++] = *c;
    }
    digits->point = (int)strtol(c + 1, NULL, 10) + 1;
    while (digits->nr > 1 && digits->text[digits->nr - 1] == '0')
        digits->nr--;
}

/* 1.25e-07 */
static int layout_scientific(const struct digits *digits, char *text, size_t size)
{
    return snprintf(text, size, "%c%s%.*se%c%02d", digits->text[0], digits->nr > 1 ? "." : "",
                    digits->nr - 1, digits->text + 1, digits->point > 0 ? '+' : '-',
                    abs(digits->point - 1));
}

/* 0.00125, 12.5, 1250.0 */
static int layout_fixed(const struct digits *digits, char *text, size_t size)
{
    int whole = digits->point < digits->nr ? digits->point : digits->nr;

    if (digits->point <= 0)
        return snprintf(text, size, "0.%.*s%.*s", -digits->point, "000000", digits->nr,
                        digits->text);
    return snprintf(text, size, "%.*s%.*s.%.*s", whole, digits->text, digits->point - whole,
                    "0000000000000000", whole < digits->nr ? digits->nr - whole : 1,
                    whole < digits->nr ? digits->text + whole : "0");
}

bool bus_json_double(struct bus_buffer *buffer, double value, struct unstale_error *err)
{
    struct digits digits;
    char text[40] = "-";
    int length;

    if (!isfinite(value))
        return bus_fail(err, UNSTALE_REJECT, "not a finite number");
    shortest_digits(fabs(value), &digits);
    length = digits.point > -4 && digits.point <= 16 ? layout_fixed(&digits, text + 1, 39)
                                                     : layout_scientific(&digits, text + 1, 39);
    return bus_buffer_add(buffer, signbit(value) ? text : text + 1,
                          (size_t)length + (signbit(value) ? 1 : 0)) ||
           bus_fail_memory(err);
}

static size_t skip_digits(const char *text, size_t length, size_t i)
{
    while (i < length && text[i] >= '0' && text[i] <= '9')
        i++;
    return i;
}

size_t bus_json_number_length(const char *text, size_t length)
{
    size_t whole = length > 0 && text[0] == '-' ? 1 : 0;
    size_t i = skip_digits(text, length, whole);
    size_t start;

    if (i == whole || (i > whole + 1 && text[whole] == '0'))
        return 0;
    if (i < length && text[i] == '.') {
        start = i + 1;
        i = skip_digits(text, length, start);
        if (i == start)
            return 0;
    }
    if (i < length && (text[i] == 'e' || text[i] == 'E')) {
        start = i + 1;
        if (start < length && (text[start] == '+' || text[start] == '-'))
            start++;
        i = skip_digits(text, length, start);
        if (i == start)
            return 0;
    }
    return i;
}
