#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bus/alloc.h"
#include "bus/json.h"
#include "tests/unit/check_main.h"

#define NR(a) ((int)(sizeof(a) / sizeof((a)[0])))

static struct bus_buffer buffer;
static struct unstale_error err;

static void set_up(void)
{
    bus_buffer_init(&buffer, &bus_system_allocator);
    err = (struct unstale_error)UNSTALE_ERROR_INIT;
}

static void tear_down(void)
{
    bus_buffer_release(&buffer);
}

/* What is in the buffer, as C text; the buffer is emptied. */
static const char *written(void)
{
    ck_assert(bus_buffer_add_char(&buffer, '\0'));
    buffer.length = 0;
    return buffer.data;
}

static const struct {
    const char *text;
    size_t length; /* 0: strlen */
    const char *json;
} strings[] = {
    {"", 0, "\"\""},
    {"Lamp", 0, "\"Lamp\""},
    {"say \"hi\"", 0, "\"say \\\"hi\\\"\""},
    {"a\\b", 0, "\"a\\\\b\""},
    {"/", 0, "\"/\""},
    {"\b\t\n\v\f\r", 0, "\"\\b\\t\\n\\u000b\\f\\r\""},
    {"\x01\x1f\x7f", 0, "\"\\u0001\\u001f\x7f\""},
    {"a\0b", 3, "\"a\\u0000b\""},
    {"Leuchte für Küche", 0, "\"Leuchte für Küche\""},
    {"лампа", 0, "\"лампа\""},
    {"\xe2\x80\xa8", 0, "\"\xe2\x80\xa8\""},                   /* U+2028 */
    {"\xf0\x9f\x92\xa1 lamp", 0, "\"\xf0\x9f\x92\xa1 lamp\""}, /* U+1F4A1 */
    {"\xf4\x8f\xbf\xbf", 0, "\"\xf4\x8f\xbf\xbf\""},           /* U+10FFFF */
    {"\xed\x9f\xbf\xee\x80\x80", 0, "\"\xed\x9f\xbf\xee\x80\x80\""},
    {"12345678\"12345678\n1234567\\", 0, "\"12345678\\\"12345678\\n1234567\\\\\""},
};

START_TEST(string_is_escaped)
{
    size_t length = strings[_i].length ? strings[_i].length : strlen(strings[_i].text);

    ck_assert(bus_json_string(&buffer, strings[_i].text, length, &err));
    ck_assert_str_eq(written(), strings[_i].json);
}
END_TEST

static const struct {
    const char *text;
    const char *why;
} bad_strings[] = {
    {"\x80", "byte 0"},               /* a continuation alone */
    {"ab\xff", "byte 2"},             /* no such lead */
    {"12345678\xfe", "byte 8"},       /* after a whole word */
    {"\xc3", "byte 0"},               /* cut off */
    {"\xe2\x82", "byte 0"},           /* cut off */
    {"\xf0\x9f\x92", "byte 0"},       /* cut off */
    {"\xc0\xaf", "byte 0"},           /* overlong '/' */
    {"\xe0\x80\xaf", "byte 0"},       /* overlong '/' */
    {"\xf0\x80\x80\xaf", "byte 0"},   /* overlong '/' */
    {"\xed\xa0\x80", "byte 0"},       /* a surrogate */
    {"\xf4\x90\x80\x80", "byte 0"},   /* above U+10FFFF */
    {"\xf5\x80\x80\x80", "byte 0"},   /* above U+10FFFF */
    {"\xe2\x28\xa1", "byte 0"},       /* a bad second byte */
    {"\xe2\x82\x28", "byte 0"},       /* a bad third byte */
    {"f\xc3\xbcr\xc3\x28", "byte 4"}, /* after a good one */
    {"a\"b\xc3\x28", "byte 3"},       /* after an escape */
};

START_TEST(string_that_is_not_utf8_is_refused)
{
    ck_assert(bus_buffer_add_text(&buffer, "before"));
    ck_assert(!bus_json_string(&buffer, bad_strings[_i].text, strlen(bad_strings[_i].text), &err));
    ck_assert_int_eq(err.kind, UNSTALE_REJECT);
    ck_assert_ptr_nonnull(strstr(err.text, bad_strings[_i].why));
    ck_assert_str_eq(written(), "before");
}
END_TEST

/* Each special byte at each place of a word, beside every neighbour that could hide it by a borrow. */
START_TEST(plain_run_stops_at_the_first_special_byte)
{
    static const char specials[] = {'"', '\\', '\0', '\x1f', '\n', '\x80', '\xff'};
    static const char plains[] = {' ', '!', '#', '[', ']', '~', '\x7f'};
    char text[17];

    for (int plain = 0; plain < NR(plains); plain++) {
        memset(text, plains[plain], sizeof(text));
        ck_assert_uint_eq(bus_json_plain_run(text, sizeof(text)), sizeof(text));
        for (size_t at = 0; at < sizeof(text); at++) {
            text[at] = specials[_i];
            ck_assert_uint_eq(bus_json_plain_run(text, sizeof(text)), at);
            text[at] = plains[plain];
        }
    }
}
END_TEST

