#include "consumers/event/decode.h"

#include <stdio.h>

#include "consumers/base/compiler.h"
#include "consumers/base/zero.h"
#include "consumers/event/envelope.h"
#include "consumers/event/native.h"
#include "consumers/event/parse.h"

static const int64_t day_ms = INT64_C(24) * 60 * 60 * 1000;

const char *const decode_format_names[FORMAT_NR] = {
    [FORMAT_NATIVE] = "native",
    [FORMAT_CLOUDEVENTS] = "cloudevents",
    [FORMAT_DEBEZIUM] = "debezium",
    [FORMAT_MAXWELL] = "maxwell",
};

static const struct envelope_format *const envelopes[FORMAT_NR] = {
    [FORMAT_NATIVE] = &envelope_native,
    [FORMAT_CLOUDEVENTS] = &envelope_cloudevents,
    [FORMAT_DEBEZIUM] = &envelope_debezium,
    [FORMAT_MAXWELL] = &envelope_maxwell,
};

bool decode_format_parse(struct slice name, enum decode_format *format)
{
    for (unsigned i = FORMAT_NATIVE; i < FORMAT_NR; i++) {
        if (slice_equals(name, slice_of(decode_format_names[i]))) {
            *format = (enum decode_format)i;
            return true;
        }
    }
    return false;
}

enum decode_format decode_topic_format(const struct topic_format *formats, size_t nr,
                                       struct slice topic)
{
    for (size_t i = 0; i < nr; i++) {
        if (slice_equals(formats[i].topic, topic))
            return formats[i].format;
    }
    return FORMAT_DETECT;
}

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

struct slice envelope_header(const struct record *record, struct slice name)
{
    for (size_t i = 0; i < record->headers_nr; i++) {
        if (slice_equals(record->headers[i].name, name))
            return record->headers[i].value;
    }
    return SLICE_ABSENT;
}

static bool is_native(const struct value *root)
{
    return value_type(value_get(root, SLICE("event"))) == VALUE_STRING &&
           value_type(value_get(root, SLICE("model"))) == VALUE_STRING;
}

static enum decode_format detect(const struct envelope_input *input)
{
    for (unsigned i = FORMAT_CLOUDEVENTS; i < FORMAT_NR; i++) {
        if (envelopes[i]->claims(input))
            return (enum decode_format)i;
    }
    return FORMAT_NATIVE;
}

static enum decode_format find_format(const struct envelope_input *input,
                                      const struct decode_options *options)
{
    enum decode_format format = options ? options->format : FORMAT_DETECT;

    if (format == FORMAT_NATIVE || (format == FORMAT_DETECT && is_native(input->root)))
        return FORMAT_NATIVE;
    if (options && options->load_headers)
        options->load_headers(options->load_context);
    return format == FORMAT_DETECT ? detect(input) : format;
}

/* The ordinary event in one walk; what is not that is checked, told apart and read in turn. */
/* NOLINTNEXTLINE(readability-function-size): six parameters, all of them the caller's. */
static enum decode_result read_parsed(const struct parse *parse,
                                      const struct decode_options *options,
                                      struct envelope_input *input, struct event *event,
                                      const char **skipped, struct error *err)
{
    enum decode_format format = options ? options->format : FORMAT_DETECT;
    size_t position;

    zero_bytes(event, sizeof(*event));
    if (format <= FORMAT_NATIVE && native_take(parse->root, input->arena, event))
        return DECODE_EVENT;
    if (!parse_check(parse, input->arena, &position, err))
        return DECODE_BAD;
    zero_bytes(event, sizeof(*event));
    input->root = parse->root;
    return envelopes[find_format(input, options)]->read(input, event, skipped, err);
}

/* NOLINTNEXTLINE(readability-function-size): six parameters, all of them the caller's. */
enum decode_result decode_record(const struct record *record, const struct decode_options *options,
                                 struct arena *arena, struct event *event, const char **skipped,
                                 struct error *err)
{
    size_t max_bytes = options && options->max_bytes ? options->max_bytes : DECODE_MAX_BYTES;
    struct envelope_input input = {record, NULL, options ? options->tables : NULL, arena};
    enum decode_result result;
    struct parse parse;
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
    if (!parse_text(record->value, arena, &parse, &position, err))
        return DECODE_BAD;
    result = read_parsed(&parse, options, &input, event, skipped, err);
    event->bytes = record->value.len;
    settle_time(event, record->timestamp_ms);
    return result;
}

void decode_library_version(char *out, size_t bytes)
{
    uint32_t version = yyjson_version();

    (void)snprintf(out, bytes, "%u.%u.%u", version >> 16, version >> 8 & 255, version & 255);
}
