/*
 * latency - from when a record was made, and from when it was handed out, to when its work was done.
 *
 * Of records whose key is `t:` and nanoseconds of the steady clock. Everything is kept until the end: a
 * hundred thousand records or a few are meant. Its memory comes from mmap, so that it is not
 * counted among anybody's allocations.
 */
#ifndef TESTS_BENCH_LATENCY_H
#define TESTS_BENCH_LATENCY_H

#include <string.h>
#include <sys/mman.h>

#include <librdkafka/rdkafka.h>

#include "tests/bench/measure.h"

enum { LATENCY_PARTITIONS = 64, LATENCY_RECORDS = 1 << 20 };

struct latency_record {
    int64_t made_ns, handed_ns;
};

struct latency {
    struct latency_record *records[LATENCY_PARTITIONS]; /* by offset */
    int64_t stored[LATENCY_PARTITIONS];
    double *made_ms, *handed_ms; /* what each finished record took */
    size_t nr;
};

static inline void *latency_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        give_up("memory", "none left");
    return memory;
}

static inline void latency_note_message(struct latency *latency, const rd_kafka_message_t *message)
{
    struct latency_record **records;
    char text[32] = "";

    if (message->key_len < 3 || message->key_len >= sizeof(text) ||
        memcmp(message->key, "t:", 2) != 0 || message->partition >= LATENCY_PARTITIONS ||
        message->offset >= LATENCY_RECORDS)
        return;
    memcpy(text, (const char *)message->key + 2, message->key_len - 2);
    records = &latency->records[message->partition];
    if (*records == NULL)
        *records = latency_memory(sizeof(**records) * LATENCY_RECORDS);
    (*records)[message->offset] = (struct latency_record){strtoll(text, NULL, 10), steady_ns()};
}

static inline void latency_note_stored(struct latency *latency, int partition, int64_t offset)
{
    int64_t now = steady_ns();
    const struct latency_record *records;

    if (partition >= LATENCY_PARTITIONS || latency->records[partition] == NULL)
        return;
    if (latency->made_ms == NULL) {
        latency->made_ms = latency_memory(sizeof(double) * LATENCY_RECORDS);
        latency->handed_ms = latency_memory(sizeof(double) * LATENCY_RECORDS);
    }
    records = latency->records[partition];
    for (int64_t i = latency->stored[partition]; i < offset; i++) {
        if (records[i].made_ns == 0 || latency->nr == LATENCY_RECORDS)
            continue;
        latency->made_ms[latency->nr] = (double)(now - records[i].made_ns) / 1e6;
        latency->handed_ms[latency->nr++] = (double)(now - records[i].handed_ns) / 1e6;
    }
    latency->stored[partition] = offset;
}

static inline int latency_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The first fifth warms up. */
static inline void latency_print_one(const char *name, double *values, size_t nr)
{
    size_t first = nr / 5;

    values += first;
    nr -= first;
    qsort(values, nr, sizeof(*values), latency_order);
    printf(",\"%s_p50_ms\":%.4f,\"%s_p99_ms\":%.4f", name, values[nr / 2], name,
           values[nr * 99 / 100]);
}

static inline void latency_print(struct latency *latency)
{
    if (latency->nr == 0)
        return;
    latency_print_one("made", latency->made_ms, latency->nr);
    latency_print_one("handed", latency->handed_ms, latency->nr);
}

#endif
