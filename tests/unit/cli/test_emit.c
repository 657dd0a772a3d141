#include "consumers/cli/emit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"

struct opened {
    char path[64];
    struct emit_input input;
};

static void open_text(struct opened *opened, const char *text, const struct emit_options *options)
{
    struct emit_options with_path = *options;
    struct error err = ERROR_INIT;
    int fd;

    strcpy(opened->path, "/tmp/unstale-emit-XXXXXX");
    fd = mkstemp(opened->path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
    close(fd);
    with_path.path = opened->path;
    ck_assert_msg(emit_input_open(&opened->input, &with_path, 4096, &err), "%s", err.text);
    opened->input.name = "f";
}

static void close_text(struct opened *opened)
{
    emit_input_release(&opened->input);
    unlink(opened->path);
}

static const struct {
    const char *text, *key;
} keys[] = {
    {"{\"event\":\"e\",\"model\":\"shop.Product\",\"pk\":42}", "shop.Product:42"},
    {"{\"event\":\"e\",\"model\":\"shop.Product\",\"pk\":\"a:b\"}", "shop.Product:a:b"},
    {"{\"event\":\"e\",\"model\":\"SHOP.product\",\"pk\":\"\\u00e9\"}", "SHOP.product:é"},
    {"{\"event\":\"e\",\"model\":\"m\",\"pk\":18446744073709551616}", "m:18446744073709551616"},
    {"{\"event\":\"e\",\"model\":\"m\",\"pk\":[7]}", "m:7"},
    {"{\"event\":\"e\",\"model\":\"m\",\"pk\":[7, \"x\"]}", "m:[7,\"x\"]"},
    {"{\"event\":\"e\",\"model\":\"m\",\"pks\":[1,2]}", "m"},
    {"{\"event\":\"e\",\"model\":\"m\",\"pks\":[1]}", "m"},
    {"{\"event\":\"e\",\"model\":\"m\",\"rows\":[{\"pk\":1}]}", "m"},
    {"{\"event\":\"e\",\"model\":\"m\",\"pk\":1,\"pks\":[2]}", "m"},
    {"{\"event\":\"truncate\",\"model\":\"m\"}", "m"},
    {"{\"record\":true,\"key\":\"own\",\"value\":{\"event\":\"e\",\"model\":\"m\",\"pk\":1}}",
     "own"},
    {"{\"record\":true,\"value\":{\"event\":\"e\",\"model\":\"m\",\"pk\":1}}", "m:1"},
};

START_TEST(record_keys)
{
    struct opened opened;
    struct emit_item item = {.err = ERROR_INIT};

    open_text(&opened, keys[_i].text, &(struct emit_options){.path = NULL});
    ck_assert_int_eq(emit_input_next(&opened.input, &item), EMIT_EVENT);
    struct slice key = emit_key(&item, &opened.input.arena);
    ck_assert_msg(slice_equals(key, slice_of(keys[_i].key)), "%.*s is not %s", SLICE_ARG(key),
                  keys[_i].key);
    close_text(&opened);
}
END_TEST

START_TEST(a_key_and_headers_for_all)
{
    const struct record_header header = {SLICE("n"), SLICE("v")};
    const struct emit_options options = {
        .key = SLICE("given"), .headers = &header, .headers_nr = 1};
    struct opened opened;
    struct emit_item item = {.err = ERROR_INIT};

    open_text(
        &opened,
        "{\"event\":\"e\",\"model\":\"m\",\"pk\":1}\n{\"event\":\"e\",\"model\":\"m\",\"pk\":2}",
        &options);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(emit_input_next(&opened.input, &item), EMIT_EVENT);
        ck_assert(slice_equals(emit_key(&item, &opened.input.arena), SLICE("given")));
        ck_assert_uint_eq(item.item.record.headers_nr, 1);
    }
    ck_assert_int_eq(emit_input_next(&opened.input, &item), EMIT_END);
    close_text(&opened);
}
END_TEST

#define GOOD "{\"event\":\"e\",\"model\":\"m\",\"pk\":1}"

