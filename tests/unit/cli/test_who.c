#include <jansson.h>

#include "tests/unit/check_main.h"
#include "tests/unit/cli/verb_ran.h"

static const char rules[] =
    "{\"version\":1,\"caches\":{\"default\":{\"keys\":\"django\",\"prefix\":\"app\"}},\"rules\":[\n"
    "{\"name\":\"own\",\"when\":{\"model\":\"shop.Product\",\"op\":\"update\","
    "\"changed\":[\"name\",\"price\"]},\"do\":{\"delete\":\"product:{pk}:{slug|lower}\"}},\n"
    "{\"name\":\"all\",\"mode\":\"shadow\",\"when\":{},\"do\":{\"purge\":\"product:*\"}},\n"
    "{\"name\":\"tag\",\"when\":{\"model\":\"shop.Tag\"},\"do\":{\"purge_tag\":\"tag:{pk}\"}}]}";

static struct verb_ran ask(const char *key, const char *more)
{
    const char *folder = scratch_folder();
    struct verb_ran ran;

    scratch_file(folder, "rules.json", rules);
    ran = verb_ran(&verb_who, "--rules", folder, key, more, NULL);
    scratch_remove(folder);
    return ran;
}

START_TEST(for_people)
{
    static const char *const parts[] = {
        "app:1:product:42:tea\n  cache default, version 1: product:42:tea\n",
        "rules.json:2: own\n    delete product:{pk}:{slug|lower}  with pk=42, slug|lower=tea\n"
        "    on update of shop.product; changed [\"name\",\"price\"]\n",
        "rules.json:3: all (shadow)\n    purge product:*\n    on create, update, delete of any "
        "model\n",
        "tag purges a tag, and this key if it is a member: tag:{pk}\n"};
    static const char *const names[] = {"app:1:product:42:tea", "product:42:tea"};
    struct verb_ran ran = ask(names[_i], NULL);

    verb_ran_expect(&ran, EXIT_OK, NULL);
    for (size_t i = 0; i < 4; i++)
        ck_assert_msg(strstr(ran.out.ptr, parts[i]) != NULL, "%s is not in\n%s", parts[i],
                      ran.out.ptr);
    verb_ran_release(&ran);
}
END_TEST

START_TEST(for_machines)
{
    struct verb_ran ran = ask("app:1:product:42:lock", "--format=json");
    json_t *answer = json_loads(ran.out.ptr, 0, NULL), *matches, *purge;

    verb_ran_expect(&ran, EXIT_OK, NULL);
    ck_assert_ptr_nonnull(answer);
    ck_assert_str_eq(json_string_value(json_object_get(answer, "key")), "app:1:product:42:lock");
    matches = json_object_get(answer, "matches");
    ck_assert_uint_eq(json_array_size(matches), 2);
    ck_assert_ptr_null(json_object_get(json_array_get(matches, 0), "protected"));
    purge = json_array_get(matches, 1);
    ck_assert_str_eq(json_string_value(json_object_get(purge, "pattern")), "product:*");
    ck_assert(json_is_true(json_object_get(purge, "protected")));
    ck_assert_uint_eq(json_array_size(json_object_get(answer, "tags")), 1);
    json_decref(answer);
    verb_ran_release(&ran);
}
END_TEST

START_TEST(nobody)
{
    struct verb_ran ran = ask("app:1:category:1", NULL);

    verb_ran_expect(&ran, EXIT_FINDINGS, NULL);
    ck_assert_ptr_nonnull(strstr(ran.out.ptr, "no rule touches it by name\n"));
    verb_ran_release(&ran);
}
END_TEST

START_TEST(a_star_may_be_meant)
{
    struct verb_ran ran = ask("app:1:*:tea", NULL);

    verb_ran_expect(&ran, EXIT_OK, NULL);
    ck_assert_ptr_nonnull(strstr(ran.out.ptr, "(a pattern: rules whose keys it can meet)"));
    verb_ran_release(&ran);
    ran = ask("app:1:*:tea", "--literal");
    verb_ran_expect(&ran, EXIT_FINDINGS, NULL);
    verb_ran_release(&ran);
}
END_TEST

static Suite *who_suite(void)
{
    Suite *suite = suite_create("cli/who");
    TCase *tcase = tcase_create("who");

    tcase_add_loop_test(tcase, for_people, 0, 2);
    tcase_add_test(tcase, for_machines);
    tcase_add_test(tcase, nobody);
    tcase_add_test(tcase, a_star_may_be_meant);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(who_suite)
