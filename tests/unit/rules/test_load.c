#include "consumers/rules/load.h"

#include <dirent.h>
#include <stdio.h>

#include "consumers/base/glob.h"
#include "tests/unit/check_main.h"
#include "tests/unit/rules/loaded.h"

#define PRODUCT "'when':{'model':'shop.Product'},"

START_TEST(the_hash_goes_by_contents)
{
    static const char *const texts[] = {
        "{'version':1,'rules':[{'name':'r'," PRODUCT "'do':{'delete':'k'}}]}",
        "{'version':1,'rules':[{'name':'r'," PRODUCT "'do':{'delete':'l'}}]}",
    };
    struct loaded loaded[3];
    struct rule_source other = {SLICE("other.json"), SLICE_ABSENT};

    for (size_t i = 0; i < 3; i++)
        loaded_init(&loaded[i]);
    loaded_need(&loaded[0], texts[0]);
    loaded_need(&loaded[1], texts[1]);
    other.text = loaded_quoted(&loaded[2], texts[0]);
    loaded[2].set = load_sources(&other, 1, &loaded[2].found);
    ck_assert_uint_eq(strlen(loaded[0].set->hash), 16);
    ck_assert_str_ne(loaded[0].set->hash, loaded[1].set->hash);
    ck_assert_str_eq(loaded[0].set->hash, loaded[2].set->hash);
    for (size_t i = 0; i < 3; i++)
        loaded_release(&loaded[i]);
}
END_TEST

/* ---- what a rule comes to ---- */

#define PAGE "views.decorators.cache.cache_"

static const struct {
    const char *members; /* of the file, before rules */
    const char *verbs;
    const char *targets; /* of all actions, by verb; several with blanks between */
} targets[] = {
    {"", "'delete':'k:{pk}'", "delete k:<pk>"},
    {"'caches':{'default':{'keys':'django','prefix':'my'}},", "'delete':['a','b']",
     "delete my:1:a delete my:1:b"},
    {"'caches':{'default':{'keys':'django','version':[1,2]}},", "'delete':'a','bump':'v'",
     "bump :1:v :2:v delete :1:a :2:a"},
    {"'caches':{'default':{'prefix':'{tenant}/'}},", "'delete':'{pk}'", "delete <tenant>/<pk>"},
    {"'caches':{'default':{'lock_suffix':':{lock}'}},",
     "'delete':{'key':['a','b'],'unlock':true,'again_after':'1s'}", "delete a a:{lock} b b:{lock}"},
    {"'caches':{'default':{'keys':'django','prefix':'a*b'}},", "'purge':'products:*'",
     "purge a\\*b:1:products:*"},
    {"", "'purge':'products:{pk}:*','delete':'{{x}}:{pk}','bump':{'key':'v'}",
     "bump v delete {x}:<pk> purge products:<pk>:*"},
    {"",
     "'delete':[{'fragment':'side{pk}'},{'fragment':'bar','vary':['{pk}','x']},"
     "{'fragment':'c*','vary':true},{'session':'{meta.s}'}]",
     "delete template.cache.side<pk>.d41d8cd98f00b204e9800998ecf8427e "
     "delete template.cache.bar.<pk> template.cache.bar.<pk> "
     "delete django.contrib.sessions.cache<meta.s> django.contrib.sessions.cached_db<meta.s> "
     "purge template.cache.c\\*.*"},
    {"'caches':{'default':{'keys':'django','i18n':['en-us.UTC','']}},",
     "'delete':{'page':'http://testserver/products/'}",
     "delete :1:" PAGE "header..b00e2f1ea540349daa8886f37b2c4633.en-us.UTC "
     ":1:" PAGE "header..b00e2f1ea540349daa8886f37b2c4633 "
     ":1:" PAGE "page..GET.b00e2f1ea540349daa8886f37b2c4633.d41d8cd98f00b204e9800998ecf8427e"
     ".en-us.UTC "
     ":1:" PAGE "page..GET.b00e2f1ea540349daa8886f37b2c4633.d41d8cd98f00b204e9800998ecf8427e "
     ":1:" PAGE "page..HEAD.b00e2f1ea540349daa8886f37b2c4633.d41d8cd98f00b204e9800998ecf8427e"
     ".en-us.UTC "
     ":1:" PAGE "page..HEAD.b00e2f1ea540349daa8886f37b2c4633.d41d8cd98f00b204e9800998ecf8427e"},
    {"'caches':{'default':{'keys':'django','version':[1,2]}},",
     "'delete':[{'page':'{meta.url}','page_prefix':'p*'},'k']",
     "delete :1:" PAGE "header.p*.<meta.url> :2:" PAGE "header.p*.<meta.url> delete :1:k :2:k "
     "purge :1:" PAGE "page.p\\*.GET.<meta.url>.* :2:" PAGE "page.p\\*.GET.<meta.url>.* "
     ":1:" PAGE "page.p\\*.HEAD.<meta.url>.* :2:" PAGE "page.p\\*.HEAD.<meta.url>.*"},
    {"'caches':{'default':{'keys':'django','prefix':'a*','version':[1,2],"
     "'key_function':'{prefix}|v{version}|{key}|{{{version}}}?'}},",
     "'delete':'k:{pk}','purge':'list:*'",
     "delete a*|v1|k:<pk>|{1}? a*|v2|k:<pk>|{2}? purge a\\*|v1|list:*|{1}\\? "
     "a\\*|v2|list:*|{2}\\?"},
    {"'caches':{'default':{'keys':'django','key_function':'{version}:{key|md5}'}},",
     "'delete':['k','k:{pk}']", "delete 1:8ce4b16b22b58894aa86c421e8759df3 delete 1:<pk>"},
    {"'caches':{'default':{'keys':'django'}},",
     "'purge_tag':['t','u:{pk}'],'expire':[{'key':'k','ttl':'1s'},{'pattern':'kkk:*','ttl':'1s'}],"
     "'delete':'d'",
     "delete :1:d expire :1:k expire :1:kkk:* purge_tag :1:t purge_tag :1:u:<pk>"},
};

