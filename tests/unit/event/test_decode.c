#include "consumers/event/decode.h"

#include <stdio.h>
#include <stdlib.h>

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/event/decoded.h"

START_TEST(no_value_is_a_tombstone)
{
    struct decoded decoded;

    decoded_init(&decoded);
    ck_assert_int_eq(decoded_read_at(&decoded, SLICE_ABSENT, RECORD_MS), DECODE_SKIPPED);
    ck_assert_str_eq(decoded.skipped, "tombstone");
    ck_assert_int_eq(decoded.err.kind, ERROR_NONE);
    ck_assert_int_eq(decoded_read_at(&decoded, SLICE(""), RECORD_MS), DECODE_BAD);
    ck_assert_str_eq(decoded.err.text, "not JSON: empty");
    decoded_release(&decoded);
}
END_TEST

START_TEST(size_is_bounded)
{
    static const char text[] = "{\"event\":\"e\",\"model\":\"a.B\",\"pk\":1}";
    struct record record = {.timestamp_ms = RECORD_MS, .value = SLICE(text)};
    struct decode_options options = {.max_bytes = sizeof(text) - 1};
    struct decoded decoded;

    decoded_init(&decoded);
    ck_assert_int_eq(decode_record(&record, &options, &decoded.arena, &decoded.event,
                                   &decoded.skipped, &decoded.err),
                     DECODE_EVENT);
    ck_assert_uint_eq(decoded.event.bytes, sizeof(text) - 1);
    options.max_bytes--;
    ck_assert_int_eq(decode_record(&record, &options, &decoded.arena, &decoded.event,
                                   &decoded.skipped, &decoded.err),
                     DECODE_TOO_LARGE);
    ck_assert_str_eq(decoded.err.text, "the value has 34 bytes, more than the 33 allowed");
    decoded_release(&decoded);
}
END_TEST

START_TEST(default_size_is_a_mebibyte)
{
    struct decoded decoded;
    char *text = malloc(DECODE_MAX_BYTES + 1);
    static const char head[] = "{\"event\":\"e\",\"model\":\"a.B\",\"pk\":\"";

    decoded_init(&decoded);
    ck_assert(text != NULL);
    memset(text, 'x', DECODE_MAX_BYTES + 1);
    for (size_t i = 0; i < sizeof(head) - 1; i++)
        text[i] = head[i];
    text[DECODE_MAX_BYTES - 2] = '"';
    text[DECODE_MAX_BYTES - 1] = '}';
    ck_assert_int_eq(decoded_read_at(&decoded, (struct slice){text, DECODE_MAX_BYTES}, RECORD_MS),
                     DECODE_EVENT);
    ck_assert_int_eq(
        decoded_read_at(&decoded, (struct slice){text, DECODE_MAX_BYTES + 1}, RECORD_MS),
        DECODE_TOO_LARGE);
    free(text);
    decoded_release(&decoded);
}
END_TEST

/* The bytes of the record go to the dead-letter topic as they came. */
START_TEST(the_record_stays_as_it_was)
{
    static const char text[] =
        "{\"event\":\"\\u0065\\n\",\"model\":\"a.B\",\"pk\":\"\\\"\",\"a\":12.50}";
    char copy[sizeof(text)];
    struct decoded decoded;

    decoded_init(&decoded);
    memcpy(copy, text, sizeof(text));
    ck_assert_int_eq(decoded_read_at(&decoded, (struct slice){copy, sizeof(text) - 1}, RECORD_MS),
                     DECODE_EVENT);
    ck_assert_mem_eq(copy, text, sizeof(text));
    memset(copy, 'x', sizeof(copy));
    assert_text(decoded.event.name, "e\n");
    assert_text(value_text(decoded.event.rows[0].pk), "\"");
    decoded_release(&decoded);
}
END_TEST

