#include "consumers/cli/time_arg.h"

#include <string.h>
#include <time.h>

#include "consumers/base/duration.h"
#include "consumers/event/instant.h"

enum { EPOCH_DIGITS_MIN = 11, EPOCH_DIGITS_MAX = 15 }; /* fewer are seconds, and meant as such */

static bool parse_epoch_ms(struct slice text, int64_t *ms)
{
    if (text.len < EPOCH_DIGITS_MIN || text.len > EPOCH_DIGITS_MAX)
        return false;
    *ms = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        *ms = *ms * 10 + (text.ptr[i] - '0');
    }
    return true;
}

static bool parse_ago(struct slice text, int64_t *before_ms)
{
    if (slice_starts_with(text, SLICE("-")))
        return duration_parse((struct slice){text.ptr + 1, text.len - 1}, before_ms);
    if (slice_ends_with(text, SLICE(" ago")))
        text.len -= strlen(" ago");
    return duration_parse(text, before_ms);
}

bool time_arg_parse(const char *text, int64_t now_ms, int64_t *ms)
{
    int64_t before_ms = 0;

    if (strcmp(text, "now") != 0 && !parse_ago(slice_of(text), &before_ms))
        return parse_epoch_ms(slice_of(text), ms) || instant_parse(slice_of(text), ms);
    *ms = now_ms > before_ms ? now_ms - before_ms : 0;
    return true;
}

void time_arg_print(int64_t ms, struct buffer *out)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[32];

    if (ms < 0 || !gmtime_r(&seconds, &parts)) {
        buffer_add_char(out, '-');
        return;
    }
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    buffer_printf(out, "%s.%03dZ", text, (int)(ms % 1000));
}
