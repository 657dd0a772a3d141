#include "consumers/base/arena.h"

#include "tests/unit/base/assert_slice.h"
#include "tests/unit/check_main.h"

enum { CHUNK = 4096 };

static struct arena arena;

static void setup(void)
{
    arena_init(&arena, CHUNK);
}

static void teardown(void)
{
    arena_release(&arena);
}

static const size_t sizes[] = {0, 1, 7, 16, 100, CHUNK - 1, CHUNK, CHUNK + 1, 10 * CHUNK};

START_TEST(any_size_is_aligned_and_writable)
{
    for (int i = 0; i < 50; i++) {
        char *odd = arena_bytes(&arena, 1);
        char *taken = arena_alloc(&arena, sizes[_i]);

        *odd = 'x';
        ck_assert_ptr_nonnull(taken);
        ck_assert_uint_eq((uintptr_t)taken % _Alignof(max_align_t), 0);
        memset(taken, 0xa5, sizes[_i]);
        ck_assert_int_eq(*odd, 'x');
    }
}
END_TEST

START_TEST(used_counts_what_was_handed_out)
{
    ck_assert_uint_eq(arena_used(&arena), 0);
    for (size_t i = 1; i <= 100; i++) {
        (void)!arena_bytes(&arena, 1000);
        ck_assert_uint_eq(arena_used(&arena), i * 1000);
    }
    (void)!arena_bytes(&arena, 50000);
    ck_assert_uint_eq(arena_used(&arena), 150000);
    arena_reset(&arena, 0);
    ck_assert_uint_eq(arena_used(&arena), 0);
}
END_TEST

/* One batch; returns a sum of the addresses it got, equal when all were the same. */
static uintptr_t run_batch(void)
{
    uintptr_t sum = 0;

    for (size_t i = 0; i < 200; i++)
        sum += (uintptr_t)arena_alloc(&arena, (i * 37) % 500) * (i + 1);
    sum += (uintptr_t)arena_alloc(&arena, 5 * CHUNK);
    sum += (uintptr_t)arena_alloc(&arena, 100);
    return sum;
}

START_TEST(reset_keeps_the_chunks)
{
    uintptr_t first = run_batch();

    for (int i = 0; i < 5; i++) {
        arena_reset(&arena, 0);
        ck_assert_uint_eq(run_batch(), first);
    }
}
END_TEST

START_TEST(reset_gives_back_beyond_the_limit)
{
    (void)!arena_alloc(&arena, 100);
    (void)!arena_alloc(&arena, 100 * CHUNK);
    (void)!arena_alloc(&arena, CHUNK - 100);
    ck_assert_ptr_nonnull(arena.first);
    arena_reset(&arena, 2 * CHUNK);
    /* The two plain chunks stay, the large one is gone. */
    memset(arena_alloc(&arena, CHUNK - 1), 1, CHUNK - 1);
    memset(arena_alloc(&arena, CHUNK - 1), 2, CHUNK - 1);
    ck_assert_ptr_ne(arena.current, arena.first);
    arena_reset(&arena, 1);
    ck_assert_ptr_null(arena.first);
    memset(arena_alloc(&arena, 10), 3, 10);
}
END_TEST

START_TEST(rewind_gives_the_same_place_again)
{
    struct arena_mark empty = arena_mark(&arena);
    char *first = arena_bytes(&arena, 10);
    struct arena_mark mark = arena_mark(&arena);
    char *second = arena_bytes(&arena, 10);

    for (int i = 0; i < 10; i++)
        (void)!arena_alloc(&arena, CHUNK / 2);
    arena_rewind(&arena, mark);
    ck_assert_uint_eq(arena_used(&arena), 10);
    ck_assert_ptr_eq(arena_bytes(&arena, 10), second);
    arena_rewind(&arena, empty);
    ck_assert_uint_eq(arena_used(&arena), 0);
    ck_assert_ptr_eq(arena_bytes(&arena, 10), first);
}
END_TEST

