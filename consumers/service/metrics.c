#include "consumers/service/metrics.h"

#include <inttypes.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"

enum { LAGS_MAX = 4096 };

static void head(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Backslash, quote and line break are what the format wants escaped. */
static void label(struct buffer *out, const char *separator, const char *name, struct slice value)
{
    buffer_printf(out, "%s%s=\"", separator, name);
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\n')
            buffer_add_text(out, "\\n");
        else if (c == '\\' || c == '"')
            buffer_printf(out, "\\%c", c);
        else
            buffer_add_char(out, c);
    }
    buffer_add_char(out, '"');
}

static void plain(struct buffer *out, const char *name, const char *type, const char *help,
                  uint64_t value)
{
    head(out, name, type, help);
    buffer_printf(out, "%s %" PRIu64 "\n", name, value);
}

uint64_t metrics_sum_at(const struct metrics_view *view, size_t offset)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < view->pipelines_nr; i++)
        sum += counter_get(
            (const counter *)((const char *)pipeline_stats(view->pipelines[i]) + offset));
    return sum;
}

#define SUM(view, member) metrics_sum_at(view, offsetof(struct pipeline_stats, member))

static const struct {
    const char *name, *help;
    size_t offset;
} pipeline_counters[] = {
    {"unstale_records_total", "Kafka records read",
     offsetof(struct pipeline_stats, source.records)},
    {"unstale_record_bytes_total", "bytes of their values",
     offsetof(struct pipeline_stats, source.bytes)},
    {"unstale_records_skipped_total", "tombstones and other records that are no change",
     offsetof(struct pipeline_stats, skipped)},
    {"unstale_batches_total", "batches answered", offsetof(struct pipeline_stats, batches)},
    {"unstale_keys_deleted_total", "keys deleted by exact name that Redis said existed",
     offsetof(struct pipeline_stats, executor.keys_deleted)},
    {"unstale_coalesced_total", "operations saved by coalescing",
     offsetof(struct pipeline_stats, coalesced)},
    {"unstale_ts_replaced_total", "events whose ts was out of range",
     offsetof(struct pipeline_stats, ts_replaced)},
    {"unstale_unknown_members_total", "top-level members of events that nobody knows",
     offsetof(struct pipeline_stats, unknown_members)},
    {"unstale_old_row_unknown_total", "updates without a before image",
     offsetof(struct pipeline_stats, old_row_unknown)},
    {"unstale_redis_commands_total", "commands sent to Redis, repeats included",
     offsetof(struct pipeline_stats, executor.commands)},
    {"unstale_redis_reissued_total", "commands sent again after a lost connection",
     offsetof(struct pipeline_stats, executor.reissued)},
    {"unstale_redis_reconnects_total", "connections to Redis opened again",
     offsetof(struct pipeline_stats, executor.reconnects)},
    {"unstale_redis_redirects_total", "answers of a cluster that named another node, or none yet",
     offsetof(struct pipeline_stats, executor.redirects)},
    {"unstale_redis_wait_failures_total", "WAITs that too few replicas answered in time",
     offsetof(struct pipeline_stats, executor.shortages)},
    {"unstale_rewinds_total", "times a partition was read again after a failover",
     offsetof(struct pipeline_stats, rewinds)},
    {"unstale_rebalances_total", "assignments and revocations of partitions",
     offsetof(struct pipeline_stats, source.rebalances)},
    {"unstale_commits_total", "offset commits that Kafka confirmed",
     offsetof(struct pipeline_stats, source.commits)},
    {"unstale_commit_failures_total", "offset commits that failed",
     offsetof(struct pipeline_stats, source.commit_failures)},
};

static void print_counters(const struct metrics_view *view, struct buffer *out)
{
    for (size_t i = 0; i < ARRAY_NR(pipeline_counters); i++)
        plain(out, pipeline_counters[i].name, "counter", pipeline_counters[i].help,
              metrics_sum_at(view, pipeline_counters[i].offset));
    plain(out, "unstale_records_held", "gauge",
          "records that wait for a purge, a delay or a letter", SUM(view, held));
    plain(out, "unstale_paused_pipelines", "gauge", "pipelines that wait for Redis",
          SUM(view, paused));
}

