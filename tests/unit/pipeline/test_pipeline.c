#include "consumers/pipeline/pipeline.h"

#include <pthread.h>
#include <signal.h>

#include "consumers/base/clock.h"
#include "tests/unit/check_main.h"
#include "tests/unit/kafka/world.h"
#include "tests/unit/pipeline/stage.h"
#include "tests/unit/redis/server.h"

enum { WAIT_MS = 30000, RECORDS = 3000, DRAIN_MS = 3000 };

static const char rules[] =
    "{\"name\":\"key\",\"when\":{\"model\":\"m.M\"},\"do\":{\"delete\":\"k{pk}\"}},"
    "{\"name\":\"list\",\"when\":{\"model\":\"m.L\"},\"do\":{\"purge\":{\"pattern\":\"list:*\","
    "\"rate\":100}}}";

/* A pipeline and its thread, as the service has them. */
static struct world world;
static struct server_process server;
static struct purge_engine *engine;
static struct rules_handle *handle;
static struct pipeline *pipeline;
static pthread_t thread;
static struct error ending;

static char option_texts[5][2][32] = {{"session.timeout.ms", "2000"},
                                      {"heartbeat.interval.ms", "300"},
                                      {"fetch.wait.max.ms", "10"},
                                      {"auto.commit.interval.ms", "100"},
                                      {"partition.assignment.strategy", "range,roundrobin"}};
static struct kafka_option options[ARRAY_NR(option_texts)];
static const char *const topics[] = {"model-events"};

static void set_up(void)
{
    world_init(&world);
    world_topic(&world, "model-events", 2);
    world_topic(&world, "dlq", 1);
    server_start(&server, NULL);
    engine = purge_engine_new(&server.target);
    handle = rules_handle_new();
    rules_handle_publish(handle, stage_ruleset(rules));
    for (size_t i = 0; i < ARRAY_NR(options); i++)
        options[i] = (struct kafka_option){option_texts[i][0], option_texts[i][1]};
}

static void tear_down(void)
{
    purge_engine_free(engine);
    rules_handle_free(handle);
    server_stop(&server);
    world_release(&world);
}

static void *run(void *argument)
{
    (void)argument;
    return pipeline_run(pipeline, &ending) ? pipeline : NULL;
}

static void begin(void)
{
    struct error err = ERROR_INIT;
    struct pipeline_settings settings = {.source = {.brokers = world.brokers,
                                                    .topics = topics,
                                                    .topics_nr = 1,
                                                    .group = "group",
                                                    .dead_letter_topic = "dlq",
                                                    .options = options,
                                                    .options_nr = ARRAY_NR(options),
                                                    .workers = 1},
                                         .targets = &server.target,
                                         .targets_nr = 1,
                                         .engines = &engine,
                                         .rules = handle,
                                         .drain_timeout_ms = DRAIN_MS};
    pipeline = pipeline_new(&settings, &err);
    ck_assert_msg(pipeline != NULL, "%s", err.text);
    ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
}

/* Asks it to stop and waits for its end, which must be a good one. */
static void end(void)
{
    void *result;
    pipeline_stop(pipeline);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_msg(result != NULL, "%s", ending.text);
    pipeline_free(pipeline);
}

static void nap(void)
{
    const struct timespec pause = {0, 2000000};
    (void)nanosleep(&pause, NULL);
}

static uint64_t records(void)
{
    return counter_get(&pipeline_stats(pipeline)->source.records);
}

/* Waits until a condition over the pipeline holds. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        int64_t until = clock_steady_ms() + WAIT_MS;                                               \
        while (!(condition)) {                                                                     \
            ck_assert_msg(clock_steady_ms() < until, "not in time: %s", #condition);               \
            nap();                                                                                 \
        }                                                                                          \
    } while (0)

static void put(int32_t partition, const char *model, int pk)
{
    char text[128];
    (void)snprintf(text, sizeof(text),
                   "{\"event\":\"post_save\",\"model\":\"%s\",\"pk\":%d,\"created\":true}", model,
                   pk);
    world_put(&world, &(struct world_message){
                          .topic = "model-events", .partition = partition, .value = text});
}

static void put_many(int from, int to)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(world.producer, "model-events", NULL);
    for (int pk = from; pk < to; pk++) {
        char text[128];
        int length = snprintf(text, sizeof(text),
                              "{\"event\":\"post_save\",\"model\":\"m.M\",\"pk\":%d,"
                              "\"created\":true}",
                              pk);
        ck_assert_int_eq(rd_kafka_produce(topic, pk % 2, RD_KAFKA_MSG_F_COPY, text, (size_t)length,
                                          NULL, 0, NULL),
                         0);
    }
    ck_assert_int_eq(rd_kafka_flush(world.producer, WAIT_MS), 0);
    rd_kafka_topic_destroy(topic);
}

/* What the group committed, of both partitions together. */
static int64_t committed(void)
{
    char why[200];
    int64_t sum = 0;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", world.brokers, why, sizeof(why));
    rd_kafka_conf_set(conf, "group.id", "group", why, sizeof(why));
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);
    for (int32_t i = 0; i < 2; i++)
        rd_kafka_topic_partition_list_add(list, "model-events", i);
    ck_assert_int_eq(rd_kafka_committed(kafka, list, 10000), 0);
    for (int i = 0; i < 2; i++)
        sum += list->elems[i].offset > 0 ? list->elems[i].offset : 0;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(kafka);
    return sum;
}

