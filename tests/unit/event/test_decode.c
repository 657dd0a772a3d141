#include "consumers/event/decode.h"

#include <stdio.h>
#include <stdlib.h>

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/event/decoded.h"
#include "tests/unit/event/seen.h"

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

#define HEAD "{\"event\":\"e\",\"model\":\"a.B\",\"pk\":1,"

/* What is wrong with an event that begins like any other. */
static const struct {
    const char *value;
    const char *error; /* NULL: nothing */
} strange[] = {
    {HEAD "\"pk\":1}", "duplicate name \"pk\" at byte 35"},
    {HEAD "\"model\":\"a.B\"}", "duplicate name \"model\" at byte 35"},
    {HEAD "\"x\":1,\"x\":2}", "duplicate name \"x\" at byte 41"},
    {HEAD "\"x\":1,\"y\":2}", NULL},
    {HEAD "\"after\":{\"a\":1,\"b\":2,\"a\":3}}", "duplicate name \"a\" at byte 56"},
    {HEAD "\"after\":{\"a\":1,\"a\":2}}", "duplicate name \"a\" at byte 50"},
    {HEAD "\"after\":{\"ab\":1,\"ac\":2}}", NULL},
    {HEAD "\"after\":{\"\":1,\"x\":2,\"\":3}}", "duplicate name \"\" at byte 55"},
    {HEAD "\"after\":{\"created_at\":1,\"updated_at\":2,\"created_at\":3}}",
     "duplicate name \"created_at\" at byte 74"},
    {HEAD "\"\":1}", NULL},
    {HEAD "\"\":1,\"\":2}", "duplicate name \"\" at byte 40"},
    {HEAD "\"after\":{\"a\":{\"c\":1,\"c\":1}}}", "duplicate name \"c\" at byte 55"},
    {HEAD "\"x\":{\"a\":1,\"a\":2}}", "duplicate name \"a\" at byte 46"},
    {HEAD "\"x\":[[{\"a\":1,\"a\":2}]]}", "duplicate name \"a\" at byte 48"},
    {HEAD "\"pks\":[1,{\"a\":1,\"a\":2}]}", "duplicate name \"a\" at byte 51"},
    {HEAD "\"rows\":[{\"pk\":1,\"pk\":2}]}", "duplicate name \"pk\" at byte 51"},
    {HEAD "\"meta\":{\"a\":[{},{\"b\":[],\"b\":[]}]}}", "duplicate name \"b\" at byte 59"},
    {HEAD "\"changed\":[\"a\",[\"a\",{}]]}",
     "\"changed\" must be an array of strings, not an array"},
    {HEAD "\"after\":1}", "\"after\" must be an object or null, not 1"},
    {HEAD "\"after\":1,\"pk\":1}", "duplicate name \"pk\" at byte 45"},
    {HEAD "\"ts\":1.5,\"after\":{\"a\":1,\"a\":1}}", "duplicate name \"a\" at byte 59"},
};

START_TEST(an_event_is_checked_all_over)
{
    struct decoded decoded;

    decoded_init(&decoded);
    decoded_read(&decoded, strange[_i].value);
    ck_assert_msg(strcmp(decoded.err.text, strange[_i].error ? strange[_i].error : "") == 0,
                  "%s: %s", strange[_i].value, decoded.err.text);
    ck_assert_int_eq(decoded.result, strange[_i].error ? DECODE_BAD : DECODE_EVENT);
    decoded_release(&decoded);
}
END_TEST

/* The last level that may be, and one more, in every member that holds anything at all. */
START_TEST(depth_is_bounded_in_every_member)
{
    static const char *const members[] = {"x", "after", "meta", "before"};
    struct decoded decoded;

    decoded_init(&decoded);
    for (size_t i = 0; i < ARRAY_NR(members); i++) {
        for (int deep = DECODE_MAX_DEPTH; deep <= DECODE_MAX_DEPTH + 1; deep++) {
            struct slice text = arena_printf(
                &decoded.arena, HEAD "\"%s\":{\"a\":%.*s%.*s}}", members[i], deep - 2,
                "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", deep - 2,
                "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");

            decoded_read_at(&decoded, text, RECORD_MS);
            ck_assert_int_eq(decoded.result, deep > DECODE_MAX_DEPTH ? DECODE_BAD : DECODE_EVENT);
        }
    }
    decoded_release(&decoded);
}
END_TEST

