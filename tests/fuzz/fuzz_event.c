/*
 * fuzz_event - any bytes as a record's value, key and headers, in every format.
 *
 * JSON is what jansson says it is. A record decoded twice comes to the same; it is as it was; what is
 * refused has a reason. What is decoded is looked up, compared and printed, and what was printed
 * parses again to an equal value. Parts: value, key, CloudEvents subject, time; the value stands in for
 * those that are not there.
 */
#include <jansson.h>

#include "consumers/event/decode.h"
#include "consumers/event/field.h"
#include "tests/fuzz/fuzz.h"

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

/* What was derived from the images is what comparing them name by name gives. */
static void check_changed(const struct event *event, const struct row *row)
{
    struct value_iter it = value_walk(row->before);
    size_t nr = 0;

    if (row->changed.state != CHANGED_NAMES || event->sent_changed || event->op == EVENT_M2M ||
        !row->before || !row->after || value_get(event->root, SLICE("rows")))
        return;
    while (value_next(&it)) {
        if (value_equals(it.item, value_get(row->after, it.name)))
            continue;
        need(nr < row->changed.nr && slice_equals(row->changed.names[nr], it.name));
        nr++;
    }
    need(nr == row->changed.nr);
}

static void look_up(const struct event *event, struct row *row, struct arena *arena)
{
    static const struct field_part parts[] = {{{"id", 2}, 0}, {{NULL, 0}, 0}, {{"a", 1}, 0}};
    const struct changed *changed = event_changed(event, row, arena);

    need(changed->state != CHANGED_NOT_LOOKED_AT);
    check_changed(event, row);
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

static void check_same(const struct event *a, const struct event *b)
{
    need(a->envelope == b->envelope && a->op == b->op && slice_equals(a->model, b->model));
    need(slice_equals(a->op_name, b->op_name) && slice_equals(a->id, b->id));
    need(a->has_ts == b->has_ts && a->ts_ms == b->ts_ms && a->version == b->version);
    need(a->rows_nr == b->rows_nr);
    for (size_t i = 0; i < a->rows_nr; i++) {
        need(value_equals(a->rows[i].pk, b->rows[i].pk));
        need(value_equals(a->rows[i].before, b->rows[i].before));
        need(value_equals(a->rows[i].after, b->rows[i].after));
    }
}

struct decoding {
    enum decode_result result;
    struct event event;
    const char *skipped;
    struct error err;
};

static void decode(const struct record *record, const struct decode_options *options,
                   struct arena *arena, struct decoding *out)
{
    *out = (struct decoding){.err = ERROR_INIT};
    out->result = decode_record(record, options, arena, &out->event, &out->skipped, &out->err);
    need((out->result == DECODE_BAD || out->result == DECODE_TOO_LARGE) ==
         (out->err.kind != ERROR_NONE));
    need((out->err.kind == ERROR_NONE) == (out->err.text[0] == '\0'));
    need((out->result == DECODE_SKIPPED) == (out->skipped != NULL));
}

/* As one format, pinned or detected. */
static void decode_as(enum decode_format format, const struct tables *tables,
                      const struct record *record, struct arena *arena)
{
    struct decode_options options = {.format = format, .tables = tables};
    struct decoding first, second;

    decode(record, &options, arena, &first);
    decode(record, &options, arena, &second);
    need(first.result == second.result && strcmp(first.err.text, second.err.text) == 0);
    if (first.result != DECODE_EVENT)
        return;
    check_event(&first.event, arena);
    check_same(&first.event, &second.event);
}

/* jansson gives numbers that no double holds back, and names with a NUL. */
static bool is_beyond_jansson(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);

    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key;
}

static void check_json(struct slice text, struct arena *arena)
{
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    struct slice mark = SLICE("\xef\xbb\xbf");
    struct error err = ERROR_INIT;
    json_error_t error;
    json_t *theirs;
    size_t position;
    const struct value *root = decode_json(text, arena, &position, &err);

    need(root || (position <= text.len && err.text[0] != '\0'));
    if (root)
        print_again(root, arena);
    if (slice_starts_with(text, mark))
        text = (struct slice){text.ptr + mark.len, text.len - mark.len};
    /* No JSON holds a NUL as such, but jansson overlooks one behind a number. */
    if (text.len > 0 && memchr(text.ptr, '\0', text.len)) {
        need(root == NULL);
        return;
    }
    theirs = json_loadb(text.ptr, text.len, flags, &error);
    if (theirs ? !strstr(err.text, "nested deeper") : !is_beyond_jansson(&error))
        need((root != NULL) == (theirs != NULL));
    json_decref(theirs);
}

static void check_record(struct slice text, struct arena *arena)
{
    static const struct table entries[] = {{{"inventory.products", 18}, {"shop.Product", 12}},
                                           {{"shop.product", 12}, {"shop.Product", 12}}};
    struct slice rest = text, value = fuzz_part(&rest), key = fuzz_part(&rest);
    struct slice subject = fuzz_part(&rest), time = fuzz_part(&rest);
    struct record_header headers[] = {
        {SLICE("ce_specversion"), SLICE("1.0")},
        {SLICE("ce_type"), SLICE("com.example.post_save")},
        {SLICE("ce_subject"), slice_is_absent(subject) ? value : subject},
        {SLICE("ce_time"), slice_is_absent(time) ? value : time}};
    struct record plain = {.timestamp_ms = 1795341600200, .value = value, .key = key};
    struct record full = {.timestamp_ms = 1795341600200,
                          .key = slice_is_absent(key) ? value : key,
                          .value = value,
                          .headers = headers,
                          .headers_nr = sizeof(headers) / sizeof(headers[0])};
    const struct tables *tables = tables_build(entries, 2, arena);

    check_json(value, arena);
    for (unsigned format = FORMAT_DETECT; format < FORMAT_NR; format++) {
        decode_as((enum decode_format)format, NULL, &plain, arena);
        decode_as((enum decode_format)format, tables, &full, arena);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = fuzz_input(data, size), before;
    struct arena arena;

    arena_init(&arena, 1 << 12);
    before = arena_copy(&arena, text);
    check_record(text, &arena);
    need(slice_equals(text, before));
    arena_release(&arena);
    return 0;
}
