#include "consumers/base/log.h"
#include "consumers/kafka/source_inside.h"

int64_t source_position(const struct source *source, uint32_t slot)
{
    const struct seat *seat = slot < source->seats_nr ? &source->seats[slot] : NULL;
    if (!seat || !seat->is_assigned || !seat->is_placed || seat->has_gap)
        return OFFSETS_NONE;
    int64_t watermark = offsets_slot(source->offsets, slot)->watermark;
    return watermark == OFFSETS_NONE ? seat->start : watermark;
}

static void take_times(const rd_kafka_topic_partition_list_t *list, struct source_place *places)
{
    for (int i = 0; i < list->cnt; i++)
        places[i].offset = list->elems[i].offset >= 0 ? list->elems[i].offset : OFFSETS_NONE;
}

bool source_find_time(struct source *source, int64_t wall_ms, const struct source_places *places,
                      int timeout_ms, struct error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)places->nr);
    for (size_t i = 0; i < places->nr; i++) {
        const struct seat *seat = &source->seats[places->items[i].slot];
        rd_kafka_topic_partition_list_add(list, seat->topic, seat->partition)->offset = wall_ms;
    }
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(source->kafka, list, timeout_ms);
    for (int i = 0; i < list->cnt && !code; i++)
        code = list->elems[i].err;
    if (!code)
        take_times(list, places->items);
    rd_kafka_topic_partition_list_destroy(list);
    return !code || error_fail(err, ERROR_RETRY, "offsets by time: %s", rd_kafka_err2str(code));
}

static bool is_current(const struct source *source, const struct source_record *record)
{
    return record->mark.epoch == source->seats[record->mark.slot].epoch;
}

static void drop_kept(struct source *source)
{
    size_t kept = 0;
    for (size_t i = 0; i < source->kept_nr; i++) {
        if (is_current(source, &source->kept[i]))
            source->kept[kept++] = source->kept[i];
        else
            source_give_back(&source->kept[i]);
    }
    source->kept_nr = kept;
}

void source_go_back(struct source *source, const struct source_places *places)
{
    for (size_t i = 0; i < places->nr; i++) {
        const struct source_place *place = &places->items[i];
        place_move(source, place->slot, place->offset);
        source->seats[place->slot].reasons |= PAUSE_REWIND;
    }
    drop_kept(source);
    place_apply(source);
}

static rd_kafka_topic_partition_list_t *list_back(const struct source *source)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    for (size_t i = 0; i < source->seats_nr; i++) {
        const struct seat *seat = &source->seats[i];
        if (!seat->is_assigned || !(seat->reasons & PAUSE_REWIND))
            continue;
        if (!list)
            list = rd_kafka_topic_partition_list_new((int)source->seats_nr);
        rd_kafka_topic_partition_list_add(list, seat->topic, seat->partition)->offset = seat->next;
    }
    return list;
}

static rd_kafka_resp_err_t verdict(rd_kafka_event_t *event)
{
    const rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (!event || code)
        return code;
    list = rd_kafka_event_topic_partition_list(event);
    for (int i = 0; list && i < list->cnt && !code; i++)
        code = list->elems[i].err;
    return code;
}

bool source_commit_back(struct source *source, int timeout_ms, struct error *err)
{
    rd_kafka_topic_partition_list_t *list = list_back(source);
    if (!list)
        return true;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(source->kafka);
    rd_kafka_resp_err_t code = rd_kafka_commit_queue(source->kafka, list, queue, NULL, NULL);
    if (!code) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
        code = verdict(event);
        if (event)
            rd_kafka_event_destroy(event);
    }
    for (int i = 0; i < list->cnt && !code; i++) {
        struct seat *seat = place_find(source, list->elems[i].topic, list->elems[i].partition);
        seat->committed = list->elems[i].offset;
        seat->reasons &= ~(unsigned)PAUSE_REWIND;
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    if (code)
        return error_fail(err, ERROR_RETRY, "commit: %s", rd_kafka_err2str(code));
    pause_apply(source);
    return true;
}
