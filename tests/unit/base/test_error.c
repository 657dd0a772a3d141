#include "consumers/base/error.h"

#include <string.h>

#include "tests/unit/check_main.h"

START_TEST(the_first_failure_wins_and_gets_its_context)
{
    struct error err = ERROR_INIT;

    error_wrap(&err, "nothing failed yet");
    ck_assert_str_eq(err.text, "");
    ck_assert(!error_fail(&err, ERROR_REJECT, "field %s is missing", "id"));
    ck_assert(!error_fail(&err, ERROR_FATAL, "later"));
    error_wrap(&err, "rule %d", 3);
    error_wrap(&err, "%s", "rules.json");
    ck_assert_int_eq(err.kind, ERROR_REJECT);
    ck_assert_str_eq(err.text, "rules.json: rule 3: field id is missing");
    error_clear(&err);
    ck_assert_int_eq(err.kind, ERROR_NONE);
    ck_assert_str_eq(err.text, "");
    ck_assert(!error_fail(&err, ERROR_RETRY, "again"));
    ck_assert_str_eq(err.text, "again");
}
END_TEST

START_TEST(no_error_to_set_is_allowed)
{
    ck_assert(!error_fail(NULL, ERROR_REJECT, "x"));
    error_wrap(NULL, "x");
}
END_TEST

START_TEST(it_is_one_printable_line)
{
    struct error err = ERROR_INIT;

    error_fail(&err, ERROR_REJECT, "bad %s", "a\nb\x1b[2J\xff\xc3\xa9");
    error_wrap(&err, "%s", "\r");
    ck_assert_str_eq(err.text, "\\x0d: bad a\\x0ab\\x1b[2J\\xff\xc3\xa9");
}
END_TEST

START_TEST(it_is_cut_between_characters)
{
    struct error err = ERROR_INIT;
    char wide[2 * ERROR_TEXT_BYTES + 1];

    for (size_t i = 0; i < ERROR_TEXT_BYTES; i++)
        memcpy(wide + 2 * i, "\xc3\xa9", 2);
    wide[sizeof(wide) - 1] = '\0';
    error_fail(&err, ERROR_REJECT, "%s", wide);
    ck_assert_uint_eq(strlen(err.text), ERROR_TEXT_BYTES - 2);
    error_wrap(&err, "ab");
    ck_assert_uint_eq(strlen(err.text), ERROR_TEXT_BYTES - 2);
    ck_assert_mem_eq(err.text + ERROR_TEXT_BYTES - 4, "\xc3\xa9", 3);
}
END_TEST

static Suite *error_suite(void)
{
    Suite *suite = suite_create("error");
    TCase *tests = tcase_create("error");

    tcase_add_test(tests, the_first_failure_wins_and_gets_its_context);
    tcase_add_test(tests, no_error_to_set_is_allowed);
    tcase_add_test(tests, it_is_one_printable_line);
    tcase_add_test(tests, it_is_cut_between_characters);
    suite_add_tcase(suite, tests);
    return suite;
}

CHECK_MAIN(error_suite)
