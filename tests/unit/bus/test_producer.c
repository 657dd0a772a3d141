/* What is published arrives: where, as what, and who is told. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/bus/chaos.h"
#include "tests/unit/bus/cluster.h"
#include "tests/unit/check_main.h"

static struct cluster cluster;
static struct unstale_options options;
static struct unstale_producer *producer;
static struct diary diary;
static struct unstale_error err;

static void set_up(void)
{
    memset(&diary, 0, sizeof(diary));
    err = (struct unstale_error)UNSTALE_ERROR_INIT;
    producer = NULL;
    cluster_options(&cluster, &options, &diary);
}

static void tear_down(void)
{
    unstale_producer_free(producer);
}

static void set_up_cluster(void)
{
    cluster_init(&cluster);
}

static void tear_down_cluster(void)
{
    cluster_release(&cluster);
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
START_TEST(delivery_tells_partition_and_offset)
{
    struct unstale_event *event = unstale_event_new(&err);

    start(_i == 1);
    for (int i = 0; i < 3; i++) {
        ck_assert(unstale_event_begin(event, "post_save", "shop.Product"));
        ck_assert(unstale_event_pk_int(event, UNSTALE_PK, 42));
        ck_assert(unstale_publish(producer, event, &options, &err));
    }
    unstale_event_free(event);
    flush();
    ck_assert_int_eq(diary.nr, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(diary.entries[i].error.kind, UNSTALE_OK);
        ck_assert_int_eq(diary.entries[i].partition, diary.entries[0].partition);
        ck_assert_int_eq(diary.entries[i].offset, i);
        ck_assert_ptr_eq(diary.entries[i].opaque, &options);
        ck_assert_str_eq(diary.entries[i].key, "shop.Product:42");
        ck_assert_int_eq(pthread_equal(diary.entries[i].thread, pthread_self()) != 0, _i == 0);
    }
}
END_TEST

/* Computed with an independent murmur2 (seed 0x9747b28c), as the Java clients have it, modulo 4. */
static const int32_t partitions[] = {1, 3, 3, 0, 0, 2, 1, 0, 2, 1, 1, 2};

START_TEST(key_decides_the_partition)
{
    start(false);
    for (int i = 0; i < 12; i++) {
        ck_assert(publish_pk(producer, i + 1, &err));
        flush();
        ck_assert_int_eq(diary.entries[i].partition, partitions[i]);
    }
}
END_TEST

static char seen[2][200];
static int seen_nr;

static void see(const rd_kafka_message_t *message)
{
    char *text = seen[seen_nr++];

    ck_assert_uint_lt(message->key_len + message->len, sizeof(seen[0]));
    memcpy(text, message->key, message->key_len);
    memcpy(text + message->key_len, message->payload, message->len);
}

START_TEST(record_is_key_and_json)
{
    start(false);
    ck_assert(publish_pk(producer, 42, &err));
    flush();
    cluster_read(&cluster, 1, see);
    ck_assert_str_eq(seen[0], "shop.Product:42{\"event\":\"post_save\",\"model\":\"shop.Product\","
                              "\"pk\":42}");
}
END_TEST

