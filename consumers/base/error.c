#include "consumers/base/error.h"

#include <stdarg.h>
#include <string.h>

#include "consumers/base/buffer.h"

/* Cuts at the room there is, but not inside a character. */
static void set_text(struct error *err, const struct buffer *line)
{
    size_t len = line->len;

    if (len >= sizeof(err->text)) {
        len = sizeof(err->text) - 1;
        while (len > 0 && ((unsigned char)line->ptr[len] & 0xc0) == 0x80)
            len--;
    }
    memcpy(err->text, line->ptr, len);
    err->text[len] = '\0';
}

PRINTF_LIKE(2, 0)
static void add_message(struct buffer *line, const char *format, va_list args)
{
    struct buffer raw;

    buffer_init(&raw);
    buffer_vprintf(&raw, format, args);
    buffer_add_printable(line, buffer_slice(&raw));
    buffer_release(&raw);
}

bool error_fail(struct error *err, enum error_kind kind, const char *format, ...)
{
    struct buffer line;
    va_list args;

    if (err == NULL || err->kind != ERROR_NONE)
        return false;
    buffer_init(&line);
    va_start(args, format);
    add_message(&line, format, args);
    va_end(args);
    set_text(err, &line);
    err->kind = kind;
    buffer_release(&line);
    return false;
}

void error_wrap(struct error *err, const char *format, ...)
{
    struct buffer line;
    va_list args;

    if (err == NULL || err->kind == ERROR_NONE)
        return;
    buffer_init(&line);
    va_start(args, format);
    add_message(&line, format, args);
    va_end(args);
    buffer_add_text(&line, ": ");
    buffer_add_text(&line, err->text);
    set_text(err, &line);
    buffer_release(&line);
}

void error_clear(struct error *err)
{
    err->kind = ERROR_NONE;
    err->text[0] = '\0';
}
