#include "consumers/base/duration.h"

#include "tests/unit/check_main.h"

static const struct {
    const char *text;
    int64_t ms;
} good[] = {
    {"0s", 0},
    {"250ms", 250},
    {"20s", 20000},
    {"5m", 300000},
    {"2h", 7200000},
    {"1d", 86400000},
    {"1ms", 1},
    {"007s", 7000},
    {"36525d", INT64_C(3155760000000)},
    {"3155760000000ms", INT64_C(3155760000000)},
};

static const char *const bad[] = {
    "",
    "5",
    "s",
    "-5s",
    "+5s",
    "5 s",
    " 5s",
    "5s ",
    "5S",
    "5sec",
    "5M",
    "1.5s",
    "36526d",
    "3155760000001ms",
    "99999999999999999999999999s",
    "5w",
    "5us",
};

START_TEST(what_is_a_duration)
{
    int64_t ms = -1;

    ck_assert(duration_parse(slice_of(good[_i].text), &ms));
    ck_assert_int_eq(ms, good[_i].ms);
}
END_TEST

START_TEST(what_is_none)
{
    int64_t ms = -1;

    ck_assert_msg(!duration_parse(slice_of(bad[_i]), &ms), "'%s'", bad[_i]);
    ck_assert_int_eq(ms, -1);
}
END_TEST

static const struct {
    int64_t ms;
    const char *text;
} prints[] = {
    {0, "0s"},
    {1, "1ms"},
    {2000, "2s"},
    {1500, "1500ms"},
    {60000, "1m"},
    {90000, "90s"},
    {3600000, "1h"},
    {86400000, "1d"},
    {604800000, "7d"},
    {-2000, "-2s"},
    {INT64_MIN, "-9223372036854775808ms"},
};

START_TEST(the_shortest_exact_form)
{
    char out[DURATION_TEXT_BYTES];

    duration_print(prints[_i].ms, out);
    ck_assert_str_eq(out, prints[_i].text);
}
END_TEST

START_TEST(what_is_printed_reads_back)
{
    for (int64_t ms = 0; ms < 100000000; ms = ms * 3 / 2 + 1) {
        char out[DURATION_TEXT_BYTES];
        int64_t back = -1;

        duration_print(ms, out);
        ck_assert(duration_parse(slice_of(out), &back));
        ck_assert_int_eq(back, ms);
    }
}
END_TEST

static Suite *duration_suite(void)
{
    Suite *suite = suite_create("duration");
    TCase *tests = tcase_create("duration");

    tcase_add_loop_test(tests, what_is_a_duration, 0, (int)ARRAY_NR(good));
    tcase_add_loop_test(tests, what_is_none, 0, (int)ARRAY_NR(bad));
    tcase_add_loop_test(tests, the_shortest_exact_form, 0, (int)ARRAY_NR(prints));
    tcase_add_test(tests, what_is_printed_reads_back);
    suite_add_tcase(suite, tests);
    return suite;
}

CHECK_MAIN(duration_suite)