/* Short, middling and long strings are looked at by different means. */
START_TEST(string_of_any_length_and_a_special_byte_anywhere)
{
    const size_t length = (size_t)_i;
    char text[48], want[64];

    memset(text, '~', sizeof(text));
    snprintf(want, sizeof(want), "\"%.*s\"", _i, text);
    ck_assert(bus_json_string(&buffer, text, length, &err));
    ck_assert_str_eq(written(), want);
    for (int at = 0; at < _i; at++) {
        text[at] = '"';
        snprintf(want, sizeof(want), "\"%.*s\\%.*s\"", at, text, _i - at, text + at);
        ck_assert(bus_json_string(&buffer, text, length, &err));
        ck_assert_str_eq(written(), want);
        text[at] = '\xff';
        ck_assert(!bus_json_string(&buffer, text, length, &err));
        ck_assert_uint_eq(buffer.length, 0);
        text[at] = '~';
    }
}
END_TEST

static const struct {
    int64_t value;
    const char *json;
} ints[] = {
    {0, "0"},
    {-1, "-1"},
    {9, "9"},
    {10, "10"},
    {99, "99"},
    {100, "100"},
    {-1005, "-1005"},
    {1000000, "1000000"},
    {-100000007, "-100000007"},
    {4000000030000002, "4000000030000002"},
    {1000000000200000003, "1000000000200000003"},
    {42, "42"},
    {INT64_MAX, "9223372036854775807"},
    {INT64_MIN, "-9223372036854775808"},
};

START_TEST(int_is_written)
{
    ck_assert(bus_json_int(&buffer, ints[_i].value, &err));
    ck_assert_str_eq(written(), ints[_i].json);
}
END_TEST

static const struct {
    double value;
    const char *json;
} doubles[] = {
    {0.0, "0.0"},
    {-0.0, "-0.0"},
    {5, "5.0"},
    {-12.5, "-12.5"},
    {0.1, "0.1"},
    {0.1 + 0.2, "0.30000000000000004"},
    {1.0 / 3, "0.3333333333333333"},
    {100, "100.0"},
    {123456789.25, "123456789.25"},
    {1e15, "1000000000000000.0"},
    {1234567890123456.0, "1234567890123456.0"},
    {9007199254740993.0, "9007199254740992.0"},
    {1e16, "1e+16"},
    {1.5e300, "1.5e+300"},
    {1e-4, "0.0001"},
    {1.25e-4, "0.000125"},
    {1e-5, "1e-05"},
    {-2.5e-7, "-2.5e-07"},
    {DBL_MAX, "1.7976931348623157e+308"},
    {DBL_MIN, "2.2250738585072014e-308"},
    {5e-324, "5e-324"},
    {1e23, "1e+23"},
};

/* Below, at and above every power of ten. */
START_TEST(int_has_as_many_digits_as_it_has)
{
    char want[32];
    int64_t power = 1;

    for (int i = 0; i < 18; i++, power *= 10) {
        for (int64_t value = power - 1; value <= power + 1; value++) {
            snprintf(want, sizeof(want), "%lld", (long long)value);
            ck_assert(bus_json_int(&buffer, value, &err));
            ck_assert_str_eq(written(), want);
        }
    }
}
END_TEST

START_TEST(double_is_laid_out_as_python_does)
{
    ck_assert(bus_json_double(&buffer, doubles[_i].value, &err));
    ck_assert_str_eq(written(), doubles[_i].json);
}
END_TEST

START_TEST(double_does_not_follow_the_locale)
{
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "fr_FR.UTF-8"))
        setlocale(LC_NUMERIC, "C");
    ck_assert(bus_json_double(&buffer, 12.5, &err));
    setlocale(LC_NUMERIC, "C");
    ck_assert_str_eq(written(), "12.5");
}
END_TEST

START_TEST(double_that_is_no_number_is_refused)
{
    static const double values[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};

    ck_assert(!bus_json_double(&buffer, values[_i], &err));
    ck_assert_int_eq(err.kind, UNSTALE_REJECT);
    ck_assert_uint_eq(buffer.length, 0);
}
END_TEST

static const struct {
    const char *text;
    size_t length; /* of the number at its beginning */
} numbers[] = {
    {"0", 1},       {"-0", 2},  {"9.50", 4},
    {"10", 2},      {"1e3", 3}, {"1E+3", 4},
    {"-1.5e-7", 7}, {"", 0},    {"-", 0},
    {"+1", 0},      {".5", 0},  {"1.", 0},
    {"01", 0},      {"-01", 0}, {"1e", 0},
    {"1e+", 0},     {"NaN", 0}, {"1,5", 1},
    {"0x10", 1},    {"1 ", 1},  {"123456789012345678901234567890.5", 32},
};