START_TEST(targets_are_complete_keys)
{
    struct loaded loaded;
    struct slice text, all = SLICE("");
    const struct rule *rule;

    loaded_init(&loaded);
    text = arena_printf(&loaded.arena, "{'version':1,%s'rules':[{'name':'r',%s'do':{%s}}]}",
                        targets[_i].members, PRODUCT, targets[_i].verbs);
    loaded_need(&loaded, arena_text(&loaded.arena, text));
    rule = &loaded.set->rules[0];
    for (size_t i = 0; i < rule->actions_nr; i++) {
        all = arena_printf(&loaded.arena, "%.*s%s%s", SLICE_ARG(all), i ? " " : "",
                           verb_text(rule->actions[i].verb));
        for (size_t t = 0; t < rule->actions[i].targets_nr; t++)
            all = arena_printf(&loaded.arena, "%.*s %.*s", SLICE_ARG(all),
                               SLICE_ARG(loaded_text(&loaded, &rule->actions[i].targets[t])));
        ck_assert_ptr_eq(rule->actions[i].rule, rule);
        ck_assert_ptr_eq(rule->actions[i].cache, &loaded.set->caches[0]);
    }
    loaded_assert(all, slice_of(targets[_i].targets), targets[_i].verbs);
    loaded_release(&loaded);
}
END_TEST

