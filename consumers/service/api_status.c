#include "consumers/service/api_status.h"

#include <inttypes.h>
#include <stdlib.h>

#include "consumers/base/clock.h"
#include "consumers/service/health.h"

static void add_number(struct buffer *out, const char *name, uint64_t number)
{
    buffer_printf(out, "%s\"%s\":%" PRIu64, out->ptr[out->len - 1] == '{' ? "" : ",", name, number);
}

static void add_health(const struct metrics_view *view, struct buffer *out)
{
    buffer_add_text(out, ",\"health\":");
    (void)health_is_ready(view, out);
    out->len--; /* its line end */
}

static void add_rules(const struct metrics_view *view, struct buffer *out)
{
    struct reload_status status;

    reload_status(view->reload, &status);
    buffer_add_text(out, ",\"rules\":{\"hash\":");
    buffer_add_json_string(out, slice_of(status.hash));
    add_number(out, "count", status.rules_nr);
    add_number(out, "live", status.live_nr);
    add_number(out, "files", status.files_nr);
    buffer_printf(out, ",\"accepted\":%s", status.last_ok ? "true" : "false");
    add_number(out, "accepted_at_ms", (uint64_t)status.last_ok_ms);
    add_number(out, "refused", status.failed_nr);
    buffer_add_char(out, '}');
}

static const struct {
    const char *name;
    size_t offset;
} totals[] = {
    {"records", offsetof(struct pipeline_stats, source.records)},
    {"keys_deleted", offsetof(struct pipeline_stats, executor.keys_deleted)},
    {"coalesced", offsetof(struct pipeline_stats, coalesced)},
    {"held", offsetof(struct pipeline_stats, held)},
    {"rewinds", offsetof(struct pipeline_stats, rewinds)},
    {"reconnects", offsetof(struct pipeline_stats, executor.reconnects)},
};

static uint64_t operations_of(const struct rule_sum *rule)
{
    uint64_t sum = 0;

    for (size_t verb = 0; verb < VERB_NR; verb++)
        sum += rule->ops[verb];
    return sum;
}

static void add_totals(const struct metrics_view *view, const struct metrics_sums *sums,
                       struct buffer *out)
{
    uint64_t events = 0, operations = 0;

    for (size_t i = 0; i < sums->models_nr; i++)
        events += sums->models[i].events;
    for (size_t i = 0; i < sums->rules_nr; i++)
        operations += sums->rules[i].is_shadow ? 0 : operations_of(&sums->rules[i]);
    buffer_add_text(out, ",\"totals\":{");
    add_number(out, "events", events);
    add_number(out, "operations", operations);
    for (size_t i = 0; i < ARRAY_NR(totals); i++)
        add_number(out, totals[i].name, metrics_sum_at(view, totals[i].offset));
    buffer_add_char(out, '}');
}

static void add_staleness(const struct metrics_view *view, struct buffer *out)
{
    uint64_t total = 0;

    buffer_add_text(out, ",\"staleness\":[");
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        uint64_t bound = histogram_bound_us(bucket);

        total += metrics_sum_at(view, offsetof(struct pipeline_stats, staleness.bucket) +
                                          bucket * sizeof(counter));
        buffer_add_text(out, bucket > 0 ? ",[" : "[");
        if (bound == UINT64_MAX)
            buffer_add_text(out, "null");
        else
            buffer_printf(out, "%g", (double)bound / 1e6);
        buffer_printf(out, ",%" PRIu64 "]", total);
    }
    buffer_add_char(out, ']');
}

static void add_letters(const struct metrics_view *view, struct buffer *out)
{
    buffer_add_text(out, ",\"dead_letters\":{");
    for (unsigned reason = REASON_MISSING_FIELD; reason < STATS_REASONS_NR; reason++) {
        uint64_t sum = metrics_dead_letters(view, reason);

        if (sum > 0)
            add_number(out, reason_text((enum reason)reason), sum);
    }
    buffer_add_char(out, '}');
}

static void add_offset(struct buffer *out, const char *name, int64_t offset)
{
    if (offset == OFFSETS_NONE)
        buffer_printf(out, ",\"%s\":null", name);
    else
        buffer_printf(out, ",\"%s\":%" PRId64, name, offset);
}

static void add_partitions(const struct metrics_view *view, struct buffer *out)
{
    struct source_lag *lags;
    size_t nr = metrics_lags(view, &lags);

    buffer_add_text(out, ",\"partitions\":[");
    for (size_t i = 0; i < nr; i++) {
        buffer_add_text(out, i > 0 ? ",{\"topic\":" : "{\"topic\":");
        buffer_add_json_string(out, lags[i].topic);
        buffer_printf(out, ",\"partition\":%d", (int)lags[i].partition);
        add_offset(out, "lag", lags[i].lag);
        add_offset(out, "committed", lags[i].committed);
        add_offset(out, "end", lags[i].high);
        buffer_printf(out, ",\"gap\":%s}", lags[i].has_gap ? "true" : "false");
    }
    buffer_add_char(out, ']');
    free(lags);
}

static void add_redis(const struct metrics_view *view, struct buffer *out)
{
    uint64_t pending = 0;

    buffer_printf(out, ",\"redis\":{\"up\":%s,\"targets\":[",
                  metrics_redis_is_up(view) ? "true" : "false");
    for (size_t i = 0; i < view->targets_nr; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        buffer_add_json_string(out, slice_of(view->targets[i].name));
        pending += counter_get(&purge_engine_stats(view->engines[i])->pending);
    }
    buffer_printf(out, "]},\"purges_pending\":%" PRIu64, pending);
}

static void add_by_rule(const struct metrics_sums *sums, struct buffer *out)
{
    buffer_add_text(out, ",\"by_rule\":[");
    for (size_t i = 0; i < sums->rules_nr; i++) {
        const struct rule_sum *rule = &sums->rules[i];

        buffer_add_text(out, i > 0 ? ",{\"name\":" : "{\"name\":");
        buffer_add_json_string(out, rule->name);
        buffer_printf(out, ",\"mode\":\"%s\",\"matches\":%" PRIu64 ",\"operations\":%" PRIu64 "}",
                      rule->is_shadow ? "shadow" : "live", rule->matches, operations_of(rule));
    }
    buffer_add_char(out, ']');
}

void api_status_print(const struct metrics_view *view, struct buffer *out)
{
    struct metrics_sums sums;

    metrics_sums_gather(&sums, view);
    buffer_printf(out, "{\"version\":\"%s\",\"now_ms\":%" PRId64, UNSTALE_VERSION, clock_wall_ms());
    add_health(view, out);
    add_rules(view, out);
    add_totals(view, &sums, out);
    add_staleness(view, out);
    add_letters(view, out);
    add_partitions(view, out);
    add_redis(view, out);
    add_by_rule(&sums, out);
    buffer_add_text(out, "}\n");
    metrics_sums_release(&sums);
}
