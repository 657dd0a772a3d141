#include "consumers/base/buffer.h"

#include "tests/unit/base/assert_slice.h"
#include "tests/unit/check_main.h"

static struct buffer buffer;

static void setup(void)
{
    buffer_init(&buffer);
}

static void teardown(void)
{
    buffer_release(&buffer);
}

START_TEST(pieces_are_joined_and_end_with_a_nul)
{
    ck_assert_str_eq(buffer.ptr, "");
    buffer_add(&buffer, SLICE("SET"));
    buffer_add_char(&buffer, ' ');
    buffer_add_text(&buffer, "key");
    buffer_add(&buffer, SLICE_ABSENT);
    buffer_printf(&buffer, " %s %d", "EX", 60);
    ck_assert_str_eq(buffer.ptr, "SET key EX 60");
    ck_assert_uint_eq(buffer.len, 13);
    memcpy(buffer_reserve(&buffer, 3), "abc", 3);
    buffer.len += 3;
    buffer_add_char(&buffer, '.');
    ck_assert_str_eq(buffer.ptr, "SET key EX 60abc.");
    buffer_clear(&buffer);
    ck_assert_str_eq(buffer.ptr, "");
}
END_TEST

START_TEST(it_grows_by_any_way_of_adding)
{
    char expected[40001];

    memset(expected, 'x', sizeof(expected));
    for (int i = 0; i < 10000; i++)
        buffer_add_char(&buffer, 'x');
    buffer_printf(&buffer, "%.*s", 10000, expected);
    buffer_add(&buffer, (struct slice){expected, 10000});
    for (int i = 0; i < 1000; i++)
        buffer_printf(&buffer, "xxxxxxxxxx");
    ck_assert_uint_eq(buffer.len, 40000);
    ck_assert_mem_eq(buffer.ptr, expected, 40000);
    ck_assert_int_eq(buffer.ptr[40000], '\0');
}
END_TEST

static const struct {
    int64_t number;
    const char *text;
} numbers[] = {
    {0, "0"},
    {7, "7"},
    {-1, "-1"},
    {1234567890, "1234567890"},
    {10, "10"},
    {-100, "-100"},
    {INT64_MAX, "9223372036854775807"},
    {INT64_MIN, "-9223372036854775808"},
};

START_TEST(integers)
{
    buffer_add_int(&buffer, numbers[_i].number);
    ck_assert_str_eq(buffer.ptr, numbers[_i].text);
}
END_TEST

static const struct {
    struct slice bytes;
    const char *json;
    const char *printable;
} texts[] = {
    {{"", 0}, "\"\"", ""},
    {{NULL, 0}, "\"\"", ""},
    {{"plain ASCII ~", 13}, "\"plain ASCII ~\"", "plain ASCII ~"},
    {{"a\"b\\c", 5}, "\"a\\\"b\\\\c\"", "a\"b\\c"},
    {{"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\"", "\\x08\\x0c\\x0a\\x0d\\x09"},
    {{"\0\x01\x1f\x1b[2J", 7}, "\"\\u0000\\u0001\\u001f\\u001b[2J\"", "\\x00\\x01\\x1f\\x1b[2J"},
    {{"\x7f", 1}, "\"\x7f\"", "\\x7f"},
    {{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9},
     "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
     "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    {{"a\xff\xc3z", 4}, "\"a\xef\xbf\xbd\xef\xbf\xbdz\"", "a\\xff\\xc3z"},
    {{"\xed\xa0\x80", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "\\xed\\xa0\\x80"},
    {{"\xc2\x9b", 2}, "\"\xc2\x9b\"", "\\xc2\\x9b"},
    {{"\xe2\x80\xa8\xe2\x80\xae", 6},
     "\"\xe2\x80\xa8\xe2\x80\xae\"",
     "\\xe2\\x80\\xa8\\xe2\\x80\\xae"},
    {{"\xf0\x9f\x98", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "\\xf0\\x9f\\x98"},
};

START_TEST(json_strings)
{
    buffer_add_json_string(&buffer, texts[_i].bytes);
    ck_assert_str_eq(buffer.ptr, texts[_i].json);
    ck_assert_uint_eq(buffer.len, strlen(texts[_i].json));
}
END_TEST

START_TEST(printable_text)
{
    buffer_add_printable(&buffer, texts[_i].bytes);
    ck_assert_str_eq(buffer.ptr, texts[_i].printable);
}
END_TEST

/* The vectors of RFC 4648, section 10, and bytes with the high bit. */
static const struct {
    struct slice bytes;
    const char *text;
} base64s[] = {
    {{"", 0}, ""},
    {{"f", 1}, "Zg=="},
    {{"fo", 2}, "Zm8="},
    {{"foo", 3}, "Zm9v"},
    {{"foob", 4}, "Zm9vYg=="},
    {{"fooba", 5}, "Zm9vYmE="},
    {{"foobar", 6}, "Zm9vYmFy"},
    {{"\xff\xfe\x00\xfb", 4}, "//4A+w=="},
};

START_TEST(base64)
{
    buffer_add_text(&buffer, ":");
    buffer_add_base64(&buffer, base64s[_i].bytes);
    ck_assert_str_eq(buffer.ptr + 1, base64s[_i].text);
    ck_assert_uint_eq(buffer.len, 1 + strlen(base64s[_i].text));
    buffer_clear(&buffer);
    buffer_add_text(&buffer, ":");
    ck_assert(buffer_add_from_base64(&buffer, slice_of(base64s[_i].text)));
    ck_assert(slice_equals((struct slice){buffer.ptr + 1, buffer.len - 1}, base64s[_i].bytes));
}
END_TEST

static const char *const no_base64s[] = {
    "Z", "Zg=", "Zg", "Z===", "Zm9v\n", "Zm-_", "=Zg=", "Zm9=vYmFy"};

START_TEST(what_is_no_base64)
{
    ck_assert(!buffer_add_from_base64(&buffer, slice_of(no_base64s[_i])));
    ck_assert_uint_eq(buffer.len, 0);
}
END_TEST

static Suite *buffer_suite(void)
{
    Suite *suite = suite_create("buffer");
    TCase *tests = tcase_create("buffer");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, pieces_are_joined_and_end_with_a_nul);
    tcase_add_test(tests, it_grows_by_any_way_of_adding);
    tcase_add_loop_test(tests, integers, 0, (int)ARRAY_NR(numbers));
    tcase_add_loop_test(tests, json_strings, 0, (int)ARRAY_NR(texts));
    tcase_add_loop_test(tests, printable_text, 0, (int)ARRAY_NR(texts));
    tcase_add_loop_test(tests, base64, 0, (int)ARRAY_NR(base64s));
    tcase_add_loop_test(tests, what_is_no_base64, 0, (int)ARRAY_NR(no_base64s));
    suite_add_tcase(suite, tests);
    return suite;
}

CHECK_MAIN(buffer_suite)
