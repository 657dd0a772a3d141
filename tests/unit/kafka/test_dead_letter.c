#include "consumers/kafka/dead_letter.h"

#include <string.h>

#include "consumers/base/arena.h"
#include "consumers/base/clock.h"
#include "tests/unit/check_main.h"
#include "tests/unit/kafka/world.h"

enum { WAIT_MS = 20000, BIG_BYTES = 3000000, STUB_BYTES = 65536, MARKS = 64 };

static struct world world;
static struct member reader;
static struct dead_letters *letters;
static struct arena arena;

static void setup(void)
{
    struct error err = ERROR_INIT;
    world_init(&world);
    arena_init(&arena, 1 << 16);
    letters = dead_letters_new(world.brokers, "dlq", NULL, 0, &err);
    ck_assert_msg(letters != NULL, "%s", err.text);
}

static void teardown(void)
{
    dead_letters_free(letters);
    arena_release(&arena);
    world_release(&world);
}

static const struct record_header headers[] = {
    {{"trace", 5}, {"\0\1\2", 3}}, {{"none", 4}, {NULL, 0}}, {{"trace", 5}, {"", 0}}};

static struct record sample(struct slice value)
{
    return (struct record){.topic = SLICE("model-events"),
                           .partition = 2,
                           .offset = 77,
                           .timestamp_ms = 1700000000123,
                           .key = SLICE("shop.Product:1\0x"),
                           .value = value,
                           .headers = headers,
                           .headers_nr = 3};
}

static void send_sample(struct slice value, int64_t offset)
{
    struct record record = sample(value);
    struct dead_letter letter = {.record = &record,
                                 .reason = "missing_field",
                                 .exception_class = "unstale.MissingField",
                                 .message = SLICE("no category_id"),
                                 .rule = SLICE("05-category"),
                                 .action = SLICE("delete"),
                                 .failures = SLICE("[]"),
                                 .attempts = 1};
    dead_letters_send(letters, &letter, (struct offset_mark){4, 5, offset});
}

static size_t take_all(struct offset_mark *marks, size_t wanted, int timeout_ms)
{
    size_t nr = 0;
    int64_t deadline = clock_steady_ms() + timeout_ms;
    while (nr < wanted && clock_steady_ms() < deadline)
        nr += dead_letters_take(letters, 20, marks + nr, wanted - nr);
    return nr;
}

static const struct record *read_letter(size_t nr)
{
    ck_assert(member_init(&reader, &world, &(struct member_settings){.topic = "dlq"}));
    ck_assert(member_await(&reader, nr, WAIT_MS));
    source_load_headers(&reader.records[nr - 1], &arena);
    return &reader.records[nr - 1].record;
}

static struct slice header(const struct record *record, const char *name)
{
    for (size_t i = 0; i < record->headers_nr; i++)
        if (slice_equals(record->headers[i].name, slice_of(name)))
            return record->headers[i].value;
    return SLICE_ABSENT;
}

static void ck_header(const struct record *record, const char *name, const char *value)
{
    ck_assert_msg(slice_equals(header(record, name), slice_of(value)), "%s: %.*s", name,
                  SLICE_ARG(header(record, name)));
}

START_TEST(test_a_letter_is_the_record_and_where_it_came_from)
{
    struct offset_mark mark;
    world_topic(&world, "dlq", 1);
    send_sample(SLICE("{\"a\":\0 1}"), 77);
    ck_assert_uint_eq(dead_letters_pending(letters), 1);
    ck_assert_uint_eq(take_all(&mark, 1, WAIT_MS), 1);
    ck_assert(mark.slot == 4 && mark.epoch == 5 && mark.offset == 77);
    ck_assert_uint_eq(dead_letters_pending(letters), 0);
    ck_assert_ptr_null(dead_letters_trouble(letters));
    const struct record *got = read_letter(1);
    ck_assert(slice_equals(got->value, SLICE("{\"a\":\0 1}")));
    ck_assert(slice_equals(got->key, SLICE("shop.Product:1\0x")));
    ck_assert_int_eq(got->timestamp_ms, 1700000000123);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(slice_equals(got->headers[i].name, headers[i].name));
        ck_assert(slice_equals(got->headers[i].value, headers[i].value));
        ck_assert(slice_is_absent(got->headers[i].value) == slice_is_absent(headers[i].value));
    }
    ck_header(got, "__connect.errors.topic", "model-events");
    ck_header(got, "__connect.errors.partition", "2");
    ck_header(got, "__connect.errors.offset", "77");
    ck_header(got, "__connect.errors.exception.class.name", "unstale.MissingField");
    ck_header(got, "__connect.errors.exception.message", "no category_id");
    ck_header(got, "unstale.reason", "missing_field");
    ck_header(got, "unstale.rule", "05-category");
    ck_header(got, "unstale.action", "delete");
    ck_header(got, "unstale.attempts", "1");
    ck_header(got, "unstale.failures", "[]");
    ck_assert(slice_is_absent(header(got, "unstale.field")));
    member_leave(&reader);
}
END_TEST

START_TEST(test_a_tombstone_stays_one)
{
    struct offset_mark mark;
    world_topic(&world, "dlq", 1);
    send_sample(SLICE_ABSENT, 1);
    ck_assert_uint_eq(take_all(&mark, 1, WAIT_MS), 1);
    ck_assert(slice_is_absent(read_letter(1)->value));
    member_leave(&reader);
}
END_TEST

