/* What is said below the carets: how to mend what the message names. */
#include <stdio.h>

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/rules/loaded.h"

#define PRODUCT "'when':{'model':'shop.Product'},"
#define DELETE "'do':{'delete':'product:{pk}'}"
#define FIELD(test) "'when':{'model':'shop.Product','after.x':" test "}," DELETE

static const struct {
    const char *rule; /* its members after the name */
    const char *code;
    const char *help;
} helps[] = {
    {FIELD("{'startswith':'a'}"), "E203", "write {\"prefix\": \"…\"}"},
    {FIELD("{'endswith':'a'}"), "E203", "write {\"suffix\": \"…\"}"},
    {FIELD("{'icontains':'a'}"), "E203", "write {\"wildcard\": \"*…*\"}"},
    {FIELD("{'regex':'a'}"), "E203", "there are no regular expressions: {\"wildcard\": \"a*b\"}"},
    {FIELD("{'iexact':'a'}"), "E203", "write {\"equals-ignore-case\": \"…\"}"},
    {FIELD("{'gt':5}"), "E203", "write {\"numeric\": [\">\", 1]}"},
    {FIELD("{'$gte':5}"), "E203", "write {\"numeric\": [\">=\", 1]}"},
    {FIELD("{'<':5}"), "E203", "write {\"numeric\": [\"<\", 1]}"},
    {FIELD("{'lte':5}"), "E203", "write {\"numeric\": [\"<=\", 1]}"},
    {FIELD("{'range':[1,9]}"), "E203", "write {\"numeric\": [\">=\", 1, \"<=\", 9]}"},
    {FIELD("{'==':5}"), "E203", "write the value itself"},
    {FIELD("{'in':['a','b']}"), "E203", "write the array itself: any of its values matches"},
    {FIELD("[{'not':'a'}]"), "E203", "write {\"anything-but\": [\"…\"]}"},
    {FIELD("{'isnull':true}"), "E203",
     "write null for null, or {\"exists\": false} for an absent field"},
    {FIELD("{'numeric':['equals',5]}"), "E203", "there are \"=\", \"<\", \"<=\", \">\" and \">=\""},
    {"'when':{'model':'shop.Product','created':'yes'}," DELETE, "E207", "write true or false"},
    {"'when':{'model':'shop.Product','version':'7'}," DELETE, "E207",
     "write a number, without quotes"},
    {"'when':{'model':'shop.Product','tenant':7}," DELETE, "E207", "write it in quotes"},
    {"'when':'shop.Product'," DELETE, "E103", "write {\"model\": \"shop.Product\"}"},
    {"'max_keys':'50'," PRODUCT DELETE, "E103", "write 50 without quotes"},
    {"'enabled':'false'," PRODUCT DELETE, "E103", "write false without quotes"},
    {"'max_keys':'many'," PRODUCT DELETE, "E103", ""},
    {PRODUCT "'do':{'delete':{'key':'k','again_after':2}}", "E103", "write \"2s\" for seconds"},
    {"'cache':'nowhere'," PRODUCT DELETE, "E202", "name one of those, or declare it in \"caches\""},
};

START_TEST(a_help_says_what_to_write)
{
    struct loaded loaded;
    char file[512];

    snprintf(file, sizeof(file), "{'version':1,'rules':[{'name':'r',%s}]}", helps[_i].rule);
    loaded_init(&loaded);
    loaded_read(&loaded, file);
    ck_assert_msg(loaded.found.nr == 1, "%s: %zu", file, loaded.found.nr);
    ck_assert_str_eq(loaded.found.items[0].code, helps[_i].code);
    loaded_assert(loaded.found.items[0].help, slice_of(helps[_i].help), helps[_i].rule);
    loaded_release(&loaded);
}
END_TEST

/* Members of a row may be named as they like: only below a field is such a name an operator. */
START_TEST(fields_may_have_the_names_of_operators_elsewhere)
{
    struct loaded loaded;

    loaded_init(&loaded);
    loaded_need(&loaded,
                "{'version':1,'rules':[{'name':'r','when':{'model':'shop.Product',"
                "'after':{'in':5},'before.data.contains':'a','meta':{'max':1}}," DELETE "}]}");
    loaded_release(&loaded);
}
END_TEST

static Suite *helps_suite(void)
{
    Suite *suite = suite_create("rules/helps");
    TCase *tcase = tcase_create("helps");

    tcase_add_loop_test(tcase, a_help_says_what_to_write, 0, ARRAY_NR(helps));
    tcase_add_test(tcase, fields_may_have_the_names_of_operators_elsewhere);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(helps_suite)
