#include "consumers/pipeline/gaps.h"

#include "consumers/rules/load.h"
#include "tests/unit/check_main.h"

static const struct {
    const char *cache, *pattern;
    size_t version;
} rows[] = {
    {"{\"keys\":\"django\",\"prefix\":\"myapp\"}", "myapp:1:*", 0},
    {"{\"keys\":\"django\"}", ":1:*", 0},
    {"{\"keys\":\"django\",\"prefix\":\"a\",\"version\":[1,2]}", "a:2:*", 1},
    {"{\"keys\":\"django\",\"prefix\":\"a*b[c]\"}", "a\\*b\\[c\\]:1:*", 0},
    {"{\"keys\":\"raw\",\"prefix\":\"{tenant}:\"}", "*:*", 0},
    {"{\"keys\":\"raw\",\"prefix\":\"shop-{tenant}:\"}", "shop\\-*:*", 0},
    {"{\"keys\":\"raw\"}", "*", 0},
};

static struct ruleset *load(const char *cache)
{
    struct diagnostics found;
    char text[512];
    snprintf(text, sizeof(text),
             "{\"version\":1,\"caches\":{\"default\":%s},\"rules\":[{\"name\":\"r\","
             "\"when\":{\"model\":\"m.M\",\"tenant\":{\"exists\":true}},"
             "\"do\":{\"delete\":\"k\"}}]}",
             cache);
    struct rule_source source = {SLICE("rules.json"), slice_of(text)};
    diagnostics_init(&found);
    struct ruleset *ruleset = load_sources(&source, 1, &found);
    ck_assert_ptr_nonnull(ruleset);
    diagnostics_release(&found);
    return ruleset;
}

START_TEST(the_pattern_of_a_whole_cache)
{
    struct arena arena;
    struct ruleset *ruleset = load(rows[_i].cache);
    arena_init(&arena, 1024);
    struct slice pattern = gaps_whole_cache(&ruleset->caches[0], rows[_i].version, &arena);
    ck_assert_str_eq(arena_text(&arena, pattern), rows[_i].pattern);
    arena_release(&arena);
    ruleset_free(ruleset);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("pipeline/gaps");
    TCase *t = tcase_create("gaps");
    tcase_add_loop_test(t, the_pattern_of_a_whole_cache, 0, (int)ARRAY_NR(rows));
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite)
