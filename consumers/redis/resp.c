#include "consumers/redis/resp.h"

#include <string.h>

enum { HEADER_BYTES = 24 }; /* a type byte, 20 digits, CR LF, and room for a sign */

/* The digits of number, right-aligned before end; returns where they begin. */
static char *digits(char *end, uint64_t number)
{
    do {
        *--end = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return end;
}

static char *put_long(char *at, size_t number)
{
    char text[HEADER_BYTES];
    char *end = text + sizeof(text);
    char *begin = digits(end, number);
    size_t len = (size_t)(end - begin);

    memcpy(at, begin, len);
    return at + len;
}

/* Almost every length has one digit or two: those go where they belong at once. */
static char *put_header(char *at, char type, size_t number)
{
    *at++ = type;
    if (number < 100) {
        if (number >= 10)
            *at++ = (char)('0' + number / 10);
        *at++ = (char)('0' + number % 10);
    } else {
        at = put_long(at, number);
    }
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

void resp_begin(struct buffer *out, size_t arguments)
{
    char *start = buffer_reserve(out, HEADER_BYTES);

    out->len += (size_t)(put_header(start, '*', arguments) - start);
    out->ptr[out->len] = '\0';
}

void resp_bulk(struct buffer *out, struct slice argument)
{
    char *start = buffer_reserve(out, HEADER_BYTES + argument.len + 2);
    char *at = put_header(start, '$', argument.len);

    if (argument.len > 0)
        memcpy(at, argument.ptr, argument.len);
    at += argument.len;
    *at++ = '\r';
    *at++ = '\n';
    *at = '\0';
    out->len += (size_t)(at - start);
}

void resp_bulk_int(struct buffer *out, int64_t number)
{
    char text[HEADER_BYTES];
    char *end = text + sizeof(text);
    char *begin = digits(end, number < 0 ? -(uint64_t)number : (uint64_t)number);

    if (number < 0)
        *--begin = '-';
    resp_bulk(out, (struct slice){begin, (size_t)(end - begin)});
}

void resp_command(struct buffer *out, const struct slice *arguments, size_t n)
{
    resp_begin(out, n);
    for (size_t i = 0; i < n; i++)
        resp_bulk(out, arguments[i]);
}