static void refuse_size(int times)
{
    for (int i = 0; i < times; i++)
        rd_kafka_mock_push_request_errors(world.cluster, 0 /* Produce */, 1,
                                          RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
}

START_TEST(test_what_the_broker_finds_too_large_becomes_a_stub)
{
    struct offset_mark mark;
    char *big = malloc(BIG_BYTES);
    memset(big, 'x', BIG_BYTES);
    world_topic(&world, "dlq", 1);
    refuse_size(1);
    send_sample((struct slice){big, BIG_BYTES}, 9);
    ck_assert_uint_eq(take_all(&mark, 1, WAIT_MS), 1);
    ck_assert_int_eq(mark.offset, 9);
    const struct record *got = read_letter(1);
    ck_assert_uint_eq(got->value.len, STUB_BYTES);
    ck_header(got, "unstale.value_size", "3000000");
    ck_assert_uint_eq(header(got, "unstale.value_sha256").len, 64);
    ck_assert(slice_equals(got->headers[0].name, SLICE("trace")));
    member_leave(&reader);
    free(big);
}
END_TEST

START_TEST(test_a_stub_that_is_refused_too_gets_smaller)
{
    struct offset_mark mark;
    world_topic(&world, "dlq", 1);
    refuse_size(2);
    send_sample(SLICE("small"), 9);
    ck_assert_uint_eq(take_all(&mark, 1, WAIT_MS), 1);
    const struct record *got = read_letter(1);
    ck_assert(slice_equals(got->value, SLICE("small")));
    ck_assert(slice_is_absent(header(got, "trace")));
    ck_header(got, "unstale.reason", "missing_field");
    ck_header(got, "unstale.value_size", "5");
    member_leave(&reader);
}
END_TEST

START_TEST(test_a_missing_topic_is_told_and_waited_for)
{
    struct offset_mark marks[MARKS];
    rd_kafka_mock_topic_set_error(world.cluster, "dlq", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    send_sample(SLICE("1"), 1);
    send_sample(SLICE("2"), 2);
    int64_t deadline = clock_steady_ms() + WAIT_MS;
    while (!dead_letters_trouble(letters) && clock_steady_ms() < deadline)
        ck_assert_uint_eq(dead_letters_take(letters, 20, marks, MARKS), 0);
    ck_assert_ptr_nonnull(dead_letters_trouble(letters));
    ck_assert_ptr_nonnull(strstr(dead_letters_trouble(letters), "doctor --create-topics"));
    ck_assert_uint_eq(dead_letters_pending(letters), 2);
    rd_kafka_mock_topic_set_error(world.cluster, "dlq", RD_KAFKA_RESP_ERR_NO_ERROR);
    ck_assert_uint_eq(take_all(marks, 2, WAIT_MS), 2);
    ck_assert_ptr_null(dead_letters_trouble(letters));
}
END_TEST

START_TEST(test_a_fatal_error_makes_the_producer_anew)
{
    struct offset_mark marks[MARKS];
    world_topic(&world, "dlq", 1);
    send_sample(SLICE("1"), 1);
    ck_assert_uint_eq(take_all(marks, 1, WAIT_MS), 1);
    for (int i = 0; i < 3; i++) /* an error that an idempotent producer cannot live on with */
        rd_kafka_mock_push_request_errors(world.cluster, 0 /* Produce */, 1,
                                          RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    for (int i = 2; i < 12; i++)
        send_sample(SLICE("x"), i);
    ck_assert_uint_eq(take_all(marks, 10, WAIT_MS), 10);
    bool came[12] = {false};
    for (int i = 0; i < 10; i++)
        came[marks[i].offset] = true;
    for (int i = 2; i < 12; i++)
        ck_assert(came[i]);
    ck_assert_uint_eq(dead_letters_pending(letters), 0);
}
END_TEST

START_TEST(test_letters_that_are_not_confirmed_are_left_at_the_end)
{
    struct offset_mark mark;
    world_topic(&world, "dlq", 1);
    rd_kafka_mock_broker_set_down(world.cluster, 1);
    send_sample(SLICE("1"), 1);
    ck_assert_uint_eq(take_all(&mark, 1, 200), 0);
    int64_t start = clock_steady_ms();
    dead_letters_free(letters);
    letters = NULL;
    ck_assert_int_lt(clock_steady_ms() - start, 5000);
}
END_TEST

static Suite *dead_letter_suite(void)
{
    Suite *suite = suite_create("dead letters");
    TCase *tcase = tcase_create("mock cluster");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_a_letter_is_the_record_and_where_it_came_from);
    tcase_add_test(tcase, test_a_tombstone_stays_one);
    tcase_add_test(tcase, test_what_the_broker_finds_too_large_becomes_a_stub);
    tcase_add_test(tcase, test_a_stub_that_is_refused_too_gets_smaller);
    tcase_add_test(tcase, test_a_missing_topic_is_told_and_waited_for);
    tcase_add_test(tcase, test_a_fatal_error_makes_the_producer_anew);
    tcase_add_test(tcase, test_letters_that_are_not_confirmed_are_left_at_the_end);
    tcase_set_timeout(tcase, 90);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(dead_letter_suite)
