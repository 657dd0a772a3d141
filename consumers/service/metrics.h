/*
 * metrics - everything the service counts as Prometheus text (exposition format 0.0.4).
 *
 * Names are a public contract; base units; labels never hold a key. Values of all pipelines of the
 * process are added up where the label set is the same. Source: Prometheus, "Exposition formats".
 */
#ifndef CONSUMERS_SERVICE_METRICS_H
#define CONSUMERS_SERVICE_METRICS_H

#include "consumers/base/buffer.h"
#include "consumers/pipeline/pipeline.h"
#include "consumers/service/reload.h"

/* What there is to look at; all of it may be read while it runs. */
struct metrics_view {
    struct pipeline *const *pipelines;
    size_t pipelines_nr;
    const struct redis_target *targets;
    struct purge_engine *const *engines; /* one a target */
    size_t targets_nr;
    struct reload *reload;
};

void metrics_print(const struct metrics_view *view, struct buffer *out);

#endif
