/*
 * world - a mock cluster to test against, and a consumer with a notebook.
 *
 * The group session is 2 s, as a join of the mock's group outside its empty state waits for that long.
 */
#ifndef TESTS_UNIT_KAFKA_WORLD_H
#define TESTS_UNIT_KAFKA_WORLD_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "consumers/kafka/source.h"

struct world {
    rd_kafka_t *kafka;
    rd_kafka_mock_cluster_t *cluster;
    const char *brokers;
    rd_kafka_t *producer;
};

void world_init(struct world *world);
void world_release(struct world *world);
void world_topic(struct world *world, const char *topic, int partitions);

struct world_message {
    const char *topic;
    int32_t partition;
    const char *key, *value; /* NULL: none */
    int64_t timestamp_ms;    /* 0: now */
    rd_kafka_headers_t *headers;
};

void world_put(struct world *world, const struct world_message *message);
void world_put_numbers(struct world *world, const char *topic, int32_t partition, int from, int to);

enum { MEMBER_RECORDS = 5000, MEMBER_CALLS = 16, MEMBER_OPTIONS = 12 };

struct member_gap {
    uint32_t slot;
    int64_t from, to;
};

/* A source with all that belongs to it, and what came out of it. */
struct member {
    struct source *source;
    struct offsets *offsets;
    struct source_stats stats;
    struct error err;
    struct source_record records[MEMBER_RECORDS];
    size_t records_nr;
    size_t revokes_nr, lost_nr, revoked_slots_nr;
    struct member_gap gaps[MEMBER_CALLS];
    size_t gaps_nr;
    bool skips_gaps;
    void (*on_revoke)(struct member *member);
};

struct member_settings {
    const char *topic, *group, *strategy;
    const char *dead_letter_topic;
    struct kafka_option options[MEMBER_OPTIONS]; /* ends with a name NULL */
};

/* False when source_new() refused; member->err says why. */
bool member_init(struct member *member, const struct world *world,
                 const struct member_settings *settings);
void member_release(struct member *member); /* as after a crash: nothing is said to the group */
void member_leave(struct member *member);

/* Polls until so many records came in all, or false after the deadline. */
bool member_await(struct member *member, size_t records_nr, int timeout_ms);
bool member_await_joined(struct member *member, int timeout_ms);
void member_poll_for(struct member *member, int ms);

/* All records that came are answered, and stored. */
void member_answer(struct member *member);
bool member_await_commit(struct member *member, uint64_t commits, int timeout_ms);

#endif
