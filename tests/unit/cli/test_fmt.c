#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/check_main.h"
#include "tests/unit/cli/verb_ran.h"

static const char messy[] = "{\"version\":1, // first\n\"rules\":[ ]}";
static const char neat[] = "{\n  \"version\": 1, // first\n  \"rules\": []\n}\n";

static void assert_text(const char *path, const char *expected)
{
    struct buffer text = scratch_read(path);

    ck_assert_str_eq(text.ptr, expected);
    buffer_release(&text);
}

START_TEST(check_names_and_changes_nothing)
{
    const char *folder = scratch_folder();
    const char *path = scratch_file(folder, "a.jsonc", messy);
    struct verb_ran ran = verb_ran(&verb_fmt, "--check", folder, NULL);
    char line[256];

    snprintf(line, sizeof(line), "%s\n", path);
    verb_ran_expect(&ran, EXIT_FINDINGS, line);
    assert_text(path, messy);
    verb_ran_release(&ran);
    scratch_remove(folder);
}
END_TEST

START_TEST(files_are_rewritten_in_place)
{
    const char *folder = scratch_folder();
    const char *path = scratch_file(folder, "a.jsonc", messy);
    struct stat status;
    struct verb_ran ran;

    ck_assert_int_eq(chmod(path, 0640), 0);
    ran = verb_ran(&verb_fmt, path, NULL);
    verb_ran_expect(&ran, EXIT_OK, NULL);
    verb_ran_release(&ran);
    assert_text(path, neat);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0640);
    ran = verb_ran(&verb_fmt, "--check", path, NULL);
    verb_ran_expect(&ran, EXIT_OK, "");
    verb_ran_release(&ran);
    scratch_remove(folder);
}
END_TEST

START_TEST(a_link_stays_a_link)
{
    const char *folder = scratch_folder();
    const char *path = scratch_file(folder, "a.jsonc", messy);
    struct verb_ran ran;
    struct stat status;
    char link[256];

    snprintf(link, sizeof(link), "%s/b.jsonc", folder);
    ck_assert_int_eq(symlink(path, link), 0);
    ran = verb_ran(&verb_fmt, link, NULL);
    verb_ran_expect(&ran, EXIT_OK, NULL);
    verb_ran_release(&ran);
    assert_text(path, neat);
    ck_assert_int_eq(lstat(link, &status), 0);
    ck_assert(S_ISLNK(status.st_mode));
    scratch_remove(folder);
}
END_TEST

START_TEST(what_is_no_json_is_told_and_left)
{
    const char *folder = scratch_folder();
    const char *path = scratch_file(folder, "a.json", messy);
    struct verb_ran ran = verb_ran(&verb_fmt, path, NULL);

    verb_ran_expect(&ran, EXIT_FINDINGS, "");
    ck_assert_ptr_nonnull(strstr(ran.err.ptr, "a.json:1:15: error[E101]: a comment that is not"));
    assert_text(path, messy);
    verb_ran_release(&ran);
    ran = verb_ran(&verb_fmt, "/nowhere/rules.json", NULL);
    verb_ran_expect(&ran, EXIT_FINDINGS, "");
    ck_assert_ptr_nonnull(strstr(ran.err.ptr, "/nowhere/rules.json: error[E101]: No such file"));
    verb_ran_release(&ran);
    scratch_remove(folder);
}
END_TEST

static Suite *fmt_suite(void)
{
    Suite *suite = suite_create("cli/fmt");
    TCase *files = tcase_create("files");

    tcase_add_test(files, check_names_and_changes_nothing);
    tcase_add_test(files, files_are_rewritten_in_place);
    tcase_add_test(files, a_link_stays_a_link);
    tcase_add_test(files, what_is_no_json_is_told_and_left);
    suite_add_tcase(suite, files);
    return suite;
}

CHECK_MAIN(fmt_suite)
