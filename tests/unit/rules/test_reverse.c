#include "consumers/rules/reverse.h"

#include <stdio.h>

#include "tests/unit/check_main.h"
#include "tests/unit/rules/loaded.h"

#define FILE_OF(verbs)                                                                             \
    "{'version':1,'caches':{'default':{'keys':'django','prefix':'app','version':[1,2],"            \
    "'lock_suffix':':lock'},'tenant':{'prefix':'{tenant}:'},'other':{'keys':'django','prefix':'p'" \
    ",'key_function':'{version}/{key}/{prefix}'}},"                                                \
    "'rules':[{'name':'r','when':{'model':'shop.Product'},'do':{" verbs "}}]}"

/* Found values as "pk=42 slug=a"; "-" when nothing is found, "!" before what a pattern spares. */
static struct slice found_text(struct loaded *loaded, struct slice key, bool is_glob)
{
    struct slice text = SLICE("");
    struct reverse found;

    reverse_find(loaded->set, key, is_glob, &loaded->arena, &found);
    if (found.nr == 0)
        return SLICE("-");
    for (size_t i = 0; i < found.nr; i++) {
        const struct reverse_match *match = &found.matches[i];

        text = arena_printf(&loaded->arena, "%.*s%s%s", SLICE_ARG(text), i ? ";" : "",
                            match->is_protected ? "!" : "");
        for (size_t j = 0; j < match->values_nr; j++)
            text = arena_printf(&loaded->arena, "%.*s%s%.*s=%.*s", SLICE_ARG(text), j ? " " : "",
                                SLICE_ARG(match->values[j].segment->text),
                                SLICE_ARG(match->values[j].text));
    }
    return text;
}

#define MD5 "0123456789abcdef0123456789abcdef"

