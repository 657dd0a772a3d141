/*
 * embedded - a broker inside this process, for trying and testing: librdkafka's mock cluster.
 *
 * It keeps about 5 MB a partition, forgets everything at exit and knows no transactions; it listens
 * on loopback only. Never for production; whoever starts it says so.
 *
 * Its clients should take embedded_options(): with the defaults a group that is joined while it exists
 * waits for nearly a session's time, and a record on a quiet topic is up to half a second on its way.
 * Source: librdkafka rdkafka_mock.h.
 */
#ifndef CONSUMERS_KAFKA_EMBEDDED_H
#define CONSUMERS_KAFKA_EMBEDDED_H

#include <stddef.h>

#include "consumers/base/error.h"
#include "consumers/kafka/source.h"

struct embedded;

struct embedded *embedded_new(const char *const *topics, size_t topics_nr, int partitions,
                              struct error *err) CHECKED;
const char *embedded_brokers(const struct embedded *embedded); /* "127.0.0.1:43211" */
void embedded_free(struct embedded *embedded);

/* What a consumer of it should set, before its user's own options. They live as long as it does. */
const struct kafka_option *embedded_options(const struct embedded *embedded, size_t *nr);

#endif
