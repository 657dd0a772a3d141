#include "consumers/cli/time_arg.h"

#include <time.h>

#include "consumers/base/duration.h"
#include "consumers/event/instant.h"

bool time_arg_parse(const char *text, int64_t now_ms, int64_t *ms)
{
    int64_t before_ms;

    if (!duration_parse(slice_of(text), &before_ms))
        return instant_parse(slice_of(text), ms);
    *ms = now_ms - before_ms;
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
