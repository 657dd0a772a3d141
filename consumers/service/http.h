/*
 * http - health, readiness, metrics and reload over HTTP, by libmicrohttpd on its own thread.
 *
 *   GET  /           the console (console.h)
 *   GET  /api/status what it shows, as JSON (api_status.h)
 *   GET  /healthz    200 while the process does its work, whatever Kafka or Redis do
 *   GET  /readyz     200 when every pipeline is in the group and Redis answers; else 503, JSON reason
 *   GET  /metrics    Prometheus text
 *   POST /-/reload   loads the rules again; token
 *   GET  /api/purges, POST /api/purges/ID/cancel   api_purges.h; cancelling needs the token
 *   POST /api/events publishes events; token (api_events.h)
 *   GET  /api/tail   what the pipelines do, as it happens; token (api_tail.h)
 *
 * Calls that change state, or show keys, need `Authorization: Bearer TOKEN`, compared in constant
 * time; without a configured token they answer 403; with a wrong one /api/events and /api/tail answer
 * 401. No CORS. A path with a NUL in it is none of these. Bodies over 1 MiB are refused (413), those
 * over 8 MiB are not even read to their end. Who is silent for 10 s is closed, and so is who takes
 * longer than that for a request or its answer; of too many connections the oldest go
 * (http_clients.h). Only published snapshots are read.
 */
#ifndef CONSUMERS_SERVICE_HTTP_H
#define CONSUMERS_SERVICE_HTTP_H

#include "consumers/base/error.h"
#include "consumers/service/api_events.h"
#include "consumers/service/metrics.h"

struct http_settings {
    const char *host;                   /* of http.listen */
    int port;                           /* 0: any free one, see http_port() */
    const char *token;                  /* NULL: none */
    const struct events_sender *events; /* NULL: POST /api/events is not there */
    struct events_place place;          /* where they go */
    struct tail *tail;                  /* NULL: GET /api/tail is not there */
};

struct http;

/* Copies the token; borrows the view, which must outlive the server. */
struct http *http_start(const struct http_settings *settings, const struct metrics_view *view,
                        struct error *err) CHECKED;
int http_port(const struct http *http);
/* Ends those who take too long; to be called about once a second. */
void http_look(struct http *http);
void http_set_token(struct http *http, const char *token); /* after a reload of secrets */
void http_stop(struct http *http);

/* "1.0.1", of libmicrohttpd, for --version. */
const char *http_library_version(void);

#endif