START_TEST(options_of_verbs)
{
    struct loaded loaded;
    const struct action *actions;

    loaded_init(&loaded);
    loaded_need(&loaded,
                "{'version':1,'caches':{'default':{'keys':'django','serializer':'json','lock_"
                "suffix':'_l'}},"
                "'rules':[{'name':'r','when':{'op':'update'},'do':{"
                "'bump':[{'key':'a','start':5,'to':'increment'},'b'],"
                "'refresh':[{'key':'r{pk}','value':'{pk}','ttl':'90s','if':'missing'},"
                "{'key':'s{id}','value':1,'ttl':'1h','guard':'{after.n}'},"
                "{'key':'{{t{pk}}}','value':1,'ttl':'1h','guard':'{version}'}],"
                "'delete':{'key':'d','again_after':'60s','guard':'{version}'},"
                "'purge':{'pattern':'abc*','coalesce':'2s','rate':10,'slow_above':20}}}]}");
    ck_assert_uint_eq(loaded.set->rules[0].actions_nr, 7);
    actions = loaded.set->rules[0].actions;
    ck_assert_int_eq(actions[0].start, 5);
    ck_assert(actions[0].to_increment && !actions[1].to_increment);
    ck_assert_int_eq(actions[1].start, 1);
    ck_assert_int_eq(actions[2].ttl_ms, 90000);
    ck_assert_int_eq(actions[2].condition, REFRESH_MISSING);
    ck_assert_int_eq(actions[2].guard, GUARD_VERSION);
    ck_assert_ptr_nonnull(actions[2].value);
    ck_assert(actions[2].style.null_is_error && actions[2].style.is_django);
    ck_assert_int_eq(actions[3].guard, GUARD_TEMPLATE);
    ck_assert_int_eq(actions[3].condition, REFRESH_ALWAYS);
    ck_assert_int_eq(actions[4].guard, GUARD_VERSION);
    ck_assert_int_eq(actions[5].again_after_ms, 60000);
    ck_assert_int_eq(actions[5].guard, GUARD_VERSION);
    ck_assert(!actions[5].style.null_is_error && !actions[5].is_pattern);
    ck_assert_int_eq(actions[6].coalesce_ms, 2000);
    ck_assert_int_eq(actions[6].rate, 10);
    ck_assert_int_eq(actions[6].slow_above, 20);
    ck_assert(actions[6].is_pattern && actions[6].style.is_pattern &&
              actions[6].style.null_is_error);
    loaded_release(&loaded);
}
END_TEST

static struct slice pattern_text(struct loaded *loaded, const struct pattern *pattern)
{
    struct slice text = SLICE("");

    for (size_t i = 0; i < pattern->predicates_nr; i++)
        text = arena_printf(&loaded->arena, "%.*s%s%.*s=%.*s", SLICE_ARG(text), i ? " " : "",
                            SLICE_ARG(pattern->predicates[i].path.text),
                            SLICE_ARG(pattern->predicates[i].want));
    for (size_t i = 0; i < pattern->groups_nr; i++) {
        for (size_t branch = 0; branch < pattern->groups[i].branches_nr; branch++)
            text =
                arena_printf(&loaded->arena, "%.*s (%.*s)", SLICE_ARG(text),
                             SLICE_ARG(pattern_text(loaded, &pattern->groups[i].branches[branch])));
    }
    return text;
}

#define CUD "op=['create','update','delete']"

static const struct {
    const char *when, *pattern;
    unsigned ops;
    size_t models_nr;
} patterns[] = {
    {"{}", CUD, 7, 0},
    {"{'model':'a.B'}", "model='a.B' " CUD, 7, 1},
    {"{'model':['a.B','A.b','a.C'],'op':'m2m'}", "model=['a.B','A.b','a.C'] op='m2m'",
     1 << EVENT_M2M, 2},
    {"{'op':['create','order_paid']}", "op=['create','order_paid']",
     1 << EVENT_CREATE | 1 << EVENT_CUSTOM, 0},
    {"{'op':{'anything-but':'read'}}", "op={'anything-but':'read'}", 127, 0},
    {"{'event':'order_paid'}", "event='order_paid'", 127, 0},
    {"{'$or':[{'changed':'a'},{'source':'b'}]}", CUD " (changed='a') (source='b')", 7, 0},
    {"{'$or':[{'op':'m2m'},{'changed':'a'}]}", " (op='m2m') (changed='a' " CUD ")",
     7 | 1 << EVENT_M2M, 0},
    {"{'op':'read','$or':[{'op':'m2m'},{'changed':'a'}]}", "op='read' (op='m2m') (changed='a')",
     1 << EVENT_READ, 0},
    {"{'$or':[{'model':'a.B'},{'model':'a.C','tenant':'x'}]}",
     CUD " (model='a.B') (model='a.C' tenant='x')", 7, 2},
    {"{'$or':[{'model':'a.B'},{'tenant':'x'}]}", CUD " (model='a.B') (tenant='x')", 7, 0},
    {"{'model':{'prefix':'a.'}}", "model={'prefix':'a.'} " CUD, 7, 0},
    {"{'model':{'equals-ignore-case':'A.B'}}", "model={'equals-ignore-case':'A.B'} " CUD, 7, 1},
    {"{'after':{'a':1.50,'b':{'c':[ 'x', {'prefix':'y'} ]}}}",
     "after.a=1.50 after.b.c=['x',{'prefix':'y'}] " CUD, 7, 0},
    {"{'after':{'$or':[{'a':1},{'b':2}]}}", CUD " (after.a=1) (after.b=2)", 7, 0},
    {"{'before':{'exists':false},'meta':{'exists':[1]}}", NULL, 0, 0},
    {"{'after.x':{'wildcard':'a*\\\\**'}}", "after.x={'wildcard':'a*\\\\**'} " CUD, 7, 0},
    {"{'model':'shop.Item'}", "model='shop.Item' " CUD, 7, 3},
};

