#include "consumers/service/reload.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consumers/base/compiler.h"
#include "consumers/base/log.h"
#include "tests/unit/check_main.h"
#include "tests/unit/service/rules_folder.h"

static struct rules_folder folder;
static struct rules_handle *handle;
static struct reload *reload;
static struct buffer report;

static void setup(void)
{
    log_configure(LOG_LEVEL_OFF, LOG_FORMAT_TEXT, STDERR_FILENO);
    rules_folder_init(&folder);
    rules_folder_write(&folder, "a.json", RULES_ONE("one", "", "k:{pk}"));
    handle = rules_handle_new();
    reload = reload_new(folder.settings, handle);
    buffer_init(&report);
}

static void teardown(void)
{
    buffer_release(&report);
    reload_free(reload);
    rules_handle_free(handle);
    rules_folder_release(&folder);
}

static struct reload_status status(void)
{
    struct reload_status out;

    reload_status(reload, &out);
    return out;
}

/* The name of the first rule in force. */
static void check_in_force(const char *name)
{
    struct rules_ref *ref = rules_handle_take(handle);

    ck_assert_ptr_nonnull(ref);
    ck_assert(slice_equals(ref->ruleset->rules[0].name, slice_of(name)));
    rules_ref_drop(ref);
}

static void check_diagnostics(const char *text)
{
    struct buffer out;

    buffer_init(&out);
    reload_diagnostics_json(reload, &out);
    ck_assert_msg(strstr(out.ptr, text) != NULL, "%s\nhas no %s", out.ptr, text);
    buffer_release(&out);
}

START_TEST(good_rules_are_published)
{
    ck_assert_int_eq(status().last_ok_ms, 0);
    ck_assert(reload_now(reload, "start", &report));
    ck_assert_str_eq(report.ptr, "");
    ck_assert_uint_eq(rules_handle_generation(handle), 1);
    check_in_force("one");
    ck_assert(status().last_ok);
    ck_assert_int_gt(status().last_ok_ms, 0);
    ck_assert_uint_eq(status().ok_nr, 1);
    ck_assert_uint_eq(status().rules_nr, 1);
    ck_assert_uint_eq(status().live_nr, 1);
    ck_assert_uint_eq(status().files_nr, 1);
    ck_assert_uint_eq(strlen(status().hash), 16);
    check_diagnostics("[]");
}
END_TEST

/* A rule that deletes k, and a test of it that expects this command. */
#define WITH_TEST(command)                                                                         \
    "{\"version\":1,\"rules\":[{\"name\":\"two\",\"when\":{\"model\":\"m\"},\"do\":{"              \
    "\"delete\":\"k\"}}],\"tests\":[{\"name\":\"deletes\",\"event\":{\"event\":\"post_save\","     \
    "\"model\":\"m\",\"pk\":1},\"expect\":{\"exactly\":[\"" command "\"]}}]}"

static const struct {
    const char *text; /* NULL: the folder is left empty */
    const char *code, *said;
} bad[] = {
    {"{\"version\":1,\"rules\":[{\"name\":\"x\",\"when\":{\"modle\":\"m\"},\"do\":{\"delete\":"
     "\"k\"}}]}",
     "E201", "modle"},
    {"{", "E10", "a.json"},
    {RULES_ONE("one", "\"mode\":\"shadow\",", "k"), "E103", "no live rule"},
    {RULES_ONE("one", "\"enabled\":false,", "k"), "E103", "no live rule"},
    {"{\"version\":1,\"rules\":[]}", "E104", "no rule"},
    {"{\"version\":1,\"caches\":{\"default\":{\"redis\":\"pages\"}},\"rules\":[{\"name\":\"x\","
     "\"when\":{\"model\":\"m\"},\"do\":{\"delete\":\"k\"}}]}",
     "E207", "pages"},
    {WITH_TEST("UNLINK other"), "E310", "UNLINK other: expected, not sent"},
    {NULL, "E101", ""},
};

START_TEST(bad_rules_keep_the_old_ones)
{
    struct reload_status before;

    ck_assert(reload_now(reload, "start", &report));
    before = status();
    rules_folder_write(&folder, "a.json", bad[_i].text);
    ck_assert(!reload_now(reload, "SIGHUP", &report));
    ck_assert_uint_eq(rules_handle_generation(handle), 1);
    check_in_force("one");
    ck_assert(!status().last_ok);
    ck_assert_uint_eq(status().failed_nr, 1);
    ck_assert_int_eq(status().last_ok_ms, before.last_ok_ms);
    ck_assert_str_eq(status().hash, before.hash);
    ck_assert_ptr_nonnull(strstr(report.ptr, bad[_i].code));
    ck_assert_ptr_nonnull(strstr(report.ptr, bad[_i].said));
    check_diagnostics(bad[_i].code);
}
END_TEST

