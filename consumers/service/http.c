#include "consumers/service/http.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/base/decimal.h"
#include "consumers/base/log.h"
#include "consumers/service/api_purges.h"
#include "consumers/service/api_status.h"
#include "consumers/service/api_tail.h"
#include "consumers/service/console.h"
#include "consumers/service/health.h"
#include "consumers/service/http_clients.h"

enum {
    IDLE_SECONDS = 10,
    CONNECTION_MEMORY_BYTES = 32 << 10,
    BODY_MAX_BYTES = 1 << 20,
    BODY_READ_BYTES = 8 << 20, /* so much of a body too large is read for a polite answer */
    HTTP_UNPROCESSABLE = 422   /* RFC 9110; libmicrohttpd renamed its constant */
};

struct http {
    struct MHD_Daemon *daemon;
    const struct metrics_view *view;
    struct api_events *events; /* NULL: none */
    struct api_tail *tail;     /* NULL: none */
    struct http_clients *clients;
    pthread_mutex_t mutex; /* guards token */
    char *token;
};

/* One request on its way; MHD calls the handler several times for it. */
struct request {
    size_t body_bytes;
    struct api_events_call *events; /* NULL: it is about something else, or not allowed to */
    struct api_tail_call *tail;     /* the same */
};

struct answer {
    const char *path; /* that was asked for */
    bool is_trusted;  /* the token came with it */
    unsigned status;
    const char *type;
    const char *allow;                 /* of a 405 */
    const char *challenge;             /* of a 401 */
    char policy[CONSOLE_POLICY_BYTES]; /* "": none */
    struct buffer body;
};

typedef void (*route_handler)(struct http *http, struct answer *answer);

static const char plain_text[] = "text/plain; charset=utf-8";
static const char json_text[] = "application/json";
static const char events_path[] = "/api/events";
static const char tail_path[] = "/api/tail";

static void answer_json_error(struct answer *answer, unsigned status, const char *error)
{
    answer->status = status;
    answer->type = json_text;
    buffer_clear(&answer->body);
    buffer_add_text(&answer->body, "{\"error\":");
    buffer_add_json_string(&answer->body, slice_of(error));
    buffer_add_text(&answer->body, "}\n");
}

static void get_healthz(struct http *http, struct answer *answer)
{
    if (health_is_alive(http->view, clock_steady_ms()))
        buffer_add_text(&answer->body, "ok\n");
    else
        answer_json_error(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "a pipeline is stuck");
}

static void get_readyz(struct http *http, struct answer *answer)
{
    answer->type = json_text;
    if (!health_is_ready(http->view, &answer->body))
        answer->status = MHD_HTTP_SERVICE_UNAVAILABLE;
}

static void get_metrics(struct http *http, struct answer *answer)
{
    answer->type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_print(http->view, &answer->body);
}

static void get_status(struct http *http, struct answer *answer)
{
    answer->type = json_text;
    api_status_print(http->view, &answer->body);
}

static void get_console(struct http *http, struct answer *answer)
{
    (void)http;
    answer->type = "text/html; charset=utf-8";
    if (!console_print(&answer->body, answer->policy))
        answer_json_error(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "no random numbers to be had");
}

static void post_reload(struct http *http, struct answer *answer)
{
    struct buffer report;
    buffer_init(&report);
    bool ok = reload_now(http->view->reload, "http", &report);
    answer->status = ok ? MHD_HTTP_OK : HTTP_UNPROCESSABLE;
    answer->type = json_text;
    buffer_printf(&answer->body, "{\"reloaded\":%s,\"diagnostics\":", ok ? "true" : "false");
    reload_diagnostics_json(http->view->reload, &answer->body);
    buffer_add_text(&answer->body, "}\n");
    buffer_release(&report);
}

/* It is allowed to: then answer_request() has the call answer. */
static void post_events(struct http *http, struct answer *answer)
{
    (void)http;
    answer_json_error(answer, MHD_HTTP_NOT_FOUND, "this process takes no events");
}

/* The same. */
static void get_tail(struct http *http, struct answer *answer)
{
    (void)http;
    answer_json_error(answer, MHD_HTTP_NOT_FOUND, "this process shows no events");
}

static void get_purges(struct http *http, struct answer *answer)
{
    answer->type = json_text;
    api_purges_print(http->view, answer->is_trusted, &answer->body);
}

static void post_purges(struct http *http, struct answer *answer)
{
    struct slice rest = slice_of(answer->path + sizeof(API_PURGES_PATH) - 1);
    answer->type = json_text;
    if (!api_purges_cancel(http->view, rest, &answer->body))
        answer_json_error(answer, MHD_HTTP_NOT_FOUND, "no such purge: it may have come round");
}

