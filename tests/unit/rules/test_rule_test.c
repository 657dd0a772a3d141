#include "consumers/rules/load.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/check_main.h"

static struct diagnostics found;

static void setup(void)
{
    diagnostics_init(&found);
}

static void teardown(void)
{
    diagnostics_release(&found);
}

static struct test_file *load(const char *text)
{
    struct rule_source source = {SLICE("a_test.json"), slice_of(text)};

    return test_file_load(&source, &found);
}

START_TEST(test_is_read_whole)
{
    struct test_file *file =
        load("{\"rules\":[\"a.json\",\"b.json\"],\"tests\":[\n"
             " {\"name\":\"one\",\n"
             "  \"given\":{\"k\":\"v\",\"n\":5,\"tag\":[\"k\",\"n\"],\n"
             "    \"p\":{\"value\":\"x\",\"ttl\":\"1h\",\"redis\":\"pages\"}},\n"
             "  \"events\":[{\"event\":\"post_save\",\"model\":\"m\",\"pk\":1},\n"
             "    {\"at\":\"1s\",\"set\":{\"k\":\"w\"}},{\"at\":\"2s\"}],\n"
             "  \"expect\":{\"exactly\":[\"UNLINK k\"],\"deleted\":\"k\",\"kept\":[\"n\"],\n"
             "    \"values\":{\"n\":5,\"x\":null},\"sent\":{\"UNLINK k\":2},\"dlq\":1}}]}");
    const struct rule_test *test;

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(file->rules.nr, 2);
    ck_assert_uint_eq(file->tests_nr, 1);
    test = &file->tests[0];
    ck_assert_uint_eq(test->line, 2);
    ck_assert_uint_eq(test->given.nr, 4);
    ck_assert_uint_eq(test->steps_nr, 3);
    ck_assert_int_eq(test->steps[0].kind, TEST_EVENT);
    ck_assert(slice_equals(test->steps[0].event,
                           SLICE("{\"event\":\"post_save\",\"model\":\"m\",\"pk\":1}")));
    ck_assert_int_eq(test->steps[1].kind, TEST_WRITE);
    ck_assert_int_eq(test->steps[1].at_ms, 1000);
    ck_assert_int_eq(test->steps[2].kind, TEST_WAIT);
    ck_assert(test->expect.has_exactly && !test->expect.has_includes);
    ck_assert_uint_eq(test->expect.exactly_span.end - test->expect.exactly_span.start,
                      strlen("[\"UNLINK k\"]"));
    ck_assert_int_eq(test->expect.dead_letters, 1);
    ck_assert_uint_eq(test->expect.values.nr, 2);
    ck_assert_int_eq(test->expect.sent.items[0].times, 2);
    test_file_free(file);
}
END_TEST

#define TESTS(members) "{\"tests\":[{\"name\":\"one\"," members "}]}"
#define EVENT "\"event\":{\"event\":\"e\",\"model\":\"m\",\"pk\":1}"

static const struct {
    const char *text, *code, *said;
} refused[] = {
    {"[]", "E103", "{\"tests\": [...]}"},
    {"{}", "E104", "\"tests\""},
    {"{\"test\":[],\"tests\":[]}", "E201", "\"test\""},
    {TESTS(EVENT), "E104", "\"expect\""},
    {TESTS("\"expect\":{\"dlq\":0}"), "E104", "\"event\""},
    {TESTS(EVENT ",\"events\":[],\"expect\":{\"dlq\":0}"), "E105", "not both"},
    {TESTS(EVENT ",\"expect\":{}"), "E104", "holds for any rules"},
    {TESTS(EVENT ",\"expect\":{\"exactli\":[]}"), "E201", "exactli"},
    {TESTS(EVENT ",\"expect\":{\"includes\":\"UNLINK k\"}"), "E103", "an array"},
    {TESTS(EVENT ",\"expect\":{\"deleted\":\"k\"}"), "E105", "never there"},
    {TESTS(EVENT ",\"given\":{\"k\":\"v\"},\"expect\":{\"kept\":[\"k\",\"l\"]}"), "E105", "\"l\""},
    {TESTS(EVENT ",\"given\":{\"k\":{\"ttl\":\"1h\"}},\"expect\":{\"dlq\":0}"), "E104",
     "\"value\""},
    {TESTS(EVENT ",\"given\":{\"k\":{\"value\":1,\"ttl\":\"1y\"}},\"expect\":{\"dlq\":0}"), "E105",
     "\"ttl\""},
    {TESTS(EVENT ",\"given\":{\"k\":1.5},\"expect\":{\"dlq\":0}"), "E103", "\"k\""},
    {TESTS("\"events\":[{\"at\":\"2s\"},{\"at\":\"1s\"}],\"expect\":{\"dlq\":0}"), "E105",
     "before that of the step"},
    {TESTS("\"events\":[{\"set\":{},\"event\":\"e\"}],\"expect\":{\"dlq\":0}"), "E201", "event"},
    {"{\"tests\":[{\"name\":\"a\"," EVENT ",\"expect\":{\"dlq\":0}},{\"name\":\"a\"," EVENT
     ",\"expect\":{\"dlq\":0}}]}",
     "E106", "twice"},
};

