/*
 * acknowledge - an answered batch to offsets that may be stored.
 *
 * Each record is finished, or held for what is still to come: its purges go to the purge engines, its
 * second deletes to the timer heap, its failures as one dead letter to Kafka. Then the frontier of each
 * partition moves over the batch, and what was held for second deletes in it is released.
 */
#ifndef CONSUMERS_PIPELINE_ACKNOWLEDGE_H
#define CONSUMERS_PIPELINE_ACKNOWLEDGE_H

#include "consumers/kafka/dead_letter.h"
#include "consumers/pipeline/batch.h"
#include "consumers/pipeline/delayed.h"
#include "consumers/pipeline/holds.h"
#include "consumers/redis/executor.h"
#include "consumers/redis/purge.h"

struct acknowledger {
    struct offsets *offsets;
    struct holds *holds;
    struct delayed *delayed;
    struct dead_letters *letters;
    struct purge_engine *const *engines; /* by target */
    struct purge_tickets *tickets;
    struct pipeline_stats *stats;
    const struct executor *executor;
    struct tail_writer *tail; /* NULL: there is none */
    int64_t wall_ms, steady_ms;
};

/* The batch must be answered in this executor slot. It stays to be cleared by the caller. */
void acknowledge_batch(struct acknowledger *acknowledger, struct batch *batch, unsigned slot);

#endif
