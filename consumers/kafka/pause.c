#include "consumers/base/log.h"
#include "consumers/kafka/source_inside.h"

static void change(struct source *source, bool pauses)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    for (size_t i = 0; i < source->seats_nr; i++) {
        struct seat *seat = &source->seats[i];
        bool wants_pause = seat->reasons != 0;
        if (!seat->is_assigned || wants_pause == seat->is_paused || wants_pause != pauses)
            continue;
        if (!list)
            list = rd_kafka_topic_partition_list_new((int)source->seats_nr);
        rd_kafka_topic_partition_list_add(list, seat->topic, seat->partition);
        seat->is_paused = pauses;
    }
    if (!list)
        return;
    rd_kafka_resp_err_t code = pauses ? rd_kafka_pause_partitions(source->kafka, list)
                                      : rd_kafka_resume_partitions(source->kafka, list);
    if (code)
        log_warn("partitions cannot be paused or resumed", LOG_TEXT("why", rd_kafka_err2str(code)));
    rd_kafka_topic_partition_list_destroy(list);
}

void pause_apply(struct source *source)
{
    change(source, true);
    change(source, false);
}

void source_pause(struct source *source, uint32_t slot, enum pause_reason reason)
{
    if (slot >= source->seats_nr || (source->seats[slot].reasons & reason))
        return;
    source->seats[slot].reasons |= reason;
    pause_apply(source);
}

void source_resume(struct source *source, uint32_t slot, enum pause_reason reason)
{
    if (slot >= source->seats_nr || !(source->seats[slot].reasons & reason))
        return;
    source->seats[slot].reasons &= ~(unsigned)reason;
    pause_apply(source);
}

void source_pause_all(struct source *source, enum pause_reason reason)
{
    source->all_reasons |= reason;
    for (size_t i = 0; i < source->seats_nr; i++)
        source->seats[i].reasons |= reason;
    pause_apply(source);
}

void source_resume_all(struct source *source, enum pause_reason reason)
{
    source->all_reasons &= ~(unsigned)reason;
    for (size_t i = 0; i < source->seats_nr; i++)
        source->seats[i].reasons &= ~(unsigned)reason;
    pause_apply(source);
}
