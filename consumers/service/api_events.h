/*
 * api_events - POST /api/events: events over HTTP, answered once Kafka has confirmed them.
 *
 *   200 {"sent":N}
 *   400 {"error":...,"invalid":[{"line":2,"column":17,"message":...},...]}: nothing was sent
 *   503 {"error":...,"sent":N,"unconfirmed":M}: those may still arrive, events come at least once
 *
 * The HTTP server has one thread, which never waits here: a request whose answer is not there yet is
 * set aside and taken up again when it is. At most API_EVENTS_WAITING of them wait at a time, so
 * that a Kafka that is away leaves connections free for health and metrics; more are answered 503.
 *
 * Checking and sending are not this room's: whoever starts the service hands in a sender. It has a
 * producer of its own, so that the pipelines go on at their pace.
 */
#ifndef CONSUMERS_SERVICE_API_EVENTS_H
#define CONSUMERS_SERVICE_API_EVENTS_H

#include "consumers/base/buffer.h"
#include "consumers/kafka/source.h"

struct MHD_Connection;

enum { API_EVENTS_WAITING = 32 };

/* ---- what sends ---- */

enum events_outcome {
    EVENTS_SENT,        /* Kafka has confirmed all of them */
    EVENTS_INVALID,     /* nothing was sent; text is the JSON array of what is wrong */
    EVENTS_UNCONFIRMED, /* some are not confirmed; text says why */
};

struct events_result {
    enum events_outcome outcome;
    size_t total, sent, invalid;
    struct slice text;
};

/* Called once for every submit, in it or later and from another thread; the text is the caller's. */
typedef void events_done(void *opaque, const struct events_result *result);

struct events_place {
    const struct source_settings *source; /* brokers, topics, options; outlives the sender */
    size_t max_event_bytes;
};

struct events_sender {
    void *(*start)(const struct events_place *place);
    /* Takes the body as JSON Lines or one array; it is the caller's and good during the call. One
     * call at a time. Does not wait. */
    void (*submit)(void *sender, struct slice body, events_done *done, void *opaque);
    /* Gives what is under way a moment, then gives it up. Every submit is done when it returns. */
    void (*stop)(void *sender);
};

/* ---- the endpoint ---- */

struct api_events;

struct api_events *api_events_new(const struct events_sender *sender,
                                  const struct events_place *place);
/* Calls that wait are answered, later ones refused. Before the daemon is stopped. */
void api_events_stop(struct api_events *api);
void api_events_free(struct api_events *api);

/* One request. */
struct api_events_call;

struct api_events_call *api_events_call_new(struct api_events *api,
                                            struct MHD_Connection *connection);
void api_events_call_add(struct api_events_call *call, const char *bytes, size_t nr);

/*
 * The body is complete. True: *status and *body are the answer. False: the connection is suspended,
 * and libmicrohttpd asks again when the answer is there. Only from its access handler.
 */
bool api_events_call_answer(struct api_events_call *call, unsigned *status, struct buffer *body);
void api_events_call_free(struct api_events_call *call);

#endif
