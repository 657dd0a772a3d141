#include "consumers/service/health.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"

enum {
    LAGS_MAX = 4096,        /* partitions of a pipeline */
    STUCK_AFTER_MS = 120000 /* a pipeline that has not turned for so long is not alive */
};

bool health_is_alive(const struct metrics_view *view, int64_t steady_ms)
{
    for (size_t i = 0; i < view->pipelines_nr; i++) {
        uint64_t last_ms = counter_get(&pipeline_stats(view->pipelines[i])->last_loop_ms);
        if (last_ms != 0 && (uint64_t)steady_ms > last_ms + STUCK_AFTER_MS)
            return false;
    }
    return true;
}

static void add_reason(struct pipeline *pipeline, size_t index, struct buffer *body)
{
    char trouble[ERROR_TEXT_BYTES];
    pipeline_trouble(pipeline, trouble, sizeof(trouble));
    buffer_printf(body, "{\"pipeline\":%zu,\"reason\":", index);
    buffer_add_json_string(body, slice_of(trouble[0] ? trouble : "starting"));
    buffer_add_char(body, '}');
}

static void add_gap(size_t index, const struct source_lag *lag, struct buffer *body)
{
    buffer_printf(body,
                  "{\"pipeline\":%zu,\"reason\":\"events were lost: Kafka no longer has "
                  "them\",\"topic\":",
                  index);
    buffer_add_json_string(body, lag->topic);
    buffer_printf(body, ",\"partition\":%d}", (int)lag->partition);
}

/* A stopped partition (a gap in the log) is named; the others go on. */
static void add_gaps(const struct pipeline *pipeline, size_t index, struct buffer *body,
                     size_t *reasons)
{
    struct source_lag *lags = alloc_zero(LAGS_MAX, sizeof(*lags));
    size_t nr = pipeline_lags(pipeline, lags, LAGS_MAX);
    for (size_t i = 0; i < nr; i++) {
        if (!lags[i].has_gap)
            continue;
        buffer_add_text(body, (*reasons)++ ? "," : "");
        add_gap(index, &lags[i], body);
    }
    free(lags);
}

bool health_is_ready(const struct metrics_view *view, struct buffer *body)
{
    size_t reasons = 0, before = body->len;
    buffer_add_text(body, "{\"ready\":false,\"reasons\":[");
    for (size_t i = 0; i < view->pipelines_nr; i++) {
        struct pipeline *pipeline = view->pipelines[i];
        if (!pipeline_is_ready(pipeline)) {
            buffer_add_text(body, reasons++ ? "," : "");
            add_reason(pipeline, i, body);
        }
        add_gaps(pipeline, i, body, &reasons);
    }
    buffer_add_text(body, "]}\n");
    if (reasons > 0)
        return false;
    body->len = before;
    buffer_add_text(body, "{\"ready\":true}\n");
    return true;
}
