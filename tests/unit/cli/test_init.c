#include <stdio.h>
#include <sys/stat.h>

#include "tests/unit/check_main.h"
#include "tests/unit/cli/verb_ran.h"

static const char *const kinds[] = {"django", "raw"};

static void must_pass(struct verb_ran ran)
{
    verb_ran_expect(&ran, EXIT_OK, NULL);
    verb_ran_release(&ran);
}

START_TEST(what_is_written_passes)
{
    const char *folder = scratch_folder();
    char target[256], rules[300], settings[300], events[300];

    snprintf(target, sizeof(target), "%s/new", folder);
    snprintf(rules, sizeof(rules), "%s/rules", target);
    snprintf(settings, sizeof(settings), "%s/unstale.json", target);
    snprintf(events, sizeof(events), "%s/events.jsonl", target);
    must_pass(verb_ran(&verb_init, kinds[_i], target, NULL));
    must_pass(verb_ran(&verb_check, "--strict", rules, NULL));
    must_pass(verb_ran(&verb_test, "--coverage", "--threshold", "100", rules, NULL));
    must_pass(verb_ran(&verb_fmt, "--check", rules, settings, NULL));
    must_pass(verb_ran(&verb_settings, "--config", settings, NULL));
    must_pass(verb_ran(&verb_explain, "--rules", rules, events, NULL));
    scratch_remove(folder);
}
END_TEST

START_TEST(the_schemas_are_where_the_files_say)
{
    const char *folder = scratch_folder();
    struct verb_ran ran = verb_ran(&verb_init, kinds[_i], folder, NULL);
    char path[256];
    struct stat status;

    verb_ran_expect(&ran, EXIT_OK, NULL);
    for (size_t i = 0; i < 3; i++) {
        static const char *const named[][2] = {
            {"unstale.json", "schemas/settings.v1.schema.json"},
            {"rules/shop.json", "schemas/rules.v1.schema.json"},
            {"rules/shop_test.json", "schemas/tests.v1.schema.json"}};
        struct buffer text;

        snprintf(path, sizeof(path), "%s/%s", folder, named[i][0]);
        text = scratch_read(path);
        ck_assert_ptr_nonnull(strstr(text.ptr, named[i][1]));
        buffer_release(&text);
        snprintf(path, sizeof(path), "%s/%s", folder, named[i][1]);
        ck_assert_int_eq(stat(path, &status), 0);
        ck_assert_ptr_nonnull(strstr(ran.out.ptr, path));
    }
    verb_ran_release(&ran);
    scratch_remove(folder);
}
END_TEST

START_TEST(nothing_is_overwritten)
{
    const char *folder = scratch_folder();
    const char *mine = scratch_file(folder, "unstale.json", "mine");
    struct verb_ran ran = verb_ran(&verb_init, "django", folder, NULL);
    struct buffer text = scratch_read(mine);
    struct stat status;
    char path[256];

    verb_ran_expect(&ran, EXIT_FINDINGS, "");
    ck_assert_ptr_nonnull(strstr(ran.err.ptr, "unstale.json: is there already"));
    ck_assert_str_eq(text.ptr, "mine");
    snprintf(path, sizeof(path), "%s/rules", folder);
    ck_assert_int_ne(stat(path, &status), 0);
    buffer_release(&text);
    verb_ran_release(&ran);
    scratch_remove(folder);
}
END_TEST

START_TEST(no_such_kind)
{
    struct verb_ran ran = verb_ran(&verb_init, "djagno", NULL);

    verb_ran_expect(&ran, EXIT_USAGE, "");
    ck_assert_ptr_nonnull(strstr(ran.err.ptr, "did you mean \"django\"?"));
    verb_ran_release(&ran);
}
END_TEST

static Suite *init_suite(void)
{
    Suite *suite = suite_create("cli/init");
    TCase *tcase = tcase_create("init");

    tcase_add_loop_test(tcase, what_is_written_passes, 0, 2);
    tcase_add_loop_test(tcase, the_schemas_are_where_the_files_say, 0, 2);
    tcase_add_test(tcase, nothing_is_overwritten);
    tcase_add_test(tcase, no_such_kind);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(init_suite)
