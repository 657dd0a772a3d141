#include "tests/unit/check_main.h"
#include "tests/unit/cli/verb_ran.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define RULES                                                                                      \
    "{\"version\":1,\"rules\":[\n"                                                                 \
    "{\"name\":\"one\",\"when\":{\"model\":\"m.P\"},\"do\":{\"delete\":\"a:{pk}\"}},\n"            \
    "{\"name\":\"two\",\"when\":{\"model\":\"m.Q\"},\"do\":{\"purge\":\"lists:*\"}}]%s}"

#define EVENT(model) "\"event\":{\"event\":\"post_save\",\"model\":\"" model "\",\"pk\":1}"
#define GREEN "{\"name\":\"green\"," EVENT("m.P") ",\"expect\":{\"exactly\":[\"UNLINK a:1\"]}}"
#define RED                                                                                        \
    "{\"name\":\"red <&>\"," EVENT("m.Q") ",\"given\":{\"lists:1\":\"x\"},\"expect\":{"            \
                                          "\"kept\":\"lists:1\",\"exactly\":[\"UNLINK b\"]}}"
#define FILE_OF(tests) "{\"rules\":\"rules.json\",\"tests\":[\n" tests "]}"

static char folder[64], rules[PATH_MAX], tests[PATH_MAX];

static void write_rules(const char *own)
{
    char text[2048];

    snprintf(text, sizeof(text), RULES, own);
    strcpy(rules, scratch_file(folder, "rules.json", text));
}

static void write_tests(const char *text)
{
    strcpy(tests, scratch_file(folder, "rules_test.json", text));
}

static void setup(void)
{
    strcpy(folder, scratch_folder());
    write_rules("");
}

static void teardown(void)
{
    scratch_remove(folder);
}

static void has(const struct buffer *text, const char *part)
{
    ck_assert_msg(strstr(text->ptr, part) != NULL, "%s\nhas no %s", text->ptr, part);
}

START_TEST(green_and_red)
{
    struct verb_ran ran;

    write_tests(FILE_OF(GREEN));
    ran = verb_ran(&verb_test, tests, NULL);
    verb_ran_expect(&ran, EXIT_OK,
                    "PASS  green\n"
                    "1 passed, 0 failed    rules covered 1/2 (never hit: two)\n");
    verb_ran_release(&ran);
    write_tests(FILE_OF(GREEN ",\n" RED));
    ran = verb_ran(&verb_test, tests, NULL);
    verb_ran_expect(&ran, EXIT_FINDINGS, NULL);
    has(&ran.out, "FAIL  red <&> ");
    has(&ran.out, "rules_test.json:3\n");
    has(&ran.out, "      - UNLINK b                              expected, not sent\n");
    has(&ran.out, "      + SCAN+UNLINK lists:*                   sent by two (");
    has(&ran.out, "rules.json:3)\n");
    has(&ran.out,
        "      + lists:1                               deleted by SCAN+UNLINK lists:*, two");
    has(&ran.out, "1 passed, 1 failed    rules covered 2/2\n");
    verb_ran_release(&ran);
}
END_TEST

/* Each way of naming the tests finds those in the rules and those beside them. */
START_TEST(where_tests_are_found)
{
    const char *paths[] = {rules, folder};
    struct verb_ran ran;

    write_rules(",\"tests\":[{\"name\":\"own\"," EVENT(
        "m.Q") ",\"expect\":{\"exactly\":[\"SCAN+UNLINK lists:*\"]}}]");
    write_tests("{\"tests\":[" GREEN "]}");
    ran = verb_ran(&verb_test, paths[_i], NULL);
    verb_ran_expect(&ran, EXIT_OK,
                    "PASS  own\nPASS  green\n2 passed, 0 failed    rules covered 2/2\n");
    verb_ran_release(&ran);
}
END_TEST

