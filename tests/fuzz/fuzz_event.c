/*
 * fuzz_event - any bytes as a record's value, and its key, in every format: decoded, looked up,
 * compared and printed.
 *
 * What was printed must parse again to an equal value, whatever came in, and the record must be
 * as it was.
 */
#include <stdint.h>
#include <stdlib.h>

#include "consumers/event/decode.h"
#include "consumers/event/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool holds)
{
    if (!holds)
        abort();
}

static void print_again(const struct value *value, struct arena *arena)
{
    const struct value *again;
    struct buffer out;
    size_t position;

    buffer_init(&out);
    value_print(value, &out);
    again = decode_json(buffer_slice(&out), arena, &position, NULL);
    need(again && value_equals(value, again) && value_equals(again, value));
    buffer_release(&out);
}

static void look_up(const struct event *event, struct row *row, struct arena *arena)
{
    static const struct field_part parts[] = {{{"id", 2}, 0}, {{NULL, 0}, 0}, {{"a", 1}, 0}};
    const struct changed *changed = event_changed(event, row, arena);

    need(changed->state != CHANGED_NOT_LOOKED_AT);
    for (int root = 0; root < FIELD_ROOT_NR; root++) {
        for (size_t nr = 0; nr <= sizeof(parts) / sizeof(parts[0]); nr++) {
            struct field_path path = {(enum field_root)root, parts, nr, {NULL, 0}};
            struct field old = field_get(event, row, SIDE_OLD, &path, arena);
            struct field new = field_get(event, row, SIDE_NEW, &path, arena);

            need(old.state != FIELD_PRESENT || old.type != VALUE_MISSING);
            need(new.state != FIELD_PRESENT || new.type != VALUE_MISSING);
        }
    }
}

static void check_event(struct event *event, struct arena *arena)
{
    need(event->rows_nr > 0 && !slice_is_absent(event->model) && !slice_is_absent(event->op_name));
    for (size_t i = 0; i < event->rows_nr; i++) {
        struct row *row = &event->rows[i];

        if (row->pk)
            print_again(row->pk, arena);
        if (row->before)
            print_again(row->before, arena);
        if (row->after)
            print_again(row->after, arena);
        look_up(event, row, arena);
    }
}

/* As one format, pinned or detected; the same bytes are the key, and the subject of a CloudEvent. */
static void decode_as(enum decode_format format, struct record *record, struct arena *arena)
{
    struct decode_options options = {.format = format};
    struct error err = ERROR_INIT;
    const char *skipped = NULL;
    struct event event;
    enum decode_result result;

    result = decode_record(record, &options, arena, &event, &skipped, &err);
    need((result == DECODE_BAD || result == DECODE_TOO_LARGE) == (err.kind != ERROR_NONE));
    need((result == DECODE_SKIPPED) == (skipped != NULL));
    if (result == DECODE_EVENT)
        check_event(&event, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = {(const char *)data, size};
    struct record_header headers[] = {{SLICE("ce_specversion"), SLICE("1.0")},
                                      {SLICE("ce_type"), SLICE("com.example.post_save")},
                                      {SLICE("ce_subject"), input},
                                      {SLICE("ce_time"), input}};
    struct record plain = {.timestamp_ms = 1795341600200, .value = input};
    struct record full = {.timestamp_ms = 1795341600200,
                          .key = input,
                          .value = input,
                          .headers = headers,
                          .headers_nr = sizeof(headers) / sizeof(headers[0])};
    struct arena arena;
    size_t position;
    const struct value *root;

    arena_init(&arena, 1 << 12);
    root = decode_json(input, &arena, &position, NULL);
    need(root || position <= size);
    if (root)
        print_again(root, &arena);
    for (unsigned format = FORMAT_DETECT; format < FORMAT_NR; format++) {
        decode_as((enum decode_format)format, &plain, &arena);
        decode_as((enum decode_format)format, &full, &arena);
    }
    arena_release(&arena);
    return 0;
}
