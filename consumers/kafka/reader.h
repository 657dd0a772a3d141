/*
 * reader - one stretch of a partition after the other, read once, for tools.
 *
 * A consumer that is assigned its partition by hand: it joins no group, commits nothing, and disturbs none
 * of those who do. The group's name is only given because librdkafka wants one, and is the service's, so that no
 * right is needed that the service has not. What Kafka deletes meanwhile is passed over; of transactions
 * only what is committed is read, as the service does.
 *
 * Blocking, one thread; questions wait 10 s for their answer. ERROR_RETRY: Kafka does not answer; ERROR_CONFIG: a topic or right is missing.
 * Source: librdkafka rdkafka.h, rd_kafka_assign(), rd_kafka_offsets_for_times().
 */
#ifndef CONSUMERS_KAFKA_READER_H
#define CONSUMERS_KAFKA_READER_H

#include "consumers/base/arena.h"
#include "consumers/base/error.h"
#include "consumers/base/record.h"
#include "consumers/kafka/source.h"

struct reader_settings {
    const char *brokers, *group;
    const struct kafka_option *options;
    size_t options_nr;
};

struct reader;

struct reader *reader_open(const struct reader_settings *settings, struct error *err) CHECKED;
void reader_close(struct reader *reader);

/* A partition's log: the first offset that is there, and the one after the last. */
struct reader_log {
    int32_t partition;
    int64_t low, high;
};

struct reader_logs {
    const char *topic;
    struct reader_log *items; /* one a partition, in order */
    size_t nr;
};

/* ERROR_CONFIG: there is no such topic. */
bool reader_count_partitions(struct reader *reader, const char *topic, int *nr,
                             struct error *err) CHECKED;

/* Fills the logs of logs->topic, in the arena. */
bool reader_find_logs(struct reader *reader, struct reader_logs *logs, struct arena *arena,
                      struct error *err) CHECKED;

/* offsets[i]: the first of logs->items[i] whose record is not older than that; the end when all are. */
bool reader_find_time(struct reader *reader, const struct reader_logs *logs, int64_t wall_ms,
                      int64_t *offsets, struct error *err) CHECKED;

/* Names of topics, NULL-terminated in the arena, sorted. */
bool reader_list_topics(struct reader *reader, struct arena *arena, const char ***names,
                        struct error *err) CHECKED;

/* Goes to [from, to) of a partition, wherever it was before. */
struct reader_stretch {
    const char *topic;
    int32_t partition;
    int64_t from, to;
};

bool reader_begin(struct reader *reader, const struct reader_stretch *stretch,
                  struct error *err) CHECKED;

enum reader_step {
    READER_RECORD,
    READER_WAITS, /* none so far; call again */
    READER_END,
    READER_FAILED /* *err says why; nothing came for 30 s, say */
};

/* The record, whose headers are in the arena, lives until the next call. */
enum reader_step reader_next(struct reader *reader, int timeout_ms, struct arena *arena,
                             struct record *record, struct error *err);

#endif
