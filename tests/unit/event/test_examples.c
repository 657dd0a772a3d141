/*
 * The examples that the schema is tested with: the decoder must agree with it on every one. And
 * records of other envelopes as their producers write them: {"record":true,"key","headers","value"}
 * (a key that is a string is its bytes); a name that begins with "skipped" says what becomes of it.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/event/decoded.h"

static const char *const folder = "schemas/examples/event";

static struct slice read_file(const char *path, struct arena *arena)
{
    FILE *file = fopen(path, "rb");
    char *text = arena_bytes(arena, DECODE_MAX_BYTES);
    size_t len;

    ck_assert_msg(file != NULL, "%s cannot be read (tests run at the root of the project)", path);
    len = fread(text, 1, DECODE_MAX_BYTES, file);
    ck_assert(len > 0 && !ferror(file));
    fclose(file);
    return (struct slice){text, len};
}

static unsigned check_folder(const char *kind, enum decode_result expected)
{
    struct decoded decoded;
    struct dirent *entry;
    unsigned nr = 0;
    char path[1024];
    DIR *dir;

    snprintf(path, sizeof(path), "%s/%s", folder, kind);
    dir = opendir(path);
    ck_assert_msg(dir != NULL, "%s cannot be read (tests run at the root of the project)", path);
    decoded_init(&decoded);
    while ((entry = readdir(dir))) {
        if (!slice_ends_with(slice_of(entry->d_name), SLICE(".json")))
            continue;
        snprintf(path, sizeof(path), "%s/%s/%s", folder, kind, entry->d_name);
        arena_reset(&decoded.arena, 0);
        decoded_read_at(&decoded, read_file(path, &decoded.arena), RECORD_MS);
        ck_assert_msg(decoded.result == expected, "%s: %s", path,
                      decoded.err.text[0] ? decoded.err.text : "accepted");
        nr++;
    }
    decoded_release(&decoded);
    closedir(dir);
    return nr;
}

START_TEST(valid_ones_are_events)
{
    ck_assert_uint_ge(check_folder("valid", DECODE_EVENT), 20);
}
END_TEST

START_TEST(invalid_ones_are_refused)
{
    ck_assert_uint_ge(check_folder("invalid", DECODE_BAD), 50);
}
END_TEST

enum { MAX_HEADERS = 16 };

static struct slice bytes_of(const struct value *value, struct arena *arena)
{
    struct buffer out;
    struct slice copy;

    if (value == NULL || value_type(value) == VALUE_NULL)
        return SLICE_ABSENT;
    if (value_type(value) == VALUE_STRING)
        return value_text(value);
    buffer_init(&out);
    value_print(value, &out);
    copy = arena_copy(arena, buffer_slice(&out));
    buffer_release(&out);
    return copy;
}

static void decode_example(struct decoded *decoded, const char *path)
{
    struct slice text = read_file(path, &decoded->arena);
    struct record_header headers[MAX_HEADERS];
    struct record record = {.timestamp_ms = RECORD_MS, .headers = headers};
    struct error err = ERROR_INIT;
    const struct value *root;
    struct value_iter iter;
    size_t position;

    root = decode_json(text, &decoded->arena, &position, &err);
    ck_assert_msg(root && value_type(value_get(root, SLICE("record"))) == VALUE_TRUE, "%s: %s",
                  path, err.text);
    record.key = bytes_of(value_get(root, SLICE("key")), &decoded->arena);
    record.value = bytes_of(value_get(root, SLICE("value")), &decoded->arena);
    for (iter = value_walk(value_get(root, SLICE("headers"))); value_next(&iter);) {
        ck_assert_uint_lt(record.headers_nr, MAX_HEADERS);
        headers[record.headers_nr++] = (struct record_header){iter.name, value_text(iter.item)};
    }
    error_clear(&decoded->err);
    decoded->result = decode_record(&record, NULL, &decoded->arena, &decoded->event,
                                    &decoded->skipped, &decoded->err);
}

static const struct {
    const char *folder;
    enum envelope envelope;
    unsigned least;
} captured[] = {
    {"schemas/examples/cloudevents", ENVELOPE_CLOUDEVENTS, 8},
    {"schemas/examples/debezium", ENVELOPE_DEBEZIUM, 18},
    {"schemas/examples/maxwell", ENVELOPE_MAXWELL, 12},
};

START_TEST(records_are_what_their_names_say)
{
    struct decoded decoded;
    struct dirent *entry;
    unsigned nr = 0;
    char path[1024];
    DIR *dir = opendir(captured[_i].folder);

    ck_assert_msg(dir != NULL, "%s cannot be read", captured[_i].folder);
    decoded_init(&decoded);
    while ((entry = readdir(dir))) {
        bool is_skipped = slice_starts_with(slice_of(entry->d_name), SLICE("skipped"));

        if (!slice_ends_with(slice_of(entry->d_name), SLICE(".json")))
            continue;
        snprintf(path, sizeof(path), "%s/%s", captured[_i].folder, entry->d_name);
        arena_reset(&decoded.arena, 0);
        decode_example(&decoded, path);
        ck_assert_msg(decoded.result == (is_skipped ? DECODE_SKIPPED : DECODE_EVENT), "%s: %s",
                      path, decoded.err.text);
        ck_assert_msg(is_skipped || decoded.event.envelope == captured[_i].envelope, "%s", path);
        nr++;
    }
    ck_assert_uint_ge(nr, captured[_i].least);
    decoded_release(&decoded);
    closedir(dir);
}
END_TEST

static Suite *examples_suite(void)
{
    Suite *suite = suite_create("examples");
    TCase *tcase = tcase_create("examples");

    tcase_add_test(tcase, valid_ones_are_events);
    tcase_add_test(tcase, invalid_ones_are_refused);
    tcase_add_loop_test(tcase, records_are_what_their_names_say, 0, ARRAY_NR(captured));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(examples_suite)
