#include "consumers/event/instant.h"

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/event/decoded.h"

static const struct {
    const char *text;
    int64_t ms;
} valid[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"1969-12-31T23:59:59Z", -1000},
    {"2026-11-22T12:00:00Z", INT64_C(1795348800000)},
    {"2026-11-22T12:00:00.1Z", INT64_C(1795348800100)},
    {"2026-11-22T12:00:00.123456789z", INT64_C(1795348800123)},
    {"2026-11-22t12:00:00.0009Z", INT64_C(1795348800000)},
    {"2026-11-22 13:00:00+01:00", INT64_C(1795348800000)},
    {"2026-11-22T06:30:00-05:30", INT64_C(1795348800000)},
    {"2024-02-29T00:00:00Z", INT64_C(1709164800000)},
    {"2000-02-29T00:00:00Z", INT64_C(951782400000)},
    {"2000-03-01T00:00:00Z", INT64_C(951868800000)},
    {"2016-12-31T23:59:60Z", INT64_C(1483228800000)},
    {"0001-01-01T00:00:00Z", INT64_C(-62135596800000)},
    {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
};

START_TEST(a_time_is_read)
{
    int64_t ms = -7;

    ck_assert_msg(instant_parse(slice_of(valid[_i].text), &ms), "%s", valid[_i].text);
    ck_assert_int_eq(ms, valid[_i].ms);
}
END_TEST

static const char *const invalid[] = {
    "",
    "2026-11-22",
    "2026-11-22T12:00:00",
    "2026-11-22T12:00Z",
    "2026-11-22T12:00:00.Z",
    "2026-11-22T12:00:00ZZ",
    "2026-11-22T12:00:00+0100",
    "2026-11-22T12:00:00+24:00",
    "2026-11-22T12:00:00+01:60",
    "2026-11-22T24:00:00Z",
    "2026-11-22T12:60:00Z",
    "2026-11-22T12:00:61Z",
    "2026-13-22T12:00:00Z",
    "2026-00-22T12:00:00Z",
    "2026-11-00T12:00:00Z",
    "2026-11-31T12:00:00Z",
    "2026-02-29T12:00:00Z",
    "1900-02-29T12:00:00Z",
    "0000-01-01T00:00:00Z",
    "26-11-22T12:00:00Z",
    "2026/11/22T12:00:00Z",
    " 2026-11-22T12:00:00Z",
    "-026-11-22T12:00:00Z",
};

START_TEST(no_time_is_refused)
{
    int64_t ms;

    ck_assert_msg(!instant_parse(slice_of(invalid[_i]), &ms), "%s", invalid[_i]);
}
END_TEST

START_TEST(nothing_is_read_beyond_the_end)
{
    static const char text[] = "2026-11-22T12:00:00.123Z";
    int64_t ms;

    for (size_t len = 0; len < sizeof(text) - 1; len++)
        ck_assert(!instant_parse((struct slice){text, len}, &ms));
}
END_TEST

static Suite *instant_suite(void)
{
    Suite *suite = suite_create("instant");
    TCase *tcase = tcase_create("instant");

    tcase_add_loop_test(tcase, a_time_is_read, 0, ARRAY_NR(valid));
    tcase_add_loop_test(tcase, no_time_is_refused, 0, ARRAY_NR(invalid));
    tcase_add_test(tcase, nothing_is_read_beyond_the_end);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(instant_suite)
