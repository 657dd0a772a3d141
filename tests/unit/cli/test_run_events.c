/* Bodies of POST /api/events: what is refused, where, and what is sent, to librdkafka's mock broker. */
#include "consumers/cli/run_events.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"

#define EVENT(pk) "{\"event\":\"e\",\"model\":\"m\",\"pk\":" pk "}"

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned calls;
    enum events_outcome outcome;
    size_t total, sent, invalid;
    char text[4096];
} told = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void on_done(void *opaque, const struct events_result *result)
{
    ck_assert_ptr_eq(opaque, &told);
    pthread_mutex_lock(&told.mutex);
    told.calls++;
    told.outcome = result->outcome;
    told.total = result->total;
    told.sent = result->sent;
    told.invalid = result->invalid;
    snprintf(told.text, sizeof(told.text), "%.*s", SLICE_ARG(result->text));
    pthread_cond_signal(&told.changed);
    pthread_mutex_unlock(&told.mutex);
}

static void submit_and_wait(void *sender, struct slice body)
{
    told.calls = 0;
    run_events.submit(sender, body, on_done, &told);
    pthread_mutex_lock(&told.mutex);
    while (told.calls == 0)
        pthread_cond_wait(&told.changed, &told.mutex);
    pthread_mutex_unlock(&told.mutex);
    ck_assert_uint_eq(told.calls, 1);
}

static const char *const topics[] = {"events", "more"};
static const char *const regex[] = {"^events.*"};

static struct kafka_option mock[] = {{(char *)"test.mock.num.brokers", (char *)"1"}};
static struct kafka_option quick[] = {{(char *)"message.timeout.ms", (char *)"200"}};

static void *start(const struct source_settings *source)
{
    struct events_place place = {.source = source, .max_event_bytes = 200};

    return run_events.start(&place);
}

static const struct {
    const char *body;
    size_t total, invalid;
    const char *text; /* NULL: valid */
} bodies[] = {
    {"", 0, 0, NULL},
    {" \n\n", 0, 0, NULL},
    {"[]", 0, 0, NULL},
    {EVENT("1"), 1, 0, NULL},
    {EVENT("1") "\n" EVENT("2") "\n", 2, 0, NULL},
    {"\xef\xbb\xbf" EVENT("1") "\r\n\r\n" EVENT("2"), 2, 0, NULL},
    {"[" EVENT("1") ",\n " EVENT("2") "]", 2, 0, NULL},
    {"{\n \"event\": \"e\",\n \"model\": \"m\",\n \"pk\": 1\n}\n" EVENT("2"), 2, 0, NULL},
    {"{\"record\":true,\"key\":\"k\",\"headers\":{\"a\":\"b\"},\"value\":" EVENT("1") "}", 1, 0,
     NULL},
    {"x", 1, 1,
     "[{\"line\":1,\"column\":1,\"message\":\"not JSON: unexpected character, expected a valid "
     "root value\"}]"},
    {EVENT("1") "\n" EVENT("null") "\n" EVENT("2") "\n{}", 4, 2,
     "[{\"line\":2,\"column\":31,\"message\":\"\\\"pk\\\" must be a string, an integer or an "
     "array, "
     "not null\"},{\"line\":4,\"column\":1,\"message\":\"\\\"event\\\" is missing\"}]"},
    {"[" EVENT("1") ", " EVENT("{}") "]", 2, 1,
     "[{\"line\":1,\"column\":66,\"message\":\"\\\"pk\\\" must be a string, an integer or an "
     "array, "
     "not an object\"}]"},
    {"[" EVENT("1"), 1, 1, "[{\"line\":1,\"column\":2,\"message\":\"the array does not end\"}]"},
    {"{\"record\":true,\"headers\":1,\"value\":" EVENT("1") "}", 1, 1,
     "[{\"line\":1,\"column\":36,\"message\":\"\\\"headers\\\" must be an object, or an array of "
     "[name, value]\"}]"},
    {"{\"record\":true,\"key\":\"k\",\"value\":null}", 1, 1,
     "[{\"line\":1,\"column\":34,\"message\":\"a tombstone is no event\"}]"},
    {"{\"event\":\"e\",\"model\":\"m\",\"pk\":1,\"evil\":\"\x01\"}", 1, 1,
     "[{\"line\":1,\"column\":41,\"message\":\"not JSON: unexpected control character in "
     "string\"}]"},
};

