/*
 * range - where the logs of partitions begin and end, asked of their leaders all at once.
 *
 * Blocks until every leader has answered or the deadline has passed. `high` is the end of the log, not the
 * last stable offset: a position between the two is none that was lost.
 * Source: librdkafka rdkafka.h, rd_kafka_ListOffsets().
 */
#ifndef CONSUMERS_KAFKA_RANGE_H
#define CONSUMERS_KAFKA_RANGE_H

#include <librdkafka/rdkafka.h>

#include "consumers/base/error.h"

struct range {
    int64_t low, high; /* OFFSETS_NONE: not known */
};

/* ranges[i] belongs to partitions->elems[i]. False when one of them is not known. */
bool range_query(rd_kafka_t *kafka, const rd_kafka_topic_partition_list_t *partitions,
                 int timeout_ms, struct range *ranges, struct error *err) CHECKED;

#endif
