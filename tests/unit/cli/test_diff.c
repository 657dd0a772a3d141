#include "tests/unit/check_main.h"
#include "tests/unit/cli/verb_ran.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define RULES(name, verbs)                                                                         \
    "{\"version\":1,\"rules\":[\n"                                                                 \
    "{\"name\":\"" name "\",\"when\":{\"model\":\"m.P\"},\"do\":{" verbs "}}]}"

static char folder[64], old_path[PATH_MAX], new_path[PATH_MAX], events[PATH_MAX];

static void setup(void)
{
    strcpy(folder, scratch_folder());
    strcpy(old_path, scratch_file(folder, "old.json", RULES("one", "\"delete\":\"a:{pk}\"")));
    strcpy(events, scratch_file(folder, "events.jsonl",
                                "{\"event\":\"post_save\",\"model\":\"m.P\",\"pk\":1}\n"
                                "{\"event\":\"post_save\",\"model\":\"m.Q\",\"pk\":2}\n"));
}

static void teardown(void)
{
    scratch_remove(folder);
}

static const struct {
    const char *rules;
    int code;
    const char *out;
} rows[] = {
    {RULES("one", "\"delete\":\"a:{pk}\""), EXIT_OK,
     "0 of 2 events differ: operations that appear 0, disappear 0, change 0\n"},
    {RULES("one", "\"delete\":[\"a:{pk}\",\"b:{pk}\"]"), EXIT_FINDINGS,
     "line 1: post_save m.P pk=1\n"
     "  + UNLINK b:1                                        one (NEW:2)\n"
     "rule one                              1 -> 1 events, 1 -> 2 operations\n"
     "1 of 2 events differ: operations that appear 1, disappear 0, change 0\n"},
    {RULES("one", "\"delete\":\"b:{pk}\""), EXIT_FINDINGS,
     "line 1: post_save m.P pk=1\n"
     "  - UNLINK a:1                                        one (OLD:2)\n"
     "  + UNLINK b:1                                        one (NEW:2)\n"
     "1 of 2 events differ: operations that appear 1, disappear 1, change 0\n"},
    {RULES("two", "\"delete\":{\"key\":\"a:{pk}\",\"again_after\":\"2s\"}"), EXIT_FINDINGS,
     "line 1: post_save m.P pk=1\n"
     "  < UNLINK a:1                                        one (OLD:2)\n"
     "  > UNLINK a:1 again after 2s                         two (NEW:2)\n"
     "rule one                              1 -> - events, 1 -> - operations\n"
     "rule two                              - -> 1 events, - -> 1 operations\n"
     "1 of 2 events differ: operations that appear 0, disappear 0, change 1\n"},
    {RULES("one", "\"delete\":\"a:{pk}\",\"bump\":\"n:{tenant}\""), EXIT_FINDINGS,
     "line 1: post_save m.P pk=1\n"
     "  < set aside: no\n"
     "  > set aside: {\"reason\":\"missing_field\",\"rule\":\"one\",\"action\":\"bump\","
     "\"field\":\"tenant\",\"error\":\"field \\\"tenant\\\" is missing from the event\"}\n"
     "1 of 2 events differ: operations that appear 0, disappear 0, change 0\n"},
};

/* Paths of the test's folder as OLD and NEW. */
static void shorten(struct buffer *text, const char *path, const char *word)
{
    char *at;

    while ((at = strstr(text->ptr, path))) {
        memcpy(at, word, strlen(word));
        memmove(at + strlen(word), at + strlen(path), strlen(at + strlen(path)) + 1);
    }
}

START_TEST(operations_that_differ)
{
    struct verb_ran ran;

    strcpy(new_path, scratch_file(folder, "new.json", rows[_i].rules));
    ran = verb_ran(&verb_diff, old_path, new_path, "--events", events, NULL);
    shorten(&ran.out, old_path, "OLD");
    shorten(&ran.out, new_path, "NEW");
    ck_assert_int_eq(ran.code, rows[_i].code);
    ck_assert_str_eq(ran.out.ptr, rows[_i].out);
    verb_ran_release(&ran);
}
END_TEST

START_TEST(as_json)
{
    struct verb_ran ran;

    strcpy(new_path, scratch_file(folder, "new.json",
                                  RULES("one", "\"bump\":\"n\",\"delete\":{\"key\":\"a:{pk}\","
                                               "\"again_after\":\"2s\"}")));
    ran = verb_ran(&verb_diff, "--format", "json", "--events", events, old_path, new_path, NULL);
    verb_ran_expect(
        &ran, EXIT_FINDINGS,
        "{\"line\":1,\"event\":{\"model\":\"m.P\",\"op\":\"update\",\"pk\":1},"
        "\"appear\":[{\"op\":\"bump\",\"cache\":\"default\",\"key\":\"n\",\"start\":1}],"
        "\"disappear\":[],\"change\":[{\"old\":{\"op\":\"delete\",\"cache\":\"default\","
        "\"key\":\"a:1\"},\"new\":{\"op\":\"delete\",\"cache\":\"default\",\"key\":\"a:1\","
        "\"again_after_ms\":2000}}]}\n"
        "{\"line\":2,\"event\":{\"model\":\"m.Q\",\"op\":\"update\",\"pk\":2},\"appear\":[],"
        "\"disappear\":[],\"change\":[]}\n"
        "{\"events\":2,\"different\":1,\"appear\":1,\"disappear\":0,\"change\":1,\"rules\":["
        "{\"name\":\"one\",\"old\":{\"events\":1,\"ops\":1},\"new\":{\"events\":1,\"ops\":2}}]}\n");
    verb_ran_release(&ran);
}
END_TEST

START_TEST(what_cannot_be_compared)
{
    struct verb_ran ran = verb_ran(&verb_diff, old_path, "--events", events, NULL);

    verb_ran_expect(&ran, EXIT_USAGE, "");
    verb_ran_release(&ran);
    ran = verb_ran(&verb_diff, old_path, old_path, NULL);
    verb_ran_expect(&ran, EXIT_USAGE, "");
    ck_assert_ptr_nonnull(strstr(ran.err.ptr, "--events"));
    verb_ran_release(&ran);
    ran = verb_ran(&verb_diff, old_path, "/nowhere/rules.json", "--events", events, NULL);
    verb_ran_expect(&ran, EXIT_USAGE, "");
    ck_assert_ptr_nonnull(strstr(ran.err.ptr, "E101"));
    verb_ran_release(&ran);
    ran = verb_ran(&verb_diff, old_path, old_path, "--events", "/nowhere/events", NULL);
    verb_ran_expect(&ran, EXIT_USAGE, "");
    verb_ran_release(&ran);
}
END_TEST

static Suite *diff_suite(void)
{
    Suite *suite = suite_create("cli/diff");
    TCase *cases = tcase_create("diff");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, operations_that_differ, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(cases, as_json);
    tcase_add_test(cases, what_cannot_be_compared);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(diff_suite)
