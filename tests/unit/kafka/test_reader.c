#include "consumers/kafka/reader.h"

#include "consumers/base/clock.h"
#include "consumers/kafka/sender.h"
#include "tests/unit/check_main.h"
#include "tests/unit/kafka/world.h"

enum { WAIT_MS = 20000, RECORDS = 300 };

static struct world world;
static struct reader *reader;
static struct sender *sender;
static struct arena arena;
static struct error err;

static void setup(void)
{
    world_init(&world);
    arena_init(&arena, 1 << 16);
    error_clear(&err);
    struct reader_settings settings = {.brokers = world.brokers, .group = "g"};
    reader = reader_open(&settings, &err);
    ck_assert_msg(reader != NULL, "%s", err.text);
    sender = sender_new(world.brokers, NULL, 0, &err);
    ck_assert_msg(sender != NULL, "%s", err.text);
}

static void teardown(void)
{
    sender_free(sender);
    reader_close(reader);
    arena_release(&arena);
    world_release(&world);
}

static enum reader_step next(struct record *record)
{
    enum reader_step step;
    do
        step = reader_next(reader, 100, &arena, record, &err);
    while (step == READER_WAITS);
    return step;
}

static void begin(int32_t partition, int64_t from, int64_t to)
{
    struct reader_stretch stretch = {"t", partition, from, to};
    ck_assert_msg(reader_begin(reader, &stretch, &err), "%s", err.text);
}

static size_t read_all(int64_t first)
{
    struct record record;
    size_t nr = 0;
    while (next(&record) == READER_RECORD)
        ck_assert_int_eq(record.offset, first + (int64_t)nr++);
    return nr;
}

START_TEST(logs_of_a_topic)
{
    struct reader_logs logs = {.topic = "t"};
    int nr = 0;
    world_topic(&world, "t", 2);
    world_put_numbers(&world, "t", 1, 0, RECORDS);
    ck_assert_msg(reader_find_logs(reader, &logs, &arena, &err), "%s", err.text);
    ck_assert_uint_eq(logs.nr, 2);
    ck_assert_int_eq(logs.items[0].high, 0);
    ck_assert_int_eq(logs.items[1].low, 0);
    ck_assert_int_eq(logs.items[1].high, RECORDS);
    ck_assert(reader_count_partitions(reader, "t", &nr, &err));
    ck_assert_int_eq(nr, 2);
}
END_TEST

START_TEST(a_stretch_ends_where_it_was_told_to)
{
    world_topic(&world, "t", 2);
    world_put_numbers(&world, "t", 0, 0, RECORDS);
    world_put_numbers(&world, "t", 1, 0, RECORDS);
    begin(0, 10, 100);
    ck_assert_uint_eq(read_all(10), 90);
    begin(1, 0, RECORDS);
    ck_assert_uint_eq(read_all(0), RECORDS);
    begin(1, 50, 50);
    ck_assert_uint_eq(read_all(50), 0);
    begin(0, RECORDS - 1, RECORDS + 1000); /* beyond the end of the log */
    ck_assert_uint_eq(read_all(RECORDS - 1), 1);
}
END_TEST

START_TEST(a_stretch_that_is_left_leaves_nothing_behind)
{
    struct record record;
    world_topic(&world, "t", 2);
    world_put_numbers(&world, "t", 0, 0, RECORDS);
    world_put_numbers(&world, "t", 1, 0, RECORDS);
    begin(0, 0, RECORDS);
    ck_assert_int_eq(next(&record), READER_RECORD);
    begin(1, 5, RECORDS);
    ck_assert_uint_eq(read_all(5), RECORDS - 5);
    begin(0, 7, RECORDS);
    ck_assert_uint_eq(read_all(7), RECORDS - 7);
    for (int i = 0; i < 20; i++) {
        begin(0, 0, 10);
        ck_assert_uint_eq(read_all(0), 10);
    }
}
END_TEST

static void take(size_t nr, struct sender_report *reports)
{
    size_t got = 0;
    int64_t deadline = clock_steady_ms() + WAIT_MS;
    while (got < nr && clock_steady_ms() < deadline)
        got += sender_take(sender, 50, reports + got, nr - got);
    ck_assert_uint_eq(got, nr);
    ck_assert_uint_eq(sender_pending(sender), 0);
}

START_TEST(what_is_sent_is_read_whole)
{
    static const struct record_header headers[] = {{{"a", 1}, {"\0\1", 2}}, {{"n", 1}, {NULL, 0}}};
    struct record record = {.topic = SLICE("t"),
                            .partition = 1,
                            .timestamp_ms = 1700000000123,
                            .key = SLICE("k"),
                            .value = SLICE("v\0w"),
                            .headers = headers,
                            .headers_nr = 2};
    struct sender_report report;
    struct record got;
    world_topic(&world, "t", 2);
    ck_assert_int_eq(sender_send(sender, &record, 42), SENDER_TAKEN);
    take(1, &report);
    ck_assert_msg(report.is_sent, "%s", report.why);
    ck_assert_uint_eq(report.ticket, 42);
    begin(1, 0, 1);
    ck_assert_int_eq(next(&got), READER_RECORD);
    ck_assert(slice_equals(got.key, record.key) && slice_equals(got.value, record.value));
    ck_assert_int_eq(got.timestamp_ms, record.timestamp_ms);
    ck_assert_uint_eq(got.headers_nr, 2);
    ck_assert(slice_equals(got.headers[0].value, headers[0].value));
    ck_assert(slice_is_absent(got.headers[1].value));
    ck_assert_int_eq(next(&got), READER_END);
}
END_TEST

START_TEST(a_record_that_is_refused_is_reported)
{
    struct record record = {.topic = SLICE("t"), .partition = 0, .value = SLICE("v")};
    struct sender_report reports[2];
    world_topic(&world, "t", 1);
    rd_kafka_mock_push_request_errors(world.cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    ck_assert_int_eq(sender_send(sender, &record, 1), SENDER_TAKEN);
    record.partition = 9;
    ck_assert_int_eq(sender_send(sender, &record, 2), SENDER_TAKEN);
    take(2, reports);
    for (size_t i = 0; i < 2; i++) {
        ck_assert(!reports[i].is_sent && !reports[i].is_unreachable);
        ck_assert(reports[i].why[0] != '\0');
    }
}
END_TEST

static Suite *reader_suite(void)
{
    Suite *suite = suite_create("reader");
    TCase *cases = tcase_create("reader");
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, logs_of_a_topic);
    tcase_add_test(cases, a_stretch_ends_where_it_was_told_to);
    tcase_add_test(cases, a_stretch_that_is_left_leaves_nothing_behind);
    tcase_add_test(cases, what_is_sent_is_read_whole);
    tcase_add_test(cases, a_record_that_is_refused_is_reported);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(reader_suite)
