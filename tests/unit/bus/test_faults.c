/* What happens when Kafka is away, full, unwilling or done. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bus/producer.h"
#include "tests/unit/bus/cluster.h"
#include "tests/unit/check_main.h"

enum { SETTINGS_MAX = 8, PRODUCE = 0 /* the request's number in Kafka's protocol */ };

/* Nothing listens on port 1, and nobody may who is not root. */
static const char nowhere[] = "127.0.0.1:1";

static struct cluster cluster;
static struct unstale_options options;
static struct unstale_setting settings[SETTINGS_MAX];
static struct unstale_producer *producer;
static struct diary diary;
static struct unstale_error err;

/* Without a Kafka. */
static void set_up_alone(void)
{
    memset(&diary, 0, sizeof(diary));
    err = (struct unstale_error)UNSTALE_ERROR_INIT;
    producer = NULL;
    cluster_options(&cluster, &options, &diary);
    options.settings = settings;
    options.brokers = nowhere;
}

static void tear_down_alone(void)
{
    unstale_producer_free(producer);
}

/* With a Kafka that this test alone talks to. */
static void set_up(void)
{
    cluster_init(&cluster);
    set_up_alone();
    options.brokers = cluster.brokers;
}

static void tear_down(void)
{
    tear_down_alone();
    cluster_release(&cluster);
}

static void setting(const char *name, const char *value)
{
    settings[options.settings_nr++] = (struct unstale_setting){name, value};
}

static void start(bool background)
{
    options.background = background;
    producer = unstale_producer_new(&options, &err);
    ck_assert_msg(producer != NULL, "%s", err.text);
}

static void flush(void)
{
    ck_assert_msg(unstale_producer_flush(producer, LONG_MS, &err), "%s", err.text);
}

/* Loop tests run without a background thread and with one. */
START_TEST(broker_is_down)
{
    struct unstale_counters counters;

    setting("message.timeout.ms", "300");
    start(_i == 1);
    ck_assert(publish_pk(producer, 1, &err));
    flush();
    ck_assert_int_eq(diary.nr, 1);
    ck_assert_int_eq(diary.entries[0].error.kind, UNSTALE_RETRY);
    ck_assert_str_eq(diary.entries[0].error.text, "not delivered within message.timeout.ms");
    ck_assert_int_eq(diary.entries[0].partition, -1);
    ck_assert_int_eq(diary.entries[0].offset, -1);
    ck_assert_str_eq(diary.entries[0].key, "shop.Product:1");
    unstale_producer_counters(producer, &counters);
    ck_assert_uint_eq(counters.failed, 1);
    ck_assert_uint_eq(counters.waiting, 0);
}
END_TEST

static void assert_no_topic(const struct unstale_error *failure)
{
    char text[UNSTALE_ERROR_TEXT_BYTES];

    snprintf(text, sizeof(text),
             "topic %s does not exist (unstale doctor --create-topics creates it)", cluster.topic);
    ck_assert_int_eq(failure->kind, UNSTALE_RETRY);
    ck_assert_str_eq(failure->text, text);
}