enum { CHANGED_TIMES = 40000, CHANGED_BYTES = 1024 };

static const char ordinary[] =
    "{\"event\":\"post_save\",\"model\":\"shop.Product\",\"pk\":42,\"created\":false,\"id\":\"i\","
    "\"ts\":1795341600123,\"version\":7,\"changed\":[\"price\"],\"before\":{\"price\":\"1.50\"},"
    "\"after\":{\"price\":2.5e1,\"name\":null,\"tags\":[1,{\"a\":{}}]},\"tenant\":\"t\","
    "\"meta\":{\"a\":{\"b\":1}}}";

/* Goes in where an object begins: a name again, one that nobody knows, a wrong type. */
static const char *const pieces[] = {"\"pk\":1,",
                                     "\"x\":1,",
                                     "\"y\":{\"a\":1},",
                                     "\"price\":1,",
                                     "\"a\":2,",
                                     "\"after\":null,",
                                     "\"ts\":\"1\",",
                                     "\"before\":{\"q\":1,\"q\":2},",
                                     "\"pks\":[],",
                                     "\"rows\":[{}],",
                                     "\"version\":1e400,",
                                     "\"model\":\"\",",
                                     "\"m2m\":{\"field\":\"f\"},",
                                     "\"parents\":[1],",
                                     "\"\":0,",
                                     "\"event\":\"bulk_delete\","};

static size_t insert_piece(char *text, size_t len, uint64_t *state)
{
    const char *piece = pieces[random_next(state) % ARRAY_NR(pieces)];
    size_t piece_len = strlen(piece);
    size_t at = random_next(state) % len;

    while (text[at] != '{')
        at = at == 0 ? len - 1 : at - 1;
    at++;
    memmove(text + at + piece_len, text + at, len - at);
    memcpy(text + at, piece, piece_len);
    return len + piece_len;
}

static const char *long_way(struct decoded *decoded, struct slice text)
{
    size_t position;
    const struct value *root;

    error_clear(&decoded->err);
    root = decode_json(text, &decoded->arena, &position, &decoded->err);
    decoded->result =
        root ? decode_native(root, &decoded->arena, &decoded->event, &decoded->err) : DECODE_BAD;
    return seen_line(decoded);
}

/* What most events take is a short way: it must come to the same event, and to the same words. */
START_TEST(the_short_way_leads_where_the_long_one_does)
{
    const struct decode_options options = {.format = FORMAT_NATIVE};
    struct decoded decoded;
    uint64_t state = 20261125;
    unsigned good = 0;
    char text[CHANGED_BYTES];

    decoded_init(&decoded);
    for (unsigned i = 0; i < CHANGED_TIMES; i++) {
        struct record record = {.timestamp_ms = -1};
        size_t len = sizeof(ordinary) - 1;
        const char *expected;

        memcpy(text, ordinary, len);
        for (unsigned nr = random_next(&state) % 3; nr > 0; nr--)
            len = insert_piece(text, len, &state);
        if (random_next(&state) % 4 == 0)
            text[random_next(&state) % len] = "{}[]:,\"01.e"[random_next(&state) % 11];
        record.value = (struct slice){text, len};
        arena_reset(&decoded.arena, 0);
        expected = long_way(&decoded, record.value);
        error_clear(&decoded.err);
        decoded.result = decode_record(&record, &options, &decoded.arena, &decoded.event,
                                       &decoded.skipped, &decoded.err);
        good += decoded.result == DECODE_EVENT;
        ck_assert_msg(strcmp(seen_line(&decoded), expected) == 0, "%.*s\n%s\n%s", (int)len, text,
                      seen_line(&decoded), expected);
    }
    ck_assert_uint_gt(good, CHANGED_TIMES / 4);
    ck_assert_uint_lt(good, CHANGED_TIMES / 4 * 3);
    decoded_release(&decoded);
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
    tcase_add_loop_test(tcase, an_event_is_checked_all_over, 0, ARRAY_NR(strange));
    tcase_add_test(tcase, depth_is_bounded_in_every_member);
    tcase_add_test(tcase, the_short_way_leads_where_the_long_one_does);
    tcase_add_test(tcase, the_library_has_a_version);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(decode_suite)
