#include "consumers/base/suggest.h"

#include "consumers/base/compiler.h"
#include "tests/unit/base/assert_slice.h"
#include "tests/unit/check_main.h"

static const struct {
    const char *typed;
    const char *candidates[4];
    const char *best; /* NULL: none is near enough */
    unsigned distance;
} cases[] = {
    {"tempalte", {"table", "template", "topic"}, "template", 1},
    {"Modle", {"mode", "model"}, "mode", 1},
    {"PRODUCT", {"product"}, "product", 0},
    {"kye", {"key", "keys"}, "key", 1},
    {"ky", {"key"}, "key", 1},
    {"k", {"key"}, NULL, 2},
    {"xyzzy", {"key", "topic"}, NULL, 2},
    {"invalidte", {"invalidate"}, "invalidate", 1},
    {"invaldte", {"invalidate"}, "invalidate", 2},
    {"bat", {"cat", "hat"}, "cat", 1},
    {"ca", {"abc"}, NULL, 2},
    {"abcdef", {"abdcfe"}, "abdcfe", 2},
    {"", {"a", "ab"}, "a", 1},
    {"on_mising", {"on_missing", "mode"}, "on_missing", 1},
};

START_TEST(the_nearest_name)
{
    struct suggest suggest;

    suggest_init(&suggest, slice_of(cases[_i].typed));
    for (size_t i = 0; cases[_i].candidates[i]; i++)
        suggest_offer(&suggest, slice_of(cases[_i].candidates[i]));
    ck_assert(slice_is_absent(suggest.best) == (cases[_i].best == NULL));
    assert_slice(suggest.best, slice_of(cases[_i].best));
    ck_assert_uint_eq(suggest.distance, cases[_i].distance);
}
END_TEST

START_TEST(long_texts_get_none)
{
    char text[SUGGEST_BYTES_MAX + 1];
    struct suggest suggest;

    memset(text, 'a', sizeof(text));
    suggest_init(&suggest, (struct slice){text, sizeof(text)});
    suggest_offer(&suggest, (struct slice){text, sizeof(text)});
    ck_assert(slice_is_absent(suggest.best));
    suggest_init(&suggest, (struct slice){text, SUGGEST_BYTES_MAX});
    suggest_offer(&suggest, (struct slice){text, sizeof(text)});
    ck_assert(slice_is_absent(suggest.best));
    suggest_offer(&suggest, (struct slice){text, SUGGEST_BYTES_MAX});
    ck_assert_uint_eq(suggest.distance, 0);
}
END_TEST

static Suite *suggest_suite(void)
{
    Suite *suite = suite_create("suggest");
    TCase *tests = tcase_create("suggest");

    tcase_add_loop_test(tests, the_nearest_name, 0, (int)ARRAY_NR(cases));
    tcase_add_test(tests, long_texts_get_none);
    suite_add_tcase(suite, tests);
    return suite;
}

CHECK_MAIN(suggest_suite)
