#include "bus/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *unstale_error_kind_name(enum unstale_error_kind kind)
{
    static const char *const names[] = {"ok", "reject", "retry", "fatal", "forked"};

    return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

/* Drops the last character when only its first bytes are there. */
static void trim_cut_character(char *text, size_t length)
{
    size_t start = length;

    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start > 0 && (unsigned char)text[start - 1] >= 0xc0)
        text[start - 1] = '\0';
}

static void BUS_PRINTF_LIKE(3, 0)
    format_line(char *text, size_t size, const char *format, va_list args)
{
    int length = vsnprintf(text, size, format, args);

    if (length < 0)
        text[0] = '\0';
    else if ((size_t)length >= size)
        trim_cut_character(text, size - 1);
    for (char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
}

bool bus_fail(struct unstale_error *err, enum unstale_error_kind kind, const char *format, ...)
{
    va_list args;

    if (!err || err->kind != UNSTALE_OK)
        return false;
    va_start(args, format);
    format_line(err->text, sizeof(err->text), format, args);
    va_end(args);
    err->kind = kind;
    return false;
}

bool bus_fail_memory(struct unstale_error *err)
{
    return bus_fail(err, UNSTALE_RETRY, "out of memory");
}

void bus_error_wrap(struct unstale_error *err, const char *format, ...)
{
    char context[UNSTALE_ERROR_TEXT_BYTES];
    char text[UNSTALE_ERROR_TEXT_BYTES];
    va_list args;
    int length;

    if (!err || err->kind == UNSTALE_OK)
        return;
    va_start(args, format);
    format_line(context, sizeof(context), format, args);
    va_end(args);
    memcpy(text, err->text, sizeof(text));
    length = snprintf(err->text, sizeof(err->text), "%s: %s", context, text);
    if (length >= (int)sizeof(err->text))
        trim_cut_character(err->text, sizeof(err->text) - 1);
}

bool bus_error_copy(struct unstale_error *err, const struct unstale_error *from)
{
    if (err && err->kind == UNSTALE_OK)
        *err = *from;
    return false;
}