START_TEST(rules_whose_tests_pass_are_published)
{
    rules_folder_write(&folder, "a.json", WITH_TEST("UNLINK k"));
    ck_assert(reload_now(reload, "start", &report));
    check_in_force("two");
}
END_TEST

START_TEST(test_files_of_a_folder_are_no_rules)
{
    rules_folder_write(&folder, "a_test.json", "{\"tests\":[]}");
    ck_assert(reload_now(reload, "start", &report));
    check_in_force("one");
    ck_assert_uint_eq(status().files_nr, 1);
    rules_folder_write(&folder, "a_test.json", NULL);
}
END_TEST

START_TEST(mended_rules_clear_the_trouble)
{
    rules_folder_write(&folder, "a.json", "{");
    ck_assert(!reload_now(reload, "start", &report));
    ck_assert_uint_eq(rules_handle_generation(handle), 0);
    ck_assert_ptr_null(rules_handle_take(handle));
    rules_folder_write(&folder, "a.json", RULES_ONE("two", "", "k"));
    ck_assert(reload_now(reload, "http", &report));
    check_in_force("two");
    check_diagnostics("[]");
    ck_assert(status().last_ok);
}
END_TEST

START_TEST(looking_acts_on_two_equal_looks)
{
    ck_assert(reload_now(reload, "start", &report));
    reload_look(reload);
    reload_look(reload);
    ck_assert_uint_eq(rules_handle_generation(handle), 1);
    rules_folder_write(&folder, "a.json", RULES_ONE("two", "", "k:{pk}"));
    reload_look(reload);
    ck_assert_uint_eq(rules_handle_generation(handle), 1);
    rules_folder_write(&folder, "a.json", RULES_ONE("three", "", "k:{pk}"));
    reload_look(reload);
    ck_assert_uint_eq(rules_handle_generation(handle), 1);
    reload_look(reload);
    ck_assert_uint_eq(rules_handle_generation(handle), 2);
    check_in_force("three");
    reload_look(reload);
    ck_assert_uint_eq(rules_handle_generation(handle), 2);
}
END_TEST

START_TEST(looking_sees_a_new_file)
{
    ck_assert(reload_now(reload, "start", &report));
    rules_folder_write(&folder, "b.json", RULES_ONE("two", "", "x:{pk}"));
    reload_look(reload);
    reload_look(reload);
    ck_assert_uint_eq(rules_handle_generation(handle), 2);
    ck_assert_uint_eq(status().files_nr, 2);
    ck_assert_uint_eq(status().rules_nr, 2);
}
END_TEST

START_TEST(looking_refuses_once)
{
    ck_assert(reload_now(reload, "start", &report));
    rules_folder_write(&folder, "a.json", "{");
    for (int i = 0; i < 4; i++)
        reload_look(reload);
    ck_assert_uint_eq(status().failed_nr, 1);
    check_in_force("one");
}
END_TEST

START_TEST(a_folder_gone_empty_keeps_the_old_ones)
{
    ck_assert(reload_now(reload, "start", &report));
    rules_folder_write(&folder, "a.json", NULL);
    for (int i = 0; i < 4; i++)
        reload_look(reload);
    check_in_force("one");
    ck_assert(!status().last_ok);
    ck_assert_uint_eq(status().failed_nr, 1);
    rules_folder_write(&folder, "a.json", RULES_ONE("one", "", "k:{pk}"));
    for (int i = 0; i < 3; i++)
        reload_look(reload);
    ck_assert(status().last_ok);
    check_in_force("one");
}
END_TEST

static Suite *reload_suite(void)
{
    Suite *suite = suite_create("reload");
    TCase *now = tcase_create("now"), *look = tcase_create("look");

    tcase_add_checked_fixture(now, setup, teardown);
    tcase_add_test(now, good_rules_are_published);
    tcase_add_loop_test(now, bad_rules_keep_the_old_ones, 0, ARRAY_NR(bad));
    tcase_add_test(now, rules_whose_tests_pass_are_published);
    tcase_add_test(now, test_files_of_a_folder_are_no_rules);
    tcase_add_test(now, mended_rules_clear_the_trouble);
    suite_add_tcase(suite, now);
    tcase_add_checked_fixture(look, setup, teardown);
    tcase_add_test(look, looking_acts_on_two_equal_looks);
    tcase_add_test(look, looking_sees_a_new_file);
    tcase_add_test(look, looking_refuses_once);
    tcase_add_test(look, a_folder_gone_empty_keeps_the_old_ones);
    suite_add_tcase(suite, look);
    return suite;
}

CHECK_MAIN(reload_suite)
