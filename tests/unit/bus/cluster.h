/*
 * cluster - a Kafka inside the process (librdkafka's mock cluster), and a producer with a diary.
 *
 * The mock has one broker and makes topics as they are written to, with CLUSTER_PARTITIONS partitions.
 * It does not keep what real brokers keep; what it is asked here is to take, to refuse and to be away.
 * Taking it down can last a second, so tests that do it no harm share one, each with a topic of its
 * own. Its threads live in the process that made it: a test in a forked child can talk to it, but not
 * make it misbehave.
 */
#ifndef TESTS_UNIT_BUS_CLUSTER_H
#define TESTS_UNIT_BUS_CLUSTER_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <stdatomic.h>

#include "bus/unstale.h"

enum { CLUSTER_PARTITIONS = 4, DIARY_NR = 64, LONG_MS = 20000 };

struct cluster {
    rd_kafka_t *carrier; /* the mock lives in a client of its own */
    rd_kafka_mock_cluster_t *mock;
    const char *brokers;
    char topic[40]; /* of the test that runs: cluster_options() makes up a new one */
    unsigned topics_nr;
};

void cluster_init(struct cluster *cluster);
void cluster_release(struct cluster *cluster);

/* Reads nr records of the topic, in no order, and calls back for each. */
void cluster_read(struct cluster *cluster, int nr, void (*each)(const rd_kafka_message_t *));

/* What the delivery callback was told, the first DIARY_NR times. */
struct diary {
    struct entry {
        struct unstale_error error;
        int32_t partition;
        int64_t offset;
        void *opaque;
        char key[64];
        pthread_t thread;
    } entries[DIARY_NR];
    int nr;                /* not atomic: callbacks never overlap, and the thread sanitizer knows */
    atomic_int is_running; /* callbacks at this moment, at most 1 */
    void (*then)(void);    /* called in the callback */
};

unstale_delivery_fn diary_note;

/* Options for the cluster and a new topic, writing to the diary. */
void cluster_options(struct cluster *cluster, struct unstale_options *options, struct diary *diary);

/* Publishes MODEL:pk with an event of its own. */
bool publish_pk(struct unstale_producer *producer, int64_t pk, struct unstale_error *err);

int64_t now_ms(void);

#endif
