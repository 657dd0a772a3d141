#include "consumers/cli/record_json.h"

#include "consumers/base/compiler.h"
#include "consumers/cli/time_arg.h"
#include "consumers/event/written.h"
#include "tests/unit/check_main.h"

static struct arena arena;
static struct buffer out;

static void setup(void)
{
    arena_init(&arena, 1 << 14);
    buffer_init(&out);
}

static void teardown(void)
{
    buffer_release(&out);
    arena_release(&arena);
}

static const struct {
    struct slice bytes;
    const char *want;
} rows[] = {
    {{NULL, 0}, "null"},
    {{"", 0}, "\"\""},
    {{"text", 4}, "\"text\""},
    {{"{\"a\":1.50}", 10}, "{\"a\":1.50}"},
    {{"{\"a\": 1}", 8}, "\"{\\\"a\\\": 1}\""},
    {{"{\"a\":1,\"a\":2}", 13}, "\"{\\\"a\\\":1,\\\"a\\\":2}\""},
    {{"{\"base64\":\"/w==\"}", 17}, "\"{\\\"base64\\\":\\\"/w==\\\"}\""},
    {{"[1]", 3}, "\"[1]\""},
    {{"null", 4}, "\"null\""},
    {{"a\0b", 3}, "\"a\\u0000b\""},
    {{"\xff", 1}, "{\"base64\":\"/w==\"}"},
    {{"{\"e\":\"\\u00e9\"}", 14}, NULL}, /* whatever stands there, it comes back */
};

static void read_back(struct record *got)
{
    struct error err = ERROR_INIT;

    buffer_add_char(&out, '}');
    ck_assert_msg(written_record(buffer_slice(&out), &arena, got, &err), "%s: %s", out.ptr,
                  err.text);
}

static void expect_same(struct slice got, struct slice want)
{
    ck_assert_msg(slice_equals(got, want) && slice_is_absent(got) == slice_is_absent(want), "%s",
                  out.ptr);
}

START_TEST(bytes_come_back)
{
    struct record_header header = {SLICE("h"), rows[_i].bytes};
    struct record record = {.topic = SLICE("t"),
                            .key = rows[_i].bytes,
                            .value = rows[_i].bytes,
                            .headers = &header,
                            .headers_nr = 1};
    struct record got = {.partition = 0};

    record_json_bytes(rows[_i].bytes, &arena, &out);
    if (rows[_i].want)
        ck_assert_str_eq(out.ptr, rows[_i].want);
    buffer_clear(&out);
    record_json_begin(&record, &arena, &out);
    read_back(&got);
    expect_same(got.topic, record.topic);
    expect_same(got.key, record.key);
    expect_same(got.value, record.value);
    ck_assert_uint_eq(got.headers_nr, 1);
    expect_same(got.headers[0].name, header.name);
    expect_same(got.headers[0].value, header.value);
}
END_TEST

START_TEST(names_that_come_twice_come_back)
{
    struct record_header headers[] = {
        {SLICE("a"), SLICE("1")}, {SLICE("a"), SLICE("2")}, {SLICE("b"), SLICE_ABSENT}};
    struct record record = {.value = SLICE("{}"), .headers = headers, .headers_nr = 3};
    struct record got = {.partition = 0};

    record_json_begin(&record, &arena, &out);
    read_back(&got);
    ck_assert_uint_eq(got.headers_nr, 3);
    expect_same(got.headers[1].value, SLICE("2"));
    expect_same(got.headers[2].value, SLICE_ABSENT);
}
END_TEST

static const struct {
    const char *text;
    int64_t want; /* -1: no time */
} times[] = {
    {"15m", 1000000000 - 15 * 60 * 1000},
    {"0s", 1000000000},
    {"1970-01-12T13:46:40Z", 1000000000},
    {"2026-11-25T02:06:31.250+01:00", 1795568791250},
    {"15m ago", 1000000000 - 15 * 60 * 1000},
    {"-15m", 1000000000 - 15 * 60 * 1000},
    {"now", 1000000000},
    {"40000d", -1},
    {"30d", 0},
    {"1795568791250", 1795568791250},
    {"yesterday", -1},
    {"-15m ago", -1},
    {" ago", -1},
    {"1795568791", -1},
    {"1795568791250000", -1},
    {"15", -1},
    {"", -1},
};

START_TEST(points_in_time)
{
    int64_t ms = -1;

    if (!time_arg_parse(times[_i].text, 1000000000, &ms))
        ms = -1;
    ck_assert_int_eq(ms, times[_i].want);
    buffer_clear(&out);
    time_arg_print(ms, &out);
    int64_t again = -1;
    if (ms >= 0)
        ck_assert(time_arg_parse(out.ptr, 0, &again));
    ck_assert_int_eq(again, ms);
}
END_TEST

static Suite *record_json_suite(void)
{
    Suite *suite = suite_create("record_json");
    TCase *cases = tcase_create("record_json");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, bytes_come_back, 0, (int)ARRAY_NR(rows));
    tcase_add_test(cases, names_that_come_twice_come_back);
    tcase_add_loop_test(cases, points_in_time, 0, (int)ARRAY_NR(times));
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(record_json_suite)
