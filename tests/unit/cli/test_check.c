/* check --events: rules held against a sample. */
#include <stdio.h>

#include <jansson.h>

#include "consumers/rules/codes.h"
#include "tests/unit/check_main.h"
#include "tests/unit/cli/verb_ran.h"

static const char sample[] =
    "{\"event\":\"post_save\",\"model\":\"shop.Product\",\"pk\":1,\"created\":false,"
    "\"before\":{\"price\":1,\"stock\":5},\"after\":{\"price\":2,\"slug\":\"tea\"}}\n"
    "{\"event\":\"post_save\",\"model\":\"shop.Product\",\"pk\":2,\"created\":false,"
    "\"changed\":[\"colour\"]}\n"
    "{\"event\":\"post_delete\",\"model\":\"shop.Order\",\"pk\":3}\n"
    "{\"event\":\"post_save\"}\n";

#define ON(members) "{\"version\":1," members "}"
#define RULE(name, when, more)                                                                     \
    "{\"name\":\"" name "\",\"when\":{" when "}," more "\"do\":{\"delete\":\"k:{slug}\"}}"
#define PRODUCT "\"model\":\"shop.Product\""

static struct verb_ran check(const char *name, const char *rules, const char *form)
{
    const char *folder = scratch_folder();
    char paths[2][256];
    struct verb_ran ran;

    snprintf(paths[0], sizeof(paths[0]), "%s", scratch_file(folder, name, rules));
    snprintf(paths[1], sizeof(paths[1]), "%s", scratch_file(folder, "sample.jsonl", sample));
    ran = verb_ran(&verb_check, paths[0], "--events", paths[1], "--format", form, NULL);
    scratch_remove(folder);
    return ran;
}

static const struct {
    const char *rules;
    const char *found; /* "line:column:end_column:field" of each W410 */
} never[] = {
    {ON("\"rules\":[" RULE("a", PRODUCT ",\"changed\":[\"price\",\"prise\"]", "") "]"),
     "1:85:92:prise"},
    {ON("\"rules\":[" RULE("a", PRODUCT ",\"changed\":[\"price\",\"stock\",\"colour\",\"slug\"]",
                           "") "]"),
     ""},
    {ON("\"rules\":[" RULE("a", PRODUCT ",\"$or\":[{\"op\":\"create\"},{\"changed\":\"prise\"}]",
                           "") "]"),
     "1:100:107:prise"},
    {ON("\"rules\":[" RULE("a", PRODUCT ",\"changed\":\"prise\"", "\"ignore\":\"W410\",") "]"), ""},
    {ON("\"defaults\":{\"ignore\":[\"W410\"]},\"rules\":[" RULE(
         "a", PRODUCT ",\"changed\":\"prise\"", "") "]"),
     ""},
    {ON("\"defaults\":{\"ignore\":[\"W410\"]},\"rules\":[" RULE(
         "a", PRODUCT ",\"changed\":\"prise\"", "\"ignore\":[],") "]"),
     "1:107:114:prise"},
    /* of models without fields, or none in the sample, nothing is known */
    {ON("\"rules\":[" RULE("a", "\"model\":\"shop.Order\",\"changed\":\"prise\"", "") "]"), ""},
    {ON("\"rules\":[" RULE("a", "\"model\":\"shop.Tag\",\"changed\":\"prise\"", "") "]"), ""},
    {ON("\"rules\":[" RULE("a", "\"changed\":\"prise\"", "\"enabled\":false,") "]"), ""},
    {ON("// c\n\"rules\":[" RULE("a", "\"changed\":\"prise\"", "") ",]"), "2:40:47:prise"},
};

