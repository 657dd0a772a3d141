#include "consumers/base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/check_main.h"

START_TEST(nothing_is_a_valid_request)
{
    void *none = alloc_bytes(0);
    void *zero = alloc_zero(0, 8);

    ck_assert_ptr_nonnull(none);
    ck_assert_ptr_nonnull(zero);
    none = alloc_resize(none, 0, 0);
    ck_assert_ptr_nonnull(none);
    free(none);
    free(zero);
}
END_TEST

START_TEST(zeroed_memory_is_zero)
{
    char *bytes = alloc_zero(100, 3);

    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(bytes[i], 0);
    free(bytes);
}
END_TEST

START_TEST(texts_are_copied_with_their_end)
{
    char *all = alloc_text("shop.Product");
    char *part = alloc_text_n("shop.Product", 4);

    ck_assert_str_eq(all, "shop.Product");
    ck_assert_str_eq(part, "shop");
    free(all);
    free(part);
}
END_TEST

START_TEST(growing_keeps_what_is_there)
{
    int *items = NULL;
    size_t capacity = 0;

    for (size_t nr = 0; nr < 1000; nr++) {
        items = alloc_grow(items, nr, &capacity, sizeof(*items));
        ck_assert_uint_gt(capacity, nr);
        items[nr] = (int)nr;
    }
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(items[i], i);
    ck_assert_uint_eq(capacity, 1024);
    free(items);
}
END_TEST

START_TEST(overflow_aborts)
{
    volatile size_t count = SIZE_MAX / 2;

    free(alloc_zero(count, 3));
}
END_TEST

static Suite *alloc_suite(void)
{
    Suite *suite = suite_create("alloc");
    TCase *tests = tcase_create("alloc");
    const char *fork_mode = getenv("CK_FORK");

    tcase_add_test(tests, nothing_is_a_valid_request);
    tcase_add_test(tests, zeroed_memory_is_zero);
    tcase_add_test(tests, texts_are_copied_with_their_end);
    tcase_add_test(tests, growing_keeps_what_is_there);
    /* A signal can only be expected from a test that has a process of its own. */
    if (fork_mode == NULL || strcmp(fork_mode, "no") != 0)
        tcase_add_test_raise_signal(tests, overflow_aborts, 6);
    suite_add_tcase(suite, tests);
    return suite;
}

CHECK_MAIN(alloc_suite)