START_TEST(what_a_body_holds)
{
    struct source_settings source = {.brokers = "127.0.0.1:1",
                                     .topics = topics,
                                     .topics_nr = 1,
                                     .options = mock,
                                     .options_nr = 1};
    void *sender = start(&source);

    submit_and_wait(sender, slice_of(bodies[_i].body));
    ck_assert_uint_eq(told.total, bodies[_i].total);
    ck_assert_uint_eq(told.invalid, bodies[_i].invalid);
    ck_assert_int_eq(told.outcome, bodies[_i].text ? EVENTS_INVALID : EVENTS_SENT);
    ck_assert_uint_eq(told.sent, bodies[_i].text ? 0 : bodies[_i].total);
    if (bodies[_i].text)
        ck_assert_str_eq(told.text, bodies[_i].text);
    run_events.stop(sender);
}
END_TEST

START_TEST(too_large_an_event)
{
    struct source_settings source = {.brokers = "127.0.0.1:1", .topics = topics, .topics_nr = 1};
    void *sender = start(&source);
    char body[512];

    snprintf(body, sizeof(body), "{\"event\":\"e\",\"model\":\"m\",\"pk\":\"%0200d\"}", 0);
    submit_and_wait(sender, slice_of(body));
    ck_assert_int_eq(told.outcome, EVENTS_INVALID);
    ck_assert_ptr_nonnull(strstr(told.text, "more than the 200 allowed"));
    run_events.stop(sender);
}
END_TEST

START_TEST(no_more_faults_are_told_than_one_can_read)
{
    struct source_settings source = {.brokers = "127.0.0.1:1", .topics = topics, .topics_nr = 1};
    void *sender = start(&source);
    unsigned faults = 0;
    char body[60];

    for (size_t i = 0; i < 30; i++)
        memcpy(body + i * 2, "x\n", 2);
    submit_and_wait(sender, (struct slice){body, sizeof(body)});
    ck_assert_uint_eq(told.invalid, 30);
    for (const char *at = told.text; (at = strstr(at, "\"line\":")); at++)
        faults++;
    ck_assert_uint_eq(faults, 20);
    run_events.stop(sender);
}
END_TEST

START_TEST(kafka_is_away)
{
    struct source_settings source = {.brokers = "127.0.0.1:1",
                                     .topics = topics,
                                     .topics_nr = 1,
                                     .options = quick,
                                     .options_nr = 1};
    void *sender = start(&source);

    submit_and_wait(sender, SLICE(EVENT("1") "\n" EVENT("2")));
    ck_assert_int_eq(told.outcome, EVENTS_UNCONFIRMED);
    ck_assert_uint_eq(told.total, 2);
    ck_assert_uint_eq(told.sent, 0);
    ck_assert_str_eq(told.text, "not delivered within message.timeout.ms");
    run_events.stop(sender);
}
END_TEST

START_TEST(stopping_gives_up_what_is_under_way)
{
    struct source_settings source = {.brokers = "127.0.0.1:1", .topics = topics, .topics_nr = 1};
    void *sender = start(&source);

    told.calls = 0;
    run_events.submit(sender, SLICE(EVENT("1")), on_done, &told);
    run_events.stop(sender);
    ck_assert_uint_eq(told.calls, 1);
    ck_assert_int_eq(told.outcome, EVENTS_UNCONFIRMED);
    ck_assert_ptr_nonnull(strstr(told.text, "given up"));
}
END_TEST

static const struct {
    const char *const *topics;
    size_t topics_nr;
    const char *setting, *why;
} nowhere[] = {
    {topics, 2, NULL, "does not name one topic"},
    {regex, 1, NULL, "does not name one topic"},
    {topics, 1, "acks", "setting acks is refused"},
    {topics, 1, "no.such.setting", "No such configuration property"},
};

START_TEST(nowhere_to_send)
{
    struct kafka_option option = {(char *)nowhere[_i].setting, (char *)"1"};
    struct source_settings source = {.brokers = "127.0.0.1:1",
                                     .topics = nowhere[_i].topics,
                                     .topics_nr = nowhere[_i].topics_nr,
                                     .options = &option,
                                     .options_nr = nowhere[_i].setting ? 1 : 0};
    void *sender = start(&source);

    submit_and_wait(sender, SLICE(EVENT("1")));
    ck_assert_int_eq(told.outcome, EVENTS_UNCONFIRMED);
    ck_assert_msg(strstr(told.text, nowhere[_i].why) != NULL, "%s", told.text);
    run_events.stop(sender);
}
END_TEST

static Suite *run_events_suite(void)
{
    Suite *suite = suite_create("run_events");
    TCase *tcase = tcase_create("run_events");

    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, what_a_body_holds, 0, ARRAY_NR(bodies));
    tcase_add_test(tcase, too_large_an_event);
    tcase_add_test(tcase, no_more_faults_are_told_than_one_can_read);
    tcase_add_test(tcase, kafka_is_away);
    tcase_add_test(tcase, stopping_gives_up_what_is_under_way);
    tcase_add_loop_test(tcase, nowhere_to_send, 0, ARRAY_NR(nowhere));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(run_events_suite)
