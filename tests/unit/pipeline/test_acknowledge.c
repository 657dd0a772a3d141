#include "consumers/pipeline/acknowledge.h"

#include "consumers/base/clock.h"
#include "consumers/redis/purge.h"
#include "tests/unit/check_main.h"
#include "tests/unit/kafka/world.h"
#include "tests/unit/pipeline/stage.h"
#include "tests/unit/redis/server.h"

enum { WAIT_MS = 20000, MARKS = 16 };

static const char rules[] =
    "{\"name\":\"key\",\"when\":{\"model\":\"m.M\"},\"do\":{\"delete\":\"k:{pk}\"}},"
    "{\"name\":\"sku\",\"when\":{\"model\":\"m.S\"},\"do\":{\"delete\":[\"s:{pk}\",\"s:{sku}\"]}},"
    "{\"name\":\"count\",\"when\":{\"model\":\"m.C\"},\"do\":{\"bump\":[\"counter\",\"other\"]}},"
    "{\"name\":\"list\",\"when\":{\"model\":\"m.L\"},\"do\":{\"purge\":\"list:*\"}},"
    "{\"name\":\"twice\",\"when\":{\"model\":\"m.T\"},"
    "\"do\":{\"delete\":{\"key\":\"t:{pk}\",\"again_after\":\"5s\"}}}";

static struct world world;
static struct server_process server;
static struct stage stage;
static struct executor *executor;
static struct executor_stats executor_stats;
static struct purge_engine *engine;
static struct acknowledger acknowledger;

static void set_up(void)
{
    struct error err = ERROR_INIT;
    world_init(&world);
    world_topic(&world, "dlq", 1);
    server_start(&server, NULL);
    stage_init(&stage, rules);
    memset(&executor_stats, 0, sizeof(executor_stats));
    executor = executor_new(&server.target, 1, &executor_stats);
    engine = purge_engine_new(&server.target);
    acknowledger =
        (struct acknowledger){.offsets = stage.offsets,
                              .holds = holds_new(),
                              .delayed = delayed_new(),
                              .letters = dead_letters_new(world.brokers, "dlq", NULL, 0, &err),
                              .engines = &engine,
                              .tickets = purge_tickets_new(),
                              .stats = &stage.stats,
                              .executor = executor,
                              .wall_ms = 10000,
                              .steady_ms = 1000};
    ck_assert_msg(acknowledger.letters != NULL, "%s", err.text);
}

static void tear_down(void)
{
    executor_free(executor);
    purge_engine_free(engine);
    dead_letters_free(acknowledger.letters);
    purge_tickets_free(acknowledger.tickets);
    delayed_free(acknowledger.delayed);
    holds_free(acknowledger.holds);
    stage_release(&stage);
    server_stop(&server);
    world_release(&world);
}

/* The batch through Redis and the acknowledger. */
static void answer(void)
{
    int64_t until = clock_steady_ms() + WAIT_MS;
    stage_plan(&stage, 1795341600, 0);
    executor_start(executor, 0, &stage.batch.plan);
    while (executor_wait(executor, 0, 50) != EXECUTOR_DONE)
        ck_assert_int_lt(clock_steady_ms(), until);
    acknowledge_batch(&acknowledger, &stage.batch, 0);
}

/* Takes confirmed letters as the pipeline does, until so many came or the time is over. */
static size_t take_letters(size_t wanted, int timeout_ms)
{
    struct offset_mark marks[MARKS];
    size_t taken = 0;
    int64_t until = clock_steady_ms() + timeout_ms;
    while (taken < wanted && clock_steady_ms() < until) {
        size_t nr = dead_letters_take(acknowledger.letters, 20, marks, MARKS);
        for (size_t i = 0; i < nr; i++)
            offsets_release(stage.offsets, marks[i]);
        taken += nr;
    }
    return taken;
}

static size_t take_tickets(size_t wanted)
{
    uint64_t tickets[MARKS];
    size_t taken = 0;
    int64_t until = clock_steady_ms() + WAIT_MS;
    while (taken < wanted && clock_steady_ms() < until) {
        size_t nr = purge_tickets_take(acknowledger.tickets, tickets, MARKS);
        for (size_t i = 0; i < nr; i++)
            holds_take_back(acknowledger.holds, tickets[i], stage.offsets);
        taken += nr;
    }
    return taken;
}

static uint64_t letters_of(enum reason reason)
{
    return counter_get(&stage.stats.dead_letters[reason]);
}

START_TEST(what_redis_answered_may_be_committed)
{
    server_fill(&server, "k:", 4);
    for (unsigned pk = 0; pk < 4; pk++)
        stage_event(&stage, (int32_t)pk % 2, "m.M", pk);
    stage_record(&stage, 1, NULL);
    answer();
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 0);
    ck_assert_int_eq(stage_watermark(&stage, 0), 2);
    ck_assert_int_eq(stage_watermark(&stage, 1), 3);
    ck_assert_uint_eq(dead_letters_pending(acknowledger.letters), 0);
    ck_assert_uint_eq(counter_get(&stage.stats.batches), 1);
}
END_TEST

START_TEST(an_offset_waits_until_its_letter_is_confirmed)
{
    rd_kafka_mock_broker_set_down(world.cluster, 1);
    server_fill(&server, "k:", 3);
    stage_event(&stage, 0, "m.M", 0);
    stage_record(&stage, 0, "no json");
    stage_event(&stage, 0, "m.M", 1);
    stage_event(&stage, 1, "m.M", 2);
    answer();
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 0);
    ck_assert_uint_eq(take_letters(1, 500), 0);
    ck_assert_int_eq(stage_watermark(&stage, 0), 1);
    ck_assert_int_eq(stage_watermark(&stage, 1), 1);
    rd_kafka_mock_broker_set_up(world.cluster, 1);
    ck_assert_uint_eq(take_letters(1, WAIT_MS), 1);
    ck_assert_int_eq(stage_watermark(&stage, 0), 3);
    ck_assert_uint_eq(letters_of(REASON_BAD_EVENT), 1);
}
END_TEST

