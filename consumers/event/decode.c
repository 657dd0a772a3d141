#include "consumers/event/decode.h"

#include <stdio.h>

#include "consumers/base/compiler.h"
#include "consumers/event/envelope.h"
#include "consumers/event/tree.h"

static const int64_t day_ms = INT64_C(24) * 60 * 60 * 1000;

/* The last one takes what no other claimed. */
static const struct envelope_format *const formats[] = {&envelope_native};

/* A time that cannot be right, or none, is replaced by the record's, if that is known. */
static void settle_time(struct event *event, int64_t record_ms)
{
    if (record_ms < 0)
        return;
    if (event->has_ts && event->ts_ms - day_ms > record_ms) {
        event->has_ts = false;
        event->ts_replaced = true;
    }
    if (!event->has_ts) {
        event->has_ts = true;
        event->ts_ms = record_ms;
    }
}

static const struct envelope_format *find_format(const struct envelope_input *input)
{
    size_t i = 0;

    while (i + 1 < ARRAY_NR(formats) && !formats[i]->claims(input))
        i++;
    return formats[i];
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, all of them the caller's. */
enum decode_result decode_record(const struct record *record, const struct decode_options *options,
                                 struct arena *arena, struct event *event, const char **skipped,
                                 struct error *err)
{
    size_t max_bytes = options && options->max_bytes ? options->max_bytes : DECODE_MAX_BYTES;
    struct envelope_input input = {record, NULL, arena};
    enum decode_result result;
    size_t position;

    if (slice_is_absent(record->value)) {
        *skipped = "tombstone";
        return DECODE_SKIPPED;
    }
    if (record->value.len > max_bytes) {
        error_fail(err, ERROR_REJECT, "the value has %zu bytes, more than the %zu allowed",
                   record->value.len, max_bytes);
        return DECODE_TOO_LARGE;
    }
    input.root = decode_json(record->value, arena, &position, err);
    if (input.root == NULL)
        return DECODE_BAD;
    memset(event, 0, sizeof(*event));
    result = find_format(&input)->read(&input, event, skipped, err);
    event->bytes = record->value.len;
    settle_time(event, record->timestamp_ms);
    return result;
}

void decode_library_version(char *out, size_t bytes)
{
    uint32_t version = yyjson_version();

    (void)snprintf(out, bytes, "%u.%u.%u", version >> 16, version >> 8 & 255, version & 255);
}
