/*
 * record - one Kafka record as it was read: bytes and where they stood. Everything is borrowed from
 * the message, which is kept until its batch is answered.
 */
#ifndef CONSUMERS_BASE_RECORD_H
#define CONSUMERS_BASE_RECORD_H

#include <stdint.h>

#include "consumers/base/slice.h"

struct record_header {
    struct slice name;
    struct slice value; /* absent: a null header value */
};

struct record {
    struct slice topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;                /* since the epoch; -1: unknown */
    struct slice key;                    /* absent: no key */
    struct slice value;                  /* absent: a tombstone */
    const struct record_header *headers; /* in the order of the record */
    size_t headers_nr;
};

#endif
