/*
 * stats - what a pipeline counts. It alone writes, anybody may read at any time (see counter.h).
 *
 * Counts by rule and by model survive a reload: they are kept by name in append-only tables.
 * Models that no rule or catalogue names count as "other", so labels stay bounded.
 */
#ifndef CONSUMERS_PIPELINE_STATS_H
#define CONSUMERS_PIPELINE_STATS_H

#include "consumers/base/counter.h"
#include "consumers/base/histogram.h"
#include "consumers/kafka/source.h"
#include "consumers/plan/render.h"
#include "consumers/redis/executor.h"

enum { STATS_REASONS_NR = REASON_REDIS_ERROR + 1 };

struct rule_stats {
    struct slice name;
    bool is_shadow;
    counter matches;
    counter ops[VERB_NR]; /* rendered, before coalescing */
    struct rule_stats *next;
};

struct model_stats {
    struct slice model; /* "other" for what nobody names */
    struct slice op;
    counter events;
    struct model_stats *next;
};

struct pipeline_stats {
    struct source_stats source;
    struct executor_stats executor;
    counter batches;
    counter skipped; /* tombstones and other records that are no change */
    counter coalesced;
    counter dead_letters[STATS_REASONS_NR]; /* by enum reason */
    counter rewinds;                        /* partitions that went back after a failover */
    counter held;                           /* records that wait for a purge, a delay, a letter */
    counter ts_replaced;
    counter unknown_members;
    counter old_row_unknown;            /* updates and deletes without a before image */
    counter executor_state;             /* enum executor_state of the last wait */
    counter joined;                     /* 1 while in the consumer group */
    counter paused;                     /* 1 while paused because Redis is away */
    counter last_loop_ms;               /* steady clock of the last turn, for liveness */
    struct histogram staleness;         /* event ts to answered by Redis */
    _Atomic(struct rule_stats *) rules; /* newest first; entries are never removed */
    _Atomic(struct model_stats *) models;
};

void pipeline_stats_init(struct pipeline_stats *stats);
void pipeline_stats_release(struct pipeline_stats *stats);

/* The entry of that name, made on first use. Writer only. */
struct rule_stats *pipeline_stats_rule(struct pipeline_stats *stats, struct slice name,
                                       bool is_shadow);
struct model_stats *pipeline_stats_model(struct pipeline_stats *stats, struct slice model,
                                         struct slice op);

#endif