static const struct {
    const char *text, *report; /* of every bad item */
} reports[] = {
    {GOOD "\n{\"event\":\"e\",\"model\":42,\"pk\":1}\n",
     "f:2:22: \"model\" must be a string, not 42\n"},
    {"\n\n  {\"event\":\"e\",\"model\":\"m\",\"pk\":1.5}",
     "f:3:33: \"pk\" must be a string, an integer or an array, not 1.5\n"},
    {"{\"event\":\"é\",\"model\":0}", "f:1:22: \"model\" must be a string, not 0\n"},
    {"{\n \"event\": \"e\",\n \"model\": null,\n \"pk\": 1\n}",
     "f:3:11: \"model\" must be a string, not null\n"},
    {"{\"event\":\"e\",\"model\":\"m\",\"rows\":[{\"pk\":1},{\"pk\":{}}]}",
     "f:1:49: rows[1]: \"pk\" must be a string, an integer or an array, not an object\n"},
    {"{\"event\":\"e\",\"model\":\"m\",\"pks\":[1,null]}",
     "f:1:35: pks[1]: \"pk\" must be a string, an integer or an array, not null\n"},
    {"{\"event\":\"e\",\"model\":\"m\",\"pk\":1,\"m2m\":{\"action\":\"x\"}}",
     "f:1:49: m2m: \"action\" must be add, remove or clear, not \"x\"\n"},
    {"{\"event\":\"e\",\"model\":\"m\",\"pk\":1,\"pk\":2}", "f:1:34: duplicate name \"pk\"\n"},
    {"{\"event\":\"e\",\"modl\":\"m\",\"pk\":1}",
     "f:1:1: \"model\" is missing (there is \"modl\")\n"},
    {"{\"event\":\"e\",}", "f:1:13: not JSON: trailing comma is not allowed\n"},
    {"3\n" GOOD, "f:1:1: \"the event\" must be an object, not 3\n"},
    {"[" GOOD ", " GOOD ",\n 3, " GOOD "]", "f:2:2: \"the event\" must be an object, not 3\n"},
    {"[" GOOD ", {\"event\":\"e\",\"model\":1}]", "f:1:57: \"model\" must be a string, not 1\n"},
    {"[" GOOD, "f:1:2: the array does not end\n"},
    {"{\"record\":true,\"value\":{\"event\":\"e\",\"model\":1}}",
     "f:1:45: \"model\" must be a string, not 1\n"},
    {"{\"record\":true,\"value\":null}", "f:1:24: a tombstone is no event\n"},
    {"{\"event\":\"\\u0007\",\"model\":\"\\u001b[31m\",\"pk\":{}}",
     "f:1:45: \"pk\" must be a string, an integer or an array, not an object\n"},
};

START_TEST(what_is_wrong_and_where)
{
    struct emit_item item = {.err = ERROR_INIT};
    struct opened opened;
    struct buffer out;
    enum emit_step step;

    buffer_init(&out);
    open_text(&opened, reports[_i].text, &(struct emit_options){.path = NULL});
    while ((step = emit_input_next(&opened.input, &item)) != EMIT_END)
        if (step == EMIT_BAD)
            emit_report_bad(&opened.input, &item, &out);
    ck_assert_str_eq(out.ptr, reports[_i].report);
    buffer_release(&out);
    close_text(&opened);
}
END_TEST

START_TEST(names_that_are_nearly_known)
{
    struct emit_names told = {.nr = 0};
    struct emit_item item = {.err = ERROR_INIT};
    struct opened opened;
    struct buffer out;

    arena_init(&told.arena, 64);
    buffer_init(&out);
    open_text(&opened,
              "{\"event\":\"post_sav\",\"model\":\"m\",\"pk\":1}\n"
              "{\"event\":\"post_sav\",\"model\":\"m\",\"pk\":2}\n"
              "{\"event\":\"price_drop\",\"model\":\"m\",\"pk\":2}\n"
              "{\"event\":\"post_save\",\"model\":\"m\",\"pk\":2}\n"
              "{\"record\":true,\"value\":{\"event\":\"delte\",\"model\":\"m\",\"pk\":2}}\n",
              &(struct emit_options){.path = NULL});
    while (emit_input_next(&opened.input, &item) != EMIT_END)
        emit_report_name(&opened.input, &item, &told, &out);
    ck_assert_str_eq(out.ptr,
                     "f:1:10: warning: event \"post_sav\" is an operation of its own; did "
                     "you mean \"post_save\"?\n"
                     "f:5:33: warning: event \"delte\" is an operation of its own; did you "
                     "mean \"delete\"?\n");
    buffer_release(&out);
    arena_release(&told.arena);
    close_text(&opened);
}
END_TEST

/* Both walks see the same, and events that all stand in one line cost no more than in lines. */
START_TEST(many_events_in_one_line)
{
    enum { EVENTS = 50000 };
    struct emit_item item = {.err = ERROR_INIT};
    struct opened opened;
    struct buffer text;

    buffer_init(&text);
    for (int i = 0; i < EVENTS; i++)
        buffer_printf(&text, "%s" GOOD, i ? "," : "[");
    buffer_add_char(&text, ']');
    open_text(&opened, text.ptr, &(struct emit_options){.path = NULL});
    for (int walk = 0; walk < 2; walk++) {
        size_t nr = 0;

        emit_input_rewind(&opened.input);
        while (emit_input_next(&opened.input, &item) == EMIT_EVENT) {
            ck_assert_uint_eq(item.item.column, 2 + nr * sizeof(GOOD));
            nr++;
        }
        ck_assert_uint_eq(nr, EVENTS);
    }
    buffer_release(&text);
    close_text(&opened);
}
END_TEST

static Suite *emit_suite(void)
{
    Suite *suite = suite_create("emit");
    TCase *tcase = tcase_create("emit");

    tcase_add_loop_test(tcase, record_keys, 0, ARRAY_NR(keys));
    tcase_add_test(tcase, a_key_and_headers_for_all);
    tcase_add_loop_test(tcase, what_is_wrong_and_where, 0, ARRAY_NR(reports));
    tcase_add_test(tcase, names_that_are_nearly_known);
    tcase_add_test(tcase, many_events_in_one_line);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(emit_suite)
