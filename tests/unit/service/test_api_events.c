/* POST /api/events with a sender that does as it is told. */
#include "consumers/service/api_events.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "consumers/base/compiler.h"
#include "consumers/base/log.h"
#include "consumers/service/http.h"
#include "tests/unit/check_main.h"
#include "tests/unit/service/rules_folder.h"

enum { KEPT_MAX = 64 };

/* What was submitted and is not answered yet; a body "hold" is kept, others are answered at once. */
static struct {
    pthread_mutex_t mutex;
    events_done *done[KEPT_MAX];
    void *opaque[KEPT_MAX];
    unsigned kept, submitted, stopped;
    char last[4096];
} fake = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static struct rules_folder folder;
static struct rules_handle *handle;
static struct reload *reload;
static struct metrics_view view;
static struct http *http;

/* clang-format off */
#define TEXT(text) {text, sizeof(text) - 1}
/* clang-format on */

static const struct events_result sent = {.outcome = EVENTS_SENT, .total = 2, .sent = 2};
static const struct events_result given_up = {
    .outcome = EVENTS_UNCONFIRMED, .total = 3, .sent = 1, .text = TEXT("Kafka is \"away\"")};
static const struct events_result invalid = {
    .outcome = EVENTS_INVALID,
    .total = 2,
    .invalid = 1,
    .text = TEXT("[{\"line\":2,\"column\":5,\"message\":\"no\"}]")};
static const struct events_result refused = {.outcome = EVENTS_UNCONFIRMED,
                                             .text = TEXT("no topic")};

static void *fake_start(const struct events_place *place)
{
    ck_assert_uint_eq(place->max_event_bytes, 77);
    return &fake;
}

static const struct events_result *answer_to(struct slice body)
{
    if (slice_equals(body, SLICE("bad")))
        return &invalid;
    if (slice_equals(body, SLICE("away")))
        return &given_up;
    return slice_equals(body, SLICE("nowhere")) ? &refused : &sent;
}

static void fake_submit(void *sender, struct slice body, events_done *done, void *opaque)
{
    ck_assert_ptr_eq(sender, &fake);
    pthread_mutex_lock(&fake.mutex);
    fake.submitted++;
    snprintf(fake.last, sizeof(fake.last), "%.*s", SLICE_ARG(body));
    bool is_kept = slice_equals(body, SLICE("hold"));
    if (is_kept) {
        fake.done[fake.kept] = done;
        fake.opaque[fake.kept++] = opaque;
    }
    pthread_mutex_unlock(&fake.mutex);
    if (!is_kept)
        done(opaque, answer_to(body));
}

static void answer_kept(const struct events_result *result)
{
    pthread_mutex_lock(&fake.mutex);
    for (unsigned i = 0; i < fake.kept; i++)
        fake.done[i](fake.opaque[i], result);
    fake.kept = 0;
    pthread_mutex_unlock(&fake.mutex);
}

static void fake_stop(void *sender)
{
    ck_assert_ptr_eq(sender, &fake);
    fake.stopped++;
    answer_kept(&given_up);
}

static const struct events_sender fake_sender = {fake_start, fake_submit, fake_stop};

static void start_http(const struct events_sender *sender)
{
    struct http_settings settings = {.host = "127.0.0.1",
                                     .token = "hunter2",
                                     .events = sender,
                                     .place = {.max_event_bytes = 77}};
    struct error err = ERROR_INIT;

    http = http_start(&settings, &view, &err);
    ck_assert_msg(http != NULL, "%s", err.text);
}

static void setup(void)
{
    struct buffer report;

    log_configure(LOG_LEVEL_OFF, LOG_FORMAT_TEXT, STDERR_FILENO);
    rules_folder_init(&folder);
    rules_folder_write(&folder, "a.json", RULES_ONE("one", "", "k:{pk}"));
    handle = rules_handle_new();
    reload = reload_new(folder.settings, handle);
    view = (struct metrics_view){.reload = reload};
    buffer_init(&report);
    ck_assert(reload_now(reload, "start", &report));
    buffer_release(&report);
    start_http(&fake_sender);
}

static void teardown(void)
{
    http_stop(http);
    reload_free(reload);
    rules_handle_free(handle);
    rules_folder_release(&folder);
}