START_TEST(a_choice_of_tests)
{
    struct verb_ran ran;

    write_tests(FILE_OF(GREEN ",\n" RED));
    ran = verb_ran(&verb_test, "--run", "^gre+n$", tests, NULL);
    verb_ran_expect(&ran, EXIT_OK, NULL);
    verb_ran_release(&ran);
    ran = verb_ran(&verb_test, "--run", "blue", tests, NULL);
    verb_ran_expect(&ran, EXIT_FINDINGS, NULL);
    has(&ran.err, "there is no test");
    verb_ran_release(&ran);
    ran = verb_ran(&verb_test, "--run", "(", tests, NULL);
    verb_ran_expect(&ran, EXIT_USAGE, "");
    verb_ran_release(&ran);
}
END_TEST

START_TEST(coverage)
{
    struct verb_ran ran;

    write_tests(FILE_OF(GREEN));
    ran = verb_ran(&verb_test, "--coverage", "--threshold", "50", tests, NULL);
    verb_ran_expect(&ran, EXIT_OK, NULL);
    has(&ran.out, "covered    one ");
    has(&ran.out, "never hit  two ");
    verb_ran_release(&ran);
    ran = verb_ran(&verb_test, "--threshold", "51", tests, NULL);
    verb_ran_expect(&ran, EXIT_FINDINGS, NULL);
    has(&ran.err, "1 of 2 rules covered is less than 51 %");
    verb_ran_release(&ran);
    ran = verb_ran(&verb_test, "--threshold", "many", tests, NULL);
    verb_ran_expect(&ran, EXIT_USAGE, "");
    verb_ran_release(&ran);
}
END_TEST

START_TEST(as_json)
{
    struct verb_ran ran;

    write_tests(FILE_OF(GREEN ",\n" RED));
    ran = verb_ran(&verb_test, "--format", "json", tests, NULL);
    verb_ran_expect(&ran, EXIT_FINDINGS, NULL);
    has(&ran.out, "{\"test\":\"green\",\"file\":\"");
    has(&ran.out, "\"line\":2,\"passed\":true,\"problems\":[]}\n");
    has(&ran.out, "{\"sign\":\"-\",\"text\":\"UNLINK b\",\"note\":\"expected, not sent\"}");
    has(&ran.out, "\"rule\":\"two\",\"file\":\"");
    has(&ran.out, "{\"passed\":1,\"failed\":1,\"rules\":2,\"covered\":2,\"never_hit\":[]}\n");
    verb_ran_release(&ran);
}
END_TEST

START_TEST(as_junit)
{
    char path[PATH_MAX];
    struct verb_ran ran;
    struct buffer text;

    write_tests(FILE_OF(GREEN ",\n" RED));
    snprintf(path, sizeof(path), "%s/junit.xml", folder);
    ran = verb_ran(&verb_test, "--junit", path, tests, NULL);
    verb_ran_expect(&ran, EXIT_FINDINGS, NULL);
    verb_ran_release(&ran);
    text = scratch_read(path);
    has(&text, "<testsuite name=\"unstale\" tests=\"2\" failures=\"1\">");
    has(&text, "name=\"green\" line=\"2\"></testcase>");
    has(&text, "name=\"red &lt;&amp;&gt;\" line=\"3\"><failure>");
    buffer_release(&text);
    ran = verb_ran(&verb_test, "--junit", "/nowhere/junit.xml", "--run", "green", tests, NULL);
    verb_ran_expect(&ran, EXIT_FINDINGS, NULL);
    verb_ran_release(&ran);
}
END_TEST

