/*
 * pipeline - poll -> decode -> match -> render -> plan -> execute -> acknowledge.
 *
 * One thread, its own consumer, Redis connections and arenas; nothing shared on the way but the
 * ruleset (see rules_handle.h) and the purge engines. Two batches are in flight: while Redis works on
 * one, the next is polled and planned. Batches are greedy: what is there, never waiting to fill up.
 *
 * What each kind of failure leads to is decided here and nowhere else:
 *   a bad record, a missing field, a poison reply  -> dead letter, the next record goes on
 *   Redis away or busy                             -> partitions paused, polling goes on, tried for ever
 *   Redis refuses us (password, rights)            -> the same, not ready, slowly
 *   a gap in the log                               -> on_gap
 *
 * A record is finished when Redis answered every operation it led to, its purges came round, its delayed
 * second deletes ran and its dead letter is confirmed; only then may its offset be stored.
 */
#ifndef CONSUMERS_PIPELINE_PIPELINE_H
#define CONSUMERS_PIPELINE_PIPELINE_H

#include "consumers/base/error.h"
#include "consumers/event/decode.h"
#include "consumers/kafka/source.h"
#include "consumers/pipeline/rules_handle.h"
#include "consumers/pipeline/stats.h"
#include "consumers/redis/purge.h"
#include "consumers/redis/target.h"

struct pipeline_settings {
    struct source_settings source;
    const struct redis_target *targets;
    size_t targets_nr;
    struct purge_engine *const *engines; /* one a target, same order; shared by all pipelines */
    struct rules_handle *rules;
    struct tail *tail;      /* for those who watch; NULL: nobody ever does */
    size_t max_event_bytes; /* 0: the decoder's default */
    const struct topic_format *formats;
    size_t formats_nr;
    int64_t drain_timeout_ms;
};

struct pipeline;

/* Settings and what they point to are borrowed for the pipeline's life. Connects to nothing yet. */
struct pipeline *pipeline_new(const struct pipeline_settings *settings, struct error *err) CHECKED;

/* Runs until pipeline_stop(); then drains, stores, leaves the group. False after a fatal error. */
bool pipeline_run(struct pipeline *pipeline, struct error *err);

/* Asks it to stop, which it does without waiting for another record; from any thread. */
void pipeline_stop(struct pipeline *pipeline);

void pipeline_free(struct pipeline *pipeline);

const struct pipeline_stats *pipeline_stats(const struct pipeline *pipeline);

/* True when in the group and every Redis target answered last. Thread-safe. */
bool pipeline_is_ready(const struct pipeline *pipeline);

/* Why it is not ready, one line for people ("" when it is). Thread-safe; copies. */
void pipeline_trouble(struct pipeline *pipeline, char *out, size_t bytes);

/* Lags of its partitions; thread-safe. */
size_t pipeline_lags(const struct pipeline *pipeline, struct source_lag *out, size_t max);

#endif