START_TEST(a_record_with_several_failures_leaves_one_letter)
{
    stage_record(&stage, 0,
                 "{\"event\":\"bulk_update\",\"model\":\"m.S\",\"rows\":["
                 "{\"pk\":1,\"after\":{}},{\"pk\":2,\"after\":{}}]}");
    stage_event(&stage, 0, "m.S", 3);
    server_fill(&server, "s:", 4);
    answer();
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 1);
    ck_assert_int_eq(stage_watermark(&stage, 0), 0);
    ck_assert_uint_eq(take_letters(2, WAIT_MS), 2);
    ck_assert_uint_eq(dead_letters_pending(acknowledger.letters), 0);
    ck_assert_int_eq(stage_watermark(&stage, 0), 2);
    ck_assert_uint_eq(letters_of(REASON_MISSING_FIELD), 2);
}
END_TEST

START_TEST(a_poison_reply_sets_aside_everyone_who_contributed)
{
    ck_assert_str_eq(server_text(&server, "SET counter none"), "OK");
    for (unsigned pk = 0; pk < 3; pk++)
        stage_event(&stage, 0, "m.C", pk);
    stage_event(&stage, 0, "m.M", 1);
    answer();
    ck_assert_uint_eq(letters_of(REASON_NOT_A_COUNTER), 3);
    ck_assert_int_eq(stage_watermark(&stage, 0), 0);
    ck_assert_str_eq(server_text(&server, "GET counter"), "none");
    ck_assert_str_ne(server_text(&server, "GET other"), "(nil)");
    ck_assert_uint_eq(take_letters(3, WAIT_MS), 3);
    ck_assert_int_eq(stage_watermark(&stage, 0), 4);
}
END_TEST

START_TEST(a_merged_purge_holds_everyone_who_contributed)
{
    server_fill(&server, "list:", 2000);
    stage_event(&stage, 0, "m.M", 0);
    stage_event(&stage, 0, "m.L", 1);
    stage_event(&stage, 1, "m.L", 2);
    stage_event(&stage, 1, "m.M", 0);
    answer();
    ck_assert_uint_eq(holds_nr(acknowledger.holds), 1);
    ck_assert_int_eq(stage_watermark(&stage, 0), 1);
    ck_assert_int_eq(stage_watermark(&stage, 1), 0);
    ck_assert_uint_eq(take_tickets(1), 1);
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 0);
    ck_assert_int_eq(stage_watermark(&stage, 0), 2);
    ck_assert_int_eq(stage_watermark(&stage, 1), 2);
}
END_TEST

START_TEST(a_second_delete_holds_its_record_until_it_is_answered)
{
    server_fill(&server, "t:", 2);
    stage_event(&stage, 0, "m.T", 0);
    stage_event(&stage, 0, "m.T", 0);
    stage_event(&stage, 0, "m.M", 1);
    answer();
    ck_assert_int_eq(server_integer(&server, "EXISTS t:0"), 0);
    ck_assert_int_eq(stage_watermark(&stage, 0), 0);
    ck_assert_int_eq(delayed_wait_ms(acknowledger.delayed, acknowledger.steady_ms), 5000);
    batch_clear(&stage.batch);

    server_fill(&server, "t:", 1);
    batch_add_due(&stage.batch, acknowledger.delayed, acknowledger.steady_ms + 4999);
    ck_assert(batch_is_empty(&stage.batch));
    batch_add_due(&stage.batch, acknowledger.delayed, acknowledger.steady_ms + 5000);
    ck_assert_uint_eq(delayed_nr(acknowledger.delayed), 0);
    answer();
    ck_assert_int_eq(server_integer(&server, "EXISTS t:0"), 0);
    ck_assert_int_eq(stage_watermark(&stage, 0), 3);
    ck_assert_uint_eq(delayed_nr(acknowledger.delayed), 0);
}
END_TEST

START_TEST(what_comes_back_from_an_earlier_assignment_moves_nothing)
{
    stage_event(&stage, 0, "m.M", 0);
    stage_record(&stage, 0, "no json");
    uint32_t slot = stage.batch.records[0].mark.slot;
    offsets_revoke(stage.offsets, slot);
    offsets_assign(stage.offsets, SLICE("model-events"), 0);
    answer();
    ck_assert_uint_eq(take_letters(1, WAIT_MS), 1);
    ck_assert_int_eq(stage_watermark(&stage, 0), OFFSETS_NONE);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("pipeline/acknowledge");
    TCase *t = tcase_create("acknowledge");
    tcase_set_timeout(t, 90);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, what_redis_answered_may_be_committed);
    tcase_add_test(t, an_offset_waits_until_its_letter_is_confirmed);
    tcase_add_test(t, a_record_with_several_failures_leaves_one_letter);
    tcase_add_test(t, a_poison_reply_sets_aside_everyone_who_contributed);
    tcase_add_test(t, a_merged_purge_holds_everyone_who_contributed);
    tcase_add_test(t, a_second_delete_holds_its_record_until_it_is_answered);
    tcase_add_test(t, what_comes_back_from_an_earlier_assignment_moves_nothing);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite)