START_TEST(everything_is_applied_and_committed_at_the_end)
{
    server_fill(&server, "k", RECORDS);
    put_many(0, RECORDS);
    begin();
    AWAIT(server_integer(&server, "DBSIZE") == 0);
    AWAIT(pipeline_is_ready(pipeline));
    end();
    ck_assert_int_eq(committed(), RECORDS);
}
END_TEST

START_TEST(a_stop_under_load_drains_and_the_next_run_goes_on_there)
{
    server_fill(&server, "k", RECORDS);
    put_many(0, RECORDS);
    begin();
    AWAIT(records() > 0);
    end();
    int64_t done = committed();
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), RECORDS - done);
    begin();
    AWAIT(server_integer(&server, "DBSIZE") == 0);
    AWAIT(records() == (uint64_t)(RECORDS - done));
    end();
    ck_assert_int_eq(committed(), RECORDS);
}
END_TEST

START_TEST(a_stop_waits_no_longer_than_the_drain)
{
    put_many(0, 2);
    begin();
    AWAIT(records() == 2);
    AWAIT(committed() == 2);
    (void)kill(server.pid, SIGSTOP);
    put(0, "m.M", 7);
    AWAIT(records() == 3);
    int64_t asked_ms = clock_steady_ms();
    end();
    ck_assert_int_lt(clock_steady_ms() - asked_ms, DRAIN_MS + 2000);
    (void)kill(server.pid, SIGCONT);
    ck_assert_int_eq(committed(), 2);
}
END_TEST

START_TEST(a_stop_does_not_wait_for_a_purge_which_comes_again)
{
    server_fill(&server, "list:", 2000);
    put(0, "m.L", 1);
    put(1, "m.M", 1);
    begin();
    AWAIT(records() == 2);
    AWAIT(committed() == 1);
    end();
    ck_assert_int_gt(server_integer(&server, "DBSIZE"), 0);
    ck_assert_int_eq(committed(), 1);
    begin();
    AWAIT(records() == 1);
    end();
}
END_TEST

START_TEST(without_redis_kafka_is_left_alone)
{
    char trouble[ERROR_TEXT_BYTES];
    put_many(0, 10);
    server_kill(&server);
    begin();
    AWAIT(counter_get(&pipeline_stats(pipeline)->executor_state) == EXECUTOR_DOWN);
    AWAIT((pipeline_trouble(pipeline, trouble, sizeof(trouble)), strstr(trouble, "redis.sock: ")));
    ck_assert(!pipeline_is_ready(pipeline));
    ck_assert_uint_eq(counter_get(&pipeline_stats(pipeline)->joined), 0);
    server_restart(&server);
    AWAIT(pipeline_is_ready(pipeline));
    AWAIT(committed() == 10);
    pipeline_trouble(pipeline, trouble, sizeof(trouble));
    ck_assert_str_eq(trouble, "");
    end();
}
END_TEST

START_TEST(a_stop_before_redis_ever_answered)
{
    server_kill(&server);
    begin();
    AWAIT(counter_get(&pipeline_stats(pipeline)->executor_state) == EXECUTOR_DOWN);
    end();
}
END_TEST

START_TEST(rules_that_are_published_count_for_the_next_record)
{
    server_fill(&server, "k", 20);
    server_fill(&server, "new", 20);
    begin();
    AWAIT(pipeline_is_ready(pipeline));
    for (int i = 0; i < 20; i++) {
        bool is_new = i % 2 == 1;
        rules_handle_publish(handle,
                             stage_ruleset(is_new ? "{\"name\":\"r\",\"when\":{\"model\":\"m.M\"},"
                                                    "\"do\":{\"delete\":\"new{pk}\"}}"
                                                  : "{\"name\":\"r\",\"when\":{\"model\":\"m.M\"},"
                                                    "\"do\":{\"delete\":\"k{pk}\"}}"));
        put(0, "m.M", i);
        AWAIT(server_integer(&server, "EXISTS %s%d", is_new ? "new" : "k", i) == 0);
        ck_assert_int_eq(server_integer(&server, "EXISTS %s%d", is_new ? "k" : "new", i), 1);
    }
    end();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("pipeline/pipeline");
    TCase *t = tcase_create("pipeline");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, everything_is_applied_and_committed_at_the_end);
    tcase_add_test(t, a_stop_under_load_drains_and_the_next_run_goes_on_there);
    tcase_add_test(t, a_stop_waits_no_longer_than_the_drain);
    tcase_add_test(t, a_stop_does_not_wait_for_a_purge_which_comes_again);
    tcase_add_test(t, without_redis_kafka_is_left_alone);
    tcase_add_test(t, a_stop_before_redis_ever_answered);
    tcase_add_test(t, rules_that_are_published_count_for_the_next_record);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite)