START_TEST(topic_does_not_exist)
{
    rd_kafka_mock_topic_set_error(cluster.mock, cluster.topic,
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    setting("topic.metadata.propagation.max.ms", "100");
    start(_i == 1);
    ck_assert(publish_pk(producer, 1, &err));
    flush();
    assert_no_topic(&diary.entries[0].error);
    ck_assert(!publish_pk(producer, 2, &err));
    assert_no_topic(&err);
}
END_TEST

START_TEST(message_is_too_large)
{
    static char large[2000];
    struct unstale_message message = {.value = large, .value_length = sizeof(large)};

    setting("message.max.bytes", "1000");
    start(false);
    ck_assert(!unstale_publish_json(producer, &message, &err));
    ck_assert_int_eq(err.kind, UNSTALE_REJECT);
    message.headers = &(struct unstale_header){"h", "v", 1};
    message.headers_nr = 1;
    err.kind = UNSTALE_OK;
    ck_assert(!unstale_publish_json(producer, &message, &err));
    ck_assert_int_eq(err.kind, UNSTALE_REJECT);
}
END_TEST

START_TEST(broker_finds_it_too_large)
{
    rd_kafka_mock_push_request_errors(cluster.mock, PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    start(false);
    ck_assert(publish_pk(producer, 1, &err));
    flush();
    ck_assert_int_eq(diary.entries[0].error.kind, UNSTALE_REJECT);
}
END_TEST

START_TEST(passing_trouble_is_not_seen)
{
    rd_kafka_mock_push_request_errors(
        cluster.mock, PRODUCE, 3, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    setting("retry.backoff.ms", "10");
    setting("retry.backoff.max.ms", "20");
    start(_i == 1);
    for (int i = 0; i < 10; i++)
        ck_assert(publish_pk(producer, 42, &err));
    flush();
    ck_assert_int_eq(diary.nr, 10);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(diary.entries[i].error.kind, UNSTALE_OK);
        ck_assert_int_eq(diary.entries[i].offset, i);
    }
}
END_TEST

/* ---- A full queue ---- */

static void fill_queue(bool background)
{
    setting("queue.buffering.max.messages", "2");
    start(background);
    ck_assert(publish_pk(producer, 1, &err));
    ck_assert(publish_pk(producer, 2, &err));
}

static void assert_full(int at_least_ms)
{
    int64_t start_ms = now_ms();

    ck_assert(!publish_pk(producer, 3, &err));
    ck_assert_int_eq(err.kind, UNSTALE_RETRY);
    ck_assert_str_eq(err.text, "the queue is full");
    ck_assert_int_ge(now_ms() - start_ms, at_least_ms);
    ck_assert_int_lt(now_ms() - start_ms, at_least_ms + 3000);
}

START_TEST(full_queue_is_told_at_once)
{
    fill_queue(_i == 1);
    assert_full(0);
}
END_TEST

START_TEST(full_queue_is_waited_for_as_long_as_asked)
{
    options.wait_ms = 200;
    fill_queue(_i == 1);
    assert_full(200);
}
END_TEST

START_TEST(room_ends_the_waiting)
{
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, 200);
    options.wait_ms = LONG_MS;
    setting("queue.buffering.max.messages", "1");
    start(_i == 1);
    for (int i = 0; i < 3; i++)
        ck_assert_msg(publish_pk(producer, i, &err), "%s", err.text);
    flush();
    ck_assert_int_eq(diary.nr, 3);
}
END_TEST

/* The application never polls: what is done makes room all the same. */
START_TEST(full_queue_runs_callbacks_that_are_due)
{
    int64_t deadline = now_ms() + LONG_MS;

    setting("queue.buffering.max.messages", "1");
    start(false);
    ck_assert(publish_pk(producer, 1, &err));
    while (!publish_pk(producer, 2, &err) && now_ms() < deadline)
        err.kind = UNSTALE_OK;
    ck_assert_int_eq(diary.nr, 1);
}
END_TEST

static struct unstale_error in_callback[2];
static int64_t in_callback_ms;

static void publish_and_flush(void)
{
    int64_t start_ms = now_ms();

    if (diary.nr > 1)
        return;
    publish_pk(producer, 7, &in_callback[0]);
    publish_pk(producer, 8, &in_callback[0]);
    unstale_producer_flush(producer, LONG_MS, &in_callback[1]);
    unstale_producer_poll(producer, LONG_MS, NULL);
    in_callback_ms = now_ms() - start_ms;
}

START_TEST(callback_never_waits)
{
    memset(in_callback, 0, sizeof(in_callback));
    diary.then = publish_and_flush;
    options.wait_ms = LONG_MS;
    setting("queue.buffering.max.messages", "1");
    start(_i == 1);
    ck_assert(publish_pk(producer, 1, &err));
    flush();
    ck_assert_int_eq(in_callback[0].kind, UNSTALE_RETRY);
    ck_assert_int_eq(in_callback[1].kind, UNSTALE_RETRY);
    ck_assert_int_lt(in_callback_ms, 5000);
}
END_TEST

/* ---- Flushing and freeing ---- */

START_TEST(flush_keeps_its_deadline)
{
    int64_t start_ms = now_ms();

    start(_i == 1);
    ck_assert(publish_pk(producer, 1, &err));
    ck_assert(!unstale_producer_flush(producer, 150, &err));
    ck_assert_int_eq(err.kind, UNSTALE_RETRY);
    ck_assert_str_eq(err.text, "events still queued: 1");
    ck_assert_int_ge(now_ms() - start_ms, 150);
    ck_assert_int_lt(now_ms() - start_ms, 3000);
    ck_assert_int_eq(diary.nr, 0);
}
END_TEST

/* linger.ms says to wait for more; somebody who flushes does not. */
START_TEST(flush_does_not_linger)
{
    int64_t start_ms = now_ms();

    setting("linger.ms", "60000");
    start(_i == 1);
    ck_assert(publish_pk(producer, 1, &err));
    flush();
    ck_assert_int_lt(now_ms() - start_ms, 15000);
    ck_assert_int_eq(diary.entries[0].error.kind, UNSTALE_OK);
}
END_TEST

START_TEST(free_gives_up_and_says_so)
{
    int64_t start_ms = now_ms();

    start(_i == 1);
    for (int i = 0; i < 5; i++)
        ck_assert(publish_pk(producer, i, &err));
    unstale_producer_free(producer);
    producer = NULL;
    ck_assert_int_lt(now_ms() - start_ms, 5000);
    ck_assert_int_eq(diary.nr, 5);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(diary.entries[i].error.kind, UNSTALE_RETRY);
        ck_assert_str_eq(diary.entries[i].error.text, "given up unsent: the producer was freed");
    }
}
END_TEST

