#include "consumers/event/instant.h"

struct cursor {
    const char *at;
    const char *end;
};

static bool read_digits(struct cursor *cursor, int nr, int64_t *number)
{
    *number = 0;
    for (; nr > 0; nr--, cursor->at++) {
        if (cursor->at == cursor->end || *cursor->at < '0' || *cursor->at > '9')
            return false;
        *number = *number * 10 + (*cursor->at - '0');
    }
    return true;
}

static bool read_one_of(struct cursor *cursor, const char *characters)
{
    if (cursor->at == cursor->end || *cursor->at == '\0' || !strchr(characters, *cursor->at))
        return false;
    cursor->at++;
    return true;
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar; the year begins in March. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = year - (month <= 2);
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static bool read_date(struct cursor *cursor, int64_t *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year;
    int64_t month;
    int64_t day;
    bool is_leap;

    if (!read_digits(cursor, 4, &year) || !read_one_of(cursor, "-") ||
        !read_digits(cursor, 2, &month) || !read_one_of(cursor, "-") ||
        !read_digits(cursor, 2, &day) || year < 1 || month < 1 || month > 12 || day < 1)
        return false;
    is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    *days = days_of(year, month, day);
    return day <= lengths[month - 1] + (month == 2 && is_leap);
}

static bool read_fraction(struct cursor *cursor, int64_t *ms)
{
    const char *begin;
    int64_t unit = 100;

    *ms = 0;
    if (!read_one_of(cursor, "."))
        return true;
    for (begin = cursor->at; read_one_of(cursor, "0123456789"); unit /= 10)
        *ms += (cursor->at[-1] - '0') * unit;
    return cursor->at > begin;
}

static bool read_clock(struct cursor *cursor, int64_t *ms)
{
    int64_t hour;
    int64_t minute;
    int64_t second;
    int64_t fraction;

    if (!read_digits(cursor, 2, &hour) || !read_one_of(cursor, ":") ||
        !read_digits(cursor, 2, &minute) || !read_one_of(cursor, ":") ||
        !read_digits(cursor, 2, &second) || !read_fraction(cursor, &fraction))
        return false;
    *ms = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
    return hour < 24 && minute < 60 && second <= 60;
}

static bool read_offset(struct cursor *cursor, int64_t *ms)
{
    int64_t hour;
    int64_t minute;
    bool is_west;

    *ms = 0;
    if (read_one_of(cursor, "Zz"))
        return true;
    is_west = cursor->at < cursor->end && *cursor->at == '-';
    if (!read_one_of(cursor, "+-") || !read_digits(cursor, 2, &hour) || !read_one_of(cursor, ":") ||
        !read_digits(cursor, 2, &minute))
        return false;
    *ms = (hour * 60 + minute) * 60000 * (is_west ? -1 : 1);
    return hour < 24 && minute < 60;
}

bool instant_parse(struct slice text, int64_t *ms)
{
    struct cursor cursor = {text.ptr, text.ptr + text.len};
    int64_t days;
    int64_t clock;
    int64_t offset;

    if (!read_date(&cursor, &days) || !read_one_of(&cursor, "Tt ") ||
        !read_clock(&cursor, &clock) || !read_offset(&cursor, &offset) || cursor.at != cursor.end)
        return false;
    *ms = days * INT64_C(86400000) + clock - offset;
    return true;
}
