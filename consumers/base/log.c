#include "consumers/base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "consumers/base/buffer.h"
#include "consumers/base/compiler.h"

enum { STUCK_READER_MS = 100 };

/* The globals the header names. NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables) */
static _Atomic int least_level = LOG_LEVEL_INFO;
static _Atomic int form = LOG_FORMAT_TEXT;
static _Atomic int descriptor = STDERR_FILENO;
/* NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables) */

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

void log_configure(enum log_level level, enum log_format format, int fd)
{
    atomic_store_explicit(&least_level, (int)level, memory_order_relaxed);
    atomic_store_explicit(&form, (int)format, memory_order_relaxed);
    atomic_store_explicit(&descriptor, fd, memory_order_relaxed);
}

bool log_is_on(enum log_level level)
{
    return level != LOG_LEVEL_OFF &&
           (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

bool log_level_parse(struct slice text, enum log_level *level)
{
    for (size_t i = 0; i < ARRAY_NR(level_names); i++) {
        if (slice_equals(text, slice_of(level_names[i]))) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static void add_time(struct buffer *line)
{
    struct timespec now;
    struct tm utc;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    buffer_printf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", utc.tm_year + 1900, utc.tm_mon + 1,
                  utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000);
}

static bool needs_quotes(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c <= ' ' || c == '"' || c == '=' || c == '\\')
            return true;
    }
    return text.len == 0;
}

static void add_text_value(struct buffer *line, struct slice text)
{
    size_t start = 0;

    if (!needs_quotes(text)) {
        buffer_add_printable(line, text);
        return;
    }
    buffer_add_char(line, '"');
    for (size_t at = 0; at < text.len; at++) {
        if (text.ptr[at] != '"' && text.ptr[at] != '\\')
            continue;
        buffer_add_printable(line, (struct slice){text.ptr + start, at - start});
        buffer_add_char(line, '\\');
        start = at;
    }
    buffer_add_printable(line, (struct slice){text.ptr + start, text.len - start});
    buffer_add_char(line, '"');
}

static void add_text_line(struct buffer *line, enum log_level level, const char *message,
                          const struct log_field *fields, size_t nr)
{
    add_time(line);
    buffer_printf(line, " %-5s ", level_names[level]);
    buffer_add_printable(line, slice_of(message));
    for (size_t i = 0; i < nr; i++) {
        buffer_printf(line, " %s=", fields[i].name);
        if (slice_is_absent(fields[i].text))
            buffer_add_int(line, fields[i].number);
        else
            add_text_value(line, fields[i].text);
    }
}

static void add_json_line(struct buffer *line, enum log_level level, const char *message,
                          const struct log_field *fields, size_t nr)
{
    buffer_add_text(line, "{\"ts\":\"");
    add_time(line);
    buffer_printf(line, "\",\"level\":\"%s\",\"msg\":", level_names[level]);
    buffer_add_json_string(line, slice_of(message));
    for (size_t i = 0; i < nr; i++) {
        buffer_add_char(line, ',');
        buffer_add_json_string(line, slice_of(fields[i].name));
        buffer_add_char(line, ':');
        if (slice_is_absent(fields[i].text))
            buffer_add_int(line, fields[i].number);
        else
            buffer_add_json_string(line, fields[i].text);
    }
    buffer_add_char(line, '}');
}

/* A reader that stands still for long loses the rest of the line: the service must not wait. */
static void write_out(int fd, struct slice line)
{
    while (line.len > 0) {
        ssize_t done = write(fd, line.ptr, line.len);

        if (done >= 0) {
            line.ptr += done;
            line.len -= (size_t)done;
        } else if (errno == EAGAIN) {
            struct pollfd ready = {fd, POLLOUT, 0};

            if (poll(&ready, 1, STUCK_READER_MS) == 0)
                return;
        } else if (errno != EINTR) {
            return;
        }
    }
}

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t nr)
{
    struct buffer line;
    int errno_before = errno;

    if (!log_is_on(level))
        return;
    buffer_init(&line);
    if (atomic_load_explicit(&form, memory_order_relaxed) == LOG_FORMAT_JSON)
        add_json_line(&line, level, message, fields, nr);
    else
        add_text_line(&line, level, message, fields, nr);
    buffer_add_char(&line, '\n');
    write_out(atomic_load_explicit(&descriptor, memory_order_relaxed), buffer_slice(&line));
    buffer_release(&line);
    errno = errno_before;
}

void log_plain(enum log_level level, const char *message)
{
    log_write(level, message, NULL, 0);
}
