/*
 * buffer - growing bytes on the heap, for what is written out: commands, JSON, log lines, pages.
 *
 * Invariant: ptr is never NULL after buffer_init(), and ptr[len] is always NUL, so ptr is a C
 * string whenever the contents hold no NUL. Cleared buffers keep their memory.
 */
#ifndef CONSUMERS_BASE_BUFFER_H
#define CONSUMERS_BASE_BUFFER_H

#include <stdarg.h>
#include <stdint.h>

#include "consumers/base/compiler.h"
#include "consumers/base/slice.h"

struct buffer {
    char *ptr;
    size_t len;
    size_t capacity;
};

void buffer_init(struct buffer *buffer);
void buffer_release(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);

/*
 * Room for `more` bytes and a NUL beyond len; returns where they start. Follow with len += what was
 * written; the NUL is the caller's to put back unless something else is added.
 */
char *buffer_reserve(struct buffer *buffer, size_t more);

void buffer_add(struct buffer *buffer, struct slice text);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_add_char(struct buffer *buffer, char c);
void buffer_add_int(struct buffer *buffer, int64_t number);
void buffer_printf(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
void buffer_vprintf(struct buffer *buffer, const char *format, va_list args) PRINTF_LIKE(2, 0);

/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void buffer_add_json_string(struct buffer *buffer, struct slice text);

/*
 * For people and logs: printable UTF-8 as it is, control characters and bytes that are no UTF-8 as
 * \xNN, so that nothing from an event can break a line or steer a terminal.
 */
void buffer_add_printable(struct buffer *buffer, struct slice text);

void buffer_add_base64(struct buffer *buffer, struct slice bytes);
/* The way back: padded, no blanks. False, and nothing added, for other text. */
bool buffer_add_from_base64(struct buffer *buffer, struct slice text) CHECKED;

static inline struct slice buffer_slice(const struct buffer *buffer)
{
    return (struct slice){buffer->ptr, buffer->len};
}

#endif
