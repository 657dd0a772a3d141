#include "bus/json.h"

#include <endian.h>
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

/*
 * Eight bytes at once: the highest bit of those that are not plain ASCII. A borrow may add others
 * above the lowest, which is right. With its second bit turned, a quote is below 0x21 and every
 * control character still is.
 */
static inline uint64_t special_bytes(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t below = (word ^ (ones * 0x02)) - ones * 0x21;
    uint64_t backslash = (word ^ (ones * '\\')) - ones;

    return (word | below | backslash) & (ones * 0x80);
}

static inline uint64_t load_word(const char *text)
{
    uint64_t word;

    memcpy(&word, text, sizeof(word));
    return word;
}

static inline uint32_t load_half(const char *text)
{
    uint32_t half;

    memcpy(&half, text, sizeof(half));
    return half;
}

/* Where the first byte from i on is that is not plain ASCII; length when there is none. */
static inline size_t skip_ascii(const char *text, size_t i, size_t length)
{
    uint64_t special;

    for (; length - i >= 8; i += 8) {
        special = special_bytes(le64toh(load_word(text + i)));
        if (special)
            return i + (size_t)__builtin_ctzll(special) / 8;
    }
    if (i < length && length >= 8) {
        /* The last eight bytes without those seen before; the zeros behind them are special too. */
        special = special_bytes(le64toh(load_word(text + length - 8)) >> (8 - (length - i)) * 8);
        return i + (size_t)__builtin_ctzll(special) / 8;
    }
    while (i < length && is_plain((unsigned char)text[i]))
        i++;
    return i;
}

size_t bus_json_plain_run(const char *text, size_t length)
{
    size_t i = 0;
    size_t character;

    for (;;) {
        i = skip_ascii(text, i, length);
        if (i == length || (unsigned char)text[i] < 0x80)
            return i;
        do {
            character = bus_utf8_length(text + i, length - i);
            if (character == 0)
                return i;
            i += character;
        } while (i < length && (unsigned char)text[i] >= 0x80);
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

/* The text as it stands within quotes, and the closing one. */
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

bool bus_json_special(struct bus_buffer *buffer, const char *text, size_t length,
                      struct unstale_error *err)
{
    size_t start = buffer->length;

    if (!bus_buffer_add_char(buffer, '"'))
        return bus_fail_memory(err);
    if (add_escaped(buffer, text, length, err))
        return true;
    buffer->length = start;
    return false;
}

/*
 * Each copies plain ASCII while looking at it, and returns 0 if it was that. The last part overlaps
 * the one before, so that no byte but those of the shortest texts is looked at alone.
 */
static inline uint64_t copy_bytes(char *to, const char *text, size_t length)
{
    unsigned char first, middle, last;

    if (length == 0)
        return 0;
    first = (unsigned char)text[0];
    middle = (unsigned char)text[length / 2];
    last = (unsigned char)text[length - 1];
    to[0] = (char)first;
    to[length / 2] = (char)middle;
    to[length - 1] = (char)last;
    return !(is_plain(first) && is_plain(middle) && is_plain(last));
}

static inline uint64_t copy_halves(char *to, const char *text, size_t length)
{
    uint32_t first = load_half(text), last = load_half(text + length - 4);

    memcpy(to, &first, 4);
    memcpy(to + length - 4, &last, 4);
    return special_bytes(first | (uint64_t)last << 32);
}

static inline uint64_t copy_two_words(char *to, const char *text, size_t length)
{
    uint64_t first = load_word(text), last = load_word(text + length - 8);

    memcpy(to, &first, 8);
    memcpy(to + length - 8, &last, 8);
    return special_bytes(first) | special_bytes(last);
}

static inline char *put_quotes(char *to, size_t length)
{
    to[0] = '"';
    to[length + 1] = '"';
    return to + length + 2;
}

/* More than 16 bytes. */
BUS_SELDOM static char *write_long_plain(char *to, const char *text, size_t length)
{
    size_t i = 0;

    for (; length - i > 16; i += 8) {
        uint64_t word = load_word(text + i);
        if (special_bytes(word))
            return NULL;
        memcpy(to + 1 + i, &word, sizeof(word));
    }
    return copy_two_words(to + 1 + i, text + i, length - i) ? NULL : put_quotes(to, length);
}

char *bus_json_write_plain(char *to, const char *text, size_t length)
{
    uint64_t special;

    if (length > 16)
        return write_long_plain(to, text, length);
    special = length < 4   ? copy_bytes(to + 1, text, length)
              : length < 8 ? copy_halves(to + 1, text, length)
                           : copy_two_words(to + 1, text, length);
    return special ? NULL : put_quotes(to, length);
}

/* Integers are written eight digits at a time. */
#define EIGHT UINT64_C(100000000)
#define ASCII_ZEROS UINT64_C(0x3030303030303030)

/* The digits of a number below 10^8, one a byte and the first one lowest, by halves all at once. */
static inline uint64_t eight_digits(uint32_t value)
{
    uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t hundreds = (fours * 5243 >> 19) & UINT64_C(0x0000007f0000007f);
    uint64_t twos = hundreds | (fours - hundreds * 100) << 16;
    uint64_t tens = (twos * 103 >> 10) & UINT64_C(0x000f000f000f000f);

    return tens | (twos - tens * 10) << 8;
}

/* Writes eight bytes, of which as many count as the number has digits. Returns their end. */
static inline char *write_first_digits(char *to, uint32_t value)
{
    uint64_t digits = eight_digits(value);
    unsigned zeros = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) / 8;

    digits = htole64((digits | ASCII_ZEROS) >> zeros * 8);
    memcpy(to, &digits, sizeof(digits));
    return to + 8 - zeros;
}

static inline char *write_next_digits(char *to, uint32_t value)
{
    uint64_t digits = htole64(eight_digits(value) | ASCII_ZEROS);

    memcpy(to, &digits, sizeof(digits));
    return to + 8;
}

char *bus_json_write_int(char *to, int64_t value)
{
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    if ((uint64_t)value < 10) {
        *to = (char)('0' + value);
        return to + 1;
    }
    *to = '-';
    to += value < 0;
    if (rest < EIGHT)
        return write_first_digits(to, (uint32_t)rest);
    if (rest < EIGHT * EIGHT) {
        to = write_first_digits(to, (uint32_t)(rest / EIGHT));
    } else {
        to = write_first_digits(to, (uint32_t)(rest / (EIGHT * EIGHT)));
        to = write_next_digits(to, (uint32_t)(rest / EIGHT % EIGHT));
    }
    return write_next_digits(to, (uint32_t)(rest % EIGHT));
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