/* ---- by rule and by model: sums over pipelines, first seen first ---- */

static void add_rule(struct metrics_sums *sums, const struct rule_stats *rule)
{
    size_t at = 0;
    while (at < sums->rules_nr && !(slice_equals(sums->rules[at].name, rule->name) &&
                                    sums->rules[at].is_shadow == rule->is_shadow))
        at++;
    if (at == sums->rules_nr) {
        sums->rules = alloc_grow(sums->rules, at, &sums->rules_capacity, sizeof(*sums->rules));
        sums->rules[sums->rules_nr++] =
            (struct rule_sum){.name = rule->name, .is_shadow = rule->is_shadow};
    }
    sums->rules[at].matches += counter_get(&rule->matches);
    for (size_t verb = 0; verb < VERB_NR; verb++)
        sums->rules[at].ops[verb] += counter_get(&rule->ops[verb]);
}

static void add_model(struct metrics_sums *sums, const struct model_stats *model)
{
    size_t at = 0;
    while (at < sums->models_nr && !(slice_equals(sums->models[at].model, model->model) &&
                                     slice_equals(sums->models[at].op, model->op)))
        at++;
    if (at == sums->models_nr) {
        sums->models = alloc_grow(sums->models, at, &sums->models_capacity, sizeof(*sums->models));
        sums->models[sums->models_nr++] =
            (struct model_sum){.model = model->model, .op = model->op};
    }
    sums->models[at].events += counter_get(&model->events);
}

void metrics_sums_gather(struct metrics_sums *sums, const struct metrics_view *view)
{
    *sums = (struct metrics_sums){.rules = NULL};
    for (size_t i = 0; i < view->pipelines_nr; i++) {
        const struct pipeline_stats *stats = pipeline_stats(view->pipelines[i]);
        for (const struct rule_stats *rule = atomic_load(&stats->rules); rule; rule = rule->next)
            add_rule(sums, rule);
        for (const struct model_stats *model = atomic_load(&stats->models); model;
             model = model->next)
            add_model(sums, model);
    }
}

void metrics_sums_release(struct metrics_sums *sums)
{
    free(sums->rules);
    free(sums->models);
}

static void print_rule_matches(const struct metrics_sums *sums, struct buffer *out)
{
    head(out, "unstale_rule_matches_total", "counter", "events a rule matched");
    for (size_t i = 0; i < sums->rules_nr; i++) {
        label(out, "unstale_rule_matches_total{", "rule", sums->rules[i].name);
        label(out, ",", "mode", sums->rules[i].is_shadow ? SLICE("shadow") : SLICE("live"));
        buffer_printf(out, "} %" PRIu64 "\n", sums->rules[i].matches);
    }
}

/* A shadow rule's operations are those it would have made: a metric of their own. */
static void print_operations(const struct metrics_sums *sums, bool shadow, struct buffer *out)
{
    const char *name = shadow ? "unstale_shadow_operations_total" : "unstale_operations_total";
    head(out, name, "counter",
         shadow ? "operations shadow rules would have led to" : "operations rules led to");
    for (size_t i = 0; i < sums->rules_nr; i++) {
        if (sums->rules[i].is_shadow != shadow)
            continue;
        for (size_t verb = 0; verb < VERB_NR; verb++) {
            if (sums->rules[i].ops[verb] == 0)
                continue;
            buffer_add_text(out, name);
            label(out, "{", "rule", sums->rules[i].name);
            label(out, ",", "verb", slice_of(verb_text((enum verb)verb)));
            buffer_printf(out, "} %" PRIu64 "\n", sums->rules[i].ops[verb]);
        }
    }
}

static void print_by_name(const struct metrics_view *view, struct buffer *out)
{
    struct metrics_sums sums;
    metrics_sums_gather(&sums, view);
    head(out, "unstale_events_total", "counter", "events decoded");
    for (size_t i = 0; i < sums.models_nr; i++) {
        label(out, "unstale_events_total{", "model", sums.models[i].model);
        label(out, ",", "op", sums.models[i].op);
        buffer_printf(out, "} %" PRIu64 "\n", sums.models[i].events);
    }
    print_rule_matches(&sums, out);
    print_operations(&sums, false, out);
    print_operations(&sums, true, out);
    metrics_sums_release(&sums);
}

