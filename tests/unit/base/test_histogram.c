#include "consumers/base/histogram.h"

#include "tests/unit/check_main.h"

START_TEST(bounds_rise_from_a_tenth_of_a_millisecond_to_ten_minutes)
{
    ck_assert_uint_eq(histogram_bound_us(0), 100);
    ck_assert_uint_eq(histogram_bound_us(HISTOGRAM_BUCKETS - 2), 600000000);
    ck_assert(histogram_bound_us(HISTOGRAM_BUCKETS - 1) == UINT64_MAX);
    ck_assert(histogram_bound_us(HISTOGRAM_BUCKETS + 5) == UINT64_MAX);
    for (unsigned i = 1; i < HISTOGRAM_BUCKETS; i++) {
        ck_assert(histogram_bound_us(i) > histogram_bound_us(i - 1));
        ck_assert(i > HISTOGRAM_BUCKETS - 2 ||
                  histogram_bound_us(i) <= 3 * histogram_bound_us(i - 1));
    }
}
END_TEST

/* A bound belongs to its bucket, as `le` says in Prometheus. */
START_TEST(each_value_falls_into_its_bucket)
{
    struct histogram histogram = {0};
    uint64_t bound = histogram_bound_us((unsigned)_i);

    histogram_add_us(&histogram, bound - 1);
    histogram_add_us(&histogram, bound);
    ck_assert_uint_eq(histogram.bucket[_i], 2);
    if (bound != UINT64_MAX) {
        histogram_add_us(&histogram, bound + 1);
        ck_assert_uint_eq(histogram.bucket[_i + 1], 1);
        ck_assert_uint_eq(histogram.sum_us, 3 * bound);
        ck_assert_uint_eq(histogram.count, 3);
    }
}
END_TEST

START_TEST(quantiles)
{
    struct histogram histogram = {0};

    ck_assert_uint_eq(histogram_quantile_us(&histogram, 0.5), 0);
    histogram_add_many_us(&histogram, 150, 90);
    histogram_add_many_us(&histogram, 1500, 9);
    histogram_add_us(&histogram, 700000000);
    ck_assert_uint_eq(histogram.count, 100);
    ck_assert_uint_eq(histogram.sum_us, 90 * 150 + 9 * 1500 + 700000000);
    ck_assert_uint_eq(histogram_quantile_us(&histogram, 0), 200);
    ck_assert_uint_eq(histogram_quantile_us(&histogram, 0.5), 200);
    ck_assert_uint_eq(histogram_quantile_us(&histogram, 0.9), 200);
    ck_assert_uint_eq(histogram_quantile_us(&histogram, 0.91), 2000);
    ck_assert_uint_eq(histogram_quantile_us(&histogram, 0.99), 2000);
    ck_assert(histogram_quantile_us(&histogram, 1) == UINT64_MAX);
}
END_TEST

static Suite *histogram_suite(void)
{
    Suite *suite = suite_create("histogram");
    TCase *tests = tcase_create("histogram");

    tcase_add_test(tests, bounds_rise_from_a_tenth_of_a_millisecond_to_ten_minutes);
    tcase_add_loop_test(tests, each_value_falls_into_its_bucket, 0, HISTOGRAM_BUCKETS);
    tcase_add_test(tests, quantiles);
    suite_add_tcase(suite, tests);
    return suite;
}

CHECK_MAIN(histogram_suite)
