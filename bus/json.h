/*
 * json - writes JSON, compactly: one value at a time at the end of a buffer.
 *
 * Strings are written as UTF-8, never as \u escapes except for control characters (RFC 8259, 7).
 * UTF-8 is taken strictly (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing above
 * U+10FFFF. When a call fails, what it had begun to add is taken back.
 */
#ifndef BUS_JSON_H
#define BUS_JSON_H

#include <stdint.h>

#include "bus/buffer.h"
#include "bus/error.h"

/* Bytes of the character that text begins with; 0 when it is none. */
size_t bus_utf8_length(const char *text, size_t length);

/* Characters in valid UTF-8. */
size_t bus_utf8_characters(const char *text, size_t length);

/* Bytes at the start that stand in a JSON string as they are: valid UTF-8 up to the first " \ or control. */
size_t bus_json_plain_run(const char *text, size_t length);

/*
 * The text in quotes, written to where there is room for it. Returns the end; NULL when it is not
 * plain, which most are: ASCII without " \ and control characters.
 */
char *bus_json_write_plain(char *to, const char *text, size_t length);

/* Any text in quotes. */
bool bus_json_special(struct bus_buffer *buffer, const char *text, size_t length,
                      struct unstale_error *err);

static inline bool bus_json_string(struct bus_buffer *buffer, const char *text, size_t length,
                                   struct unstale_error *err)
{
    char *end;

    if (!bus_buffer_reserve(buffer, length + 2))
        return bus_fail_memory(err);
    end = bus_json_write_plain(bus_buffer_end(buffer), text, length);
    if (!end)
        return bus_json_special(buffer, text, length, err);
    bus_buffer_end_at(buffer, end);
    return true;
}

enum { BUS_JSON_INT_BYTES = 32 };

/* Touches up to BUS_JSON_INT_BYTES; returns the end of those that count. */
char *bus_json_write_int(char *to, int64_t value);

static inline bool bus_json_int(struct bus_buffer *buffer, int64_t value, struct unstale_error *err)
{
    char *end;

    if (!bus_buffer_reserve(buffer, BUS_JSON_INT_BYTES))
        return bus_fail_memory(err);
    end = bus_json_write_int(bus_buffer_end(buffer), value);
    bus_buffer_end_at(buffer, end);
    return true;
}

/*
 * The shortest digits that read back as the same double, laid out as Python's repr() does (5.0,
 * 1e+16), whatever the locale. Refuses NaN and infinity.
 */
bool bus_json_double(struct bus_buffer *buffer, double value, struct unstale_error *err);

/* Bytes of the JSON number that text begins with; 0 when it is none. */
size_t bus_json_number_length(const char *text, size_t length);

/* Checks that text is one JSON value, nested no deeper than UNSTALE_JSON_DEPTH, and adds it without
 * the white space between its tokens (json_copy.c). */
bool bus_json_copy(struct bus_buffer *buffer, const char *text, size_t length,
                   struct unstale_error *err);

#endif
