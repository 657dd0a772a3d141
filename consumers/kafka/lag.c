#include <assert.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/base/kill_point.h"
#include "consumers/base/log.h"
#include "consumers/kafka/source_inside.h"

enum { PUBLISH_EVERY_MS = 100 };

/* One list for all assigned partitions is kept, as making one allocates for each of them. */
void lag_rebuild_stores(struct source *source)
{
    if (source->stores)
        rd_kafka_topic_partition_list_destroy(source->stores);
    source->stores = rd_kafka_topic_partition_list_new((int)source->seats_nr);
    for (uint32_t slot = 0; slot < source->seats_nr; slot++) {
        const struct seat *seat = &source->seats[slot];
        if (!seat->is_assigned)
            continue;
        rd_kafka_topic_partition_t *entry =
            rd_kafka_topic_partition_list_add(source->stores, seat->topic, seat->partition);
        int64_t stored = offsets_slot(source->offsets, slot)->stored;
        entry->offset = stored == OFFSETS_NONE ? RD_KAFKA_OFFSET_INVALID : stored;
        entry->opaque = (void *)(uintptr_t)slot;
    }
}

/* A partition that librdkafka no longer counts as ours answers __STATE: a rebalance is under way. */
void source_store(struct source *source)
{
    bool any = false;
    if (!source->stores)
        return;
    for (int i = 0; i < source->stores->cnt; i++) {
        rd_kafka_topic_partition_t *entry = &source->stores->elems[i];
        int64_t watermark;
        if (!offsets_take(source->offsets, (uint32_t)(uintptr_t)entry->opaque, &watermark))
            continue;
        entry->offset = watermark;
        any = true;
    }
    if (any) {
        kill_point("before-store");
        rd_kafka_resp_err_t code = rd_kafka_offsets_store(source->kafka, source->stores);
        assert(code != RD_KAFKA_RESP_ERR__INVALID_ARG);
        (void)code;
        kill_point("after-store");
    }
    lag_publish(source, clock_steady_ms());
}

void lag_commit(rd_kafka_t *kafka, rd_kafka_resp_err_t code,
                rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct source *source = opaque;
    (void)kafka;
    if (code == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return;
    if (code) {
        counter_add(&source->stats->commit_failures, 1);
        log_warn("commit failed", LOG_TEXT("why", rd_kafka_err2str(code)),
                 LOG_TEXT("effect", "tried again with the next one"));
        return;
    }
    kill_point("after-commit");
    counter_add(&source->stats->commits, 1);
    counter_set(&source->stats->last_commit_ms, (uint64_t)clock_wall_ms());
    for (int i = 0; partitions && i < partitions->cnt; i++) {
        const rd_kafka_topic_partition_t *entry = &partitions->elems[i];
        struct seat *seat = place_find(source, entry->topic, entry->partition);
        if (seat && !entry->err && entry->offset >= 0)
            seat->committed = entry->offset;
    }
    source->next_rows_ms = 0;
}

/*
 * How far the partition has been worked off: the watermark, or where it started. Behind the last record
 * may lie what is none for us, such as the marker that ends a transaction.
 */
static int64_t position_of(const struct source *source, uint32_t slot)
{
    const struct seat *seat = &source->seats[slot];
    int64_t watermark = offsets_slot(source->offsets, slot)->watermark;
    int64_t position = watermark == OFFSETS_NONE ? seat->start : watermark;
    return position == seat->next && seat->read_to > position ? seat->read_to : position;
}

/* The later of what librdkafka saw with its last fetch and what was asked. */
static int64_t end_of(const struct source *source, const struct seat *seat)
{
    int64_t low, high;
    bool is_known = rd_kafka_get_watermark_offsets(source->kafka, seat->topic, seat->partition,
                                                   &low, &high) == RD_KAFKA_RESP_ERR_NO_ERROR;
    return is_known && high > seat->high && !seat->has_gap ? high : seat->high;
}

static struct source_lag row_of(struct source *source, uint32_t slot)
{
    const struct seat *seat = &source->seats[slot];
    int64_t position = position_of(source, slot), high = end_of(source, seat);
    struct source_lag row = {.topic = slice_of(seat->topic),
                             .partition = seat->partition,
                             .committed = seat->committed,
                             .high = high,
                             .lag = OFFSETS_NONE,
                             .has_gap = seat->has_gap};
    if (position != OFFSETS_NONE && high != OFFSETS_NONE)
        row.lag = high > position ? high - position : 0;
    return row;
}

void lag_publish(struct source *source, int64_t now_ms)
{
    if (now_ms < source->next_rows_ms)
        return;
    source->next_rows_ms = now_ms + PUBLISH_EVERY_MS;
    pthread_mutex_lock(&source->mutex);
    source->rows_nr = 0;
    for (uint32_t slot = 0; slot < source->seats_nr; slot++) {
        if (!source->seats[slot].is_assigned)
            continue;
        source->rows = alloc_grow(source->rows, source->rows_nr, &source->rows_capacity,
                                  sizeof(*source->rows));
        source->rows[source->rows_nr++] = row_of(source, slot);
    }
    pthread_mutex_unlock(&source->mutex);
}

size_t source_lags(struct source *source, struct source_lag *out, size_t max)
{
    pthread_mutex_lock(&source->mutex);
    size_t nr = source->rows_nr < max ? source->rows_nr : max;
    for (size_t i = 0; i < nr; i++)
        out[i] = source->rows[i];
    pthread_mutex_unlock(&source->mutex);
    return nr;
}