START_TEST(resize_keeps_the_contents)
{
    char *old = arena_alloc(&arena, 11);
    char *in_place;
    char *moved;

    memcpy(old, "0123456789", 11);
    in_place = arena_resize(&arena, old, 11, 100);
    ck_assert_ptr_eq(in_place, old);
    ck_assert_uint_eq(arena_used(&arena), 100);
    (void)!arena_bytes(&arena, 1);
    moved = arena_resize(&arena, in_place, 100, 200);
    ck_assert_ptr_ne(moved, in_place);
    ck_assert_str_eq(moved, "0123456789");
    ck_assert_ptr_eq(arena_resize(&arena, moved, 200, 5), moved);
    ck_assert_mem_eq(arena_resize(&arena, moved, 5, 3 * CHUNK), "01234", 5);
    ck_assert_ptr_nonnull(arena_resize(&arena, NULL, 0, 0));
}
END_TEST

START_TEST(a_trim_gives_back_the_end_of_the_last)
{
    char *first = arena_bytes(&arena, 100);
    char *second = arena_bytes(&arena, 100);

    arena_trim(&arena, first + 100, first + 10);
    ck_assert_ptr_eq(arena_bytes(&arena, 1), second + 100);
    arena_trim(&arena, second + 101, second + 20);
    ck_assert_ptr_eq(arena_bytes(&arena, 1), second + 20);
}
END_TEST

START_TEST(growing_keeps_what_is_there)
{
    size_t *items = NULL;
    size_t capacity = 0;

    for (size_t nr = 0; nr < 5000; nr++) {
        items = arena_grow(&arena, items, nr, &capacity, sizeof(*items));
        items[nr] = nr;
        if (nr % 7 == 0)
            (void)!arena_bytes(&arena, 3);
    }
    for (size_t i = 0; i < 5000; i++)
        ck_assert_uint_eq(items[i], i);
}
END_TEST

START_TEST(texts)
{
    char raw[] = "a\0b";
    struct slice text = {raw, 3};
    struct slice copy = arena_copy(&arena, text);

    raw[0] = 'x';
    assert_slice(copy, ((struct slice){"a\0b", 3}));
    ck_assert(slice_is_absent(arena_copy(&arena, SLICE_ABSENT)));
    ck_assert(!slice_is_absent(arena_copy(&arena, SLICE(""))));
    ck_assert_str_eq(arena_text(&arena, SLICE("key")), "key");
    ck_assert_str_eq(arena_text(&arena, SLICE_ABSENT), "");
    assert_text(arena_printf(&arena, "%s:%d", "p", 7), "p:7");
    ck_assert_uint_eq(arena_printf(&arena, "%*d", 3 * CHUNK, 1).len, 3 * CHUNK);
}
END_TEST

START_TEST(zeroed_memory_is_zero)
{
    char *bytes;

    memset(arena_alloc(&arena, 1000), 0xff, 1000);
    arena_reset(&arena, 0);
    bytes = arena_zero(&arena, 10, 100);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(bytes[i], 0);
}
END_TEST

static Suite *arena_suite(void)
{
    Suite *suite = suite_create("arena");
    TCase *tests = tcase_create("arena");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, any_size_is_aligned_and_writable, 0, (int)ARRAY_NR(sizes));
    tcase_add_test(tests, used_counts_what_was_handed_out);
    tcase_add_test(tests, reset_keeps_the_chunks);
    tcase_add_test(tests, reset_gives_back_beyond_the_limit);
    tcase_add_test(tests, rewind_gives_the_same_place_again);
    tcase_add_test(tests, resize_keeps_the_contents);
    tcase_add_test(tests, a_trim_gives_back_the_end_of_the_last);
    tcase_add_test(tests, growing_keeps_what_is_there);
    tcase_add_test(tests, texts);
    tcase_add_test(tests, zeroed_memory_is_zero);
    suite_add_tcase(suite, tests);
    return suite;
}

CHECK_MAIN(arena_suite)
