/*
 * api_purges - the purges that are pending as JSON, and giving one up.
 *
 *   GET  /api/purges           {"pending":2,"purges":[{"id":"...","kind":"delete","target":"default",
 *                              "pattern":"...","state":"walking","requests":1,"asked_at_ms":...,
 *                              "started_at_ms":...,"share":0.42,"eta_ms":1800,"scanned":...,
 *                              "matched":...,"duty":0.33}]}
 *   POST /api/purges/ID/cancel {"cancelled":"ID"}, or 404; token
 *
 * kind is delete, expire or tag; a tag has no share. What is not known is null. Those that walk come first, and at most
 * PURGE_REPORTS_MAX of a target are listed. A pattern holds values of rows: it is told only to who
 * has the token, others read null. An id names one purge of this process: the engine's number and the target's.
 */
#ifndef CONSUMERS_SERVICE_API_PURGES_H
#define CONSUMERS_SERVICE_API_PURGES_H

#include "consumers/base/buffer.h"
#include "consumers/service/metrics.h"

#define API_PURGES_PATH "/api/purges"

void api_purges_print(const struct metrics_view *view, bool with_patterns, struct buffer *out);

/* `path` is what follows API_PURGES_PATH: "/ID/cancel". False: there is no such purge. */
bool api_purges_cancel(const struct metrics_view *view, struct slice path, struct buffer *out);

#endif
