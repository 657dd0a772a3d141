/* Several files make one set, and a large one is read in a time that grows with its size. */
#include "consumers/rules/load.h"

#include <string.h>

#include "tests/unit/check_main.h"
#include "tests/unit/rules/loaded.h"

#define PRODUCT "'when':{'model':'shop.Product'},"

START_TEST(files_make_one_set)
{
    struct rule_source sources[] = {{SLICE("a.jsonc"), SLICE_ABSENT},
                                    {SLICE("b.json"), SLICE_ABSENT}};
    struct loaded loaded;
    const struct rule *rule;

    loaded_init(&loaded);
    sources[0].text = loaded_quoted(
        &loaded, "// caches\n{'version':1,'caches':{'default':{'keys':'django',},},"
                 "'defaults':{'mode':'shadow','max_keys':7,'unless':{'tenant':'test'}}}");
    sources[1].text = loaded_quoted(
        &loaded, "{'version':1,'defaults':{'max_keys':7,'on_missing':'skip'},'rules':[\n"
                 "{'name':'one',\n" PRODUCT "'do':{'delete':'k:{pk}'}},\n"
                 "{'name':'two','mode':'live','enabled':false,'unless':{'source':'x'}," PRODUCT
                 "'do':{'delete':'k'}}]}");
    loaded.set = load_sources(sources, 2, &loaded.found);
    ck_assert_ptr_nonnull(loaded.set);
    ck_assert_uint_eq(loaded.set->files_nr, 2);
    ck_assert_uint_eq(loaded.set->rules_nr, 2);
    rule = &loaded.set->rules[0];
    loaded_assert(rule->name, SLICE("one"), "name");
    loaded_assert(rule->file, SLICE("b.json"), "file");
    ck_assert_uint_eq(rule->line, 2);
    ck_assert_int_eq(rule->mode, RULE_SHADOW);
    ck_assert_uint_eq(rule->max_keys, 7);
    ck_assert(rule->skip_missing && rule->is_enabled && rule->has_unless);
    loaded_assert(rule->unless.predicates[0].path.text, SLICE("tenant"), "unless");
    loaded_assert(loaded_text(&loaded, &rule->actions[0].targets[0]), SLICE(":1:k:<pk>"), "target");
    rule++;
    ck_assert_int_eq(rule->mode, RULE_LIVE);
    ck_assert(!rule->is_enabled);
    ck_assert_uint_eq(rule->unless.predicates_nr, 1);
    loaded_assert(rule->unless.predicates[0].path.text, SLICE("source"), "unless");
    loaded_release(&loaded);
}
END_TEST

static const struct {
    const char *first, *second;
    const char *message;
} twice[] = {
    {"'rules':[\n{'name':'r'," PRODUCT "'do':{'delete':'k'}}]",
     "'rules':[{'name':'r'," PRODUCT "'do':{'delete':'k'}}]",
     "rule \"r\" is defined twice (first at a.json:2)"},
    {"'caches':{'c':{'prefix':'a'}}", "'caches':{'c':{'prefix':'b'}}",
     "cache \"c\" differs from the one at a.json:1 in \"prefix\""},
    {"'caches':{'c':{}}", "'caches':{'c':{'keys':'raw'}}",
     "cache \"c\" differs from the one at a.json:1 in \"keys\""},
    {"'caches':{\n'c':{'keys':'django','version':1}}", "'caches':{'c':{'keys':'django'}}",
     "cache \"c\" differs from the one at a.json:2 in \"version\""},
    {"'models':{\n'a.B':{}}", "'models':{'A.b':{}}",
     "model \"A.b\" is defined twice (first at a.json:2)"},
    {"'defaults':{'mode':'live'}", "'defaults':{'mode':'shadow'}",
     "default \"mode\" differs from the one at a.json:1"},
};

START_TEST(defined_twice)
{
    struct rule_source sources[] = {{SLICE("a.json"), SLICE_ABSENT},
                                    {SLICE("b.json"), SLICE_ABSENT}};
    struct loaded loaded;
    size_t found = 0;

    loaded_init(&loaded);
    sources[0].text = loaded_quoted(
        &loaded, arena_text(&loaded.arena,
                            arena_printf(&loaded.arena, "{'version':1,%s}", twice[_i].first)));
    sources[1].text = loaded_quoted(
        &loaded, arena_text(&loaded.arena,
                            arena_printf(&loaded.arena, "{'version':1,%s}", twice[_i].second)));
    loaded.set = load_sources(sources, 2, &loaded.found);
    ck_assert_ptr_null(loaded.set);
    for (size_t i = 0; i < loaded.found.nr; i++) {
        const struct diagnostic *d = &loaded.found.items[i];

        if (strcmp(d->code, "E106") != 0)
            continue;
        loaded_assert(d->file, SLICE("b.json"), "file");
        loaded_assert(d->message, slice_of(twice[_i].message), "message");
        found++;
    }
    ck_assert_uint_eq(found, 1);
    loaded_release(&loaded);
}
END_TEST

START_TEST(files_may_agree_on_a_cache)
{
    struct rule_source sources[] = {{SLICE("a.json"), SLICE_ABSENT},
                                    {SLICE("b.json"), SLICE_ABSENT}};
    struct loaded loaded;

    loaded_init(&loaded);
    sources[0].text = loaded_quoted(
        &loaded, "{'version':1,'caches':{'default':{'keys':'django','prefix':'p'}},'rules':["
                 "{'name':'one'," PRODUCT "'do':{'delete':'k:{pk}'}}]}");
    sources[1].text = loaded_quoted(
        &loaded, "{'version':1,'caches':{'default':{'prefix':'p','keys':'django'}},'rules':["
                 "{'name':'two'," PRODUCT "'do':{'delete':'l:{pk}'}}]}");
    loaded.set = load_sources(sources, 2, &loaded.found);
    ck_assert_ptr_nonnull(loaded.set);
    ck_assert_uint_eq(loaded.set->caches_nr, 1);
    for (size_t i = 0; i < 2; i++)
        ck_assert_ptr_eq(loaded.set->rules[i].actions[0].cache, &loaded.set->caches[0]);
    loaded_release(&loaded);
}
END_TEST

/* Looked up from the array's start, each of them, they take minutes. */
START_TEST(twenty_thousand_branches)
{
    struct rule_source source = {SLICE("a.json"), SLICE_ABSENT};
    struct loaded loaded;
    struct buffer text;

    loaded_init(&loaded);
    buffer_init(&text);
    buffer_add_text(&text, "{'version':1,'rules':[{'name':'r','do':{'delete':'k:{pk}'},"
                           "'when':{'model':'a.B','$or':[{'pk':0}");
    for (unsigned i = 1; i < 20000; i++)
        buffer_printf(&text, ",{'after.n':[%u,%u]}", i, i + 1);
    buffer_add_text(&text, "]}}]}");
    source.text = loaded_quoted(&loaded, text.ptr);
    loaded.set = load_sources(&source, 1, &loaded.found);
    ck_assert_ptr_nonnull(loaded.set);
    ck_assert_uint_eq(loaded.set->rules[0].when.groups[0].branches_nr, 20000);
    buffer_release(&text);
    loaded_release(&loaded);
}
END_TEST

static Suite *load_files_suite(void)
{
    Suite *suite = suite_create("load_files");
    TCase *tcase = tcase_create("load_files");

    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, files_make_one_set);
    tcase_add_loop_test(tcase, defined_twice, 0, ARRAY_NR(twice));
    tcase_add_test(tcase, files_may_agree_on_a_cache);
    tcase_add_test(tcase, twenty_thousand_branches);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(load_files_suite)
