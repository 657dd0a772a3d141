#include "tests/unit/rules/event_of.h"

#include <check.h>

#include "consumers/event/decode.h"

struct event *event_of(const char *json, struct arena *arena)
{
    struct record record = {.timestamp_ms = -1, .value = slice_of(json)};
    struct event *event = arena_zero(arena, 1, sizeof(*event));
    struct error err = ERROR_INIT;
    const char *skipped = NULL;
    enum decode_result result = decode_record(&record, NULL, arena, event, &skipped, &err);

    ck_assert_msg(result == DECODE_EVENT, "%s: %s", json, err.text);
    return event;
}
