#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/base/log.h"
#include "consumers/kafka/range.h"
#include "consumers/kafka/source_inside.h"

enum {
    ASSIGN_WAIT_MS = 5000, /* for the lookups while the group waits for us */
    RETRY_WAIT_MS = 1000,  /* for those of one later try */
    RETRY_EVERY_MS = 1000
};

struct seat *place_find(struct source *source, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < source->seats_nr; i++) {
        struct seat *seat = &source->seats[i];
        if (seat->is_assigned && seat->partition == partition && strcmp(seat->topic, topic) == 0)
            return seat;
    }
    return NULL;
}

static uint32_t slot_of(const struct source *source, const struct seat *seat)
{
    return (uint32_t)(seat - source->seats);
}

static bool is_cooperative(const struct source *source)
{
    const char *protocol = rd_kafka_rebalance_protocol(source->kafka);
    return protocol && strcmp(protocol, "COOPERATIVE") == 0;
}

/* A new epoch: what was read before is no longer answered for. */
static void renew_epoch(struct source *source, uint32_t slot)
{
    struct seat *seat = &source->seats[slot];
    offsets_assign(source->offsets, slice_of(seat->topic), seat->partition);
    seat->epoch = offsets_slot(source->offsets, slot)->epoch;
}

static struct seat *take_seat(struct source *source, const char *topic, int32_t partition)
{
    uint32_t slot = offsets_assign(source->offsets, slice_of(topic), partition);
    while (source->seats_nr <= slot) {
        source->seats = alloc_grow(source->seats, source->seats_nr, &source->seats_capacity,
                                   sizeof(*source->seats));
        source->seats[source->seats_nr++] = (struct seat){0};
    }
    struct seat *seat = &source->seats[slot];
    char *name = seat->topic ? seat->topic : alloc_text(topic);
    *seat = (struct seat){.topic = name,
                          .partition = partition,
                          .epoch = offsets_slot(source->offsets, slot)->epoch,
                          .is_assigned = true,
                          .reasons = source->all_reasons | PAUSE_PLACE,
                          .wanted = OFFSETS_NONE,
                          .start = OFFSETS_NONE,
                          .next = OFFSETS_NONE,
                          .repeat = OFFSETS_NONE,
                          .committed = OFFSETS_NONE,
                          .high = OFFSETS_NONE,
                          .read_to = OFFSETS_NONE};
    trouble_topic_is_there(source, topic);
    return seat;
}

static rd_kafka_topic_partition_list_t *list_unplaced(struct source *source)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)source->seats_nr);
    for (uint32_t slot = 0; slot < source->seats_nr; slot++) {
        const struct seat *seat = &source->seats[slot];
        if (seat->is_assigned && !seat->is_placed)
            rd_kafka_topic_partition_list_add(list, seat->topic, seat->partition)->opaque =
                (void *)(uintptr_t)slot;
    }
    return list;
}

static bool look_up_committed(struct source *source, rd_kafka_topic_partition_list_t *list,
                              int timeout_ms, struct error *err)
{
    rd_kafka_resp_err_t code = rd_kafka_committed(source->kafka, list, timeout_ms);
    for (int i = 0; i < list->cnt && !code; i++)
        code = list->elems[i].err;
    if (!code)
        return true;
    return error_fail(err, ERROR_RETRY, "committed offsets: %s", rd_kafka_err2str(code));
}

/* Where the partition goes on, and whether there is a gap before it. */
static void settle(struct source *source, struct seat *seat, int64_t committed,
                   const struct range *range)
{
    int64_t wanted = seat->wanted == OFFSETS_NONE ? committed : seat->wanted;
    bool is_below = wanted >= 0 && wanted < range->low;
    bool is_beyond = wanted > range->high;
    seat->is_placed = seat->must_move = true;
    seat->from_beginning = wanted < 0;
    seat->committed = committed >= 0 ? committed : OFFSETS_NONE;
    seat->high = range->high;
    seat->read_to = OFFSETS_NONE;
    seat->start = seat->next = wanted < 0 ? range->low : wanted;
    seat->reasons &= ~(unsigned)PAUSE_PLACE;
    if (!is_below && !is_beyond)
        return;
    seat->has_gap = true;
    seat->gap_is_told = false;
    seat->gap_from = is_below ? wanted : range->high;
    seat->gap_to = is_below ? range->low : wanted;
    seat->start = seat->next = is_below ? range->low : range->high;
    seat->reasons |= PAUSE_GAP;
    source->is_trouble_stale = true;
    if (is_beyond)
        renew_epoch(source, slot_of(source, seat));
}

