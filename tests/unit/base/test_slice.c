#include "consumers/base/slice.h"

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"

START_TEST(absent_is_not_empty_but_equals_it)
{
    ck_assert(slice_is_absent(SLICE_ABSENT));
    ck_assert(slice_is_absent(slice_of(NULL)));
    ck_assert(!slice_is_absent(SLICE("")));
    ck_assert(slice_equals(SLICE_ABSENT, SLICE("")));
    ck_assert(slice_starts_with(SLICE_ABSENT, SLICE_ABSENT));
    ck_assert(slice_ends_with(SLICE("a"), SLICE_ABSENT));
}
END_TEST

static const struct {
    struct slice a;
    struct slice b;
    int order;
} pairs[] = {
    {{"", 0}, {"", 0}, 0},      {{NULL, 0}, {"a", 1}, -1},     {{"a", 1}, {"b", 1}, -1},
    {{"ab", 2}, {"a", 1}, 1},   {{"a", 1}, {"a\0", 2}, -1},    {{"a\0b", 3}, {"a\0c", 3}, -1},
    {{"\xff", 1}, {"a", 1}, 1}, {{"shop", 4}, {"shop", 4}, 0},
};

START_TEST(order_is_by_bytes)
{
    int order = slice_compare(pairs[_i].a, pairs[_i].b);
    int back = slice_compare(pairs[_i].b, pairs[_i].a);

    ck_assert_int_eq((order > 0) - (order < 0), pairs[_i].order);
    ck_assert_int_eq((back > 0) - (back < 0), -pairs[_i].order);
    ck_assert(slice_equals(pairs[_i].a, pairs[_i].b) == (pairs[_i].order == 0));
}
END_TEST

START_TEST(starts_and_ends)
{
    ck_assert(slice_starts_with(SLICE("shop.Product"), SLICE("shop.")));
    ck_assert(!slice_starts_with(SLICE("shop"), SLICE("shop.")));
    ck_assert(slice_ends_with(SLICE("shop.Product"), SLICE("Product")));
    ck_assert(!slice_ends_with(SLICE("uct"), SLICE("Product")));
}
END_TEST

START_TEST(ascii_case)
{
    ck_assert(slice_equals_nocase(SLICE("Shop.PRODUCT_z1"), SLICE("sHOP.product_Z1")));
    ck_assert(!slice_equals_nocase(SLICE("a"), SLICE("ab")));
    ck_assert(!slice_equals_nocase(SLICE("["), SLICE("{")));
    ck_assert(!slice_equals_nocase(SLICE("@"), SLICE("`")));
    ck_assert(!slice_equals_nocase(SLICE("\xc3\x89"), SLICE("\xc3\xa9")));
    ck_assert(slice_equals_nocase(SLICE_ABSENT, SLICE("")));
}
END_TEST

/* Every byte against every other, first, last and alone in words of eight. */
START_TEST(case_of_every_byte)
{
    static const size_t places[] = {0, 6, 7, 8, 10};
    char a[] = "shop.product", b[] = "SHOP.PRODUCT";

    a[places[_i]] = b[places[_i]] = 0;
    for (int left = 0; left < 256; left++) {
        for (int right = 0; right < 256; right++) {
            bool is_upper = left >= 'A' && left <= 'Z', is_lower = left >= 'a' && left <= 'z';
            bool is_other_case =
                (is_upper && right == left + 32) || (is_lower && right == left - 32);

            a[places[_i]] = (char)left;
            b[places[_i]] = (char)right;
            ck_assert(slice_equals_nocase((struct slice){a, 11}, (struct slice){b, 11}) ==
                      (left == right || is_other_case));
        }
    }
}
END_TEST

static Suite *slice_suite(void)
{
    Suite *suite = suite_create("slice");
    TCase *tests = tcase_create("slice");

    tcase_add_test(tests, absent_is_not_empty_but_equals_it);
    tcase_add_loop_test(tests, order_is_by_bytes, 0, (int)ARRAY_NR(pairs));
    tcase_add_test(tests, starts_and_ends);
    tcase_add_test(tests, ascii_case);
    tcase_add_loop_test(tests, case_of_every_byte, 0, 5);
    suite_add_tcase(suite, tests);
    return suite;
}

CHECK_MAIN(slice_suite)