START_TEST(patterns_with_their_scope)
{
    struct loaded loaded;
    const struct rule *rule;
    struct slice text;

    loaded_init(&loaded);
    text = arena_printf(&loaded.arena,
                        "{'version':1,'models':{'shop.Mug':{'parents':['shop.Product']},"
                        "'shop.Product':{'parents':['shop.item']}},"
                        "'rules':[{'name':'r','when':%s,'do':{'delete':'k'}}]}",
                        patterns[_i].when);
    if (!patterns[_i].pattern) {
        loaded_read(&loaded, arena_text(&loaded.arena, text));
        ck_assert_ptr_null(loaded.set);
    } else {
        loaded_need(&loaded, arena_text(&loaded.arena, text));
        rule = &loaded.set->rules[0];
        loaded_assert(pattern_text(&loaded, &rule->when),
                      loaded_quoted(&loaded, patterns[_i].pattern), patterns[_i].when);
        ck_assert_uint_eq(rule->ops, patterns[_i].ops);
        ck_assert_uint_eq(rule->models_nr, patterns[_i].models_nr);
    }
    loaded_release(&loaded);
}
END_TEST

START_TEST(what_a_cache_protects)
{
    static const char *const globs[] = {
        "keep:*",    "django.contrib.sessions*", "_kombu*", "celery*", "*:lock", "*_lock",
        "unstale:*", "of the lock suffix"};
    struct loaded loaded;
    const struct cache *cache;

    loaded_init(&loaded);
    loaded_need(&loaded, "{'version':1,'caches':{'c':{'protect':'keep:*','lock_suffix':'*mutex',"
                         "'redis':'second','allow_broad':true}},"
                         "'rules':[{'name':'r','cache':'c'," PRODUCT "'do':{'delete':'k'}}]}");
    cache = loaded.set->rules[0].cache;
    ck_assert_uint_eq(cache->protect_nr, ARRAY_NR(globs));
    for (size_t i = 0; i + 1 < ARRAY_NR(globs); i++)
        loaded_assert(cache->protect[i], slice_of(globs[i]), "glob");
    ck_assert(glob_match(cache->protect[ARRAY_NR(globs) - 1], SLICE("a*mutex")));
    ck_assert(!glob_match(cache->protect[ARRAY_NR(globs) - 1], SLICE("a-mutex")));
    ck_assert(cache->allow_broad);
    loaded_assert(cache->redis, SLICE("second"), "redis");
    loaded_release(&loaded);
}
END_TEST

START_TEST(warnings_are_ignored_where_meant)
{
    static const char *const texts[] = {
        ("{'version':1,'caches':{'default':{'lock_suffix':'l'}},'rules':[{'name':'r',"
         "'ignore':'W406'," PRODUCT "'do':{'delete':{'key':'k','unlock':true}}}]}"),
        "{'version':1,'defaults':{'ignore':['W406','W409']},'caches':{'default':{'prefix':'my:',"
        "'lock_suffix':'l'}},'rules':[{'name':'r'," PRODUCT
        "'do':{'delete':{'key':'k','unlock':true}}}]}",
        "{'version':1,'rules':[{'name':'r','ignore':'W415','when':{'op':'updaet'},"
        "'do':{'delete':'k'}}]}",
    };
    struct loaded loaded;

    loaded_init(&loaded);
    loaded_need(&loaded, texts[_i]);
    ck_assert_uint_eq(loaded.found.nr, 0);
    loaded_release(&loaded);
}
END_TEST

/* ---- files on disk ---- */

