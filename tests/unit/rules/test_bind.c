/* Redis targets by name, and the ops that rules name. */
#include "consumers/base/compiler.h"
#include "consumers/base/error.h"
#include "tests/unit/check_main.h"
#include "tests/unit/rules/loaded.h"

static const char two_caches[] =
    "{'version':1,'caches':{'default':{'keys':'raw'},'pages':{'keys':'raw','redis':'paegs'}},"
    "'rules':[{'name':'a','when':{'model':'shop.Product'},'do':{'delete':'k'}},"
    "{'name':'b','cache':'pages','when':{'model':'shop.Product','$or':[{'op':'m2m'},"
    "{'changed':'x'}]},'do':{'delete':'k'}},"
    "{'name':'c','when':{'model':'shop.Product','event':['price_list_sent',{'prefix':'read'}]},"
    "'do':{'delete':'j'}}]}";

static const struct {
    const char *targets[3];
    size_t nr;
    const char *error; /* a part of it; NULL: bound */
} bindings[] = {
    {{"default", "paegs"}, 2, NULL},
    {{"paegs", "default", "other"}, 3, NULL},
    {{"default", "pages"},
     2,
     "names the Redis \"paegs\", which the settings do not have; did you "
     "mean \"pages\"?"},
    {{"default", "sessions"},
     2,
     "cache \"pages\" names the Redis \"paegs\", which the settings do "
     "not have"},
    {{"pages"}, 1, "cache \"default\" names the Redis \"default\""},
};

static const struct cache *cache_named(const struct ruleset *set, const char *name)
{
    for (size_t i = 0; i < set->caches_nr; i++) {
        if (slice_equals(set->caches[i].name, slice_of(name)))
            return &set->caches[i];
    }
    ck_abort_msg("no cache %s", name);
}

START_TEST(caches_are_bound_by_name)
{
    struct loaded loaded;
    struct slice names[3];
    struct error err = ERROR_INIT;
    bool is_bound;

    loaded_init(&loaded);
    loaded_need(&loaded, two_caches);
    for (size_t i = 0; i < bindings[_i].nr; i++)
        names[i] = slice_of(bindings[_i].targets[i]);
    is_bound = ruleset_bind_targets(loaded.set, names, bindings[_i].nr, &err);
    ck_assert_int_eq(is_bound, bindings[_i].error == NULL);
    if (is_bound) {
        size_t target = cache_named(loaded.set, "pages")->target;

        ck_assert_str_eq(bindings[_i].targets[target], "paegs");
        target = cache_named(loaded.set, "default")->target;
        ck_assert_str_eq(bindings[_i].targets[target], "default");
    } else {
        ck_assert_msg(strstr(err.text, bindings[_i].error) != NULL, "%s", err.text);
        ck_assert_int_eq(err.kind, ERROR_CONFIG);
    }
    loaded_release(&loaded);
}
END_TEST

static const struct {
    const char *op;
    bool is_known;
} ops[] = {
    {"m2m", true},   {"price_list_sent", true}, {"create", true}, {"delete", true},
    {"read", false}, {"shop.Product", false},   {"x", false},     {"stock_counted", false},
};

START_TEST(ops_that_rules_name_are_known)
{
    struct loaded loaded;

    loaded_init(&loaded);
    loaded_need(&loaded, two_caches);
    ck_assert_msg(ruleset_knows_op(loaded.set, slice_of(ops[_i].op)) == ops[_i].is_known, "%s",
                  ops[_i].op);
    loaded_release(&loaded);
}
END_TEST

static Suite *bind_suite(void)
{
    Suite *suite = suite_create("rules/bind");
    TCase *tcase = tcase_create("bind");

    tcase_add_loop_test(tcase, caches_are_bound_by_name, 0, ARRAY_NR(bindings));
    tcase_add_loop_test(tcase, ops_that_rules_name_are_known, 0, ARRAY_NR(ops));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(bind_suite)
