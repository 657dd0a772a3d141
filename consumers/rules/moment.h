/*
 * moment - a date or date-time as events carry it (ISO 8601 text), printed as Python prints it.
 *
 * Fields keep the text's own clock reading and offset: nothing is converted between time zones. A
 * text without offset is UTC where a point in time is asked for. Fractions beyond microseconds are
 * cut, as datetime.fromisoformat does.
 * Source: Python 3 manual, datetime; RFC 3339.
 */
#ifndef CONSUMERS_RULES_MOMENT_H
#define CONSUMERS_RULES_MOMENT_H

#include <stdbool.h>

#include "consumers/base/arena.h"

struct moment {
    int year, month, day, hour, minute, second, microsecond;
    bool has_time, has_t; /* `T`, not a blank, before the time */
    bool has_offset;
    int offset_seconds; /* east of UTC */
};

/* False when the text is no date or date-time, or one that does not exist. */
bool moment_parse(struct slice text, struct moment *out);

/* str(datetime): blank, +00:00, microseconds only when there are any. */
struct slice moment_str(const struct moment *moment, struct arena *arena);

/* repr(datetime.timestamp()): the shortest text that reads back as the same double. */
struct slice moment_timestamp(const struct moment *moment, struct arena *arena);

/* strftime of a format that moment_format_check() accepted. */
struct slice moment_format(const struct moment *moment, struct slice format, struct arena *arena);

/* NULL, or where the first directive stands that is not known. */
const char *moment_format_check(struct slice format);

#endif
