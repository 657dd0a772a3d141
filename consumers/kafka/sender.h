/*
 * sender - records to any topic and partition, each answered by its ticket: for tools.
 *
 * The producer is idempotent, so that records of a partition keep their order and none is doubled by a
 * repeat of librdkafka's. A record that is not confirmed within 30 s is given up and said so: it may still
 * have arrived. One thread; delivery reports come out of sender_take() alone.
 */
#ifndef CONSUMERS_KAFKA_SENDER_H
#define CONSUMERS_KAFKA_SENDER_H

#include "consumers/base/error.h"
#include "consumers/base/record.h"
#include "consumers/kafka/source.h"

enum { SENDER_BY_KEY = -1, SENDER_WHY_BYTES = 160 };

struct sender_report {
    uint64_t ticket;
    bool is_sent;
    bool is_unreachable; /* Kafka did not answer; else it refused this record */
    char why[SENDER_WHY_BYTES];
};

struct sender;

struct sender *sender_new(const char *brokers, const struct kafka_option *options, size_t nr,
                          struct error *err) CHECKED;

/* What is not confirmed is dropped. */
void sender_free(struct sender *sender);

/*
 * Queues a copy of the record (its topic, partition or SENDER_BY_KEY, timestamp; its offset means
 * nothing). SENDER_FULL: take reports, then try again. What cannot be sent at all is a report, too.
 */
enum sender_result { SENDER_TAKEN, SENDER_FULL };

enum sender_result sender_send(struct sender *sender, const struct record *record, uint64_t ticket);

/* Waits up to timeout_ms for the first; returns how many reports there are. */
size_t sender_take(struct sender *sender, int timeout_ms, struct sender_report *out, size_t max);

size_t sender_pending(const struct sender *sender); /* sent, without a report that was taken */

#endif