static const struct route {
    const char *method, *path; /* a `*` at the end: whatever begins so */
    bool needs_token;
    bool tells_wrong; /* a wrong token is a 401 */
    route_handler handle;
} routes[] = {
    {"GET", "/", false, false, get_console},
    {"GET", "/api/status", false, false, get_status},
    {"GET", "/healthz", false, false, get_healthz},
    {"GET", "/readyz", false, false, get_readyz},
    {"GET", "/metrics", false, false, get_metrics},
    {"POST", "/-/reload", true, false, post_reload},
    {"POST", events_path, true, true, post_events},
    {"GET", tail_path, true, true, get_tail},
    {"GET", API_PURGES_PATH, false, false, get_purges},
    {"POST", API_PURGES_PATH "/*", true, false, post_purges},
};

/* Compares in a time that does not tell how much was right. */
static bool equals_secret(const char *given, const char *secret)
{
    size_t given_len = strlen(given), secret_len = strlen(secret);
    unsigned char difference = given_len != secret_len;
    for (size_t i = 0; i < given_len; i++)
        difference |= (unsigned char)(given[i] ^ secret[secret_len ? i % secret_len : 0]);
    return difference == 0;
}

static bool is_allowed(struct http *http, struct MHD_Connection *connection)
{
    static const char scheme[] = "Bearer ";
    const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    pthread_mutex_lock(&http->mutex);
    bool allowed = given && http->token && http->token[0] &&
                   strncmp(given, scheme, sizeof(scheme) - 1) == 0 &&
                   equals_secret(given + sizeof(scheme) - 1, http->token);
    pthread_mutex_unlock(&http->mutex);
    return allowed;
}

static bool method_fits(const struct route *route, const char *method)
{
    bool is_head = strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0;
    return is_head || strcmp(method, route->method) == 0;
}

static bool path_fits(const struct route *route, const char *path)
{
    size_t len = strlen(route->path);
    return route->path[len - 1] == '*' ? strncmp(path, route->path, len - 1) == 0
                                       : strcmp(path, route->path) == 0;
}

static bool has_token(struct http *http)
{
    pthread_mutex_lock(&http->mutex);
    bool has = http->token && http->token[0];
    pthread_mutex_unlock(&http->mutex);
    return has;
}

static void answer_denied(struct http *http, bool tells_wrong, struct answer *answer)
{
    if (!tells_wrong || !has_token(http)) {
        answer_json_error(answer, MHD_HTTP_FORBIDDEN,
                          "needs Authorization: Bearer TOKEN, and http.token to be set");
        return;
    }
    answer_json_error(answer, MHD_HTTP_UNAUTHORIZED, "the token is missing or wrong");
    answer->challenge = "Bearer";
}

static void answer_route(struct http *http, struct MHD_Connection *connection, const char *method,
                         const char *path, struct answer *answer)
{
    answer->path = path;
    answer->is_trusted = is_allowed(http, connection);
    for (size_t i = 0; i < ARRAY_NR(routes); i++) {
        const struct route *route = &routes[i];
        if (!path_fits(route, path))
            continue;
        if (!method_fits(route, method)) {
            answer->allow = route->method;
            answer_json_error(answer, MHD_HTTP_METHOD_NOT_ALLOWED, "method not allowed");
        } else if (route->needs_token && !answer->is_trusted) {
            answer_denied(http, route->tells_wrong, answer);
        } else {
            route->handle(http, answer);
        }
        return;
    }
    answer_json_error(answer, MHD_HTTP_NOT_FOUND,
                      "no such path; there are /, /healthz, /readyz, /metrics, /-/reload, "
                      "/api/status, /api/events, /api/tail and " API_PURGES_PATH);
}

static struct http_client *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* The response takes the body's memory. */
static enum MHD_Result send_answer(struct MHD_Connection *connection, struct answer *answer)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->body.len, answer->body.ptr, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        buffer_release(&answer->body);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", answer->type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    if (answer->policy[0])
        MHD_add_response_header(response, "Content-Security-Policy", answer->policy);
    if (answer->allow)
        MHD_add_response_header(response, "Allow", answer->allow);
    if (answer->challenge)
        MHD_add_response_header(response, "WWW-Authenticate", answer->challenge);
    enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    http_client_goes_on(client_of(connection));
    MHD_destroy_response(response);
    return result;
}

static struct request *begin_request(struct http *http, struct MHD_Connection *connection,
                                     const char *method, const char *path)
{
    struct request *request = alloc_zero(1, sizeof(*request));

    bool is_events = strcmp(path, events_path) == 0 && strcmp(method, "POST") == 0;
    bool is_tail = strcmp(path, tail_path) == 0 && strcmp(method, "GET") == 0;
    if (!(is_events || is_tail) || !is_allowed(http, connection))
        return request;
    if (is_events && http->events)
        request->events = api_events_call_new(http->events, connection);
    if (is_tail && http->tail)
        request->tail = api_tail_call_new(http->tail, connection);
    return request;
}

/* Said before it comes, so that nobody need read it. */
static bool announces_too_much(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    uint64_t bytes;
    return length && (!decimal_to_uint64(slice_of(length), &bytes) || bytes > BODY_READ_BYTES);
}