START_TEST(names_that_none_carries)
{
    struct verb_ran ran = check("rules.jsonc", never[_i].rules, "json");
    json_t *answer = json_loads(ran.out.ptr, 0, NULL), *found, *d;
    struct buffer text;
    size_t i;

    verb_ran_expect(&ran, EXIT_OK, NULL);
    ck_assert_ptr_nonnull(answer);
    buffer_init(&text);
    found = json_object_get(answer, "diagnostics");
    json_array_foreach(found, i, d)
    {
        const char *message = json_string_value(json_object_get(d, "message"));

        ck_assert_str_eq(json_string_value(json_object_get(d, "code")), "W410");
        buffer_printf(&text, "%s%d:%d:%d:", i ? " " : "",
                      (int)json_integer_value(json_object_get(d, "line")),
                      (int)json_integer_value(json_object_get(d, "column")),
                      (int)json_integer_value(json_object_get(d, "end_column")));
        buffer_add(&text,
                   (struct slice){strchr(message, '"') + 1,
                                  (size_t)(strrchr(message, '"') - strchr(message, '"')) - 1});
    }
    ck_assert_str_eq(text.ptr, never[_i].found);
    ck_assert_int_eq(json_integer_value(json_object_get(answer, "warnings")),
                     never[_i].found[0] != '\0');
    buffer_release(&text);
    json_decref(answer);
    verb_ran_release(&ran);
}
END_TEST

START_TEST(what_the_sample_says)
{
    struct verb_ran ran =
        check("rules.json",
              ON("\"rules\":[" RULE("one", PRODUCT ",\"changed\":\"price\"", "") "," RULE(
                  "two", "\"model\":\"shop.Tag\"",
                  "") "," RULE("three", PRODUCT ",\"op\":\"create\"", "") "]"),
              "text");

    verb_ran_expect(&ran, EXIT_OK, NULL);
    ck_assert_ptr_nonnull(strstr(ran.out.ptr,
                                 "0 warnings in 1 file (3 rules)\n"
                                 "sample: 3 events of 2 models, 1 could not be read\n"
                                 "  shop.Product  2 events, 2 rules; named by no rule: "
                                 "stock, colour\n"
                                 "  shop.Order  1 event, no rule\n"
                                 "rules that no event matched: two, three\n"));
    verb_ran_release(&ran);
}
END_TEST

START_TEST(for_machines)
{
    struct verb_ran ran =
        check("rules.json", ON("\"rules\":[" RULE("one", PRODUCT, "") "]"), "json");
    json_t *answer = json_loads(ran.out.ptr, 0, NULL), *coverage, *model;

    verb_ran_expect(&ran, EXIT_OK, NULL);
    coverage = json_object_get(answer, "coverage");
    ck_assert_int_eq(json_integer_value(json_object_get(coverage, "events")), 3);
    ck_assert_int_eq(json_integer_value(json_object_get(coverage, "unread")), 1);
    model = json_array_get(json_object_get(coverage, "models"), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(model, "unnamed_fields")), 3);
    ck_assert_uint_eq(json_array_size(json_object_get(coverage, "unmatched_rules")), 0);
    json_decref(answer);
    verb_ran_release(&ran);
}
END_TEST

/* The examples that `help W410` shows. */
START_TEST(examples_are_true)
{
    const struct code *code = code_find(SLICE("W410"));
    const char *texts[] = {code->wrong, code->right};
    struct arena arena;

    arena_init(&arena, 4096);
    for (size_t i = 0; i < 2; i++) {
        struct slice text = code_example(texts[i], &arena);
        struct verb_ran ran = check("rules.json", arena_text(&arena, text), "github");

        verb_ran_expect(&ran, EXIT_OK, NULL);
        ck_assert_int_eq(strstr(ran.out.ptr, "title=W410") != NULL, i == 0);
        verb_ran_release(&ran);
    }
    arena_release(&arena);
}
END_TEST

START_TEST(no_sample)
{
    const char *folder = scratch_folder();
    const char *rules = scratch_file(folder, "a.json", ON("\"rules\":[" RULE("a", "", "") "]"));
    struct verb_ran ran = verb_ran(&verb_check, rules, "--events", "/nowhere/sample", NULL);

    verb_ran_expect(&ran, EXIT_USAGE, "");
    ck_assert_ptr_nonnull(strstr(ran.err.ptr, "/nowhere/sample"));
    verb_ran_release(&ran);
    scratch_remove(folder);
}
END_TEST

static Suite *check_suite(void)
{
    Suite *suite = suite_create("cli/check");
    TCase *tcase = tcase_create("events");

    tcase_add_loop_test(tcase, names_that_none_carries, 0, (int)(sizeof(never) / sizeof(never[0])));
    tcase_add_test(tcase, what_the_sample_says);
    tcase_add_test(tcase, for_machines);
    tcase_add_test(tcase, examples_are_true);
    tcase_add_test(tcase, no_sample);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(check_suite)
