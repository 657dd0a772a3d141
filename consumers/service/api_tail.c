#include "consumers/service/api_tail.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"

enum { LOOK_EVERY_MS = 50, WAIT_MAX_S = 20, ANSWER_BYTES = 256 << 10 };

struct api_tail {
    struct tail *tail;
    pthread_t looker;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t change;
    struct api_tail_call *waiting; /* suspended calls */
    unsigned waiting_nr;
    bool is_watched, is_stopping;
};

struct api_tail_call {
    struct api_tail *api;
    struct MHD_Connection *connection;
    struct tail_filter filter; /* texts are the connection's */
    struct tail_cursor cursor;
    int64_t until_ms;
    const char *refusal;
    struct api_tail_call *next; /* that waits */
};

/* ---- the thread that looks ---- */

static void resume(struct api_tail *api, struct api_tail_call **link)
{
    struct api_tail_call *call = *link;

    *link = call->next;
    api->waiting_nr--;
    MHD_resume_connection(call->connection);
}

static void look(struct api_tail *api)
{
    int64_t now_ms = clock_steady_ms();

    for (struct api_tail_call **link = &api->waiting; *link;) {
        struct api_tail_call *call = *link;

        if (api->is_stopping || now_ms >= call->until_ms || tail_has_news(api->tail, &call->cursor))
            resume(api, link);
        else
            link = &call->next;
    }
    api->is_watched = tail_expire(api->tail, now_ms) > 0;
}

static void rest(struct api_tail *api)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_EVERY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&api->change, &api->mutex, &until);
}

static void *run(void *argument)
{
    struct api_tail *api = argument;

    pthread_mutex_lock(&api->mutex);
    while (!api->is_stopping) {
        if (api->is_watched)
            rest(api);
        else
            pthread_cond_wait(&api->change, &api->mutex);
        look(api);
    }
    pthread_mutex_unlock(&api->mutex);
    return NULL;
}

struct api_tail *api_tail_new(struct tail *tail)
{
    struct api_tail *api = alloc_zero(1, sizeof(*api));
    pthread_condattr_t attributes;

    api->tail = tail;
    pthread_mutex_init(&api->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&api->change, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&api->looker, NULL, run, api) == 0)
        return api;
    api->is_stopping = true; /* then every call is answered at once */
    return api;
}

void api_tail_stop(struct api_tail *api)
{
    pthread_mutex_lock(&api->mutex);
    bool has_thread = !api->is_stopping;
    api->is_stopping = true;
    pthread_cond_signal(&api->change);
    pthread_mutex_unlock(&api->mutex);
    if (has_thread)
        pthread_join(api->looker, NULL);
}

void api_tail_free(struct api_tail *api)
{
    if (!api)
        return;
    pthread_cond_destroy(&api->change);
    pthread_mutex_destroy(&api->mutex);
    free(api);
}

/* ---- one request ---- */

static const char *argument(const struct api_tail_call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, name);
}

/* An empty one is none. */
static void take_filter(struct api_tail_call *call, const char *name, struct slice *out)
{
    const char *text = argument(call, name);

    if (!text || !*text)
        return;
    *out = slice_of(text);
    if (out->len > TAIL_FILTER_BYTES)
        call->refusal = "model, rule and key have 512 bytes at most";
}

/* Hexadecimal digits and what ends them. */
static bool take_number(const char **text, char end, uint64_t *number)
{
    char *stop;

    *number = strtoull(*text, &stop, 16);
    if (stop == *text || *stop != end)
        return false;
    *text = stop + 1;
    return true;
}

static void take_cursor(struct api_tail_call *call)
{
    const char *text = argument(call, "cursor");
    struct tail_cursor *cursor = &call->cursor;

    if (!text || !*text)
        return;
    /* Its numbers may be any: what is no watch of now is as good as none. */
    if (!take_number(&text, '-', &cursor->watch) || !take_number(&text, '-', &cursor->line) ||
        !take_number(&text, '\0', &cursor->unseen))
        call->refusal = "that is no cursor";
}