static enum MHD_Result refuse_body(struct MHD_Connection *connection)
{
    struct answer answer = {.type = plain_text};
    buffer_init(&answer.body);
    answer_json_error(&answer, MHD_HTTP_CONTENT_TOO_LARGE, "the body is larger than 1 MiB");
    return send_answer(connection, &answer);
}

static void take_body(struct request *request, const char *bytes, size_t nr)
{
    request->body_bytes += nr;
    if (request->events && request->body_bytes <= BODY_MAX_BYTES)
        api_events_call_add(request->events, bytes, nr);
}

/* False: the answer comes later. */
static bool answer_call(struct request *request, struct answer *answer)
{
    answer->type = json_text;
    if (request->tail)
        return api_tail_call_answer(request->tail, &answer->status, &answer->body);
    return api_events_call_answer(request->events, &answer->status, &answer->body);
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd says what it is called with. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **state)
{
    (void)version;
    if (!*state) {
        *state = begin_request(context, connection, method, url);
        return announces_too_much(connection) ? refuse_body(connection) : MHD_YES;
    }
    struct request *request = *state;
    if (*upload_bytes > 0) {
        take_body(request, upload, *upload_bytes);
        *upload_bytes = 0;
        return request->body_bytes > BODY_READ_BYTES ? MHD_NO : MHD_YES;
    }
    if (request->body_bytes > BODY_MAX_BYTES)
        return refuse_body(connection);
    struct answer answer = {.status = MHD_HTTP_OK, .type = plain_text};
    buffer_init(&answer.body);
    http_client_is_served(client_of(connection));
    if (!request->events && !request->tail) {
        answer_route(context, connection, method, url, &answer);
    } else if (!answer_call(request, &answer)) {
        buffer_release(&answer.body);
        return MHD_YES;
    }
    return send_answer(connection, &answer);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libmicrohttpd says what it is called with. */
static void on_connection(void *context, struct MHD_Connection *connection, void **client,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http *http = context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        http_client_remove(*client);
        return;
    }
    const union MHD_ConnectionInfo *socket =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *address =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (socket && address && address->client_addr)
        *client = http_clients_add(http->clients, socket->connect_fd, address->client_addr);
}

void http_look(struct http *http)
{
    size_t late = http_clients_cut(http->clients, clock_steady_ms());
    if (late > 0)
        log_warn("http clients took too long: closed", LOG_INT("clients", (int64_t)late));
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
    (void)context;
    (void)why;
    struct request *request = *state;
    http_client_goes_on(client_of(connection));
    if (request) {
        api_events_call_free(request->events);
        api_tail_call_free(request->tail);
    }
    free(request);
    *state = NULL;
}

/* Text ends at a NUL, so what holds one would pass for what stands before it: it stays escaped. */
static size_t unescape(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strstr(text, "%00") ? strlen(text) : MHD_http_unescape(text);
}

static bool resolve(const struct http_settings *settings, struct sockaddr_storage *address,
                    struct error *err)
{
    char port[16];
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    snprintf(port, sizeof(port), "%d", settings->port);
    const char *host = settings->host[0] ? settings->host : NULL;
    int status = getaddrinfo(host, port, &hints, &found);
    if (status != 0)
        return error_fail(err, ERROR_CONFIG, "http.listen: host \"%s\": %s", settings->host,
                          gai_strerror(status));
    memcpy(address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

struct http *http_start(const struct http_settings *settings, const struct metrics_view *view,
                        struct error *err)
{
    struct sockaddr_storage address = {0};
    if (!resolve(settings, &address, err))
        return NULL;
    struct http *http = alloc_zero(1, sizeof(*http));
    http->view = view;
    http->clients = http_clients_new();
    pthread_mutex_init(&http->mutex, NULL);
    http_set_token(http, settings->token);
    if (settings->events)
        http->events = api_events_new(settings->events, &settings->place);
    if (settings->tail)
        http->tail = api_tail_new(settings->tail);
    unsigned flags =
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | (unsigned)MHD_ALLOW_SUSPEND_RESUME;
    flags |= address.ss_family == AF_INET6 ? MHD_USE_IPv6 : 0;
    http->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, http, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CLIENTS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, http, MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_END);
    if (http->daemon)
        return http;
    error_fail(err, ERROR_CONFIG, "http.listen: cannot listen on %s:%d (is the port taken?)",
               settings->host, settings->port);
    http_stop(http);
    return NULL;
}

int http_port(const struct http *http)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

void http_set_token(struct http *http, const char *token)
{
    pthread_mutex_lock(&http->mutex);
    free(http->token);
    http->token = token ? alloc_text(token) : NULL;
    pthread_mutex_unlock(&http->mutex);
}

void http_stop(struct http *http)
{
    if (!http)
        return;
    if (http->events)
        api_events_stop(http->events);
    if (http->tail)
        api_tail_stop(http->tail);
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    api_events_free(http->events);
    api_tail_free(http->tail);
    http_clients_free(http->clients);
    pthread_mutex_destroy(&http->mutex);
    free(http->token);
    free(http);
}

const char *http_library_version(void)
{
    return MHD_get_version();
}
