/*
 * embedded - a broker inside this process, for trying and testing: librdkafka's mock cluster.
 *
 * It keeps about 5 MB a partition, forgets everything at exit and knows no transactions; it listens
 * on loopback only. Never for production; whoever starts it says so.
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
/* What a consumer of it should set: the mock answers an empty fetch only after fetch.wait.max.ms. */
const struct kafka_option *embedded_options(size_t *nr);

void embedded_free(struct embedded *embedded);

#endif
