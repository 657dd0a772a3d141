#include "consumers/kafka/letter.h"

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"

static struct arena arena;

static void setup(void)
{
    arena_init(&arena, 4096);
}

static void teardown(void)
{
    arena_release(&arena);
}

#define HEADER(name, value)                                                                        \
    {                                                                                              \
        {name, sizeof(name) - 1},                                                                  \
        {                                                                                          \
            value, sizeof(value) - 1                                                               \
        }                                                                                          \
    }

static const struct record_header written[] = {
    HEADER("trace", "1"),
    HEADER("__connect.errors.topic", "sent by somebody else"),
    HEADER("unstale.reasons", "not ours"),
    HEADER("__connect.errors.topic", "model-events"),
    HEADER("__connect.errors.partition", "3"),
    HEADER("__connect.errors.offset", "77"),
    HEADER("unstale.reason", "missing_field"),
    HEADER("unstale.rule", "05-category"),
    HEADER("unstale.attempts", "2"),
    HEADER("unstale.failures", "[]"),
};

static struct record record_of(const struct record_header *headers, size_t nr)
{
    return (struct record){.topic = SLICE("dlq"),
                           .partition = 1,
                           .offset = 12,
                           .timestamp_ms = 1700000000123,
                           .key = SLICE("shop.Product:1"),
                           .value = SLICE("{}"),
                           .headers = headers,
                           .headers_nr = nr};
}

START_TEST(a_letter_says_where_it_came_from_and_why)
{
    struct record record = record_of(written, ARRAY_NR(written));
    struct letter letter;
    int64_t marked;

    ck_assert(letter_read(&record, &letter, &marked));
    ck_assert(slice_equals(letter.topic, SLICE("model-events")));
    ck_assert_int_eq(letter.partition, 3);
    ck_assert_int_eq(letter.offset, 77);
    ck_assert_int_eq(letter.attempts, 2);
    ck_assert_int_eq(letter.whole_size, LETTER_UNKNOWN);
    ck_assert(slice_equals(letter.reason, SLICE("missing_field")));
    ck_assert(slice_equals(letter.rule, SLICE("05-category")));
    ck_assert(slice_is_absent(letter.field));
}
END_TEST

START_TEST(the_original_is_what_was_sent_and_what_it_repeats)
{
    struct record record = record_of(written, ARRAY_NR(written));
    struct letter letter;
    int64_t marked;

    ck_assert(letter_read(&record, &letter, &marked));
    struct record original = letter_original(&letter, &arena);
    ck_assert(slice_equals(original.topic, SLICE("model-events")));
    ck_assert_int_eq(original.partition, 3);
    ck_assert_int_eq(original.timestamp_ms, -1);
    ck_assert(slice_equals(original.value, record.value));
    ck_assert_uint_eq(original.headers_nr, 4);
    ck_assert(slice_equals(original.headers[0].name, SLICE("trace")));
    ck_assert(slice_equals(original.headers[1].name, SLICE("unstale.reasons")));
    ck_assert(
        slice_equals(letter_header(&original, "unstale.replayed"), SLICE("model-events:3:77")));
    ck_assert_int_eq(letter_number(&original, "unstale.attempts", 0), 2);
}
END_TEST

START_TEST(a_letter_whose_sender_wrote_marks_is_a_letter)
{
    static const struct record_header sent[] = {
        HEADER("unstale.done", "dropped"),
        HEADER("unstale.letter", "5"),
        HEADER("unstale.reason", "bad_event"),
    };
    struct record record = record_of(sent, ARRAY_NR(sent));
    struct letter letter;
    int64_t marked;

    ck_assert(letter_read(&record, &letter, &marked));
    record.value = SLICE_ABSENT;
    ck_assert(letter_read(&record, &letter, &marked));
    record.headers_nr = 2;
    ck_assert(!letter_read(&record, &letter, &marked));
    ck_assert_int_eq(marked, 5);
    record.value = SLICE("another program's");
    ck_assert(letter_read(&record, &letter, &marked));
}
END_TEST

START_TEST(a_mark_names_its_letter)
{
    struct record record = record_of(written, ARRAY_NR(written));
    struct record mark = letter_mark(&record, "retried", &arena);
    struct letter letter;
    int64_t marked;

    ck_assert(!letter_read(&mark, &letter, &marked));
    ck_assert_int_eq(marked, 12);
    ck_assert(slice_equals(mark.topic, SLICE("dlq")));
    ck_assert_int_eq(mark.partition, 1);
    ck_assert(slice_is_absent(mark.value) && slice_is_absent(mark.key));
    ck_assert(slice_equals(letter_header(&mark, "unstale.done"), SLICE("retried")));
}
END_TEST

static const struct {
    struct slice text;
    int64_t want;
} numbers[] = {
    {{"0", 1}, 0},
    {{"12", 2}, 12},
    {{"", 0}, -7},
    {{"-1", 2}, -7},
    {{"1x", 2}, -7},
    {{NULL, 0}, -7},
    {{"1\0", 2}, 1},
    {{"9223372036854775807", 19}, INT64_MAX},
    {{"999999999999999999999999999", 27}, -7},
};

START_TEST(numbers_that_are_none_count_as_absent)
{
    struct record_header header = {SLICE("n"), numbers[_i].text};
    struct record record = record_of(&header, 1);

    ck_assert_int_eq(letter_number(&record, "n", -7), numbers[_i].want);
    ck_assert_int_eq(letter_number(&record, "m", -7), -7);
}
END_TEST

START_TEST(a_partition_beyond_all_is_unknown)
{
    static const struct record_header headers[] = {
        HEADER("__connect.errors.partition", "4294967296")};
    struct record record = record_of(headers, 1);
    struct letter letter;
    int64_t marked;

    ck_assert(letter_read(&record, &letter, &marked));
    ck_assert_int_eq(letter.partition, LETTER_UNKNOWN);
    ck_assert(slice_is_absent(letter.reason));
}
END_TEST

static Suite *letter_suite(void)
{
    Suite *suite = suite_create("letter");
    TCase *cases = tcase_create("letter");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, a_letter_says_where_it_came_from_and_why);
    tcase_add_test(cases, the_original_is_what_was_sent_and_what_it_repeats);
    tcase_add_test(cases, a_letter_whose_sender_wrote_marks_is_a_letter);
    tcase_add_test(cases, a_mark_names_its_letter);
    tcase_add_loop_test(cases, numbers_that_are_none_count_as_absent, 0, (int)ARRAY_NR(numbers));
    tcase_add_test(cases, a_partition_beyond_all_is_unknown);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(letter_suite)
