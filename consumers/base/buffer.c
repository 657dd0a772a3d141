#include "consumers/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/base/text.h"

enum { FIRST_BYTES = 256 };

void buffer_init(struct buffer *buffer)
{
    buffer->ptr = alloc_bytes(FIRST_BYTES);
    buffer->ptr[0] = '\0';
    buffer->len = 0;
    buffer->capacity = FIRST_BYTES;
}

void buffer_release(struct buffer *buffer)
{
    free(buffer->ptr);
    *buffer = (struct buffer){NULL, 0, 0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->len = 0;
    buffer->ptr[0] = '\0';
}

static void grow(struct buffer *buffer, size_t more)
{
    size_t need;

    if (__builtin_add_overflow(buffer->len, more, &need) || need > SIZE_MAX / 2 - 1)
        abort();
    buffer->capacity = need + 1 > 2 * buffer->capacity ? need + 1 : 2 * buffer->capacity;
    buffer->ptr = alloc_resize(buffer->ptr, buffer->capacity, 1);
}

char *buffer_reserve(struct buffer *buffer, size_t more)
{
    if (more >= buffer->capacity - buffer->len)
        grow(buffer, more);
    return buffer->ptr + buffer->len;
}

static void add_bytes(struct buffer *buffer, const char *bytes, size_t len)
{
    char *out = buffer_reserve(buffer, len);

    if (len > 0)
        memcpy(out, bytes, len);
    out[len] = '\0';
    buffer->len += len;
}

void buffer_add(struct buffer *buffer, struct slice text)
{
    add_bytes(buffer, text.ptr, text.len);
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
    add_bytes(buffer, text, strlen(text));
}

void buffer_add_char(struct buffer *buffer, char c)
{
    add_bytes(buffer, &c, 1);
}

void buffer_add_int(struct buffer *buffer, int64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        digits[--at] = '-';
    add_bytes(buffer, digits + at, sizeof(digits) - at);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buffer_vprintf(buffer, format, args);
    va_end(args);
}

void buffer_vprintf(struct buffer *buffer, const char *format, va_list args)
{
    va_list again;
    size_t room = buffer->capacity - buffer->len;
    int len;

    va_copy(again, args);
    len = vsnprintf(buffer->ptr + buffer->len, room, format, args);
    if (len < 0)
        abort();
    if ((size_t)len >= room)
        vsnprintf(buffer_reserve(buffer, (size_t)len), (size_t)len + 1, format, again);
    va_end(again);
    buffer->len += (size_t)len;
}

static bool is_plain_json(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void add_json_escape(struct buffer *buffer, unsigned char c)
{
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (size_t i = 0; i + 1 < sizeof(shorts); i += 2) {
        if (c == (unsigned char)shorts[i]) {
            add_bytes(buffer, (char[]){'\\', shorts[i + 1]}, 2);
            return;
        }
    }
    buffer_printf(buffer, "\\u%04x", c);
}

/* Adds what starts with a byte that is not plain ASCII; returns how much of the text that was. */
static size_t add_json_special(struct buffer *buffer, struct slice rest)
{
    uint32_t code_point;
    size_t len;

    if ((unsigned char)rest.ptr[0] < 0x80) {
        add_json_escape(buffer, (unsigned char)rest.ptr[0]);
        return 1;
    }
    len = text_decode(rest, &code_point);
    if (len == 0) {
        buffer_add_text(buffer, "\xef\xbf\xbd");
        return 1;
    }
    add_bytes(buffer, rest.ptr, len);
    return len;
}

void buffer_add_json_string(struct buffer *buffer, struct slice text)
{
    size_t at = 0;

    buffer_reserve(buffer, text.len + 2);
    buffer_add_char(buffer, '"');
    while (at < text.len) {
        size_t start = at;

        while (at < text.len && is_plain_json((unsigned char)text.ptr[at]))
            at++;
        add_bytes(buffer, text.ptr + start, at - start);
        if (at < text.len)
            at += add_json_special(buffer, (struct slice){text.ptr + at, text.len - at});
    }
    buffer_add_char(buffer, '"');
}

/*
 * Besides C0, DEL and C1: line and paragraph separator end a line for some viewers, and the
 * bidirectional controls make a terminal show another text than the one that is there.
 */
static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void buffer_add_printable(struct buffer *buffer, struct slice text)
{
    for (size_t at = 0; at < text.len;) {
        uint32_t code_point = 0;
        size_t len = text_decode((struct slice){text.ptr + at, text.len - at}, &code_point);

        if (len > 0 && !is_control(code_point)) {
            add_bytes(buffer, text.ptr + at, len);
            at += len;
            continue;
        }
        for (size_t i = 0; i < (len ? len : 1); i++)
            buffer_printf(buffer, "\\x%02x", (unsigned char)text.ptr[at++]);
    }
}

void buffer_add_base64(struct buffer *buffer, struct slice bytes)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = buffer_reserve(buffer, bytes.len / 3 * 4 + 4);

    for (size_t at = 0; at < bytes.len; at += 3) {
        size_t have = bytes.len - at < 3 ? bytes.len - at : 3;
        uint32_t word = 0;

        for (size_t i = 0; i < 3; i++)
            word = word << 8 | (i < have ? (unsigned char)bytes.ptr[at + i] : 0);
        for (size_t i = 0; i < 4; i++)
            *out++ = i <= have ? alphabet[word >> (18 - 6 * i) & 63] : '=';
    }
    *out = '\0';
    buffer->len = (size_t)(out - buffer->ptr);
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool buffer_add_from_base64(struct buffer *buffer, struct slice text)
{
    size_t padding = slice_ends_with(text, SLICE("==")) ? 2 : slice_ends_with(text, SLICE("="));
    char *out = buffer_reserve(buffer, text.len / 4 * 3);
    uint32_t word = 0;

    if (text.len % 4 != 0)
        return false;
    for (size_t at = 0; at < text.len; at++) {
        int digit = at < text.len - padding ? base64_digit(text.ptr[at]) : 0;

        if (digit < 0)
            return false;
        word = word << 6 | (uint32_t)digit;
        if (at % 4 != 3)
            continue;
        *out++ = (char)(word >> 16 & 0xff);
        *out++ = (char)(word >> 8 & 0xff);
        *out++ = (char)(word & 0xff);
    }
    buffer->len += text.len / 4 * 3 - padding;
    buffer->ptr[buffer->len] = '\0';
    return true;
}
