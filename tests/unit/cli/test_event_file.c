#include "consumers/cli/event_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/check_main.h"

static struct arena arena;
static struct event_file file;

static void setup(void)
{
    arena_init(&arena, 1 << 14);
}

static void teardown(void)
{
    event_file_release(&file);
    arena_release(&arena);
}

static void open_text(const char *text)
{
    char path[] = "/tmp/unstale-event-file-XXXXXX";
    struct error err = ERROR_INIT;
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    ck_assert_msg(event_file_open(&file, path, &err), "%s", err.text);
    unlink(path);
}

/* Items as "line:column text", bad steps as "! message", joined by "; ". */
static const struct {
    const char *text, *want;
} rows[] = {
    {"", ""},
    {"\n \n", ""},
    {"{\"a\":1}\n{\"b\":2}\n", "1:1 {\"a\":1}; 2:1 {\"b\":2}"},
    {"{\"a\":1}\r\n\r\n  {\"b\":2}", "1:1 {\"a\":1}; 3:3 {\"b\":2}"},
    {"\xef\xbb\xbf{}", "1:2 {}"},
    {"{\n  \"a\": 1\n}\n{}", "1:1 {\n  \"a\": 1\n}; 4:1 {}"},
    {"{\"a\":\n{\"b\":2}\n", "1:1 {\"a\":; 2:1 {\"b\":2}"},
    {"{\"a\":\"{\"}\n{}", "1:1 {\"a\":\"{\"}; 2:1 {}"},
    {"{} {}\nnot json\n", "1:1 {} {}; 2:1 not json"},
    {"[{\"a\":[1,2]}, {\"b\":\"],\"}\n,{}]\n", "1:2 {\"a\":[1,2]}; 1:15 {\"b\":\"],\"}; 2:2 {}"},
    {"[]", ""},
    {" [ ] ", ""},
    {"[{}", "! line 1: the array does not end"},
    {"[{}] x", "! line 1: something stands behind the array"},
    {"[\xc3\xa9, {}]", "1:2 \xc3\xa9; 1:5 {}"},
};

START_TEST(test_items)
{
    char got[512] = "";
    size_t at = 0;

    open_text(rows[_i].text);
    for (;;) {
        struct event_item item;
        struct error err = ERROR_INIT;
        enum event_file_step step = event_file_next(&file, &arena, &item, &err);

        if (step == EVENT_FILE_END)
            break;
        at += (size_t)snprintf(got + at, sizeof(got) - at, at ? "; " : "");
        if (step == EVENT_FILE_BAD)
            at += (size_t)snprintf(got + at, sizeof(got) - at, "! %s", err.text);
        else
            at += (size_t)snprintf(got + at, sizeof(got) - at, "%u:%u %.*s", item.line, item.column,
                                   SLICE_ARG(item.record.value));
    }
    ck_assert_str_eq(got, rows[_i].want);
}
END_TEST

START_TEST(test_record)
{
    struct event_item item;
    struct error err = ERROR_INIT;

    open_text("{\"record\":true,\"key\":{\"id\": 4},\"topic\":\"t\","
              "\"headers\":{\"a\":\"b\",\"n\":null},\"value\":{ \"x\" : 1.50 }}\n"
              "{\"record\":true,\"key\":\"k\\u0000\",\"value\":null}\n"
              "{\"record\":false,\"value\":1}\n"
              "{\"record\":true,\"headers\":1,\"value\":1}\n{}");
    file.defaults.key = SLICE("given");
    ck_assert_int_eq(event_file_next(&file, &arena, &item, &err), EVENT_FILE_ITEM);
    ck_assert(slice_equals(item.record.key, SLICE("{\"id\":4}")));
    ck_assert(slice_equals(item.record.value, SLICE("{\"x\":1.50}")));
    ck_assert(slice_equals(item.record.topic, SLICE("t")));
    ck_assert_uint_eq(item.record.headers_nr, 2);
    ck_assert(slice_equals(item.record.headers[0].value, SLICE("b")));
    ck_assert(slice_is_absent(item.record.headers[1].value));
    ck_assert_int_eq(event_file_next(&file, &arena, &item, &err), EVENT_FILE_ITEM);
    ck_assert(slice_equals(item.record.key, (struct slice){"k\0", 2}));
    ck_assert(slice_is_absent(item.record.value));
    ck_assert_int_eq(event_file_next(&file, &arena, &item, &err), EVENT_FILE_ITEM);
    ck_assert(slice_equals(item.record.value, SLICE("{\"record\":false,\"value\":1}")));
    ck_assert(slice_equals(item.record.key, SLICE("given")));
    ck_assert_int_eq(event_file_next(&file, &arena, &item, &err), EVENT_FILE_BAD);
    ck_assert_str_eq(
        err.text, "line 4, column 1: \"headers\" must be an object, or an array of [name, value]");
    ck_assert_int_eq(event_file_next(&file, &arena, &item, &err), EVENT_FILE_ITEM);
    ck_assert_int_eq(item.record.offset, 4);
}
END_TEST

