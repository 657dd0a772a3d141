#include "consumers/kafka/source_inside.h"

enum { ASK_EVERY_MS = 2000, ANSWER_WITHIN_MS = 5000 };

static rd_kafka_topic_partition_list_t *list_assigned(const struct source *source)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)source->seats_nr);
    for (size_t i = 0; i < source->seats_nr; i++) {
        const struct seat *seat = &source->seats[i];
        if (seat->is_assigned && seat->is_placed)
            rd_kafka_topic_partition_list_add(list, seat->topic, seat->partition)->offset =
                RD_KAFKA_OFFSET_SPEC_LATEST;
    }
    return list;
}

static void ask(struct source *source)
{
    char why[200];
    rd_kafka_topic_partition_list_t *list = list_assigned(source);
    if (list->cnt > 0) {
        rd_kafka_AdminOptions_t *options =
            rd_kafka_AdminOptions_new(source->kafka, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
        rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_WITHIN_MS, why, sizeof(why));
        if (!source->ends)
            source->ends = rd_kafka_queue_new(source->kafka);
        rd_kafka_ListOffsets(source->kafka, list, options, source->ends);
        rd_kafka_AdminOptions_destroy(options);
        source->are_ends_asked = true;
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* Of a partition that was assigned anew meanwhile the answer is as good. */
static void take(struct source *source, const rd_kafka_ListOffsets_result_t *result)
{
    size_t nr = 0;
    const rd_kafka_ListOffsetsResultInfo_t **infos = rd_kafka_ListOffsets_result_infos(result, &nr);
    for (size_t i = 0; i < nr; i++) {
        const rd_kafka_topic_partition_t *found =
            rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
        struct seat *seat = place_find(source, found->topic, found->partition);
        if (seat && !found->err && found->offset >= 0)
            seat->high = found->offset;
    }
}

/*
 * What librdkafka knows of a log's end is as old as the last fetch of that partition: while it is paused
 * nobody tells. An answer that fails leaves the ends as they were, and is asked for again.
 */
void ends_refresh(struct source *source, int64_t now_ms)
{
    if (source->are_ends_asked) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(source->ends, 0);
        if (!event)
            return;
        source->are_ends_asked = false;
        if (!rd_kafka_event_error(event))
            take(source, rd_kafka_event_ListOffsets_result(event));
        rd_kafka_event_destroy(event);
    }
    if (now_ms < source->next_ends_ms)
        return;
    source->next_ends_ms = now_ms + ASK_EVERY_MS;
    ask(source);
}