uint64_t metrics_dead_letters(const struct metrics_view *view, unsigned reason)
{
    return metrics_sum_at(view,
                          offsetof(struct pipeline_stats, dead_letters) + reason * sizeof(counter));
}

static void print_dead_letters(const struct metrics_view *view, struct buffer *out)
{
    head(out, "unstale_dead_letters_total", "counter", "records set aside");
    for (unsigned reason = REASON_MISSING_FIELD; reason < STATS_REASONS_NR; reason++) {
        label(out, "unstale_dead_letters_total{", "reason",
              slice_of(reason_text((enum reason)reason)));
        buffer_printf(out, "} %" PRIu64 "\n", metrics_dead_letters(view, reason));
    }
}

/* ---- histograms ---- */

static void print_histogram(const char *name, const char *help,
                            const struct histogram *const *parts, size_t nr, struct buffer *out)
{
    uint64_t total = 0, sum_us = 0;
    head(out, name, "histogram", help);
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        for (size_t i = 0; i < nr; i++)
            total += atomic_load_explicit(&parts[i]->bucket[bucket], memory_order_relaxed);
        uint64_t bound = histogram_bound_us(bucket);
        if (bound == UINT64_MAX)
            buffer_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, total);
        else
            buffer_printf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, (double)bound / 1e6,
                          total);
    }
    for (size_t i = 0; i < nr; i++)
        sum_us += atomic_load_explicit(&parts[i]->sum_us, memory_order_relaxed);
    buffer_printf(out, "%s_sum %.6f\n%s_count %" PRIu64 "\n", name, (double)sum_us / 1e6, name,
                  total);
}

static void print_staleness(const struct metrics_view *view, struct buffer *out)
{
    const struct histogram **parts = alloc_zero(view->pipelines_nr, sizeof(*parts));
    for (size_t i = 0; i < view->pipelines_nr; i++)
        parts[i] = &pipeline_stats(view->pipelines[i])->staleness;
    print_histogram("unstale_staleness_seconds", "event ts to acknowledged by Redis", parts,
                    view->pipelines_nr, out);
    free(parts);
}

static void print_purges(const struct metrics_view *view, struct buffer *out)
{
    const struct histogram **parts = alloc_zero(view->targets_nr, sizeof(*parts));
    uint64_t pending = 0, finished = 0, deleted = 0, expiring = 0, spared = 0, calls = 0;
    uint64_t cancelled = 0, progress_ppm = 1000000;
    for (size_t i = 0; i < view->targets_nr; i++) {
        const struct purge_stats *stats = purge_engine_stats(view->engines[i]);
        parts[i] = &stats->seconds;
        pending += counter_get(&stats->pending);
        finished += counter_get(&stats->finished);
        cancelled += counter_get(&stats->cancelled);
        if (counter_get(&stats->progress_ppm) < progress_ppm)
            progress_ppm = counter_get(&stats->progress_ppm);
        deleted += counter_get(&stats->keys_deleted);
        expiring += counter_get(&stats->keys_expiring);
        spared += counter_get(&stats->keys_protected);
        calls += counter_get(&stats->scan_calls);
    }
    print_histogram("unstale_purge_seconds", "purge asked for to come round", parts,
                    view->targets_nr, out);
    plain(out, "unstale_purges_pending", "gauge", "patterns that wait or walk", pending);
    plain(out, "unstale_purges_total", "counter", "purges that came round", finished);
    plain(out, "unstale_purges_cancelled_total", "counter", "purges given up by an operator",
          cancelled);
    head(out, "unstale_purge_progress_ratio", "gauge",
         "share done of the purge furthest from its end, 1 when none walks");
    buffer_printf(out, "unstale_purge_progress_ratio %.6g\n", (double)progress_ppm / 1e6);
    plain(out, "unstale_purge_keys_deleted_total", "counter", "keys deleted by pattern", deleted);
    plain(out, "unstale_purge_keys_expiring_total", "counter",
          "keys whose life a pattern shortened", expiring);
    plain(out, "unstale_purge_keys_protected_total", "counter",
          "keys a pattern met that are protected", spared);
    plain(out, "unstale_purge_scan_calls_total", "counter", "SCAN calls", calls);
    free(parts);
}

