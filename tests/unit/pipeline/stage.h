/*
 * stage - rules from JSON text, and records that look as if they had come from Kafka, for tests of
 * what the pipeline does between poll and acknowledge.
 */
#ifndef TESTS_UNIT_PIPELINE_STAGE_H
#define TESTS_UNIT_PIPELINE_STAGE_H

#include "consumers/pipeline/batch.h"

/* `rules` is the text of the "rules" array's elements; one raw cache, its target is number 0. */
struct ruleset *stage_ruleset(const char *rules);

/* A slot of `offsets` and what was put into a batch. */
struct stage {
    struct pipeline_stats stats;
    struct model_cache models;
    struct rule_count counts[16];
    struct rules_handle *rules;
    struct offsets *offsets;
    struct tail_writer *tail; /* NULL, unless a test puts one in */
    struct batch batch;
};

void stage_init(struct stage *stage, const char *rules);
void stage_release(struct stage *stage);

/* Appends a record of that partition to the batch, at the partition's next offset. */
struct source_record *stage_record(struct stage *stage, int32_t partition, const char *value);

/* The same with the creation of an object that has no fields. */
struct source_record *stage_event(struct stage *stage, int32_t partition, const char *model,
                                  unsigned pk);

/* batch_plan() with the rules in force; now_ms is the wall clock of the batch. */
void stage_plan(struct stage *stage, int64_t now_ms, size_t max_event_bytes);

/* The watermark of a partition. */
int64_t stage_watermark(const struct stage *stage, int32_t partition);

#endif