static void see_headers(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t length;

    ck_assert_ptr_null(message->key);
    ck_assert_uint_eq(message->len, 3);
    ck_assert_mem_eq(message->payload, "{\0}", 3);
    ck_assert_int_eq(rd_kafka_message_headers(message, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
    ck_assert_uint_eq(rd_kafka_header_cnt(headers), 3);
    ck_assert_int_eq(rd_kafka_header_get_all(headers, 0, &name, &value, &length), 0);
    ck_assert_str_eq(name, "ce_type");
    ck_assert_uint_eq(length, 9);
    ck_assert_mem_eq(value, "post_save", 9);
    ck_assert_int_eq(rd_kafka_header_get_all(headers, 1, &name, &value, &length), 0);
    ck_assert_ptr_null(value);
    ck_assert_int_eq(rd_kafka_header_get_all(headers, 2, &name, &value, &length), 0);
    ck_assert_ptr_nonnull(value);
    ck_assert_uint_eq(length, 0);
}

START_TEST(message_goes_as_it_is_with_headers)
{
    static const struct unstale_header headers[] = {
        {"ce_type", "post_save", 9}, {"null", NULL, 0}, {"empty", "", 0}};
    struct unstale_message message = {
        .value = "{\0}", .value_length = 3, .headers = headers, .headers_nr = 3};
    struct unstale_counters counters;

    start(false);
    ck_assert(unstale_publish_json(producer, &message, &err));
    flush();
    ck_assert_int_eq(diary.entries[0].error.kind, UNSTALE_OK);
    cluster_read(&cluster, 1, see_headers);
    unstale_producer_counters(producer, &counters);
    ck_assert_uint_eq(counters.bytes, 3);
}
END_TEST

START_TEST(message_that_is_none_is_refused)
{
    static const struct unstale_header nameless = {NULL, "x", 1};
    static const struct unstale_message messages[] = {
        {.value = NULL},
        {.value = "x", .value_length = 0},
        {.value = "x", .value_length = 1, .key_length = 1},
        {.value = "x", .value_length = 1, .headers = &nameless, .headers_nr = 1},
    };

    start(false);
    for (int i = 0; i < 4; i++) {
        err.kind = UNSTALE_OK;
        ck_assert(!unstale_publish_json(producer, &messages[i], &err));
        ck_assert_int_eq(err.kind, UNSTALE_REJECT);
    }
}
END_TEST

START_TEST(event_that_is_incomplete_is_refused)
{
    struct unstale_event *event = unstale_event_new(&err);
    struct unstale_counters counters;

    start(false);
    unstale_event_begin(event, "post_save", "shop.Product");
    ck_assert(!unstale_publish(producer, event, NULL, &err));
    ck_assert_str_eq(err.text, "one of pk, pks and rows is needed");
    unstale_event_free(event);
    unstale_producer_counters(producer, &counters);
    ck_assert_uint_eq(counters.queued, 0);
}
END_TEST

START_TEST(counters_add_up)
{
    struct unstale_counters counters;

    start(_i == 1);
    for (int i = 0; i < 10; i++)
        ck_assert(publish_pk(producer, i, &err));
    flush();
    unstale_producer_counters(producer, &counters);
    ck_assert_uint_eq(counters.queued, 10);
    ck_assert_uint_eq(counters.delivered, 10);
    ck_assert_uint_eq(counters.failed, 0);
    ck_assert_uint_eq(counters.waiting, 0);
    ck_assert_uint_eq(counters.bytes, 10 * strlen("shop.Product:1{\"event\":\"post_save\","
                                                  "\"model\":\"shop.Product\",\"pk\":1}"));
}
END_TEST

START_TEST(nobody_need_listen)
{
    struct unstale_counters counters;

    options.on_delivery = NULL;
    start(_i == 1);
    ck_assert(publish_pk(producer, 1, &err));
    flush();
    unstale_producer_counters(producer, &counters);
    ck_assert_uint_eq(counters.delivered, 1);
}
END_TEST

START_TEST(polling_runs_callbacks)
{
    int64_t deadline = now_ms() + LONG_MS;

    start(false);
    ck_assert(publish_pk(producer, 1, &err));
    while (diary.nr == 0 && now_ms() < deadline)
        ck_assert(unstale_producer_poll(producer, 100, &err));
    ck_assert_int_eq(diary.nr, 1);
}
END_TEST

START_TEST(polling_waits_no_longer_than_asked)
{
    int64_t start_ms = now_ms();

    start(_i == 1);
    ck_assert(unstale_producer_poll(producer, 0, &err));
    ck_assert(unstale_producer_poll(producer, -1, &err));
    ck_assert(unstale_producer_poll(producer, 100, &err));
    ck_assert_int_lt(now_ms() - start_ms, 5000);
}
END_TEST

/* ---- Threads ---- */

enum { THREADS = 4, EVENTS = 500 };

static void *publish_many(void *opaque)
{
    struct unstale_error failure = UNSTALE_ERROR_INIT;
    struct unstale_event *event = unstale_event_new(&failure);
    int base = *(int *)opaque;

    for (int i = 0; i < EVENTS; i++) {
        unstale_event_begin(event, "post_save", "shop.Product");
        unstale_event_pk_int(event, UNSTALE_PK, base + i);
        ck_assert_msg(unstale_publish(producer, event, NULL, &failure), "%s", failure.text);
        if (i % 100 == 0)
            unstale_producer_poll(producer, 1, NULL);
    }
    unstale_event_free(event);
    return NULL;
}

/* The queue is smaller than what is published, so that the threads also wait for room together. */
START_TEST(several_threads_publish_at_once)
{
    static const struct unstale_setting small_queue[] = {{"queue.buffering.max.messages", "50"},
                                                         {"linger.ms", "1"}};
    pthread_t threads[THREADS];
    int bases[THREADS];
    struct unstale_counters counters;

    options.settings = small_queue;
    options.settings_nr = 2;
    options.wait_ms = LONG_MS;
    start(_i == 1);
    for (int i = 0; i < THREADS; i++) {
        bases[i] = i * EVENTS;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, publish_many, &bases[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    flush();
    unstale_producer_counters(producer, &counters);
    ck_assert_uint_eq(counters.delivered, THREADS * EVENTS);
    ck_assert_int_eq(diary.nr, THREADS * EVENTS);
}
END_TEST

/* ---- fork() ---- */

/* The thread sanitizer ends a process that makes threads after it was forked from one with threads. */
#if defined(__SANITIZE_THREAD__)
#define CHILD_MAY_NOT_HAVE_THREADS 1
#else
#define CHILD_MAY_NOT_HAVE_THREADS 0
#endif

/* Exits with the number of the first thing that was not so. */
static void be_the_child(void)
{
    struct unstale_error failure = UNSTALE_ERROR_INIT;

    alarm(10);
    if (publish_pk(producer, 2, &failure) || failure.kind != UNSTALE_FORKED)
        _exit(1);
    failure.kind = UNSTALE_OK;
    if (unstale_producer_poll(producer, 1000, &failure) || failure.kind != UNSTALE_FORKED)
        _exit(2);
    failure.kind = UNSTALE_OK;
    if (unstale_producer_flush(producer, 1000, &failure) || failure.kind != UNSTALE_FORKED)
        _exit(3);
    unstale_producer_free(producer);
    if (CHILD_MAY_NOT_HAVE_THREADS)
        _exit(0);
    failure.kind = UNSTALE_OK;
    producer = unstale_producer_new(&options, &failure);
    if (!producer || !publish_pk(producer, 3, &failure))
        _exit(4);
    if (!unstale_producer_flush(producer, LONG_MS, &failure))
        _exit(5);
    _exit(0);
}

START_TEST(child_is_told_and_can_begin_anew)
{
    int status;
    pid_t child;

    start(_i == 1);
    ck_assert(publish_pk(producer, 1, &err));
    flush(); /* connected, so that no thread holds the resolver's lock while we fork */
    child = fork();
    if (child == 0)
        be_the_child();
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert(publish_pk(producer, 4, &err));
    flush();
    ck_assert_int_eq(diary.nr, 2);
}
END_TEST

/* ---- Memory ---- */

START_TEST(each_allocation_failing_in_turn)
{
    struct chaos chaos;
    long fail_at = 0;

    for (;; fail_at++) {
        struct unstale_error failure = UNSTALE_ERROR_INIT;
        chaos_init(&chaos, fail_at);
        producer = bus_producer_new(&chaos.allocator, &options, &failure);
        ck_assert_int_eq(failure.kind, producer ? UNSTALE_OK : UNSTALE_RETRY);
        ck_assert_int_eq(chaos.live, producer ? 1 : 0);
        if (producer)
            break;
    }
    ck_assert_int_gt(fail_at, 0);
    ck_assert(publish_pk(producer, 1, &err));
    flush();
    unstale_producer_free(producer);
    producer = NULL;
    ck_assert_int_eq(chaos.live, 0);
    ck_assert_int_eq(chaos.calls, fail_at);
}
END_TEST

static Suite *producer_suite(void)
{
    Suite *suite = suite_create("bus/producer");
    TCase *c = tcase_create("producer");

    tcase_set_timeout(c, 60);
    tcase_add_unchecked_fixture(c, set_up_cluster, tear_down_cluster);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, delivery_tells_partition_and_offset, 0, 2);
    tcase_add_test(c, key_decides_the_partition);
    tcase_add_test(c, record_is_key_and_json);
    tcase_add_test(c, message_goes_as_it_is_with_headers);
    tcase_add_test(c, message_that_is_none_is_refused);
    tcase_add_test(c, event_that_is_incomplete_is_refused);
    tcase_add_loop_test(c, counters_add_up, 0, 2);
    tcase_add_loop_test(c, nobody_need_listen, 0, 2);
    tcase_add_test(c, polling_runs_callbacks);
    tcase_add_loop_test(c, polling_waits_no_longer_than_asked, 0, 2);
    tcase_add_loop_test(c, several_threads_publish_at_once, 0, 2);
    tcase_add_test(c, each_allocation_failing_in_turn);
    tcase_add_loop_test(c, child_is_told_and_can_begin_anew, 0, 2);
    suite_add_tcase(suite, c);
    return suite;
}

CHECK_MAIN(producer_suite)