static int64_t wait_of(const struct api_tail_call *call)
{
    const char *text = argument(call, "wait");
    long seconds = text ? strtol(text, NULL, 10) : 0;

    if (seconds < 0)
        seconds = 0;
    return (seconds > WAIT_MAX_S ? WAIT_MAX_S : seconds) * 1000;
}

struct api_tail_call *api_tail_call_new(struct api_tail *api, struct MHD_Connection *connection)
{
    struct api_tail_call *call = alloc_zero(1, sizeof(*call));

    call->api = api;
    call->connection = connection;
    take_filter(call, "model", &call->filter.model);
    take_filter(call, "rule", &call->filter.rule);
    take_filter(call, "key", &call->filter.key);
    take_cursor(call);
    call->until_ms = clock_steady_ms() + wait_of(call);
    return call;
}

static bool refuse(unsigned status, const char *why, unsigned *out_status, struct buffer *body)
{
    *out_status = status;
    buffer_clear(body);
    buffer_printf(body, "{\"error\":\"%s\"}\n", why);
    return true;
}

/* Sets the call aside unless it is to be answered now. */
static bool suspend(struct api_tail_call *call)
{
    struct api_tail *api = call->api;

    pthread_mutex_lock(&api->mutex);
    bool may_wait = !api->is_stopping && api->waiting_nr < API_TAIL_WAITING &&
                    clock_steady_ms() < call->until_ms;
    if (may_wait) {
        call->next = api->waiting;
        api->waiting = call;
        api->waiting_nr++;
        MHD_suspend_connection(call->connection);
    }
    pthread_mutex_unlock(&api->mutex);
    return may_wait;
}

/* A read may have begun a watch: the thread sees to its end. */
static void wake_looker(struct api_tail *api)
{
    pthread_mutex_lock(&api->mutex);
    if (!api->is_watched) {
        api->is_watched = true;
        pthread_cond_signal(&api->change);
    }
    pthread_mutex_unlock(&api->mutex);
}

static void print_page(const struct tail_page *page, struct slice events, struct buffer *body)
{
    const struct tail_cursor *cursor = &page->cursor;

    buffer_printf(body,
                  "{\"cursor\":\"%" PRIx64 "-%" PRIx64 "-%" PRIx64
                  "\",\"broken\":%s,\"missed\":%" PRIu64 ",\"unseen\":%" PRIu64 ",\"events\":[",
                  cursor->watch, cursor->line, cursor->unseen, page->is_broken ? "true" : "false",
                  page->missed, page->unseen);
    buffer_add(body, events);
    buffer_add_text(body, "]}\n");
}

bool api_tail_call_answer(struct api_tail_call *call, unsigned *status, struct buffer *body)
{
    struct tail_page page = {.cursor = call->cursor};
    struct buffer events;

    if (call->refusal)
        return refuse(MHD_HTTP_BAD_REQUEST, call->refusal, status, body);
    buffer_init(&events);
    bool is_read = tail_read(call->api->tail, &call->filter, &page, ANSWER_BYTES, &events);
    wake_looker(call->api);
    /* Whoever has no cursor gets one at once: what comes next is then not missed. */
    bool is_idle = is_read && call->cursor.watch && !page.is_broken && events.len == 0;
    bool is_answered = !(is_idle && suspend(call));
    if (is_read && is_answered) {
        *status = MHD_HTTP_OK;
        print_page(&page, buffer_slice(&events), body);
    }
    buffer_release(&events);
    if (!is_read)
        return refuse(MHD_HTTP_SERVICE_UNAVAILABLE, "too many different filters are watched",
                      status, body);
    return is_answered;
}

void api_tail_call_free(struct api_tail_call *call)
{
    if (!call)
        return;
    struct api_tail *api = call->api;
    pthread_mutex_lock(&api->mutex);
    for (struct api_tail_call **link = &api->waiting; *link; link = &(*link)->next) {
        if (*link == call) {
            *link = call->next;
            api->waiting_nr--;
            break;
        }
    }
    pthread_mutex_unlock(&api->mutex);
    free(call);
}