START_TEST(number_is_told_by_the_grammar)
{
    ck_assert_uint_eq(bus_json_number_length(numbers[_i].text, strlen(numbers[_i].text)),
                      numbers[_i].length);
}
END_TEST

static const struct {
    const char *text;
    const char *json;
} copies[] = {
    {"null", "null"},
    {" true ", "true"},
    {"false\n", "false"},
    {"-1.50", "-1.50"},
    {"\"a b\\n\\u00e9\\ud83d\\udca1\"", "\"a b\\n\\u00e9\\ud83d\\udca1\""},
    {"[]", "[]"},
    {"{ }", "{}"},
    {"[ 1 ,\t2,\r\n[ ] ]", "[1,2,[]]"},
    {"{ \"a\" : { \"b c\" : [ 1 , null ] } , \"d\" : \"\" }",
     "{\"a\":{\"b c\":[1,null]},\"d\":\"\"}"},
    {"\"лампа \\\" \\\\ \\/ \\b\\f\\n\\r\\t\"", "\"лампа \\\" \\\\ \\/ \\b\\f\\n\\r\\t\""},
};

START_TEST(json_is_copied_compactly)
{
    ck_assert(bus_json_copy(&buffer, copies[_i].text, strlen(copies[_i].text), &err));
    ck_assert_str_eq(written(), copies[_i].json);
}
END_TEST

static const char *const bad_json[] = {
    "",
    " ",
    "nul",
    "nulll",
    "True",
    "1 2",
    "01",
    "[1,]",
    "[1 2]",
    "[",
    "[1",
    "{",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,}",
    "{a:1}",
    "{\"a\" 1}",
    "{1:2}",
    "]",
    "\"a",
    "\"a\nb\"",
    "\"\\x\"",
    "\"\\",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\u12:4\"",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\ud800\\u0041\"",
    "\"\\ud800\\n1234\"",
    "\"\xff\"",
    "'a'",
    "// a\n1",
    "NaN",
    "\x01",
};

START_TEST(json_that_is_none_is_refused)
{
    ck_assert(bus_buffer_add_text(&buffer, "before"));
    ck_assert(!bus_json_copy(&buffer, bad_json[_i], strlen(bad_json[_i]), &err));
    ck_assert_int_eq(err.kind, UNSTALE_REJECT);
    ck_assert_msg(strncmp(err.text, "not JSON at byte ", 17) == 0, "%s", err.text);
    ck_assert_str_eq(written(), "before");
}
END_TEST

START_TEST(json_is_nested_only_so_deep)
{
    char text[2 * UNSTALE_JSON_DEPTH + 2];

    memset(text, '[', UNSTALE_JSON_DEPTH);
    memset(text + UNSTALE_JSON_DEPTH, ']', UNSTALE_JSON_DEPTH);
    ck_assert(bus_json_copy(&buffer, text, 2 * UNSTALE_JSON_DEPTH, &err));
    memset(text, '[', UNSTALE_JSON_DEPTH + 1);
    memset(text + UNSTALE_JSON_DEPTH + 1, ']', UNSTALE_JSON_DEPTH + 1);
    ck_assert(!bus_json_copy(&buffer, text, sizeof(text), &err));
    ck_assert_str_eq(err.text, "nested deeper than 60 levels");
}
END_TEST

static Suite *json_suite(void)
{
    Suite *suite = suite_create("bus/json");
    TCase *c = tcase_create("json");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, string_is_escaped, 0, NR(strings));
    tcase_add_loop_test(c, string_that_is_not_utf8_is_refused, 0, NR(bad_strings));
    tcase_add_loop_test(c, plain_run_stops_at_the_first_special_byte, 0, 7);
    tcase_add_loop_test(c, string_of_any_length_and_a_special_byte_anywhere, 0, 40);
    tcase_add_loop_test(c, int_is_written, 0, NR(ints));
    tcase_add_test(c, int_has_as_many_digits_as_it_has);
    tcase_add_loop_test(c, double_is_laid_out_as_python_does, 0, NR(doubles));
    tcase_add_test(c, double_does_not_follow_the_locale);
    tcase_add_loop_test(c, double_that_is_no_number_is_refused, 0, 3);
    tcase_add_loop_test(c, number_is_told_by_the_grammar, 0, NR(numbers));
    tcase_add_loop_test(c, json_is_copied_compactly, 0, NR(copies));
    tcase_add_loop_test(c, json_that_is_none_is_refused, 0, NR(bad_json));
    tcase_add_test(c, json_is_nested_only_so_deep);
    suite_add_tcase(suite, c);
    return suite;
}

CHECK_MAIN(json_suite)