START_TEST(test_record_of_bytes)
{
    struct event_item item;
    struct error err = ERROR_INIT;

    open_text("{\"record\":true,\"key\":{\"base64\":\"/wA=\"},\"value\":{\"base64\":\"AP8=\"},"
              "\"headers\":[[\"a\",\"b\"],[\"a\",{\"base64\":\"/w==\"}],[\"n\",null]]}\n"
              "{\"record\":true,\"value\":{\"base64\":\"?\"}}\n"
              "{\"record\":true,\"headers\":{\"a\":{\"base64\":\"?\"}}}\n"
              "{\"record\":true,\"headers\":[[\"a\"]]}\n"
              "{\"record\":true,\"value\":{\"base64\":\"/w==\",\"more\":1}}");
    ck_assert_int_eq(event_file_next(&file, &arena, &item, &err), EVENT_FILE_ITEM);
    ck_assert(slice_equals(item.record.key, (struct slice){"\xff\0", 2}));
    ck_assert(slice_equals(item.record.value, (struct slice){"\0\xff", 2}));
    ck_assert_uint_eq(item.record.headers_nr, 3);
    ck_assert(slice_equals(item.record.headers[0].value, SLICE("b")));
    ck_assert(slice_equals(item.record.headers[1].name, SLICE("a")));
    ck_assert(slice_equals(item.record.headers[1].value, SLICE("\xff")));
    ck_assert(slice_is_absent(item.record.headers[2].value));
    ck_assert_int_eq(event_file_next(&file, &arena, &item, &err), EVENT_FILE_BAD);
    ck_assert_str_eq(err.text, "line 2, column 1: \"base64\" does not hold base64");
    error_clear(&err);
    ck_assert_int_eq(event_file_next(&file, &arena, &item, &err), EVENT_FILE_BAD);
    ck_assert_str_eq(err.text, "line 3, column 1: \"base64\" does not hold base64");
    error_clear(&err);
    ck_assert_int_eq(event_file_next(&file, &arena, &item, &err), EVENT_FILE_BAD);
    error_clear(&err);
    ck_assert_int_eq(event_file_next(&file, &arena, &item, &err), EVENT_FILE_ITEM);
    ck_assert(slice_equals(item.record.value, SLICE("{\"base64\":\"/w==\",\"more\":1}")));
}
END_TEST

START_TEST(test_missing_file)
{
    struct error err = ERROR_INIT;

    ck_assert(!event_file_open(&file, "/nonexistent/events", &err));
    ck_assert_str_eq(err.text, "/nonexistent/events: No such file or directory");
}
END_TEST

static Suite *event_file_suite(void)
{
    Suite *suite = suite_create("event_file");
    TCase *cases = tcase_create("event_file");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, test_items, 0, (int)ARRAY_NR(rows));
    tcase_add_test(cases, test_record);
    tcase_add_test(cases, test_record_of_bytes);
    tcase_add_test(cases, test_missing_file);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(event_file_suite)
