#include "consumers/base/clock.h"
#include "tests/unit/check_main.h"
#include "tests/unit/kafka/world.h"

enum { WAIT_MS = 20000 };

static struct world world;
static struct member member;

static void setup(void)
{
    world_init(&world);
}

static void teardown(void)
{
    world_release(&world);
}

static void join(struct member *who, const char *topic)
{
    ck_assert_msg(member_init(who, &world, &(struct member_settings){.topic = topic}), "%s",
                  who->err.text);
}

static bool find_lag(struct member *who, int32_t partition, struct source_lag *out)
{
    struct source_lag rows[16];
    size_t nr = source_lags(who->source, rows, 16);
    for (size_t i = 0; i < nr; i++)
        if (rows[i].partition == partition) {
            *out = rows[i];
            return true;
        }
    return false;
}

static bool await_lag(struct member *who, int64_t lag, int64_t committed)
{
    int64_t deadline = clock_steady_ms() + WAIT_MS;
    struct source_lag row = {.lag = -2};
    while (clock_steady_ms() < deadline) {
        if (find_lag(who, 0, &row) && row.lag == lag && row.committed == committed)
            return true;
        member_poll_for(who, 20);
    }
    return false;
}

START_TEST(test_lag_is_exact_when_idle)
{
    world_topic(&world, "t", 1);
    world_put_numbers(&world, "t", 0, 0, 30);
    join(&member, "t");
    ck_assert(member_await(&member, 30, WAIT_MS));
    ck_assert(await_lag(&member, 30, OFFSETS_NONE));
    member_answer(&member);
    ck_assert(await_lag(&member, 0, 30));
    world_put_numbers(&world, "t", 0, 30, 35);
    ck_assert(await_lag(&member, 5, 30));
    member_leave(&member);
    join(&member, "t"); /* before anything is read the lag is that of what was committed */
    source_pause_all(member.source, PAUSE_REDIS);
    ck_assert(await_lag(&member, 5, 30));
    member_leave(&member);
}
END_TEST

/* Nothing is fetched meanwhile, so that only a question tells where the log ends. */
START_TEST(test_lag_grows_while_paused)
{
    world_topic(&world, "t", 1);
    world_put_numbers(&world, "t", 0, 0, 30);
    join(&member, "t");
    ck_assert(member_await(&member, 30, WAIT_MS));
    member_answer(&member);
    ck_assert(await_lag(&member, 0, 30));
    source_pause_all(member.source, PAUSE_REDIS);
    member_poll_for(&member, 1000); /* a fetch that was under way comes back */
    world_put_numbers(&world, "t", 0, 30, 130);
    ck_assert(await_lag(&member, 100, 30));
    ck_assert_uint_eq(member.records_nr, 30);
    source_resume_all(member.source, PAUSE_REDIS);
    ck_assert(member_await(&member, 130, WAIT_MS));
    member_answer(&member);
    ck_assert(await_lag(&member, 0, 130));
    member_leave(&member);
}
END_TEST

/* A question under way does not hold up the end. */
START_TEST(test_leaves_with_a_question_open)
{
    world_topic(&world, "t", 1);
    world_put_numbers(&world, "t", 0, 0, 5);
    join(&member, "t");
    ck_assert(member_await(&member, 5, WAIT_MS));
    rd_kafka_mock_broker_set_rtt(world.cluster, 1, 3000);
    member_poll_for(&member, 2500);
    int64_t began = clock_steady_ms();
    member_release(&member);
    ck_assert_int_lt(clock_steady_ms() - began, 2500);
}
END_TEST

static Suite *lag_suite(void)
{
    Suite *suite = suite_create("lag");
    TCase *tcase = tcase_create("mock cluster");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_lag_is_exact_when_idle);
    tcase_add_test(tcase, test_lag_grows_while_paused);
    tcase_add_test(tcase, test_leaves_with_a_question_open);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(lag_suite)