static size_t load_folder(const char *path, bool is_valid)
{
    struct dirent **entries;
    int nr = scandir(path, &entries, NULL, alphasort);
    size_t loaded_nr = 0;

    ck_assert_int_gt(nr, 0);
    for (int i = 0; i < nr; i++) {
        char file[512];
        const char *paths[] = {file};
        struct diagnostics found;
        struct ruleset *set;

        snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        free(entries[i]);
        if (!slice_ends_with(slice_of(file), SLICE(".json")))
            continue;
        diagnostics_init(&found);
        set = load_paths(paths, 1, &found);
        ck_assert_msg((set != NULL) == is_valid, "%s", file);
        ruleset_free(set);
        diagnostics_release(&found);
        loaded_nr++;
    }
    free(entries);
    return loaded_nr;
}

START_TEST(the_examples_of_the_schema)
{
    ck_assert_uint_gt(load_folder("schemas/examples/rules/valid", true), 10);
    ck_assert_uint_gt(load_folder("schemas/examples/rules/invalid", false), 50);
}
END_TEST

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

static void remove_file(const char *folder, const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    ck_assert_int_eq(remove(path), 0);
}

#define RULE(name)                                                                                 \
    "{\"version\":1,\"rules\":[{\"name\":\"" name "\",\"when\":{\"model\":\"a.B\"},"               \
    "\"do\":{\"delete\":\"k\"}}]}"

START_TEST(folders_in_name_order)
{
    char folder[] = "/tmp/test_load.XXXXXX";
    const char *paths[] = {folder};
    struct diagnostics found;
    struct ruleset *set;
    uint64_t first, second;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    diagnostics_init(&found);
    ck_assert_ptr_null(load_paths(paths, 1, &found));
    ck_assert_str_eq(found.items[0].code, "E101");
    ck_assert_uint_eq(found.items[0].line, 0);
    ck_assert(!load_fingerprint(paths, 1, &first));
    diagnostics_release(&found);

    write_file(folder, "b.json", RULE("one"));
    write_file(folder, "a.jsonc", RULE("two") "// x\n");
    write_file(folder, ".hidden.json", "x");
    write_file(folder, "note.txt", "x");
    diagnostics_init(&found);
    set = load_paths(paths, 1, &found);
    ck_assert_ptr_nonnull(set);
    ck_assert_uint_eq(set->rules_nr, 2);
    loaded_assert(set->rules[0].name, SLICE("two"), "order");
    ck_assert(load_fingerprint(paths, 1, &first));
    ck_assert(load_fingerprint(paths, 1, &second));
    ck_assert_uint_eq(first, second);
    write_file(folder, "b.json", RULE("six"));
    ck_assert(load_fingerprint(paths, 1, &second));
    ck_assert_uint_ne(first, second);
    ruleset_free(set);
    diagnostics_release(&found);
    remove_file(folder, "a.jsonc");
    remove_file(folder, "b.json");
    remove_file(folder, ".hidden.json");
    remove_file(folder, "note.txt");
    ck_assert_int_eq(remove(folder), 0);
}
END_TEST

START_TEST(what_cannot_be_read)
{
    static const char *const paths[] = {"/nonexistent/rules.json"};
    struct diagnostics found;
    uint64_t fingerprint;

    diagnostics_init(&found);
    ck_assert_ptr_null(load_paths(paths, 1, &found));
    ck_assert_uint_eq(found.nr, 1);
    ck_assert_str_eq(found.items[0].code, "E101");
    loaded_assert(found.items[0].file, SLICE("/nonexistent/rules.json"), "file");
    ck_assert(!load_fingerprint(paths, 1, &fingerprint));
    diagnostics_release(&found);
}
END_TEST

static Suite *load_suite(void)
{
    Suite *suite = suite_create("load");
    TCase *tcase = tcase_create("load");

    tcase_add_test(tcase, the_hash_goes_by_contents);
    tcase_add_loop_test(tcase, targets_are_complete_keys, 0, ARRAY_NR(targets));
    tcase_add_test(tcase, options_of_verbs);
    tcase_add_loop_test(tcase, patterns_with_their_scope, 0, ARRAY_NR(patterns));
    tcase_add_test(tcase, what_a_cache_protects);
    tcase_add_loop_test(tcase, warnings_are_ignored_where_meant, 0, 3);
    tcase_add_test(tcase, the_examples_of_the_schema);
    tcase_add_test(tcase, folders_in_name_order);
    tcase_add_test(tcase, what_cannot_be_read);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(load_suite)
