#include "consumers/base/clock.h"

#include <time.h>

#include "tests/unit/check_main.h"

START_TEST(the_wall_clock_is_that_of_the_system)
{
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t now = clock_wall_ms();

    /* time() may stand up to one tick behind clock_gettime(). */
    ck_assert_int_ge(now, before - 20);
    ck_assert_int_le(now, ((int64_t)time(NULL) + 2) * 1000);
}
END_TEST

START_TEST(the_steady_clock_goes_forward_and_has_one_zero)
{
    int64_t last = clock_steady_ns();
    int64_t ms;

    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_steady_ns();

        ck_assert_int_ge(now, last);
        last = now;
    }
    ms = clock_steady_ms();
    ck_assert_int_ge(ms, last / 1000000);
    ck_assert_int_le(ms, clock_steady_ns() / 1000000);
}
END_TEST

static Suite *clock_suite(void)
{
    Suite *suite = suite_create("clock");
    TCase *tests = tcase_create("clock");

    tcase_add_test(tests, the_wall_clock_is_that_of_the_system);
    tcase_add_test(tests, the_steady_clock_goes_forward_and_has_one_zero);
    suite_add_tcase(suite, tests);
    return suite;
}

CHECK_MAIN(clock_suite)
