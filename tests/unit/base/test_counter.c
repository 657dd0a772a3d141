#include "consumers/base/counter.h"

#include <pthread.h>

#include "tests/unit/check_main.h"

enum { TIMES = 100000 };

static void *count(void *argument)
{
    counter *c = argument;

    for (int i = 0; i < TIMES; i++)
        counter_add(c, 3);
    return NULL;
}

START_TEST(a_reader_sees_it_rise_to_the_sum)
{
    counter c = 0;
    pthread_t writer;
    uint64_t last = 0;

    ck_assert_int_eq(pthread_create(&writer, NULL, count, &c), 0);
    while (last < 3 * TIMES) {
        uint64_t now = counter_get(&c);

        ck_assert_uint_ge(now, last);
        ck_assert_uint_eq(now % 3, 0);
        last = now;
    }
    pthread_join(writer, NULL);
    ck_assert_uint_eq(counter_get(&c), 3 * TIMES);
    counter_set(&c, 5);
    ck_assert_uint_eq(counter_get(&c), 5);
}
END_TEST

static Suite *counter_suite(void)
{
    Suite *suite = suite_create("counter");
    TCase *tests = tcase_create("counter");

    tcase_add_test(tests, a_reader_sees_it_rise_to_the_sum);
    suite_add_tcase(suite, tests);
    return suite;
}

CHECK_MAIN(counter_suite)
