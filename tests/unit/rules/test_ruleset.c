#include "consumers/rules/ruleset.h"

#include <stdio.h>

#include "consumers/event/decode.h"
#include "tests/unit/check_main.h"
#include "tests/unit/rules/loaded.h"

static const char file[] =
    "{'version':1,'models':{'shop.Mug':{'parents':['shop.Product']},'shop.Lone':{}},'rules':["
    "{'name':'a','when':{'model':'shop.Product'},'do':{'delete':'k'}},"
    "{'name':'b','when':{'model':'shop.product','op':'update'},'do':{'delete':'k'}},"
    "{'name':'c','when':{},'do':{'delete':'k'}},"
    "{'name':'d','enabled':false,'when':{'model':'shop.Product'},'do':{'delete':'k'}},"
    "{'name':'e','when':{'model':'shop.Product','op':['create','m2m']},'do':{'delete':'k'}},"
    "{'name':'f','when':{'model':{'prefix':'auth.'},'op':{'exists':true}},'do':{'delete':'k'}},"
    "{'name':'g','when':{'model':['auth.User','shop.Item']},'do':{'delete':'k'}},"
    "{'name':'h','when':{'model':'auth.User','op':'paid'},'do':{'delete':'k'}}]}";

static const struct {
    const char *event; /* its members */
    const char *rules; /* one letter each */
} cases[] = {
    {"'event':'post_save','created':false,'model':'shop.Product'", "abcf"},
    {"'event':'post_save','created':true,'model':'shop.Product'", "acef"},
    {"'event':'post_save','created':false,'model':'SHOP.product'", "abcf"},
    {"'event':'post_delete','model':'shop.Product'", "acf"},
    {"'event':'m2m_changed','model':'shop.Product'", "ef"},
    {"'event':'truncate','model':'shop.Product'", "f"},
    {"'event':'read','model':'shop.Product'", "f"},
    /* Without `created` it may be either. */
    {"'event':'post_save','model':'shop.Product'", "abcef"},
    /* Children: by the catalogue, and as the event says. */
    {"'event':'post_delete','model':'shop.Mug'", "acf"},
    {"'event':'post_delete','model':'shop.Cup','parents':['shop.Product']", "acf"},
    {"'event':'post_delete','model':'shop.Cup','parents':['shop.Item','shop.Product']", "acfg"},
    {"'event':'post_delete','model':'shop.Product','parents':['shop.Product']", "acf"},
    /* Models that no rule names, in the catalogue or not. */
    {"'event':'post_delete','model':'shop.Lone'", "cf"},
    {"'event':'post_delete','model':'other.Model'", "cf"},
    {"'event':'post_delete','model':'auth.User'", "cfg"},
    {"'event':'paid','model':'auth.User'", "fh"},
    {"'event':'lost','model':'auth.User'", "fh"},
};

START_TEST(candidates_by_model_and_op)
{
    struct loaded loaded;
    struct slice text;
    struct record record = {.timestamp_ms = 1};
    struct event event;
    struct error err = ERROR_INIT;
    const char *skipped;
    struct rule_list list;
    char names[16] = "";

    loaded_init(&loaded);
    loaded_need(&loaded, file);
    text = arena_printf(&loaded.arena, "{%s,'pk':1}", cases[_i].event);
    record.value = loaded_quoted(&loaded, arena_text(&loaded.arena, text));
    ck_assert_int_eq(decode_record(&record, NULL, &loaded.arena, &event, &skipped, &err),
                     DECODE_EVENT);
    list = ruleset_candidates(loaded.set, &event, &loaded.arena);
    ck_assert_uint_lt(list.nr, sizeof(names));
    for (size_t i = 0; i < list.nr; i++)
        names[i] = list.rules[i]->name.ptr[0];
    ck_assert_msg(strcmp(names, cases[_i].rules) == 0, "%s: got %s, expected %s", cases[_i].event,
                  names, cases[_i].rules);
    loaded_release(&loaded);
}
END_TEST

static void need_same(struct rule_list got, struct rule_list wanted)
{
    ck_assert_uint_eq(got.nr, wanted.nr);
    for (size_t i = 0; i < got.nr; i++)
        ck_assert_ptr_eq(got.rules[i], wanted.rules[i]);
}

