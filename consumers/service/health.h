/*
 * health - is the service alive, is it ready, and why not: from what its pipelines publish.
 */
#ifndef CONSUMERS_SERVICE_HEALTH_H
#define CONSUMERS_SERVICE_HEALTH_H

#include "consumers/service/metrics.h"

/* False when a pipeline has not turned for minutes, whatever Kafka or Redis do. */
bool health_is_alive(const struct metrics_view *view, int64_t steady_ms);

/* {"ready":true}, or {"ready":false,"reasons":[{"pipeline":0,"reason":"..."}]}: appended with a line end. */
bool health_is_ready(const struct metrics_view *view, struct buffer *body);

#endif