static const struct {
    const char *ts; /* NULL: not sent */
    int64_t record_ms;
    bool has_ts;
    bool replaced;
    int64_t ts_ms;
} times[] = {
    {"1795341600123", RECORD_MS, true, false, INT64_C(1795341600123)},
    {"0", RECORD_MS, true, false, 0},
    {"7", RECORD_MS, true, false, 7},
    {"-1", RECORD_MS, true, true, RECORD_MS},
    {"-1795341600123", RECORD_MS, true, true, RECORD_MS},
    {"1795428000200", RECORD_MS, true, false, INT64_C(1795428000200)}, /* record + 1 day */
    {"1795428000201", RECORD_MS, true, true, RECORD_MS},
    {"9223372036854775807", RECORD_MS, true, true, RECORD_MS},
    {"9223372036854775808", RECORD_MS, true, true, RECORD_MS},
    {"100000000000000000000000000", RECORD_MS, true, true, RECORD_MS},
    {NULL, RECORD_MS, true, false, RECORD_MS},
    {NULL, 0, true, false, 0},
    {"86400000", 0, true, false, 86400000},
    {"86400001", 0, true, true, 0},
    {NULL, -1, false, false, 0},
    {"1795341600123", -1, true, false, INT64_C(1795341600123)},
    {"9223372036854775807", -1, true, false, INT64_MAX},
    {"9223372036854775808", -1, false, true, 0},
    {"-1", -1, false, true, 0},
};

START_TEST(a_time_that_cannot_be_is_replaced)
{
    struct decoded decoded;
    struct event *event = &decoded.event;
    char text[256];

    decoded_init(&decoded);
    snprintf(text, sizeof(text), "{\"event\":\"e\",\"model\":\"a.B\",\"pk\":1,\"%s\":%s}",
             times[_i].ts ? "ts" : "x", times[_i].ts ? times[_i].ts : "0");
    ck_assert_int_eq(decoded_read_at(&decoded, slice_of(text), times[_i].record_ms), DECODE_EVENT);
    ck_assert_int_eq(event->has_ts, times[_i].has_ts);
    ck_assert_int_eq(event->ts_replaced, times[_i].replaced);
    ck_assert_int_eq(event->ts_ms, times[_i].ts_ms);
    decoded_release(&decoded);
}
END_TEST

START_TEST(a_topic_may_have_a_format)
{
    static const struct topic_format formats[] = {{{"cdc", 3}, FORMAT_DEBEZIUM},
                                                  {{"cdc.b", 5}, FORMAT_MAXWELL}};

    ck_assert_uint_eq(decode_topic_format(formats, 2, SLICE("cdc")), FORMAT_DEBEZIUM);
    ck_assert_uint_eq(decode_topic_format(formats, 2, SLICE("cdc.b")), FORMAT_MAXWELL);
    ck_assert_uint_eq(decode_topic_format(formats, 2, SLICE("CDC")), FORMAT_DETECT);
    ck_assert_uint_eq(decode_topic_format(formats, 2, SLICE("cd")), FORMAT_DETECT);
    ck_assert_uint_eq(decode_topic_format(NULL, 0, SLICE("cdc")), FORMAT_DETECT);
}
END_TEST

START_TEST(the_library_has_a_version)
{
    char version[16];
    unsigned major;
    unsigned minor;
    unsigned patch;

    decode_library_version(version, sizeof(version));
    ck_assert_int_eq(sscanf(version, "%u.%u.%u", &major, &minor, &patch), 3);
    ck_assert_uint_gt(major + minor, 0);
}
END_TEST

static Suite *decode_suite(void)
{
    Suite *suite = suite_create("decode");
    TCase *tcase = tcase_create("decode");

    tcase_add_test(tcase, no_value_is_a_tombstone);
    tcase_add_test(tcase, size_is_bounded);
    tcase_add_test(tcase, default_size_is_a_mebibyte);
    tcase_add_test(tcase, the_record_stays_as_it_was);
    tcase_add_loop_test(tcase, a_time_that_cannot_be_is_replaced, 0, ARRAY_NR(times));
    tcase_add_test(tcase, a_topic_may_have_a_format);
    tcase_add_test(tcase, the_library_has_a_version);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(decode_suite)
