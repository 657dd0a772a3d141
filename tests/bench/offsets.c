/*
 * offsets - what the bookkeeping of acknowledgements costs a record: hold, advance, take and the store.
 *
 * Batches of 1024 records over 1, 8 and 64 partitions, as consumers/pipeline does it after a batch: an
 * advance a record, a look at each slot, one rd_kafka_offsets_store() a batch. With `held` one
 * record in a hundred waits and is released a batch later. Lines of the form `NAME NS [MIN-MAX] goal
 * GOAL` are for machines.
 */
#include <stdbool.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "consumers/kafka/offsets.h"
#include "tests/bench/measure.h"

enum { ROUNDS = 9, BATCH = 1024, BATCHES = 200, HELD_EVERY = 100, SLOTS_MOST = 64 };
enum { ERROR_BYTES = 512 };

struct bench {
    rd_kafka_t *kafka;
    rd_kafka_topic_partition_list_t *list;
    struct offsets *offsets;
    struct offset_mark held[BATCH];
    uint32_t slots_nr, epoch;
    int64_t next[SLOTS_MOST];
    size_t held_nr;
    bool holds;
};

static rd_kafka_t *client_new(void)
{
    char why[ERROR_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *kafka;

    if (rd_kafka_conf_set(conf, "group.id", "bench", why, sizeof(why)) ||
        rd_kafka_conf_set(conf, "enable.auto.commit", "false", why, sizeof(why)) ||
        rd_kafka_conf_set(conf, "enable.auto.offset.store", "false", why, sizeof(why)))
        give_up("librdkafka", why);
    kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (kafka == NULL)
        give_up("librdkafka", why);
    return kafka;
}

static void bench_init(struct bench *bench, uint32_t slots, bool holds)
{
    *bench = (struct bench){.slots_nr = slots, .holds = holds};
    bench->kafka = client_new();
    bench->offsets = offsets_new();
    bench->list = rd_kafka_topic_partition_list_new((int)slots);
    for (uint32_t i = 0; i < slots; i++) {
        uint32_t slot = offsets_assign(bench->offsets, SLICE("events"), (int32_t)i);

        bench->epoch = offsets_slot(bench->offsets, slot)->epoch;
        rd_kafka_topic_partition_list_add(bench->list, "events", (int32_t)i);
    }
    if (rd_kafka_assign(bench->kafka, bench->list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up("assign", "refused");
    bench->list->cnt = 0;
}

static void bench_release(struct bench *bench)
{
    rd_kafka_topic_partition_list_destroy(bench->list);
    offsets_free(bench->offsets);
    rd_kafka_destroy(bench->kafka);
}

static struct offset_mark next_mark(struct bench *bench, unsigned record)
{
    uint32_t slot = record % bench->slots_nr;

    return (struct offset_mark){slot, offsets_slot(bench->offsets, slot)->epoch,
                                bench->next[slot]++};
}

static void store(struct bench *bench)
{
    int64_t watermark;
    int entries = 0;

    for (uint32_t slot = 0; slot < bench->slots_nr; slot++) {
        if (!offsets_take(bench->offsets, slot, &watermark))
            continue;
        if (entries == bench->list->cnt)
            rd_kafka_topic_partition_list_add(bench->list, "events", (int32_t)slot);
        bench->list->elems[entries].partition = (int32_t)slot;
        bench->list->elems[entries++].offset = watermark;
    }
    rd_kafka_offsets_store(bench->kafka, bench->list);
}

static void run_batch(struct bench *bench)
{
    size_t released = bench->held_nr;

    for (size_t i = 0; i < released; i++)
        offsets_release(bench->offsets, bench->held[i]);
    bench->held_nr = 0;
    for (unsigned i = 0; i < BATCH; i++) {
        struct offset_mark mark = next_mark(bench, i);

        if (bench->holds && i % HELD_EVERY == 0) {
            offsets_hold(bench->offsets, mark, 1);
            bench->held[bench->held_nr++] = mark;
        }
        offsets_advance(bench->offsets, mark);
    }
    store(bench);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void run(const char *name, uint32_t slots, bool holds)
{
    double ns[ROUNDS];
    struct bench bench;

    bench_init(&bench, slots, holds);
    run_batch(&bench);
    for (int round = 0; round < ROUNDS; round++) {
        struct moment began = moment_now();

        for (int i = 0; i < BATCHES; i++)
            run_batch(&bench);
        ns[round] = (moment_now().own - began.own) / (BATCHES * BATCH) * 1e9;
    }
    bench_release(&bench);
    qsort(ns, ROUNDS, sizeof(*ns), by_value);
    printf("%s %.2f [%.2f-%.2f] goal 10\n", name, ns[ROUNDS / 2], ns[0], ns[ROUNDS - 1]);
}

int main(void)
{
    run("offsets_1_partition", 1, false);
    run("offsets_8_partitions", 8, false);
    run("offsets_64_partitions", 64, false);
    run("offsets_8_partitions_held", 8, true);
    return 0;
}
