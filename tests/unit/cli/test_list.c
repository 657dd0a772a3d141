#include <jansson.h>

#include "consumers/rules/codes.h"
#include "consumers/rules/ruleset.h"
#include "tests/unit/check_main.h"
#include "tests/unit/cli/verb_ran.h"

/* ---- list ---- */

static const struct {
    const char *what;
    const char *(*at)(size_t index);
} words[] = {{"filters", filter_name}, {"operators", operator_name}};

START_TEST(every_word_with_its_meaning)
{
    struct verb_ran ran = verb_ran(&verb_list, words[_i].what, "--format", "json", NULL);
    const char *line = ran.out.ptr, *name;

    verb_ran_expect(&ran, EXIT_OK, NULL);
    for (size_t i = 0; (name = words[_i].at(i)); i++) {
        const char *end = strchr(line, '\n');
        json_t *item = json_loadb(line, (size_t)(end - line), 0, NULL);

        ck_assert_str_eq(json_string_value(json_object_get(item, "name")), name);
        ck_assert_msg(json_string_length(json_object_get(item, "description")) > 0,
                      "%s is not described", name);
        json_decref(item);
        line = end + 1;
    }
    ck_assert_str_eq(line, "");
    verb_ran_release(&ran);
}
END_TEST

START_TEST(verbs)
{
    struct verb_ran ran = verb_ran(&verb_list, "verbs", NULL);
    const char *line = ran.out.ptr;

    verb_ran_expect(&ran, EXIT_OK, NULL);
    for (unsigned verb = 0; verb < VERB_NR; verb++) {
        const char *name = verb_text((enum verb)verb);

        ck_assert_msg(strncmp(line, name, strlen(name)) == 0, "%s", line);
        ck_assert_msg(line[19] == ' ' && line[20] != '\n', "%s", line);
        line = strchr(line, '\n') + 1;
    }
    ck_assert_str_eq(line, "");
    verb_ran_release(&ran);
}
END_TEST

START_TEST(codes)
{
    struct verb_ran ran = verb_ran(&verb_list, "codes", NULL);
    const struct code *code;

    verb_ran_expect(&ran, EXIT_OK, NULL);
    for (size_t i = 0; (code = code_at(i)); i++)
        ck_assert_ptr_nonnull(strstr(ran.out.ptr, code->code));
    verb_ran_release(&ran);
}
END_TEST

START_TEST(rules)
{
    const char *folder = scratch_folder();
    struct verb_ran ran;

    scratch_file(
        folder, "a.json",
        "{\"version\":1,\"rules\":[\n"
        "{\"name\":\"one\",\"when\":{\"model\":\"shop.Product\"},"
        "\"do\":{\"purge\":\"abc*\",\"delete\":\"k\"}},\n"
        "{\"name\":\"other-one\",\"mode\":\"shadow\",\"when\":{},\"do\":{\"bump\":\"v\"}}]}");
    ran = verb_ran(&verb_list, "rules", "--rules", folder, NULL);
    verb_ran_expect(&ran, EXIT_OK, NULL);
    ck_assert_ptr_nonnull(
        strstr(ran.out.ptr, "one        live      delete purge on shop.product  "));
    ck_assert_ptr_nonnull(strstr(ran.out.ptr, "a.json:2\n"));
    ck_assert_ptr_nonnull(strstr(ran.out.ptr, "other-one  shadow    bump on any model  "));
    verb_ran_release(&ran);
    ran = verb_ran(&verb_list, "rules", "--format=json", "--rules", folder, NULL);
    verb_ran_expect(&ran, EXIT_OK, NULL);
    ck_assert_ptr_nonnull(strstr(ran.out.ptr,
                                 "\"line\":3,\"state\":\"shadow\",\"cache\":\"default\","
                                 "\"models\":[],\"verbs\":[\"bump\"]"));
    verb_ran_release(&ran);
    scratch_remove(folder);
}
END_TEST

START_TEST(no_such_list)
{
    struct verb_ran ran = verb_ran(&verb_list, "filter", NULL);

    verb_ran_expect(&ran, EXIT_USAGE, "");
    ck_assert_ptr_nonnull(strstr(ran.err.ptr, "did you mean \"filters\"?"));
    verb_ran_release(&ran);
}
END_TEST

/* ---- schema ---- */

static const char *const schemas[] = {"event", "rules", "tests", "settings"};

START_TEST(schema_is_the_file)
{
    struct verb_ran ran = verb_ran(&verb_schema, schemas[_i], NULL);
    struct buffer path, file;

    buffer_init(&path);
    buffer_printf(&path, "schemas/%s.v1.schema.json", schemas[_i]);
    file = scratch_read(path.ptr);
    verb_ran_expect(&ran, EXIT_OK, file.ptr);
    buffer_release(&file);
    buffer_release(&path);
    verb_ran_release(&ran);
}
END_TEST

START_TEST(no_such_schema)
{
    struct verb_ran ran = verb_ran(&verb_schema, "evnt", NULL);

    verb_ran_expect(&ran, EXIT_USAGE, "");
    ck_assert_ptr_nonnull(strstr(ran.err.ptr, "did you mean \"event\"?"));
    verb_ran_release(&ran);
}
END_TEST

static Suite *list_suite(void)
{
    Suite *suite = suite_create("cli/list");
    TCase *list = tcase_create("list"), *schema = tcase_create("schema");

    tcase_add_loop_test(list, every_word_with_its_meaning, 0, 2);
    tcase_add_test(list, verbs);
    tcase_add_test(list, codes);
    tcase_add_test(list, rules);
    tcase_add_test(list, no_such_list);
    tcase_add_loop_test(schema, schema_is_the_file, 0, 4);
    tcase_add_test(schema, no_such_schema);
    suite_add_tcase(suite, list);
    suite_add_tcase(suite, schema);
    return suite;
}

CHECK_MAIN(list_suite)