/* Sends a request; its answer is read by hear(). */
static int say(const char *head, struct slice body)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_port(http)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct buffer text;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    buffer_init(&text);
    buffer_printf(&text, "%s\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", head,
                  body.len);
    buffer_add(&text, body);
    for (size_t at = 0; at < text.len;) {
        ssize_t part = send(fd, text.ptr + at, text.len - at, MSG_NOSIGNAL);
        if (part <= 0)
            break;
        at += (size_t)part;
    }
    buffer_release(&text);
    return fd;
}

static int hear(int fd, struct buffer *out)
{
    ssize_t got;
    int status = 0;

    buffer_clear(out);
    while ((got = recv(fd, buffer_reserve(out, 4096), 4096, 0)) > 0)
        out->len += (size_t)got;
    out->ptr[out->len] = '\0';
    close(fd);
    ck_assert_msg(sscanf(out->ptr, "HTTP/1.1 %d", &status) == 1, "%s", out->ptr);
    return status;
}

#define POST "POST /api/events HTTP/1.1"
#define TOKEN "\r\nAuthorization: Bearer hunter2"

static const struct {
    const char *head, *body;
    int status;
    const char *contains;
} requests[] = {
    {POST TOKEN, "{}\n{}", 200, "\r\n\r\n{\"sent\":2}\n"},
    {POST TOKEN, "", 200, "{\"sent\":2}\n"},
    {POST TOKEN, "bad", 400,
     "{\"error\":\"nothing sent: 1 of 2 events is invalid\",\"invalid\":[{\"line\":2,\"column\":5,"
     "\"message\":\"no\"}]}\n"},
    {POST TOKEN, "away", 503,
     "{\"error\":\"Kafka is \\\"away\\\" (2 of 3 not confirmed: they may still arrive, events come "
     "at least once)\",\"sent\":1,\"unconfirmed\":2}\n"},
    {POST TOKEN, "nowhere", 503, "{\"error\":\"no topic\",\"sent\":0,\"unconfirmed\":0}\n"},
    {POST, "{}", 401, "WWW-Authenticate: Bearer\r\n"},
    {POST "\r\nAuthorization: Bearer hunter", "{}", 401, "the token is missing or wrong"},
    {POST "\r\nAuthorization: Basic hunter2", "{}", 401, "the token is missing or wrong"},
    {"GET /api/events HTTP/1.1" TOKEN, "", 405, "Allow: POST"},
    {"PUT /api/events HTTP/1.1" TOKEN, "{}", 405, "Allow: POST"},
    {"POST /api/event HTTP/1.1" TOKEN, "{}", 404, "no such path"},
};

START_TEST(answers)
{
    struct buffer out;

    buffer_init(&out);
    fake.submitted = 0;
    int status = hear(say(requests[_i].head, slice_of(requests[_i].body)), &out);
    ck_assert_int_eq(status, requests[_i].status);
    ck_assert_msg(strstr(out.ptr, requests[_i].contains) != NULL, "%s", out.ptr);
    bool may_send = status == 200 || status == 400 || status == 503;
    ck_assert_uint_eq(fake.submitted, may_send ? 1 : 0);
    if (may_send)
        ck_assert_str_eq(fake.last, requests[_i].body);
    buffer_release(&out);
}
END_TEST

START_TEST(without_a_token_nobody_may)
{
    struct buffer out;

    buffer_init(&out);
    http_set_token(http, NULL);
    ck_assert_int_eq(hear(say(POST TOKEN, SLICE("{}")), &out), 403);
    ck_assert_int_eq(hear(say(POST "\r\nAuthorization: Bearer ", SLICE("{}")), &out), 403);
    buffer_release(&out);
}
END_TEST

START_TEST(without_a_sender_it_is_not_there)
{
    struct buffer out;

    buffer_init(&out);
    http_stop(http);
    start_http(NULL);
    ck_assert_int_eq(hear(say(POST TOKEN, SLICE("{}")), &out), 404);
    buffer_release(&out);
}
END_TEST

