/*
 * source_inside - what the files of the source share; for nobody else.
 *
 *   source.c   the client, polling, records          place.c    rebalances, where partitions start, gaps
 *   pause.c    reasons to pause                      lag.c      storing, commits, the published table
 *   back.c     going back after a failover of Redis
 *   trouble.c  errors of librdkafka, told in words       ends.c     where the logs end, asked now and then
 *
 * A seat is what the source knows of a tracker's slot, at the same index. A partition is placed once it
 * is known where to go on: the committed offset, or the beginning, checked against the log. Until then
 * it is assigned but paused (PAUSE_PLACE), so that nothing is read from a guessed place.
 * All of it belongs to the polling thread, but for `rows`.
 */
#ifndef CONSUMERS_KAFKA_SOURCE_INSIDE_H
#define CONSUMERS_KAFKA_SOURCE_INSIDE_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include "consumers/kafka/source.h"

enum {
    PAUSE_PLACE = 1 << 8,          /* beside enum pause_reason: not placed yet */
    PAUSE_FULL = 1 << 9,           /* too much was kept for a caller that takes nothing */
    SOURCE_TEXT_BYTES = 512,       /* of a trouble */
    SOURCE_TOPIC_BYTES = 256,      /* Kafka allows 249 */
    SOURCE_FINDER_PLACES = 1 << 10 /* a power of two */
};

struct seat {
    char *topic;
    int32_t partition;
    uint32_t epoch;
    bool is_assigned, is_placed;
    bool is_paused;      /* as librdkafka knows it */
    bool must_move;      /* to `next`, by assigning it anew */
    bool from_beginning; /* nothing was committed */
    bool has_gap, gap_is_told;
    unsigned reasons; /* of enum pause_reason and those above */
    int64_t wanted;   /* where to be placed; OFFSETS_NONE: where the group committed */
    int64_t start;    /* where it was placed */
    int64_t next;     /* after the last record that was handed out; first `start` */
    int64_t repeat;   /* before this they were handed out in an earlier epoch */
    int64_t committed;
    int64_t high;    /* end of the log, when it was last asked */
    int64_t read_to; /* before this there was nothing after `next` that is for us to read */
    int64_t gap_from, gap_to;
};

/* One call of source_poll(), while it runs. */
struct haul {
    struct source_record *out;
    size_t nr, max;
    size_t bytes, max_bytes;
};

struct finder_place {
    const void *topic; /* rd_kafka_topic_t; NULL: free */
    int32_t partition;
    uint32_t slot;
};

struct source {
    rd_kafka_t *kafka;
    struct source_callbacks callbacks;
    struct offsets *offsets;
    struct source_stats *stats;
    char **topics;
    size_t topics_nr;
    bool is_subscribed, is_joined, is_fatal, is_closed;
    bool is_stuck; /* in closing: its broker does not answer */

    struct seat *seats;
    size_t seats_nr, seats_capacity;
    unsigned all_reasons; /* in force for partitions that come */
    struct finder_place finder[SOURCE_FINDER_PLACES];
    struct finder_place last; /* of the message before */

    struct haul *haul; /* NULL outside source_poll() */
    struct source_record *kept;
    size_t kept_nr, kept_capacity;

    rd_kafka_topic_partition_list_t *stores; /* the assigned partitions, .opaque their slot */
    rd_kafka_queue_t *ends;                  /* where their ends are answered */
    bool are_ends_asked;
    int64_t last_poll_ms, next_place_ms, next_probe_ms, next_rows_ms, next_ends_ms;

    char fatal[SOURCE_TEXT_BYTES];
    char broker[SOURCE_TEXT_BYTES]; /* trouble with brokers, rights */
    char trouble[SOURCE_TEXT_BYTES];
    char (*missing)[SOURCE_TOPIC_BYTES]; /* topics that do not exist */
    size_t missing_nr, missing_capacity;
    bool is_trouble_stale;

    pthread_mutex_t mutex; /* guards rows */
    struct source_lag *rows;
    size_t rows_nr, rows_capacity;
};

/* place.c */
void place_rebalance(rd_kafka_t *kafka, rd_kafka_resp_err_t code,
                     rd_kafka_topic_partition_list_t *partitions, void *opaque);
void place_out_of_range(struct source *source, const char *topic, int32_t partition);
void place_retry(struct source *source, int64_t now_ms);
struct seat *place_find(struct source *source, const char *topic, int32_t partition);
void place_move(struct source *source, uint32_t slot, int64_t offset);
void place_apply(struct source *source); /* after place_move() */

/* pause.c */
void pause_apply(struct source *source);

/* lag.c */
void lag_commit(rd_kafka_t *kafka, rd_kafka_resp_err_t code,
                rd_kafka_topic_partition_list_t *partitions, void *opaque);
void lag_rebuild_stores(struct source *source);
void lag_publish(struct source *source, int64_t now_ms);

/* ends.c */
void ends_refresh(struct source *source, int64_t now_ms);

/* trouble.c */
void trouble_client_error(rd_kafka_t *kafka, int code, const char *reason, void *opaque);
void trouble_consumer_error(struct source *source, const rd_kafka_message_t *message);
void trouble_probe(struct source *source, int64_t now_ms);
void trouble_topic_is_there(struct source *source, const char *topic);
void trouble_brokers_answer(struct source *source);
void trouble_compose(struct source *source);

#endif