static const struct {
    const char *verbs, *key, *expected;
} keys[] = {
    {"'delete':'product:{pk}'", "app:1:product:42", "pk=42"},
    {"'delete':'product:{pk}'", "app:2:product:42", "pk=42"},
    {"'delete':'product:{pk}'", "app:3:product:42", "-"},
    {"'delete':'product:{pk}'", "product:42", "-"},
    {"'delete':'product:{pk}'", "app:1:product:", "-"},
    {"'delete':'product:{pk}'", "app:1:product:4:data", "pk=4:data"},
    {"'delete':'product:{pk}:data'", "app:1:product:4:data", "pk=4"},
    {"'delete':'product:{pk}:data'", "app:1:product:4:datum", "-"},
    {"'delete':'{pk}-{slug}'", "app:1:1-a-b", "pk=1 slug=a-b"},
    {"'delete':'{pk}:x:{slug}:y'", "app:1:1:x:x:y:y", "pk=1 slug=x:y"},
    {"'delete':'k:{{{pk}}}:cart'", "app:1:k:{7}:cart", "pk=7"},
    {"'delete':'a*b'", "app:1:a*b", ""},
    {"'delete':'a*b'", "app:1:axb", "-"},
    {"'delete':'c:{slug|md5}:x'", "app:1:c:" MD5 ":x", "slug=" MD5},
    {"'delete':'c:{slug|md5}:x'", "app:1:c:1234:x", "-"},
    {"'delete':'c:{slug|md5}:x'", "app:1:c:XXX3456789abcdef0123456789abcdef:x", "-"},
    {"'delete':{'fragment':'side','vary':['{pk}']}", "app:1:template.cache.side." MD5,
     "pk=" MD5 ";pk=" MD5},
    {"'delete':{'session':'{meta.key}'}", "app:1:django.contrib.sessions.cacheabc", "meta.key=abc"},
    {"'delete':{'key':'k:{pk}','unlock':true,'again_after':'1s'}", "app:1:k:1:lock",
     "pk=1:lock;pk=1"},
    {"'bump':'v','delete':'v'", "app:1:v", ";"},
    /* patterns */
    {"'purge':'list:{category_id}:*'", "app:1:list:3:page:1", "category_id=3"},
    {"'purge':'list:{category_id}:*'", "app:1:list:3", "-"},
    {"'purge':'list:{category_id}:p?ge:[0-9]'", "app:1:list:3:page:1", "category_id=3"},
    {"'purge':'list:{category_id}:p?ge:[0-9]'", "app:1:list:3:page:x", "-"},
    {"'purge':'list:[^a-]x]\\\\*{category_id}'", "app:1:list:y*3", "category_id=3"},
    {"'purge':'list:*'", "app:1:list:*", ""},
    {"'purge':'list:*'", "app:1:list:1:lock", "!"},
    {"'purge':'list:*:{pk}:*:{slug}:*'", "app:1:list:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "-"},
    {"'purge_tag':'tag:{pk}'", "app:1:tag:7", "pk=7"},
    {"'expire':{'pattern':'list:{pk}:*','ttl':'1s'}", "app:1:list:7:x", "pk=7"},
};

START_TEST(keys_backwards)
{
    struct loaded loaded;
    char text[1024];

    snprintf(text, sizeof(text), FILE_OF("%s"), keys[_i].verbs);
    loaded_init(&loaded);
    loaded_need(&loaded, text);
    loaded_assert(found_text(&loaded, slice_of(keys[_i].key), false), slice_of(keys[_i].expected),
                  keys[_i].key);
    loaded_release(&loaded);
}
END_TEST

static const struct {
    const char *verbs, *glob;
    bool is_found;
} globs[] = {
    {"'delete':'product:{pk}'", "app:1:product:*", true},
    {"'delete':'product:{pk}'", "app:1:*:4", true},
    {"'delete':'product:{pk}'", "app:1:category:*", false},
    {"'purge':'list:{pk}:*'", "app:2:list:3:*", true},
    {"'purge':'list:{pk}:*'", "*:user:*", true},
    {"'purge':'list:{pk}:*'", "app:1:user:*", false},
};

START_TEST(globs_backwards)
{
    struct loaded loaded;
    char text[1024];

    snprintf(text, sizeof(text), FILE_OF("%s"), globs[_i].verbs);
    loaded_init(&loaded);
    loaded_need(&loaded, text);
    ck_assert_int_eq(!slice_equals(found_text(&loaded, slice_of(globs[_i].glob), true), SLICE("-")),
                     globs[_i].is_found);
    loaded_release(&loaded);
}
END_TEST

static const struct {
    unsigned cache;
    const char *key, *version, *rest;
} splits[] = {
    {0, "app:1:product:4", "1", "product:4"},
    {0, "app:2:x", "2", "x"},
    {0, "app:3:x", NULL, NULL},
    {0, "app:1:", "1", ""},
    {0, "app", NULL, NULL},
    {1, "acme:a:b", NULL, "a:b"},
    {1, ":x", NULL, NULL},
    {2, "1/a/b/p", "1", "a/b"},
    {2, "1/a/b/q", NULL, NULL},
};

START_TEST(caches)
{
    struct slice version, rest, whole;
    struct loaded loaded;
    bool is_split;

    loaded_init(&loaded);
    loaded_need(&loaded, FILE_OF("'delete':'k'"));
    is_split = reverse_split(&loaded.set->caches[splits[_i].cache], slice_of(splits[_i].key),
                             &loaded.arena, &version, &rest);
    ck_assert_msg(is_split == (splits[_i].rest != NULL), "%s", splits[_i].key);
    if (is_split) {
        loaded_assert(rest, slice_of(splits[_i].rest), splits[_i].key);
        loaded_assert(version, slice_of(splits[_i].version), splits[_i].key);
    }
    ck_assert(reverse_whole(&loaded.set->caches[0], SLICE("x"), &loaded.arena, &whole));
    loaded_assert(whole, SLICE("app:1:x"), "whole");
    ck_assert(reverse_whole(&loaded.set->caches[2], SLICE("x"), &loaded.arena, &whole));
    loaded_assert(whole, SLICE("1/x/p"), "whole");
    ck_assert(!reverse_whole(&loaded.set->caches[1], SLICE("x"), &loaded.arena, &whole));
    loaded_release(&loaded);
}
END_TEST

static Suite *reverse_suite(void)
{
    Suite *suite = suite_create("rules/reverse");
    TCase *tcase = tcase_create("reverse");

    tcase_add_loop_test(tcase, keys_backwards, 0, (int)ARRAY_NR(keys));
    tcase_add_loop_test(tcase, globs_backwards, 0, (int)ARRAY_NR(globs));
    tcase_add_loop_test(tcase, caches, 0, (int)ARRAY_NR(splits));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(reverse_suite)