/* Looks up every partition that is not placed; all of them or none. */
static bool place_all(struct source *source, int timeout_ms)
{
    struct error err = ERROR_INIT;
    rd_kafka_topic_partition_list_t *list = list_unplaced(source);
    struct range *ranges = alloc_zero((size_t)list->cnt + 1, sizeof(*ranges));
    int64_t deadline = clock_steady_ms() + timeout_ms;
    bool is_done = list->cnt == 0;
    if (!is_done && look_up_committed(source, list, timeout_ms, &err)) {
        int64_t left = deadline - clock_steady_ms();
        is_done = range_query(source->kafka, list, left > 1 ? (int)left : 1, ranges, &err);
    }
    for (int i = 0; i < list->cnt && is_done; i++) {
        const rd_kafka_topic_partition_t *entry = &list->elems[i];
        settle(source, &source->seats[(uintptr_t)entry->opaque], entry->offset, &ranges[i]);
    }
    if (!is_done)
        log_warn("partitions wait: where to go on is not known", LOG_TEXT("why", err.text));
    free(ranges);
    rd_kafka_topic_partition_list_destroy(list);
    return is_done;
}

static void add_seat(rd_kafka_topic_partition_list_t *list, const struct seat *seat)
{
    rd_kafka_topic_partition_list_add(list, seat->topic, seat->partition)->offset =
        seat->is_placed ? seat->next : RD_KAFKA_OFFSET_INVALID;
}

static void report(rd_kafka_resp_err_t code, rd_kafka_error_t *error, const char *what)
{
    if (error) {
        log_error(what, LOG_TEXT("why", rd_kafka_error_string(error)));
        rd_kafka_error_destroy(error);
    } else if (code) {
        log_error(what, LOG_TEXT("why", rd_kafka_err2str(code)));
    }
}

/*
 * Brings librdkafka to what the seats say: those that must move are assigned at `next`. The eager
 * protocol knows whole assignments only; the others are then assigned where they stand.
 */
static void assign_seats(struct source *source, bool are_new)
{
    bool cooperative = is_cooperative(source);
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)source->seats_nr);
    for (size_t i = 0; i < source->seats_nr; i++) {
        struct seat *seat = &source->seats[i];
        if (!seat->is_assigned || (cooperative && !seat->must_move))
            continue;
        add_seat(list, seat);
        seat->must_move = false;
        seat->is_paused = seat->reasons == 0; /* either way it is said anew */
    }
    if (cooperative && !are_new)
        report(0, rd_kafka_incremental_unassign(source->kafka, list), "cannot leave partitions");
    if (cooperative)
        report(0, rd_kafka_incremental_assign(source->kafka, list), "cannot take partitions");
    else
        report(rd_kafka_assign(source->kafka, list), NULL, "cannot take partitions");
    rd_kafka_topic_partition_list_destroy(list);
    pause_apply(source);
}

static void tell_gaps(struct source *source)
{
    for (uint32_t slot = 0; slot < source->seats_nr; slot++) {
        struct seat *seat = &source->seats[slot];
        if (!seat->is_assigned || !seat->has_gap || seat->gap_is_told)
            continue;
        seat->gap_is_told = true;
        source->callbacks.gap(source->callbacks.context, slot, seat->gap_from, seat->gap_to);
    }
}

static void forget_places(struct source *source)
{
    memset(source->finder, 0, sizeof(source->finder));
    source->last = (struct finder_place){0};
}

static void assign(struct source *source, const rd_kafka_topic_partition_list_t *partitions)
{
    for (int i = 0; i < partitions->cnt; i++)
        take_seat(source, partitions->elems[i].topic, partitions->elems[i].partition)->must_move =
            true;
    source->is_joined = true;
    log_info("partitions assigned", LOG_INT("partitions", partitions->cnt));
    trouble_brokers_answer(source);
    if (!place_all(source, ASSIGN_WAIT_MS))
        source->next_place_ms = clock_steady_ms() + RETRY_EVERY_MS;
    assign_seats(source, true);
    lag_rebuild_stores(source);
    tell_gaps(source);
}

static void drop_records(struct source_record *records, size_t *nr, const struct source *source)
{
    size_t kept = 0;
    for (size_t i = 0; i < *nr; i++) {
        if (source->seats[records[i].mark.slot].is_assigned)
            records[kept++] = records[i];
        else
            source_give_back(&records[i]);
    }
    *nr = kept;
}

/* Those of the partitions that are ours, marked as gone. */
static size_t vacate(struct source *source, const rd_kafka_topic_partition_list_t *partitions,
                     uint32_t *slots)
{
    size_t nr = 0;
    for (int i = 0; i < partitions->cnt; i++) {
        const rd_kafka_topic_partition_t *entry = &partitions->elems[i];
        struct seat *seat = place_find(source, entry->topic, entry->partition);
        if (!seat)
            continue;
        seat->is_assigned = false;
        slots[nr++] = slot_of(source, seat);
    }
    return nr;
}

