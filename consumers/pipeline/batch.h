/*
 * batch - the records of one turn, from poll to acknowledge, and everything taken for them.
 *
 * Three batches rotate: one fills while two are in flight. A batch keeps its messages until it is
 * answered (a dead letter must be byte-identical) and its arenas over batch_clear(), so that a turn in
 * steady state takes no memory.
 */
#ifndef CONSUMERS_PIPELINE_BATCH_H
#define CONSUMERS_PIPELINE_BATCH_H

#include "consumers/event/decode.h"
#include "consumers/kafka/source.h"
#include "consumers/pipeline/delayed.h"
#include "consumers/pipeline/rules_handle.h"
#include "consumers/pipeline/stats.h"
#include "consumers/pipeline/tail_note.h"
#include "consumers/plan/plan.h"

/* op.record of a delayed delete: it belongs to a record of an earlier batch. */
#define BATCH_NO_RECORD UINT32_MAX

struct batch {
    struct arena arena;
    struct arena scratch; /* of the event in hand: small, so that it stays in the cache */
    struct plan plan;
    struct rules_ref *rules; /* what it was rendered with; NULL before batch_plan() */
    struct source_record records[PLAN_MAX_RECORDS];
    int64_t event_ts_ms[PLAN_MAX_RECORDS]; /* -1: none */
    size_t records_nr;
    size_t bytes;               /* of the records' values */
    struct delayed_delete *due; /* second deletes that ride along */
    size_t due_nr, due_capacity;
    struct tail_notes notes; /* of the events that somebody watches */
};

/* Counts by model are looked up once a model and batch of traffic, not once an event. */
struct model_cache {
    struct model_stats *last; /* neighbours are often alike: two compares instead of two hashes */
    struct {
        uint64_t hash;
        struct model_stats *entry;
    } places[256];
};

struct batch_context {
    struct pipeline_stats *stats;
    struct model_cache *models;
    struct rule_count *counts; /* one a rule of the batch's ruleset, zeroed */
    size_t max_event_bytes;
    const struct topic_format *formats; /* topics with a pinned format */
    size_t formats_nr;
    struct tail_writer *tail; /* NULL: nobody watches */
    int64_t now_ms;           /* wall clock, for records too old to write through */
};

void batch_init(struct batch *batch);
void batch_release(struct batch *batch);

/* Gives the messages back and forgets everything but the memory. */
void batch_clear(struct batch *batch);

bool batch_is_empty(const struct batch *batch);

/* Polls into what room is left; returns how many records came. */
size_t batch_fill(struct batch *batch, struct source *source, int timeout_ms);

/* Gives back unplanned records of partitions that were revoked. */
void batch_drop_slots(struct batch *batch, const uint32_t *slots, size_t nr);

/* Second deletes that are due ride along; call before batch_plan(). */
void batch_add_due(struct batch *batch, struct delayed *delayed, int64_t steady_ms);

/* decode, match, render and coalesce: fills batch->plan. Takes the reference. */
void batch_plan(struct batch *batch, struct rules_ref *rules, struct batch_context *context);

#endif
