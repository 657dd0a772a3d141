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

/* Adds up one counter of every pipeline, by where it stands in struct pipeline_stats. */
uint64_t metrics_sum_at(const struct metrics_view *view, size_t offset);

uint64_t metrics_dead_letters(const struct metrics_view *view, unsigned reason); /* enum reason */

/* Every Redis target answers every pipeline, and there is one. */
bool metrics_redis_is_up(const struct metrics_view *view);

/* What the pipelines' partitions lag behind, of 4096 of them at most; the caller frees *lags. */
size_t metrics_lags(const struct metrics_view *view, struct source_lag **lags);

/* By rule and by model: sums over pipelines, first seen first. Texts live as long as the pipelines. */
struct rule_sum {
    struct slice name;
    bool is_shadow;
    uint64_t matches, ops[VERB_NR];
};

struct model_sum {
    struct slice model, op;
    uint64_t events;
};

struct metrics_sums {
    struct rule_sum *rules;
    size_t rules_nr, rules_capacity;
    struct model_sum *models;
    size_t models_nr, models_capacity;
};

void metrics_sums_gather(struct metrics_sums *sums, const struct metrics_view *view);
void metrics_sums_release(struct metrics_sums *sums);

void metrics_print(const struct metrics_view *view, struct buffer *out);

#endif
