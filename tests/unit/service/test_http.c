#include "consumers/service/http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "consumers/base/compiler.h"
#include "consumers/base/log.h"
#include "tests/unit/check_main.h"
#include "tests/unit/service/rules_folder.h"

static struct rules_folder folder;
static struct rules_handle *handle;
static struct reload *reload;
static struct metrics_view view;
static struct http *http;

static void setup(void)
{
    struct http_settings settings = {.host = "127.0.0.1", .port = 0, .token = "hunter2"};
    struct error err = ERROR_INIT;
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
    http = http_start(&settings, &view, &err);
    ck_assert_msg(http != NULL, "%s", err.text);
}

static void teardown(void)
{
    http_stop(http);
    reload_free(reload);
    rules_handle_free(handle);
    rules_folder_release(&folder);
}

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_port(http)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* Sends the request line and headers (without their last line break); the whole answer into out. */
static int ask_with(const char *head, struct slice body, struct buffer *out)
{
    struct buffer text;
    ssize_t got;
    int fd = dial(), status = 0;

    buffer_init(&text);
    buffer_printf(&text, "%s\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", head,
                  body.len);
    buffer_add(&text, body);
    for (size_t sent = 0; sent < text.len;) {
        ssize_t part = send(fd, text.ptr + sent, text.len - sent, MSG_NOSIGNAL);
        if (part <= 0)
            break;
        sent += (size_t)part;
    }
    while ((got = recv(fd, buffer_reserve(out, 4096), 4096, 0)) > 0)
        out->len += (size_t)got;
    out->ptr[out->len] = '\0';
    close(fd);
    buffer_release(&text);
    ck_assert_msg(sscanf(out->ptr, "HTTP/1.1 %d", &status) == 1, "%s", out->ptr);
    return status;
}

static const struct {
    const char *head;
    int status;
    const char *contains;
} requests[] = {
    {"GET /healthz HTTP/1.1", 200, "ok\n"},
    {"HEAD /healthz HTTP/1.1", 200, "Content-Length: 3"},
    {"GET /healthz?verbose=1 HTTP/1.1", 200, "ok\n"},
    {"GET /readyz HTTP/1.1", 200, "{\"ready\":true}"},
    {"GET /metrics HTTP/1.1", 200, "Content-Type: text/plain; version=0.0.4"},
    {"GET /metrics HTTP/1.1", 200, "\nunstale_rules_last_reload_successful 1\n"},
    {"POST /healthz HTTP/1.1", 405, "Allow: GET"},
    {"GET /-/reload HTTP/1.1", 405, "Allow: POST"},
    {"GET /healthzz HTTP/1.1", 404, "no such path"},
    {"GET /../etc/passwd HTTP/1.1", 404, "no such path"},
    {"POST /-/reload HTTP/1.1", 403, "Authorization: Bearer TOKEN"},
    {"GET / HTTP/1.1", 200, "Content-Security-Policy: default-src 'none'; script-src 'nonce-"},
    {"HEAD / HTTP/1.1", 200, "Content-Type: text/html"},
    {"POST / HTTP/1.1", 405, "Allow: GET"},
    {"GET /api/status HTTP/1.1", 200, "\"rules\":{\"hash\":\""},
    {"GET /api/tail HTTP/1.1", 401, "WWW-Authenticate: Bearer"},
    {"POST /api/tail HTTP/1.1", 405, "Allow: GET"},
    {"GET /api/tail HTTP/1.1\r\nAuthorization: Bearer hunter2", 404, "shows no events"},
    {"POST /-/reload HTTP/1.1\r\nAuthorization: Bearer hunter", 403, "Bearer"},
    {"POST /-/reload HTTP/1.1\r\nAuthorization: Bearer hunter22", 403, "Bearer"},
    {"POST /-/reload HTTP/1.1\r\nAuthorization: Bearer hunter2hunter2", 403, "Bearer"},
    {"POST /-/reload HTTP/1.1\r\nAuthorization: Bearer ", 403, "Bearer"},
    {"POST /-/reload HTTP/1.1\r\nAuthorization: Basic hunter2", 403, "Bearer"},
    {"POST /-/reload HTTP/1.1\r\nAuthorization: Bearer hunter2", 200, "{\"reloaded\":true"},
    {"GET /healthz HTTP/1.1\r\nOrigin: http://evil.example", 200, "Cache-Control: no-store"},
};