static const struct {
    const char *before, *after;
} updates[] = {
    {FILE_OF("{\"name\":\"t\"," EVENT("m.P") ",\"expect\":{\"exactly\":[]}}"),
     FILE_OF("{\"name\":\"t\"," EVENT("m.P") ",\"expect\":{\"exactly\":[\"UNLINK a:1\"]}}")},
    {"\xef\xbb\xbf" FILE_OF("{\"name\":\"t\"," EVENT(
         "m.P") ",\"expect\":{\"includes\":[\"UNLINK b\"],\"rules\":\"one\"}}"),
     "\xef\xbb\xbf" FILE_OF("{\"name\":\"t\"," EVENT(
         "m.P") ",\"expect\":{\"includes\":[\"UNLINK a:1\"],\"rules\":\"one\"}}")},
    /* What holds stays as it was written; keys are the author's to say. */
    {FILE_OF(GREEN), FILE_OF(GREEN)},
    {FILE_OF("{\"name\":\"t\"," EVENT(
         "m.Q") ",\"given\":{\"lists:1\":\"x\"},\"expect\":{\"kept\":\"lists:1\"}}"),
     NULL},
};

START_TEST(lists_are_updated)
{
    const char *want = updates[_i].after ? updates[_i].after : updates[_i].before;
    struct verb_ran ran;
    struct buffer text;

    write_tests(updates[_i].before);
    ran = verb_ran(&verb_test, "--update", tests, NULL);
    verb_ran_release(&ran);
    text = scratch_read(tests);
    ck_assert_str_eq(text.ptr, want);
    buffer_release(&text);
}
END_TEST

START_TEST(a_long_list_is_laid_out)
{
    struct verb_ran ran;
    struct buffer text;

    write_tests(FILE_OF("  {\"name\":\"t\",\"events\":[{\"event\":\"post_save\",\"model\":\"m.P\","
                        "\"pk\":1},{\"event\":\"post_save\",\"model\":\"m.P\",\"pk\":2}],\n"
                        "    \"expect\":{\"exactly\":[]}}"));
    ran = verb_ran(&verb_test, "--update", tests, NULL);
    verb_ran_expect(&ran, EXIT_FINDINGS, NULL);
    has(&ran.err, "1 list updated");
    verb_ran_release(&ran);
    text = scratch_read(tests);
    has(&text, "\"exactly\":[\n      \"UNLINK a:1\",\n      \"UNLINK a:2\"\n    ]}");
    buffer_release(&text);
    ran = verb_ran(&verb_test, "--update", tests, NULL);
    verb_ran_expect(&ran, EXIT_OK, NULL);
    verb_ran_release(&ran);
}
END_TEST

START_TEST(files_that_are_wrong)
{
    struct verb_ran ran;

    write_tests("{\"tests\":[{\"name\":\"t\"}]}");
    ran = verb_ran(&verb_test, tests, NULL);
    verb_ran_expect(&ran, EXIT_FINDINGS, NULL);
    has(&ran.err, "error[E104]");
    verb_ran_release(&ran);
    write_tests("{\"rules\":\"none.json\",\"tests\":[" GREEN "]}");
    ran = verb_ran(&verb_test, tests, NULL);
    verb_ran_expect(&ran, EXIT_FINDINGS, NULL);
    has(&ran.err, "error[E101]");
    verb_ran_release(&ran);
    ran = verb_ran(&verb_test, "/nowhere/a_test.json", NULL);
    verb_ran_expect(&ran, EXIT_FINDINGS, NULL);
    verb_ran_release(&ran);
}
END_TEST

static Suite *test_suite_of_test(void)
{
    Suite *suite = suite_create("cli/test");
    TCase *cases = tcase_create("test");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, green_and_red);
    tcase_add_loop_test(cases, where_tests_are_found, 0, 2);
    tcase_add_test(cases, a_choice_of_tests);
    tcase_add_test(cases, coverage);
    tcase_add_test(cases, as_json);
    tcase_add_test(cases, as_junit);
    tcase_add_loop_test(cases, lists_are_updated, 0, (int)(sizeof(updates) / sizeof(updates[0])));
    tcase_add_test(cases, a_long_list_is_laid_out);
    tcase_add_test(cases, files_that_are_wrong);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(test_suite_of_test)
