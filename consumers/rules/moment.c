#include "consumers/rules/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "consumers/rules/python.h"

struct reader {
    const char *at, *end;
};

static bool read_digits(struct reader *in, int nr, int *out)
{
    *out = 0;
    if (in->end - in->at < nr)
        return false;
    for (int i = 0; i < nr; i++, in->at++) {
        if (*in->at < '0' || *in->at > '9')
            return false;
        *out = *out * 10 + (*in->at - '0');
    }
    return true;
}

static bool read_char(struct reader *in, char c)
{
    if (in->at == in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && is_leap);
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t days_since_epoch(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = month <= 2 ? month + 9 : month - 3;

    return 365 * y + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 719469;
}

static bool read_date(struct reader *in, struct moment *out)
{
    return read_digits(in, 4, &out->year) && read_char(in, '-') &&
           read_digits(in, 2, &out->month) && read_char(in, '-') && read_digits(in, 2, &out->day) &&
           out->year >= 1 && out->month >= 1 && out->month <= 12 && out->day >= 1 &&
           out->day <= days_in_month(out->year, out->month);
}

static bool read_fraction(struct reader *in, struct moment *out)
{
    int digits = 0;

    for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++, digits++) {
        if (digits < 6)
            out->microsecond = out->microsecond * 10 + (*in->at - '0');
    }
    for (int i = digits; i < 6; i++)
        out->microsecond *= 10;
    return digits > 0;
}

static bool read_time(struct reader *in, struct moment *out)
{
    if (!read_digits(in, 2, &out->hour) || !read_char(in, ':') || !read_digits(in, 2, &out->minute))
        return false;
    if (read_char(in, ':')) {
        if (!read_digits(in, 2, &out->second))
            return false;
        if ((read_char(in, '.') || read_char(in, ',')) && !read_fraction(in, out))
            return false;
    }
    return out->hour <= 23 && out->minute <= 59 && out->second <= 59;
}

/* Z, +02, +0200, +02:00 or +02:00:30. */
static bool read_offset(struct reader *in, struct moment *out)
{
    int sign, hours, minutes = 0, seconds = 0;

    if (in->at == in->end)
        return true;
    out->has_offset = true;
    if (read_char(in, 'Z'))
        return true;
    sign = *in->at == '-' ? -1 : 1;
    if ((!read_char(in, '-') && !read_char(in, '+')) || !read_digits(in, 2, &hours))
        return false;
    if (in->at < in->end && ((void)read_char(in, ':'), !read_digits(in, 2, &minutes)))
        return false;
    if (in->at < in->end && ((void)read_char(in, ':'), !read_digits(in, 2, &seconds)))
        return false;
    out->offset_seconds = sign * (hours * 3600 + minutes * 60 + seconds);
    return hours <= 23 && minutes <= 59 && seconds <= 59;
}

bool moment_parse(struct slice text, struct moment *out)
{
    struct reader in = {text.ptr, text.ptr + text.len};

    *out = (struct moment){0};
    if (!read_date(&in, out))
        return false;
    if (in.at == in.end)
        return true;
    out->has_t = *in.at == 'T';
    out->has_time = true;
    if (!read_char(&in, 'T') && !read_char(&in, ' '))
        return false;
    return read_time(&in, out) && read_offset(&in, out) && in.at == in.end;
}

static int print_offset(const struct moment *moment, const char *colon, char *out, size_t bytes)
{
    int seconds = abs(moment->offset_seconds);
    int len = snprintf(out, bytes, "%c%02d%s%02d", moment->offset_seconds < 0 ? '-' : '+',
                       seconds / 3600, colon, seconds / 60 % 60);

    if (seconds % 60)
        len += snprintf(out + len, bytes - (size_t)len, "%s%02d", colon, seconds % 60);
    return len;
}

struct slice moment_str(const struct moment *moment, struct arena *arena)
{
    char text[64], offset[16] = "", micro[16] = "";

    if (moment->microsecond)
        snprintf(micro, sizeof(micro), ".%06d", moment->microsecond);
    if (moment->has_offset)
        print_offset(moment, ":", offset, sizeof(offset));
    snprintf(text, sizeof(text), "%04d-%02d-%02d %02d:%02d:%02d%s%s", moment->year, moment->month,
             moment->day, moment->hour, moment->minute, moment->second, micro, offset);
    return arena_copy(arena, slice_of(text));
}

struct slice moment_timestamp(const struct moment *moment, struct arena *arena)
{
    int64_t seconds = days_since_epoch(moment->year, moment->month, moment->day) * 86400 +
                      moment->hour * 3600 + moment->minute * 60 + moment->second -
                      moment->offset_seconds;
    int64_t micros = seconds * 1000000 + moment->microsecond;
    char text[PYTHON_FLOAT_BYTES];
    size_t len;

    /* Through decimal text: one correctly rounded step, as Python's integer division is. */
    snprintf(text, sizeof(text), "%lldE-6", (long long)micros);
    len = python_float(strtod(text, NULL), text);
    return arena_copy(arena, (struct slice){text, len});
}

static const char directives[] = "YmdHMSfyjbBaApIuwUWVGzeFT%";

const char *moment_format_check(struct slice format)
{
    const char *end = format.ptr + format.len;

    for (const char *at = format.ptr; at < end; at++) {
        if (*at != '%')
            continue;
        if (at + 1 == end || at[1] == '\0' || strchr(directives, at[1]) == NULL)
            return at;
        at++;
    }
    return NULL;
}

static struct tm moment_tm(const struct moment *moment)
{
    int64_t days = days_since_epoch(moment->year, moment->month, moment->day);

    return (struct tm){
        .tm_year = moment->year - 1900,
        .tm_mon = moment->month - 1,
        .tm_mday = moment->day,
        .tm_hour = moment->hour,
        .tm_min = moment->minute,
        .tm_sec = moment->second,
        .tm_wday = (int)(((days + 4) % 7 + 7) % 7),
        .tm_yday = (int)(days - days_since_epoch(moment->year, 1, 1)),
    };
}

/* Callers checked the directive; the program runs in the C locale, so names are English. */
static size_t print_directive(const struct moment *moment, char directive, char *out, size_t bytes)
{
    char one[] = {'%', directive, '\0'};
    struct tm tm;

    if (directive == 'f')
        return (size_t)snprintf(out, bytes, "%06d", moment->microsecond);
    if (directive == 'z')
        return moment->has_offset ? (size_t)print_offset(moment, "", out, bytes) : 0;
    tm = moment_tm(moment);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    return strftime(out, bytes, one, &tm);
#pragma GCC diagnostic pop
}

struct slice moment_format(const struct moment *moment, struct slice format, struct arena *arena)
{
    struct sink sink;

    sink_init(&sink, arena);
    for (size_t i = 0; i < format.len; i++) {
        char text[64];

        if (format.ptr[i] != '%') {
            sink_add_char(&sink, format.ptr[i]);
            continue;
        }
        sink_add(&sink, (struct slice){
                            text, print_directive(moment, format.ptr[++i], text, sizeof(text))});
    }
    return sink_slice(&sink);
}
