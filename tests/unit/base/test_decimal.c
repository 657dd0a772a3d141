#include "consumers/base/decimal.h"

#include <stdio.h>

#include "tests/unit/base/assert_slice.h"
#include "tests/unit/check_main.h"

static const char *const valid[] = {
    "0",      "-0",
    "5",      "10",
    "-17",    "0.5",
    "12.50",  "1e5",
    "1E5",    "1e+5",
    "1e-5",   "0e0",
    "0.0e-0", "123456789012345678901234567890.00001e-99999999999999999999",
};

static const char *const invalid[] = {
    "",     "-",  "+1", "01", "-01", ".5",       "5.",    "1e",  "1e+",   "1.e5",
    "0x10", " 1", "1 ", "1a", "NaN", "Infinity", "1_000", "--1", "1.2.3", "1e5.5",
};

START_TEST(the_grammar_of_json)
{
    ck_assert_msg(decimal_is_number(slice_of(valid[_i])), "%s", valid[_i]);
}
END_TEST

START_TEST(nothing_but_the_grammar_of_json)
{
    ck_assert_msg(!decimal_is_number(slice_of(invalid[_i])), "'%s'", invalid[_i]);
    ck_assert(!decimal_is_number(SLICE_ABSENT));
}
END_TEST

static const struct {
    const char *a;
    const char *b;
    int order;
} pairs[] = {
    {"5", "5.0", 0},
    {"0.1", "0.10", 0},
    {"-0", "0", 0},
    {"0.000", "-0e99", 0},
    {"1e2", "100", 0},
    {"1.5e1", "15", 0},
    {"15e-1", "1.5", 0},
    {"0.00012e4", "1.2", 0},
    {"120e-1", "12", 0},
    {"1", "2", -1},
    {"10", "9", 1},
    {"-10", "-9", -1},
    {"-1", "1", -1},
    {"-1", "0", -1},
    {"0", "0.0000001", -1},
    {"0.1", "0.09", 1},
    {"1.5", "1.49999999999999999999999", 1},
    {"9007199254740993", "9007199254740992", 1},
    {"9007199254740993", "9007199254740993.0000000000000000001", -1},
    {"123456789012345678901234567890", "123456789012345678901234567891", -1},
    {"1e1000", "9.99e999", 1},
    {"1e-1000", "0", 1},
    {"1e-1000", "1e-1001", 1},
    {"-1e400", "1e-400", -1},
    {"1e99999999999999999999999999", "5", 1},
    {"1e-99999999999999999999999999", "5", -1},
    {"1e-99999999999999999999999999", "0", 1},
    {"-1e99999999999999999999999999", "1e-99999999999999999999999999", -1},
    {"0e99999999999999999999999999", "0", 0},
};

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

START_TEST(order)
{
    struct slice a = slice_of(pairs[_i].a);
    struct slice b = slice_of(pairs[_i].b);

    ck_assert_msg(sign(decimal_compare(a, b)) == pairs[_i].order, "%s %s", pairs[_i].a,
                  pairs[_i].b);
    ck_assert_msg(sign(decimal_compare(b, a)) == -pairs[_i].order, "%s %s", pairs[_i].b,
                  pairs[_i].a);
}
END_TEST

/* Against integers: number / 1000 is written in several ways. */
START_TEST(order_of_random_numbers)
{
    uint64_t state = 7;

    for (int i = 0; i < 20000; i++) {
        int a = (int)(random_next(&state) % 4001) - 2000;
        int b = (int)(random_next(&state) % 4001) - 2000;
        char text_a[64];
        char text_b[64];

        snprintf(text_a, sizeof(text_a), "%de%d", a, (int)(random_next(&state) % 2) - 2);
        snprintf(text_b, sizeof(text_b), "%s%d.%03d", b < 0 ? "-" : "", abs(b) / 10,
                 abs(b) % 10 * 100);
        if (text_a[strlen(text_a) - 1] == '2')
            a = a * 10;
        else
            a = a * 100;
        b = b * 100;
        ck_assert_msg(sign(decimal_compare(slice_of(text_a), slice_of(text_b))) == sign(a - b),
                      "%s %s", text_a, text_b);
    }
}
END_TEST

static const struct {
    const char *text;
    bool fits_int;
    bool fits_uint;
    int64_t value;
    uint64_t uvalue;
} integers[] = {
    {"0", true, true, 0, 0},
    {"-0", true, true, 0, 0},
    {"42", true, true, 42, 42},
    {"-42", true, false, -42, 0},
    {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
    {"9223372036854775808", false, true, 0, (uint64_t)INT64_MAX + 1},
    {"-9223372036854775808", true, false, INT64_MIN, 0},
    {"-9223372036854775809", false, false, 0, 0},
    {"18446744073709551615", false, true, 0, UINT64_MAX},
    {"18446744073709551616", false, false, 0, 0},
    {"100000000000000000000000000", false, false, 0, 0},
    {"1.0", false, false, 0, 0},
    {"1e3", false, false, 0, 0},
    {"01", false, false, 0, 0},
    {"", false, false, 0, 0},
    {"-", false, false, 0, 0},
    {"+1", false, false, 0, 0},
    {"7x", false, false, 0, 0},
};

START_TEST(integers_that_fit)
{
    struct slice text = slice_of(integers[_i].text);
    int64_t value = 0;
    uint64_t uvalue = 0;

    ck_assert(decimal_to_int64(text, &value) == integers[_i].fits_int);
    ck_assert(value == integers[_i].value);
    ck_assert(decimal_to_uint64(text, &uvalue) == integers[_i].fits_uint);
    ck_assert(uvalue == integers[_i].uvalue);
}
END_TEST

static Suite *decimal_suite(void)
{
    Suite *suite = suite_create("decimal");
    TCase *tests = tcase_create("decimal");

    tcase_add_loop_test(tests, the_grammar_of_json, 0, (int)ARRAY_NR(valid));
    tcase_add_loop_test(tests, nothing_but_the_grammar_of_json, 0, (int)ARRAY_NR(invalid));
    tcase_add_loop_test(tests, order, 0, (int)ARRAY_NR(pairs));
    tcase_add_test(tests, order_of_random_numbers);
    tcase_add_loop_test(tests, integers_that_fit, 0, (int)ARRAY_NR(integers));
    suite_add_tcase(suite, tests);
    return suite;
}

CHECK_MAIN(decimal_suite)
