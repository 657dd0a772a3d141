/* What counts only when replicas have it: WAIT, asked again, and the writes again where nobody can know. */
#include "tests/unit/check_main.h"

#include "tests/unit/redis/fake.h"
#include "tests/unit/redis/ops.h"

static struct fake fake;
static struct executor *executor;
static struct executor_stats stats;
static struct ops ops;

static void begin(const char *const *replies)
{
    fake.replies = replies;
    fake_start(&fake);
    fake.target.wait_replicas = 2;
    executor = executor_new(&fake.target, 1, &stats);
    ops_delete(&ops, "a");
    ops_run(&ops, executor);
}

static void setup(void)
{
    memset(&fake, 0, sizeof(fake));
    stats = (struct executor_stats){.up = 0};
    ops_clear(&ops);
}

static void teardown(void)
{
    executor_free(executor);
    fake_stop(&fake);
}

#define WAITED "WAIT 2 1000|"

static const struct course {
    const char *replies[7];
    const char *log;
    unsigned shortages, connections;
} courses[] = {
    {{FAKE_WELL, ":2"}, "UNLINK a|" WAITED, 0, 1},
    {{FAKE_WELL, ":3"}, "UNLINK a|" WAITED, 0, 1},
    {{FAKE_WELL, ":1", ":0", ":2"}, "UNLINK a|" WAITED WAITED WAITED, 2, 1},
    /* Another connection: whether the replicas have what the old one wrote cannot be asked. */
    {{FAKE_WELL, FAKE_CLOSE, FAKE_WELL, FAKE_WELL, ":2"},
     "UNLINK a|" WAITED WAITED "UNLINK a|" WAITED,
     0,
     2},
    {{FAKE_WELL, ":1", FAKE_CLOSE, FAKE_WELL, FAKE_WELL, ":2"},
     "UNLINK a|" WAITED WAITED WAITED "UNLINK a|" WAITED,
     1,
     2},
    {{FAKE_CLOSE, FAKE_WELL, ":2"}, "UNLINK a|UNLINK a|" WAITED, 0, 2},
};

START_TEST(done_when_the_replicas_have_it)
{
    const struct course *course = &courses[_i];

    begin(course->replies);
    ck_assert_str_eq(fake_log(&fake), course->log);
    ck_assert_uint_eq(counter_get(&stats.shortages), course->shortages);
    ck_assert_uint_eq(fake_connections(&fake), course->connections);
}
END_TEST

static Suite *wait_suite(void)
{
    Suite *suite = suite_create("wait");
    TCase *tcase = tcase_create("replicas");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, done_when_the_replicas_have_it, 0,
                        sizeof(courses) / sizeof(courses[0]));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(wait_suite)