START_TEST(routes)
{
    struct buffer out;

    buffer_init(&out);
    ck_assert_int_eq(ask_with(requests[_i].head, SLICE(""), &out), requests[_i].status);
    ck_assert_msg(strstr(out.ptr, requests[_i].contains) != NULL, "%s", out.ptr);
    ck_assert_ptr_null(strstr(out.ptr, "Access-Control"));
    buffer_release(&out);
}
END_TEST

START_TEST(a_refused_reload_says_why)
{
    struct buffer out;

    buffer_init(&out);
    rules_folder_write(&folder, "a.json", "{\"version\":1,\"rlues\":[]}");
    ck_assert_int_eq(
        ask_with("POST /-/reload HTTP/1.1\r\nAuthorization: Bearer hunter2", SLICE(""), &out), 422);
    ck_assert_ptr_nonnull(strstr(out.ptr, "{\"reloaded\":false,\"diagnostics\":[{"));
    ck_assert_ptr_nonnull(strstr(out.ptr, "\"column\":14"));
    ck_assert_ptr_nonnull(strstr(out.ptr, "rlues"));
    ck_assert_uint_eq(rules_handle_generation(handle), 1);
    buffer_release(&out);
}
END_TEST

START_TEST(a_body_of_more_than_a_mebibyte_is_refused)
{
    size_t bytes = (1 << 20) + 1;
    char *body = calloc(1, bytes);
    struct buffer out;

    ck_assert_ptr_nonnull(body);
    buffer_init(&out);
    ck_assert_int_eq(ask_with("POST /-/reload HTTP/1.1\r\nAuthorization: Bearer hunter2",
                              (struct slice){body, bytes}, &out),
                     413);
    ck_assert_uint_eq(rules_handle_generation(handle), 1);
    buffer_clear(&out);
    ck_assert_int_eq(ask_with("POST /-/reload HTTP/1.1\r\nAuthorization: Bearer hunter2",
                              (struct slice){body, 1 << 20}, &out),
                     200);
    buffer_release(&out);
    free(body);
}
END_TEST

START_TEST(a_new_token_replaces_the_old_one)
{
    struct buffer out;

    buffer_init(&out);
    http_set_token(http, "another");
    ck_assert_int_eq(
        ask_with("POST /-/reload HTTP/1.1\r\nAuthorization: Bearer hunter2", SLICE(""), &out), 403);
    buffer_clear(&out);
    ck_assert_int_eq(
        ask_with("POST /-/reload HTTP/1.1\r\nAuthorization: Bearer another", SLICE(""), &out), 200);
    http_set_token(http, NULL);
    buffer_clear(&out);
    ck_assert_int_eq(ask_with("POST /-/reload HTTP/1.1\r\nAuthorization: Bearer ", SLICE(""), &out),
                     403);
    buffer_release(&out);
}
END_TEST

START_TEST(a_port_that_is_taken)
{
    struct http_settings settings = {.host = "127.0.0.1", .port = http_port(http)};
    struct error err = ERROR_INIT;

    ck_assert_ptr_null(http_start(&settings, &view, &err));
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.text, "is the port taken?"));
}
END_TEST

START_TEST(a_host_that_is_none)
{
    struct http_settings settings = {.host = "no.such.host.invalid", .port = 0};
    struct error err = ERROR_INIT;

    ck_assert_ptr_null(http_start(&settings, &view, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "no.such.host.invalid"));
}
END_TEST

static Suite *http_suite(void)
{
    Suite *suite = suite_create("http");
    TCase *tcase = tcase_create("http");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, routes, 0, ARRAY_NR(requests));
    tcase_add_test(tcase, a_refused_reload_says_why);
    tcase_add_test(tcase, a_body_of_more_than_a_mebibyte_is_refused);
    tcase_add_test(tcase, a_new_token_replaces_the_old_one);
    tcase_add_test(tcase, a_port_that_is_taken);
    tcase_add_test(tcase, a_host_that_is_none);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(http_suite)