START_TEST(free_gives_up_what_is_on_its_way)
{
    rd_kafka_mock_broker_set_rtt(cluster.mock, 1, 30000);
    start(_i == 1);
    ck_assert(publish_pk(producer, 1, &err));
    ck_assert(!unstale_producer_flush(producer, 300, &err));
    unstale_producer_free(producer);
    producer = NULL;
    ck_assert_int_eq(diary.nr, 1);
    ck_assert_int_eq(diary.entries[0].error.kind, UNSTALE_RETRY);
    ck_assert_ptr_nonnull(strstr(diary.entries[0].error.text, "the producer was freed"));
}
END_TEST

START_TEST(free_of_nothing)
{
    unstale_producer_free(NULL);
    unstale_event_free(NULL);
}
END_TEST

/* ---- A fatal error ---- */

START_TEST(fatal_error_is_told_everywhere)
{
    start(_i == 1);
    ck_assert(publish_pk(producer, 1, &err));
    ck_assert_int_eq(rd_kafka_test_fatal_error(producer->kafka,
                                               RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                               "on purpose"),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    ck_assert(!publish_pk(producer, 2, &err));
    ck_assert_int_eq(err.kind, UNSTALE_FATAL);
    ck_assert_ptr_nonnull(strstr(err.text, "on purpose"));
    err.kind = UNSTALE_OK;
    ck_assert(!unstale_producer_poll(producer, 0, &err));
    ck_assert_int_eq(err.kind, UNSTALE_FATAL);
    err.kind = UNSTALE_OK;
    flush();
    ck_assert_int_eq(diary.nr, 1);
    ck_assert_int_eq(diary.entries[0].error.kind, UNSTALE_FATAL);
}
END_TEST

/* ---- Silence ---- */

static atomic_int log_lines;

static void count_line(int level, const char *text, void *context)
{
    (void)context;
    if (level <= 7 && *text)
        atomic_fetch_add(&log_lines, 1);
}

/* What a producer that finds no broker, with every debugging output on, writes to standard error. */
static size_t bytes_printed(void)
{
    FILE *into = tmpfile();
    int standard_error = dup(STDERR_FILENO);
    size_t printed;

    ck_assert_ptr_nonnull(into);
    dup2(fileno(into), STDERR_FILENO);
    start(false);
    publish_pk(producer, 1, &err);
    unstale_producer_flush(producer, 300, NULL);
    unstale_producer_free(producer);
    producer = NULL;
    dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    fseek(into, 0, SEEK_END);
    printed = (size_t)ftell(into);
    fclose(into);
    return printed;
}

START_TEST(nothing_is_printed)
{
    options.on_log = _i == 1 ? count_line : NULL;
    setting("debug", "all");
    atomic_store(&log_lines, 0);
    ck_assert_uint_eq(bytes_printed(), 0);
    ck_assert_int_eq(atomic_load(&log_lines) > 0, _i == 1);
}
END_TEST

static Suite *faults_suite(void)
{
    Suite *suite = suite_create("bus/faults");
    TCase *alone = tcase_create("alone");
    TCase *c = tcase_create("faults");

    tcase_set_timeout(alone, 60);
    tcase_add_checked_fixture(alone, set_up_alone, tear_down_alone);
    tcase_add_loop_test(alone, broker_is_down, 0, 2);
    tcase_add_test(alone, message_is_too_large);
    tcase_add_loop_test(alone, full_queue_is_told_at_once, 0, 2);
    tcase_add_loop_test(alone, full_queue_is_waited_for_as_long_as_asked, 0, 2);
    tcase_add_loop_test(alone, flush_keeps_its_deadline, 0, 2);
    tcase_add_loop_test(alone, free_gives_up_and_says_so, 0, 2);
    tcase_add_test(alone, free_of_nothing);
    tcase_add_loop_test(alone, fatal_error_is_told_everywhere, 0, 2);
    tcase_add_loop_test(alone, nothing_is_printed, 0, 2);
    suite_add_tcase(suite, alone);

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, topic_does_not_exist, 0, 2);
    tcase_add_test(c, broker_finds_it_too_large);
    tcase_add_loop_test(c, passing_trouble_is_not_seen, 0, 2);
    tcase_add_loop_test(c, room_ends_the_waiting, 0, 2);
    tcase_add_test(c, full_queue_runs_callbacks_that_are_due);
    tcase_add_loop_test(c, callback_never_waits, 0, 2);
    tcase_add_loop_test(c, flush_does_not_linger, 0, 2);
    tcase_add_loop_test(c, free_gives_up_what_is_on_its_way, 0, 2);
    suite_add_tcase(suite, c);
    return suite;
}

CHECK_MAIN(faults_suite)
