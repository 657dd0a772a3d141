/*
 * headers - a message's headers as a record has them, and the way back.
 *
 * For a look at headers, even at none, librdkafka allocates: they are loaded where somebody asks.
 */
#ifndef CONSUMERS_KAFKA_HEADERS_H
#define CONSUMERS_KAFKA_HEADERS_H

#include <librdkafka/rdkafka.h>

#include "consumers/base/arena.h"
#include "consumers/base/record.h"

/* A message's key, value or header value. Where there is none librdkafka gives NULL, not no bytes. */
static inline struct slice bytes_of(const void *ptr, size_t len)
{
    return ptr ? (struct slice){ptr, len} : SLICE_ABSENT;
}

/* Fills record->headers, in the arena; names and values stay the message's. */
void headers_load(const rd_kafka_message_t *message, struct arena *arena, struct record *record);

/* A copy for the producer, which takes it over when it takes the message. */
rd_kafka_headers_t *headers_make(const struct record *record);

#endif