START_TEST(test_is_refused)
{
    ck_assert_ptr_null(load(refused[_i].text));
    ck_assert_uint_gt(found.errors, 0);
    ck_assert_str_eq(found.items[0].code, refused[_i].code);
    ck_assert_msg(memmem(found.items[0].message.ptr, found.items[0].message.len, refused[_i].said,
                         strlen(refused[_i].said)) != NULL,
                  "%.*s", SLICE_ARG(found.items[0].message));
}
END_TEST

START_TEST(test_stands_in_a_rule_file)
{
    struct rule_source source = {
        SLICE("a.json"),
        SLICE("{\"version\":1,\"rules\":[{\"name\":\"r\",\"when\":{\"model\":\"m\"},\"do\":"
              "{\"delete\":\"k\"}}],\"tests\":[{\"name\":\"t\"," EVENT
              ",\"expect\":{\"dlq\":0}}]}")};
    struct ruleset *set = load_sources(&source, 1, &found);

    ck_assert_ptr_nonnull(set);
    ck_assert_uint_eq(set->tests_nr, 1);
    ck_assert(slice_equals(set->tests[0].name, SLICE("t")));
    ck_assert(slice_equals(set->tests[0].file, SLICE("a.json")));
    ruleset_free(set);
}
END_TEST

START_TEST(test_names_of_files)
{
    ck_assert(test_file_is_name(SLICE("shop_test.json")));
    ck_assert(test_file_is_name(SLICE("rules/shop_test.jsonc")));
    ck_assert(!test_file_is_name(SLICE("shop.json")));
    ck_assert(!test_file_is_name(SLICE("shop_test.txt")));
}
END_TEST

/* Every file of a folder, each of which loads, or none does. */
static void check_folder(const char *path, bool is_fine)
{
    struct dirent **entries;
    int nr = scandir(path, &entries, NULL, alphasort), seen = 0;

    ck_assert_int_gt(nr, 0);
    for (int i = 0; i < nr; i++) {
        char name[512], text[8192];
        struct test_file *file;
        size_t len;
        FILE *in;

        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        free(entries[i]);
        if (!slice_ends_with(slice_of(name), SLICE(".json")))
            continue;
        in = fopen(name, "r");
        ck_assert_ptr_nonnull(in);
        len = fread(text, 1, sizeof(text) - 1, in);
        text[len] = '\0';
        fclose(in);
        file = load(text);
        ck_assert_msg((file != NULL) == is_fine, "%s: %.*s", name,
                      SLICE_ARG(found.nr ? found.items[0].message : SLICE("nothing said")));
        test_file_free(file);
        seen++;
    }
    free(entries);
    ck_assert_int_ge(seen, 12);
}

START_TEST(test_examples_of_the_schema)
{
    check_folder("schemas/examples/tests/valid", true);
    check_folder("schemas/examples/tests/invalid", false);
}
END_TEST

static Suite *rule_test_suite(void)
{
    Suite *suite = suite_create("rule_test");
    TCase *cases = tcase_create("load");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_is_read_whole);
    tcase_add_loop_test(cases, test_is_refused, 0, (int)ARRAY_NR(refused));
    tcase_add_test(cases, test_stands_in_a_rule_file);
    tcase_add_test(cases, test_names_of_files);
    tcase_add_test(cases, test_examples_of_the_schema);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(rule_test_suite)