/* ---- state ---- */

bool metrics_redis_is_up(const struct metrics_view *view)
{
    for (size_t i = 0; i < view->pipelines_nr; i++) {
        if (counter_get(&pipeline_stats(view->pipelines[i])->executor_state) != EXECUTOR_DONE)
            return false;
    }
    return view->pipelines_nr > 0;
}

static void print_redis_up(const struct metrics_view *view, struct buffer *out)
{
    plain(out, "unstale_redis_up", "gauge", "1 while every Redis target answers every pipeline",
          metrics_redis_is_up(view));
    plain(out, "unstale_group_members", "gauge", "pipelines of this process in the consumer group",
          SUM(view, joined));
}

struct lag_rows {
    const struct source_lag *items;
    size_t nr;
};

static void print_lag_metric(const char *name, const char *help, struct lag_rows rows,
                             size_t offset, struct buffer *out)
{
    head(out, name, "gauge", help);
    for (size_t i = 0; i < rows.nr; i++) {
        const struct source_lag *lag = &rows.items[i];
        int64_t value;
        memcpy(&value, (const char *)lag + offset, sizeof(value));
        if (value == OFFSETS_NONE)
            continue;
        buffer_add_text(out, name);
        label(out, "{", "topic", lag->topic);
        buffer_printf(out, ",partition=\"%d\"} %" PRId64 "\n", (int)lag->partition, value);
    }
}

size_t metrics_lags(const struct metrics_view *view, struct source_lag **lags)
{
    size_t nr = 0;
    *lags = alloc_zero(LAGS_MAX, sizeof(**lags));
    for (size_t i = 0; i < view->pipelines_nr; i++)
        nr += pipeline_lags(view->pipelines[i], *lags + nr, LAGS_MAX - nr);
    return nr;
}

static void print_lags(const struct metrics_view *view, struct buffer *out)
{
    struct source_lag *lags;
    size_t nr = metrics_lags(view, &lags);
    struct lag_rows rows = {lags, nr};
    print_lag_metric("unstale_consumer_lag", "records not yet finished", rows,
                     offsetof(struct source_lag, lag), out);
    print_lag_metric("unstale_committed_offset", "offset Kafka has confirmed", rows,
                     offsetof(struct source_lag, committed), out);
    free(lags);
}

static void print_rules(const struct metrics_view *view, struct buffer *out)
{
    struct reload_status status;
    reload_status(view->reload, &status);
    plain(out, "unstale_rules_last_reload_successful", "gauge",
          "1 when the last look at the rules was accepted", status.last_ok);
    head(out, "unstale_rules_last_reload_success_timestamp_seconds", "gauge",
         "when the rules in force were accepted");
    buffer_printf(out, "unstale_rules_last_reload_success_timestamp_seconds %.3f\n",
                  (double)status.last_ok_ms / 1e3);
    head(out, "unstale_rules_reloads_total", "counter", "loads of the rules");
    buffer_printf(out,
                  "unstale_rules_reloads_total{result=\"ok\"} %" PRIu64
                  "\nunstale_rules_reloads_total{result=\"refused\"} %" PRIu64 "\n",
                  status.ok_nr, status.failed_nr);
    head(out, "unstale_rules_info", "gauge", "the rules in force");
    label(out, "unstale_rules_info{", "hash", slice_of(status.hash));
    buffer_printf(out, "} 1\n");
    plain(out, "unstale_rules", "gauge", "rules loaded", status.rules_nr);
    head(out, "unstale_build_info", "gauge", "this build");
    buffer_printf(out, "unstale_build_info{version=\"%s\"} 1\n", UNSTALE_VERSION);
}

void metrics_print(const struct metrics_view *view, struct buffer *out)
{
    print_counters(view, out);
    print_by_name(view, out);
    print_dead_letters(view, out);
    print_staleness(view, out);
    print_purges(view, out);
    print_redis_up(view, out);
    print_lags(view, out);
    print_rules(view, out);
}
