#include "tests/unit/event/seen.h"

#include <inttypes.h>

enum { MAX_HEADERS = 8 };

static void add_value(struct buffer *out, const char *name, const struct value *value)
{
    if (value == NULL)
        return;
    buffer_printf(out, " %s", name);
    value_print(value, out);
}

static void add_text(struct buffer *out, const char *name, struct slice text)
{
    if (!slice_is_absent(text))
        buffer_printf(out, " %s=%.*s", name, SLICE_ARG(text));
}

static void add_row(struct decoded *decoded, struct row *row, struct buffer *out)
{
    const struct changed *changed = event_changed(&decoded->event, row, &decoded->arena);

    add_value(out, "", row->pk);
    add_value(out, "before=", row->before);
    add_value(out, "after=", row->after);
    if (changed->state == CHANGED_UNKNOWN) {
        buffer_add_text(out, " changed?");
        return;
    }
    buffer_add_text(out, " changed=");
    for (size_t i = 0; i < changed->nr; i++)
        buffer_printf(out, "%s%.*s", i ? "," : "", SLICE_ARG(changed->names[i]));
}

static void add_event(struct decoded *decoded, struct buffer *out)
{
    static const char *const envelopes[] = {"native", "cloudevents", "debezium", "maxwell"};
    const struct event *event = &decoded->event;

    buffer_printf(out, "%s: %.*s %.*s", envelopes[event->envelope], SLICE_ARG(event->op_name),
                  SLICE_ARG(event->model));
    for (size_t i = 0; i < event->rows_nr; i++)
        add_row(decoded, &event->rows[i], out);
    if (event->has_ts)
        buffer_printf(out, " ts=%" PRId64, event->ts_ms);
    if (event->ts_replaced)
        buffer_add_text(out, " ts-replaced");
    if (event->has_version)
        buffer_printf(out, " version=%" PRIu64, event->version);
    if (!slice_equals(event->name, event->op_name))
        add_text(out, "name", event->name);
    add_text(out, "id", event->id);
    add_text(out, "source", event->source);
    add_text(out, "tenant", event->tenant);
    add_text(out, "trace", event->trace);
}

const char *seen_line(struct decoded *decoded)
{
    const char *line;
    struct buffer out;

    buffer_init(&out);
    if (decoded->result == DECODE_EVENT)
        add_event(decoded, &out);
    else if (decoded->result == DECODE_SKIPPED)
        buffer_printf(&out, "skipped: %s", decoded->skipped);
    else
        buffer_printf(&out, "bad: %s", decoded->err.text);
    line = arena_text(&decoded->arena, buffer_slice(&out));
    buffer_release(&out);
    return line;
}

static size_t parse_headers(const char *text, struct record_header *headers)
{
    size_t nr = 0;

    while (text && *text) {
        size_t len = strcspn(text, "|");
        size_t name = strcspn(text, "=");

        ck_assert(nr < MAX_HEADERS && name < len);
        headers[nr++] = (struct record_header){{text, name}, {text + name + 1, len - name - 1}};
        text += len + (text[len] == '|');
    }
    return nr;
}

void seen_decode(struct decoded *decoded, const char *key, const char *headers, const char *value,
                 const struct decode_options *options)
{
    struct record_header *parsed = arena_alloc(&decoded->arena, MAX_HEADERS * sizeof(*parsed));
    struct record record = {.timestamp_ms = RECORD_MS,
                            .key = slice_of(key),
                            .value = slice_of(value),
                            .headers = parsed};

    record.headers_nr = parse_headers(headers, parsed);
    error_clear(&decoded->err);
    decoded->skipped = NULL;
    decoded->result = decode_record(&record, options, &decoded->arena, &decoded->event,
                                    &decoded->skipped, &decoded->err);
}
