/*
 * client - what a test tool needs before it can talk to Kafka: a handle, a topic with leaders, and
 * an end with a reason when that fails. A tool is one short-lived program of one thread, so errors
 * end it (exit 1, the reason on standard error) and memory is not given back.
 */
#ifndef TESTS_TOOLS_CLIENT_H
#define TESTS_TOOLS_CLIENT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

enum { CALL_MS = 15000, ERROR_BYTES = 512 };

_Noreturn static inline void die(const char *what, const char *why)
{
    fprintf(stderr, "topic: %s: %s\n", what, why);
    exit(1);
}

static inline void *allocate(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);

    if (memory == NULL)
        die("memory", "none left");
    return memory;
}

static inline int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline rd_kafka_t *
client_new(rd_kafka_type_t type, const char *const *settings,
           void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *), void *opaque)
{
    char error[ERROR_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    for (; *settings != NULL; settings += 2)
        if (rd_kafka_conf_set(conf, settings[0], settings[1], error, sizeof(error)) !=
            RD_KAFKA_CONF_OK)
            die(settings[0], error);
    rd_kafka_conf_set_opaque(conf, opaque);
    if (delivered != NULL)
        rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_t *client = rd_kafka_new(type, conf, error, sizeof(error));
    if (client == NULL)
        die("client", error);
    return client;
}

static inline rd_kafka_t *plain_client_new(const char *brokers)
{
    const char *settings[] = {"bootstrap.servers", brokers, NULL};

    return client_new(RD_KAFKA_PRODUCER, settings, NULL, NULL);
}

/* The number of partitions that have a leader, or -1 while the broker cannot say. */
static inline int partitions_ready(rd_kafka_t *client, const char *topic)
{
    rd_kafka_topic_conf_t *no_conf = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, no_conf);
    const struct rd_kafka_metadata *metadata = NULL;
    int ready_nr = -1;

    if (rd_kafka_metadata(client, 0, handle, &metadata, CALL_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        ready_nr = 0;
        for (int i = 0; metadata->topic_cnt == 1 && i < metadata->topics[0].partition_cnt; i++)
            if (metadata->topics[0].partitions[i].leader >= 0)
                ready_nr++;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(handle);
    return ready_nr;
}

static inline int partition_count(rd_kafka_t *client, const char *topic)
{
    int partition_nr = partitions_ready(client, topic);

    if (partition_nr <= 0)
        die(topic, "no such topic, or no answer from the broker");
    return partition_nr;
}

static inline void await_leaders(rd_kafka_t *client, const char *topic, int partition_nr)
{
    int64_t deadline_ms = now_ms() + CALL_MS;
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};

    while (partitions_ready(client, topic) != partition_nr) {
        if (now_ms() > deadline_ms)
            die(topic, "created, but its partitions have no leader");
        nanosleep(&pause, NULL);
    }
}

#endif
