/*
 * fuzz_event - any bytes as a record's value: decoded, looked up, compared and printed.
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record record = {.timestamp_ms = 1795341600200, .value = {(const char *)data, size}};
    struct error err = ERROR_INIT;
    const char *skipped = NULL;
    struct event event;
    struct arena arena;
    size_t position;
    const struct value *root;
    enum decode_result result;

    arena_init(&arena, 1 << 12);
    root = decode_json(record.value, &arena, &position, NULL);
    need(root || position <= size);
    if (root)
        print_again(root, &arena);
    result = decode_record(&record, NULL, &arena, &event, &skipped, &err);
    need((result == DECODE_EVENT) == (err.kind == ERROR_NONE));
    need(root || result != DECODE_EVENT);
    if (result == DECODE_EVENT) {
        need(event.rows_nr > 0);
        for (size_t i = 0; i < event.rows_nr; i++)
            look_up(&event, &event.rows[i], &arena);
    }
    arena_release(&arena);
    return 0;
}