START_TEST(a_body_of_more_than_a_mebibyte_is_refused)
{
    size_t bytes = (1 << 20) + 1;
    char *body = calloc(1, bytes);
    struct buffer out;

    ck_assert_ptr_nonnull(body);
    memset(body, ' ', bytes);
    buffer_init(&out);
    fake.submitted = 0;
    ck_assert_int_eq(hear(say(POST TOKEN, (struct slice){body, bytes}), &out), 413);
    ck_assert_uint_eq(fake.submitted, 0);
    ck_assert_int_eq(hear(say(POST TOKEN, (struct slice){body, 1 << 20}), &out), 200);
    buffer_release(&out);
    free(body);
}
END_TEST

static void wait_kept(unsigned nr)
{
    for (int i = 0; i < 5000; i++) {
        pthread_mutex_lock(&fake.mutex);
        bool is_there = fake.kept == nr;
        pthread_mutex_unlock(&fake.mutex);
        if (is_there)
            return;
        usleep(1000);
    }
    ck_abort_msg("not %u requests are waiting", nr);
}

START_TEST(others_are_served_while_one_waits)
{
    int waiting = say(POST TOKEN, SLICE("hold"));
    struct buffer out;

    buffer_init(&out);
    wait_kept(1);
    ck_assert_int_eq(hear(say("GET /healthz HTTP/1.1", SLICE("")), &out), 200);
    ck_assert_int_eq(hear(say(POST TOKEN, SLICE("{}")), &out), 200);
    answer_kept(&sent);
    ck_assert_int_eq(hear(waiting, &out), 200);
    ck_assert_ptr_nonnull(strstr(out.ptr, "{\"sent\":2}"));
    buffer_release(&out);
}
END_TEST

START_TEST(a_client_that_left_does_no_harm)
{
    struct buffer out;

    buffer_init(&out);
    close(say(POST TOKEN, SLICE("hold")));
    wait_kept(1);
    answer_kept(&sent);
    ck_assert_int_eq(hear(say(POST TOKEN, SLICE("{}")), &out), 200);
    buffer_release(&out);
}
END_TEST

START_TEST(no_more_wait_than_may)
{
    int waiting[API_EVENTS_WAITING];
    struct buffer out;

    buffer_init(&out);
    for (unsigned i = 0; i < API_EVENTS_WAITING; i++)
        waiting[i] = say(POST TOKEN, SLICE("hold"));
    wait_kept(API_EVENTS_WAITING);
    ck_assert_int_eq(hear(say(POST TOKEN, SLICE("{}")), &out), 503);
    ck_assert_ptr_nonnull(strstr(out.ptr, "too many requests are waiting for Kafka"));
    ck_assert_int_eq(hear(say("GET /healthz HTTP/1.1", SLICE("")), &out), 200);
    answer_kept(&sent);
    for (unsigned i = 0; i < API_EVENTS_WAITING; i++)
        ck_assert_int_eq(hear(waiting[i], &out), 200);
    ck_assert_int_eq(hear(say(POST TOKEN, SLICE("{}")), &out), 200);
    buffer_release(&out);
}
END_TEST

START_TEST(who_waits_is_answered_at_the_end)
{
    int waiting[3];
    struct buffer out;

    buffer_init(&out);
    for (int i = 0; i < 3; i++)
        waiting[i] = say(POST TOKEN, SLICE("hold"));
    wait_kept(3);
    fake.stopped = 0;
    http_stop(http);
    http = NULL;
    ck_assert_uint_eq(fake.stopped, 1);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(hear(waiting[i], &out), 503);
        ck_assert_ptr_nonnull(strstr(out.ptr, "\"unconfirmed\":2"));
    }
    buffer_release(&out);
}
END_TEST

static Suite *api_events_suite(void)
{
    Suite *suite = suite_create("api_events");
    TCase *tcase = tcase_create("api_events");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, answers, 0, ARRAY_NR(requests));
    tcase_add_test(tcase, without_a_token_nobody_may);
    tcase_add_test(tcase, without_a_sender_it_is_not_there);
    tcase_add_test(tcase, a_body_of_more_than_a_mebibyte_is_refused);
    tcase_add_test(tcase, others_are_served_while_one_waits);
    tcase_add_test(tcase, a_client_that_left_does_no_harm);
    tcase_add_test(tcase, no_more_wait_than_may);
    tcase_add_test(tcase, who_waits_is_answered_at_the_end);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(api_events_suite)
