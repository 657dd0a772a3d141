/*
 * log - one line an event of the service's life; traffic is counted, never logged; no payloads.
 *
 *   log_info("rules loaded", LOG_TEXT("hash", hash), LOG_INT("rules", nr));
 *
 * Text form: `2026-11-25T10:00:00.123Z info  rules loaded hash=9f… rules=12`; JSON form: one object
 * with ts, level, msg and the fields. Values are escaped: nothing in them can break the line.
 * Thread-safe: a line is one write(2). Level, form and descriptor are the only mutable globals;
 * they are set at start and on reload.
 */
#ifndef CONSUMERS_BASE_LOG_H
#define CONSUMERS_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consumers/base/slice.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVEL_OFF };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_field {
    const char *name;
    struct slice text; /* absent: number holds the value */
    int64_t number;
};

#define LOG_TEXT(name, value) ((struct log_field){(name), slice_of(value), 0})
#define LOG_SLICE(name, value) ((struct log_field){(name), (value), 0})
#define LOG_INT(name, value) ((struct log_field){(name), SLICE_ABSENT, (int64_t)(value)})

void log_configure(enum log_level level, enum log_format format, int fd);
bool log_is_on(enum log_level level);
bool log_level_parse(struct slice text, enum log_level *level);

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t nr);

/* A line without fields. */
void log_plain(enum log_level level, const char *message);

/* message is a literal; one field at least carries what varies. */
#define log_line(level, message, ...)                                                              \
    log_write((level), (message), (const struct log_field[]){__VA_ARGS__},                         \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
