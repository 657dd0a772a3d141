#include "consumers/rules/codes.h"
#include "tests/unit/check_main.h"
#include "tests/unit/cli/verb_ran.h"

START_TEST(a_code_with_its_examples)
{
    struct verb_ran ran = verb_ran(&verb_help, "E301", NULL);

    verb_ran_expect(&ran, EXIT_OK, NULL);
    ck_assert_ptr_nonnull(strstr(ran.out.ptr, "error[E301]: a purge that would delete"));
    ck_assert_ptr_nonnull(strstr(ran.out.ptr, "\n          \"do\": { \"purge\": \"*\" }\n"));
    ck_assert_ptr_nonnull(strstr(ran.out.ptr, "\"purge\": \"products:*\""));
    ck_assert_ptr_null(strstr(ran.out.ptr, "ignore"));
    verb_ran_release(&ran);
    ran = verb_ran(&verb_help, "E101", "W405", NULL);
    verb_ran_expect(&ran, EXIT_OK, NULL);
    ck_assert_ptr_nonnull(strstr(ran.out.ptr, "error[E101]"));
    ck_assert_ptr_nonnull(
        strstr(ran.out.ptr, "\"do\": {\"delete\": \"product:{pk}\"} },\n      ]\n"));
    ck_assert_ptr_nonnull(strstr(ran.out.ptr, "warning[W405]"));
    ck_assert_ptr_nonnull(strstr(ran.out.ptr, "\"ignore\": [\"W405\"]"));
    verb_ran_release(&ran);
}
END_TEST

START_TEST(every_code)
{
    const struct code *code;

    for (size_t i = 0; (code = code_at(i)); i++) {
        struct verb_ran ran = verb_ran(&verb_help, code->code, NULL);

        verb_ran_expect(&ran, EXIT_OK, NULL);
        ck_assert_ptr_nonnull(strstr(ran.out.ptr, code->why));
        verb_ran_release(&ran);
    }
}
END_TEST

START_TEST(unknown_codes)
{
    struct verb_ran ran = verb_ran(&verb_help, "E3011", NULL);

    verb_ran_expect(&ran, EXIT_USAGE, "");
    ck_assert_ptr_nonnull(strstr(ran.err.ptr, "did you mean \"E301\"?"));
    verb_ran_release(&ran);
    ran = verb_ran(&verb_help, "nonsense", NULL);
    verb_ran_expect(&ran, EXIT_USAGE, "");
    verb_ran_release(&ran);
}
END_TEST

static Suite *help_suite(void)
{
    Suite *suite = suite_create("cli/help");
    TCase *codes = tcase_create("codes");

    tcase_add_test(codes, a_code_with_its_examples);
    tcase_add_test(codes, every_code);
    tcase_add_test(codes, unknown_codes);
    suite_add_tcase(suite, codes);
    return suite;
}

CHECK_MAIN(help_suite)
