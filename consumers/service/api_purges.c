#include "consumers/service/api_purges.h"

#include <inttypes.h>

#include "consumers/base/clock.h"
#include "consumers/base/decimal.h"
#include "consumers/redis/purge_report.h"

enum { TARGETS_MAX = 1024 }; /* an id is the engine's number times this, and the target's place */

static const char *const kinds[] = {
    [PURGE_UNLINK] = "delete", [PURGE_EXPIRE] = "expire", [PURGE_TAG] = "tag"};

static void add_time(struct buffer *out, const char *name, int64_t steady_ms)
{
    if (steady_ms == 0)
        buffer_printf(out, ",\"%s\":null", name);
    else
        buffer_printf(out, ",\"%s\":%" PRId64, name,
                      clock_wall_ms() - clock_steady_ms() + steady_ms);
}

static void add_progress(struct buffer *out, const struct purge_report *report)
{
    if (report->kind == PURGE_TAG)
        buffer_add_text(out, ",\"share\":null");
    else
        buffer_printf(out, ",\"share\":%.4f", report->share);
    if (report->eta_ms < 0)
        buffer_add_text(out, ",\"eta_ms\":null");
    else
        buffer_printf(out, ",\"eta_ms\":%" PRId64, report->eta_ms);
    buffer_printf(out, ",\"scanned\":%" PRIu64 ",\"matched\":%" PRIu64 ",\"duty\":%.3f}",
                  report->scanned, report->matched, report->duty);
}

static void add_purge(struct buffer *out, const struct redis_target *target, uint64_t id,
                      const struct purge_report *report)
{
    buffer_printf(out, "{\"id\":\"%" PRIu64 "\",\"kind\":\"%s\",\"target\":", id,
                  kinds[report->kind]);
    buffer_add_json_string(out, slice_of(target->name));
    buffer_add_text(out, ",\"pattern\":");
    if (report->pattern.ptr != NULL)
        buffer_add_json_string(out, report->pattern);
    else
        buffer_add_text(out, "null");
    buffer_printf(out, ",\"state\":\"%s\",\"requests\":%zu",
                  report->is_walking ? "walking" : "waiting", report->requests);
    add_time(out, "asked_at_ms", report->asked_ms);
    add_time(out, "started_at_ms", report->started_ms);
    add_progress(out, report);
}

void api_purges_print(const struct metrics_view *view, bool with_patterns, struct buffer *out)
{
    struct buffer rows;
    uint64_t pending = 0;

    buffer_init(&rows);
    for (size_t i = 0; i < view->targets_nr; i++) {
        struct purge_reports reports;

        purge_reports_init(&reports);
        purge_engine_list(view->engines[i], &reports);
        pending += reports.pending;
        for (size_t k = 0; k < reports.nr; k++) {
            if (!with_patterns)
                reports.items[k].pattern = SLICE_ABSENT;
            buffer_add_text(&rows, rows.len > 0 ? "," : "");
            add_purge(&rows, &view->targets[i], reports.items[k].id * TARGETS_MAX + i,
                      &reports.items[k]);
        }
        purge_reports_release(&reports);
    }
    buffer_printf(out, "{\"pending\":%" PRIu64 ",\"purges\":[", pending);
    buffer_add(out, buffer_slice(&rows));
    buffer_add_text(out, "]}\n");
    buffer_release(&rows);
}

/* "/ID/cancel" */
static bool read_id(struct slice path, uint64_t *id)
{
    const struct slice end = SLICE("/cancel");

    if (path.len <= end.len + 1 || path.ptr[0] != '/' ||
        !slice_equals((struct slice){path.ptr + path.len - end.len, end.len}, end))
        return false;
    return decimal_to_uint64((struct slice){path.ptr + 1, path.len - end.len - 1}, id);
}

bool api_purges_cancel(const struct metrics_view *view, struct slice path, struct buffer *out)
{
    uint64_t id;

    if (!read_id(path, &id) || id % TARGETS_MAX >= view->targets_nr ||
        !purge_engine_cancel(view->engines[id % TARGETS_MAX], id / TARGETS_MAX))
        return false;
    buffer_printf(out, "{\"cancelled\":\"%" PRIu64 "\"}\n", id);
    return true;
}