static void revoke(struct source *source, const rd_kafka_topic_partition_list_t *partitions)
{
    bool lost = rd_kafka_assignment_lost(source->kafka);
    uint32_t *slots = alloc_zero((size_t)partitions->cnt + 1, sizeof(*slots));
    size_t nr = vacate(source, partitions, slots);
    if (source->haul)
        drop_records(source->haul->out, &source->haul->nr, source);
    drop_records(source->kept, &source->kept_nr, source);
    if (nr > 0)
        source->callbacks.revoke(source->callbacks.context, slots, nr, lost);
    if (!lost)
        source_store(source);
    for (size_t i = 0; i < nr; i++)
        offsets_revoke(source->offsets, slots[i]);
    free(slots);
    /* Without any topic librdkafka leaves the group. */
    if (lost || source->missing_nr == source->topics_nr)
        source->is_joined = false;
    if (is_cooperative(source))
        report(0, rd_kafka_incremental_unassign(source->kafka, partitions),
               "cannot leave partitions");
    else
        report(rd_kafka_assign(source->kafka, NULL), NULL, "cannot leave partitions");
    lag_rebuild_stores(source);
    source->is_trouble_stale = true;
}

void place_rebalance(rd_kafka_t *kafka, rd_kafka_resp_err_t code,
                     rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct source *source = opaque;
    counter_add(&source->stats->rebalances, 1);
    forget_places(source);
    source->next_rows_ms = 0;
    switch (code) {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
        assign(source, partitions);
        return;
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
        revoke(source, partitions);
        return;
    default:
        log_error("rebalance failed", LOG_TEXT("why", rd_kafka_err2str(code)));
        rd_kafka_assign(kafka, NULL);
        return;
    }
}

/* Kafka has no record at our position, or the group no offset: looked up with the next try. */
void place_out_of_range(struct source *source, const char *topic, int32_t partition)
{
    struct seat *seat = place_find(source, topic, partition);
    if (!seat || !seat->is_placed)
        return;
    /* A partition that was never read starts at the beginning, wherever that has moved to. */
    bool is_untouched = seat->from_beginning && seat->next == seat->start;
    seat->wanted = is_untouched ? OFFSETS_NONE : seat->next;
    seat->is_placed = false;
    seat->reasons |= PAUSE_PLACE;
    source->next_place_ms = 0;
    pause_apply(source);
}

static bool any_unplaced(const struct source *source)
{
    for (size_t i = 0; i < source->seats_nr; i++)
        if (source->seats[i].is_assigned && !source->seats[i].is_placed)
            return true;
    return false;
}

void place_retry(struct source *source, int64_t now_ms)
{
    if (now_ms < source->next_place_ms || !any_unplaced(source))
        return;
    source->next_place_ms = now_ms + RETRY_EVERY_MS;
    if (!place_all(source, RETRY_WAIT_MS))
        return;
    assign_seats(source, false);
    lag_rebuild_stores(source);
    tell_gaps(source);
}

/* So that a restart does not find the same gap again. */
static void commit_position(struct source *source, const struct seat *seat)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, seat->topic, seat->partition)->offset = seat->next;
    report(rd_kafka_commit(source->kafka, list, 1), NULL, "cannot commit after a gap");
    rd_kafka_topic_partition_list_destroy(list);
}

/* The log may have moved on since the gap was found. */
static bool refresh_gap(struct source *source, struct seat *seat, struct error *err)
{
    struct range range;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, seat->topic, seat->partition);
    bool is_known = range_query(source->kafka, list, RETRY_WAIT_MS, &range, err);
    rd_kafka_topic_partition_list_destroy(list);
    if (!is_known)
        return false;
    if (seat->next < range.low) {
        seat->start = seat->next = range.low;
        seat->must_move = true;
    }
    return true;
}

bool source_skip_gap(struct source *source, uint32_t slot, struct error *err)
{
    struct seat *seat = slot < source->seats_nr ? &source->seats[slot] : NULL;
    if (!seat || !seat->is_assigned || !seat->has_gap)
        return error_fail(err, ERROR_REJECT, "this partition has no gap");
    if (!refresh_gap(source, seat, err))
        return false;
    seat->has_gap = false;
    seat->reasons &= ~(unsigned)PAUSE_GAP;
    source->is_trouble_stale = true;
    if (seat->must_move)
        assign_seats(source, false);
    else
        pause_apply(source);
    commit_position(source, seat);
    return true;
}

void place_move(struct source *source, uint32_t slot, int64_t offset)
{
    struct seat *seat = &source->seats[slot];
    if (seat->next > seat->repeat)
        seat->repeat = seat->next;
    seat->start = seat->next = offset;
    seat->read_to = OFFSETS_NONE;
    seat->must_move = true;
    renew_epoch(source, slot);
}

void place_apply(struct source *source)
{
    assign_seats(source, false);
    lag_rebuild_stores(source);
}