/* One memo for all of them, each twice: another model, the same, its case, one too long for it. */
START_TEST(event_after_event)
{
    static const char *const seen[] = {
        "shop.Product",
        "SHOP.PRODUCT",
        "shop.Mug",
        "auth.User",
        "other.Model",
        "shop.Lone",
        "shop.Product_with_a_name_that_is_longer_than_what_is_remembered_of_one",
        "shop.Products"};
    struct loaded loaded;
    struct rule_memo memo = {.lists = NULL};
    struct event event = {.op = EVENT_UPDATE};
    char label[128];

    loaded_init(&loaded);
    loaded_need(&loaded, file);
    for (size_t i = 0; i < 4 * ARRAY_NR(seen); i++) {
        /* In a place of its own that is written over, as an event's is. */
        snprintf(label, sizeof(label), "%s", seen[i / 2 % ARRAY_NR(seen)]);
        event.model = slice_of(label);
        event.op = i % 3 ? EVENT_UPDATE : EVENT_DELETE;
        need_same(ruleset_candidates_next(loaded.set, &event, &memo, &loaded.arena),
                  ruleset_candidates(loaded.set, &event, &loaded.arena));
    }
    loaded_release(&loaded);
}
END_TEST

static const struct {
    const char *label;
    bool is_known;
} labels[] = {
    {"shop.Product", true}, {"SHOP.PRODUCT", true}, {"shop.Mug", true}, {"shop.Lone", true},
    {"auth.User", true},    {"auth.Group", false},  {"", false},
};

START_TEST(known_models)
{
    struct loaded loaded;

    loaded_init(&loaded);
    loaded_need(&loaded, file);
    ck_assert(ruleset_knows_model(loaded.set, slice_of(labels[_i].label)) == labels[_i].is_known);
    loaded_release(&loaded);
}
END_TEST

/* Ten thousand rules of a thousand models: each model finds its ten, in file order. */
START_TEST(many_models)
{
    struct loaded loaded;
    struct buffer text;
    struct event event = {.op = EVENT_UPDATE};
    struct rule_list list;
    char label[32];

    loaded_init(&loaded);
    buffer_init(&text);
    buffer_add_text(&text, "{'version':1,'rules':[");
    for (int i = 0; i < 10000; i++)
        buffer_printf(&text, "%s{'name':'r%d','when':{'model':'app.M%d'},'do':{'delete':'k'}}",
                      i ? ",\n" : "", i, i % 1000);
    buffer_add_text(&text, "]}");
    loaded_need(&loaded, text.ptr);
    ck_assert_uint_eq(loaded.set->rules[9999].line, 10000);
    for (size_t i = 0; i < 1000; i++) {
        snprintf(label, sizeof(label), "App.m%zu", i);
        event.model = slice_of(label);
        list = ruleset_candidates(loaded.set, &event, &loaded.arena);
        ck_assert_uint_eq(list.nr, 10);
        for (size_t rule = 0; rule < list.nr; rule++)
            ck_assert_uint_eq(list.rules[rule]->index, rule * 1000 + i);
    }
    buffer_release(&text);
    loaded_release(&loaded);
}
END_TEST

START_TEST(known_ops)
{
    struct loaded loaded;

    loaded_init(&loaded);
    loaded_need(&loaded, file);
    ck_assert(ruleset_knows_op(loaded.set, SLICE("paid")));
    ck_assert(ruleset_knows_op(loaded.set, SLICE("m2m")));
    ck_assert(!ruleset_knows_op(loaded.set, SLICE("lost")));
    loaded_release(&loaded);
}
END_TEST

START_TEST(free_takes_nothing)
{
    ruleset_free(NULL);
}
END_TEST

static Suite *ruleset_suite(void)
{
    Suite *suite = suite_create("ruleset");
    TCase *tcase = tcase_create("ruleset");

    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, candidates_by_model_and_op, 0, ARRAY_NR(cases));
    tcase_add_test(tcase, event_after_event);
    tcase_add_loop_test(tcase, known_models, 0, ARRAY_NR(labels));
    tcase_add_test(tcase, many_models);
    tcase_add_test(tcase, known_ops);
    tcase_add_test(tcase, free_takes_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(ruleset_suite)
