#include <string.h>

#include "bus/error.h"
#include "tests/unit/check_main.h"

START_TEST(first_failure_stands)
{
    struct unstale_error err = UNSTALE_ERROR_INIT;

    ck_assert(!bus_fail(&err, UNSTALE_REJECT, "first %d", 1));
    ck_assert(!bus_fail(&err, UNSTALE_FATAL, "second"));
    ck_assert_int_eq(err.kind, UNSTALE_REJECT);
    ck_assert_str_eq(err.text, "first 1");
}
END_TEST

START_TEST(nobody_need_care)
{
    struct unstale_error untouched = UNSTALE_ERROR_INIT;

    ck_assert(!bus_fail(NULL, UNSTALE_REJECT, "unseen"));
    bus_error_wrap(NULL, "unseen");
    bus_error_wrap(&untouched, "no failure to wrap");
    ck_assert_str_eq(untouched.text, "");
}
END_TEST

START_TEST(context_goes_in_front)
{
    struct unstale_error err = UNSTALE_ERROR_INIT;

    bus_fail(&err, UNSTALE_RETRY, "inner");
    bus_error_wrap(&err, "middle");
    bus_error_wrap(&err, "outer %s", "most");
    ck_assert_str_eq(err.text, "outer most: middle: inner");
    ck_assert_int_eq(err.kind, UNSTALE_RETRY);
}
END_TEST

START_TEST(text_is_one_line)
{
    struct unstale_error err = UNSTALE_ERROR_INIT;

    bus_fail(&err, UNSTALE_REJECT, "a\nb\x7f\x1b[0m");
    ck_assert_str_eq(err.text, "a?b??[0m");
}
END_TEST

/* A text of two-byte characters, with an odd number of bytes of room, is cut between two of them. */
START_TEST(long_text_is_cut_between_characters)
{
    struct unstale_error err = UNSTALE_ERROR_INIT;
    char text[UNSTALE_ERROR_TEXT_BYTES * 2 + 1] = "";
    size_t length;

    for (int i = 0; i < UNSTALE_ERROR_TEXT_BYTES; i++)
        memcpy(text + 2 * i, "\xc3\xa9", 3);
    bus_fail(&err, UNSTALE_REJECT, "%s", text);
    length = strlen(err.text);
    ck_assert_uint_eq(length, UNSTALE_ERROR_TEXT_BYTES - 2);
    bus_error_wrap(&err, "x");
    ck_assert_uint_lt(strlen(err.text), UNSTALE_ERROR_TEXT_BYTES);
    ck_assert_int_eq(err.text[strlen(err.text) - 1], '\xa9');
}
END_TEST

START_TEST(kinds_have_names)
{
    ck_assert_str_eq(unstale_error_kind_name(UNSTALE_OK), "ok");
    ck_assert_str_eq(unstale_error_kind_name(UNSTALE_FORKED), "forked");
    ck_assert_str_eq(unstale_error_kind_name((enum unstale_error_kind)99), "unknown");
}
END_TEST

static Suite *error_suite(void)
{
    Suite *suite = suite_create("bus/error");
    TCase *c = tcase_create("error");

    tcase_add_test(c, first_failure_stands);
    tcase_add_test(c, nobody_need_care);
    tcase_add_test(c, context_goes_in_front);
    tcase_add_test(c, text_is_one_line);
    tcase_add_test(c, long_text_is_cut_between_characters);
    tcase_add_test(c, kinds_have_names);
    suite_add_tcase(suite, c);
    return suite;
}

CHECK_MAIN(error_suite)
