#include "consumers/kafka/range.h"

#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/kafka/offsets.h"

static bool ask(rd_kafka_t *kafka, const rd_kafka_topic_partition_list_t *partitions, int64_t which,
                int timeout_ms, rd_kafka_queue_t *queue)
{
    char why[200];
    rd_kafka_topic_partition_list_t *wanted = rd_kafka_topic_partition_list_new(partitions->cnt);
    for (int i = 0; i < partitions->cnt; i++)
        rd_kafka_topic_partition_list_add(wanted, partitions->elems[i].topic,
                                          partitions->elems[i].partition)
            ->offset = which;
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(kafka, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
    bool is_set =
        rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, why, sizeof(why)) == 0;
    rd_kafka_AdminOptions_set_opaque(options,
                                     which == RD_KAFKA_OFFSET_SPEC_EARLIEST ? queue : NULL);
    if (is_set)
        rd_kafka_ListOffsets(kafka, wanted, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_topic_partition_list_destroy(wanted);
    return is_set;
}

static int find(const rd_kafka_topic_partition_list_t *partitions,
                const rd_kafka_topic_partition_t *wanted)
{
    for (int i = 0; i < partitions->cnt; i++)
        if (partitions->elems[i].partition == wanted->partition &&
            strcmp(partitions->elems[i].topic, wanted->topic) == 0)
            return i;
    return -1;
}

static bool take_event(rd_kafka_event_t *event, const rd_kafka_topic_partition_list_t *partitions,
                       struct range *ranges, struct error *err)
{
    size_t nr = 0;
    if (rd_kafka_event_error(event))
        return error_fail(err, ERROR_RETRY, "offsets of the log: %s",
                          rd_kafka_event_error_string(event));
    const rd_kafka_ListOffsets_result_t *result = rd_kafka_event_ListOffsets_result(event);
    const rd_kafka_ListOffsetsResultInfo_t **infos = rd_kafka_ListOffsets_result_infos(result, &nr);
    bool is_low = rd_kafka_event_opaque(event) != NULL;
    for (size_t i = 0; i < nr; i++) {
        const rd_kafka_topic_partition_t *found =
            rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
        int at = find(partitions, found);
        if (found->err)
            error_fail(err, ERROR_RETRY, "offsets of %s [%d]: %s", found->topic,
                       (int)found->partition, rd_kafka_err2str(found->err));
        else if (at >= 0)
            *(is_low ? &ranges[at].low : &ranges[at].high) = found->offset;
    }
    return true;
}

static bool is_complete(const struct range *ranges, int nr)
{
    for (int i = 0; i < nr; i++)
        if (ranges[i].low < 0 || ranges[i].high < 0)
            return false;
    return true;
}

bool range_query(rd_kafka_t *kafka, const rd_kafka_topic_partition_list_t *partitions,
                 int timeout_ms, struct range *ranges, struct error *err)
{
    int64_t deadline = clock_steady_ms() + timeout_ms;
    int answers = 0;
    bool is_fine = true;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
    for (int i = 0; i < partitions->cnt; i++)
        ranges[i] = (struct range){OFFSETS_NONE, OFFSETS_NONE};
    is_fine = ask(kafka, partitions, RD_KAFKA_OFFSET_SPEC_EARLIEST, timeout_ms, queue) &&
              ask(kafka, partitions, RD_KAFKA_OFFSET_SPEC_LATEST, timeout_ms, queue);
    while (is_fine && answers < 2) {
        int64_t left = deadline - clock_steady_ms();
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, left > 0 ? (int)left : 0);
        is_fine = event && take_event(event, partitions, ranges, err);
        answers++;
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    if (is_fine && is_complete(ranges, partitions->cnt))
        return true;
    return error_fail(err, ERROR_RETRY, "offsets of the log: no answer in %d ms", timeout_ms);
}
