#include "consumers/base/duration.h"

#include <inttypes.h>
#include <stdio.h>

struct unit {
    struct slice name;
    int64_t ms;
};

/* The largest first. */
static const struct unit units[] = {
    {{"d", 1}, 86400000}, {{"h", 1}, 3600000}, {{"m", 1}, 60000}, {{"s", 1}, 1000}, {{"ms", 2}, 1},
};

static const int64_t longest_ms = (int64_t)36525 * 86400000;

static const struct unit *find_unit(struct slice name)
{
    for (size_t i = 0; i < ARRAY_NR(units); i++) {
        if (slice_equals(units[i].name, name))
            return &units[i];
    }
    return NULL;
}

bool duration_parse(struct slice text, int64_t *ms)
{
    const struct unit *unit;
    int64_t value = 0;
    size_t at = 0;

    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9') {
        value = value * 10 + (text.ptr[at++] - '0');
        if (value > longest_ms)
            return false;
    }
    if (at == 0)
        return false;
    unit = find_unit((struct slice){text.ptr + at, text.len - at});
    if (unit == NULL || value > longest_ms / unit->ms)
        return false;
    *ms = value * unit->ms;
    return true;
}

void duration_print(int64_t ms, char out[static DURATION_TEXT_BYTES])
{
    size_t i = 0;

    while (ms % units[i].ms != 0)
        i++;
    if (ms == 0)
        snprintf(out, DURATION_TEXT_BYTES, "0s");
    else
        snprintf(out, DURATION_TEXT_BYTES, "%" PRId64 "%s", ms / units[i].ms, units[i].name.ptr);
}
