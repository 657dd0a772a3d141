#include "consumers/service/api_events.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "consumers/base/alloc.h"

enum { ANSWERING_SECONDS = 2 };

struct api_events {
    const struct events_sender *type;
    void *sender;
    pthread_mutex_t mutex; /* guards what follows, and that one submit runs at a time */
    pthread_cond_t fewer;
    unsigned waiting; /* calls that were submitted and not freed yet */
    bool is_stopping;
};

struct api_events_call {
    struct api_events *api;
    struct MHD_Connection *connection;
    struct buffer body;
    bool was_submitted;
    pthread_mutex_t mutex; /* guards what follows: the answer may come from another thread */
    bool is_ready, is_suspended;
    unsigned status;
    struct buffer answer;
};

/* ---- answers ---- */

static void print_error(struct api_events_call *call, unsigned status, struct slice error)
{
    call->status = status;
    buffer_add_text(&call->answer, "{\"error\":");
    buffer_add_json_string(&call->answer, error);
}

static void print_invalid(struct api_events_call *call, const struct events_result *result)
{
    struct buffer error;

    buffer_init(&error);
    buffer_printf(&error, "nothing sent: %zu of %zu event%s %s invalid", result->invalid,
                  result->total, result->total == 1 ? "" : "s",
                  result->invalid == 1 ? "is" : "are");
    print_error(call, MHD_HTTP_BAD_REQUEST, buffer_slice(&error));
    buffer_add_text(&call->answer, ",\"invalid\":");
    buffer_add(&call->answer, result->text);
    buffer_add_text(&call->answer, "}\n");
    buffer_release(&error);
}

static void print_unconfirmed(struct api_events_call *call, const struct events_result *result)
{
    struct buffer error;

    buffer_init(&error);
    buffer_add(&error, result->text);
    if (result->total > 0)
        buffer_printf(&error,
                      " (%zu of %zu not confirmed: they may still arrive, events come at least "
                      "once)",
                      result->total - result->sent, result->total);
    print_error(call, MHD_HTTP_SERVICE_UNAVAILABLE, buffer_slice(&error));
    buffer_printf(&call->answer, ",\"sent\":%zu,\"unconfirmed\":%zu}\n", result->sent,
                  result->total - result->sent);
    buffer_release(&error);
}

static void print_result(struct api_events_call *call, const struct events_result *result)
{
    switch (result->outcome) {
    case EVENTS_SENT:
        call->status = MHD_HTTP_OK;
        buffer_printf(&call->answer, "{\"sent\":%zu}\n", result->sent);
        return;
    case EVENTS_INVALID:
        print_invalid(call, result);
        return;
    case EVENTS_UNCONFIRMED:
        break;
    }
    print_unconfirmed(call, result);
}

/* Once the connection goes on, the call may be freed by the server's thread. */
static void on_done(void *opaque, const struct events_result *result)
{
    struct api_events_call *call = opaque;
    struct MHD_Connection *connection = call->connection;

    pthread_mutex_lock(&call->mutex);
    print_result(call, result);
    call->is_ready = true;
    bool is_suspended = call->is_suspended;
    pthread_mutex_unlock(&call->mutex);
    if (is_suspended)
        MHD_resume_connection(connection);
}

/* ---- the endpoint ---- */

struct api_events *api_events_new(const struct events_sender *sender,
                                  const struct events_place *place)
{
    struct api_events *api = alloc_zero(1, sizeof(*api));
    pthread_condattr_t attributes;

    api->type = sender;
    api->sender = sender->start(place);
    pthread_mutex_init(&api->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&api->fewer, &attributes);
    pthread_condattr_destroy(&attributes);
    return api;
}

void api_events_stop(struct api_events *api)
{
    struct timespec until;

    pthread_mutex_lock(&api->mutex);
    api->is_stopping = true;
    pthread_mutex_unlock(&api->mutex);
    api->type->stop(api->sender);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ANSWERING_SECONDS;
    pthread_mutex_lock(&api->mutex);
    while (api->waiting > 0 && pthread_cond_timedwait(&api->fewer, &api->mutex, &until) == 0)
        ;
    pthread_mutex_unlock(&api->mutex);
}

void api_events_free(struct api_events *api)
{
    if (!api)
        return;
    pthread_cond_destroy(&api->fewer);
    pthread_mutex_destroy(&api->mutex);
    free(api);
}

/* ---- one request ---- */

struct api_events_call *api_events_call_new(struct api_events *api,
                                            struct MHD_Connection *connection)
{
    struct api_events_call *call = alloc_zero(1, sizeof(*call));

    call->api = api;
    call->connection = connection;
    buffer_init(&call->body);
    buffer_init(&call->answer);
    pthread_mutex_init(&call->mutex, NULL);
    return call;
}

void api_events_call_add(struct api_events_call *call, const char *bytes, size_t nr)
{
    buffer_add(&call->body, (struct slice){bytes, nr});
}

static const char *why_not_now(const struct api_events *api)
{
    if (api->is_stopping)
        return "the service is stopping";
    return api->waiting >= API_EVENTS_WAITING ? "too many requests are waiting for Kafka" : NULL;
}

static void submit(struct api_events_call *call)
{
    struct api_events *api = call->api;

    pthread_mutex_lock(&api->mutex);
    const char *why = why_not_now(api);
    if (!why) {
        api->waiting++;
        call->was_submitted = true;
        api->type->submit(api->sender, buffer_slice(&call->body), on_done, call);
    }
    pthread_mutex_unlock(&api->mutex);
    if (!why)
        return;
    print_error(call, MHD_HTTP_SERVICE_UNAVAILABLE, slice_of(why));
    buffer_add_text(&call->answer, ",\"sent\":0}\n");
    call->is_ready = true;
}

bool api_events_call_answer(struct api_events_call *call, unsigned *status, struct buffer *body)
{
    if (!call->was_submitted)
        submit(call);
    pthread_mutex_lock(&call->mutex);
    bool is_ready = call->is_ready;
    if (is_ready) {
        *status = call->status;
        buffer_add(body, buffer_slice(&call->answer));
    } else {
        call->is_suspended = true;
        MHD_suspend_connection(call->connection);
    }
    pthread_mutex_unlock(&call->mutex);
    return is_ready;
}

void api_events_call_free(struct api_events_call *call)
{
    if (!call)
        return;
    if (call->was_submitted) {
        pthread_mutex_lock(&call->api->mutex);
        call->api->waiting--;
        pthread_cond_signal(&call->api->fewer);
        pthread_mutex_unlock(&call->api->mutex);
    }
    buffer_release(&call->body);
    buffer_release(&call->answer);
    pthread_mutex_destroy(&call->mutex);
    free(call);
}
