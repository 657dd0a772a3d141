#include <stdio.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/base/log.h"
#include "consumers/kafka/source_inside.h"

enum { PROBE_EVERY_MS = 2000, PROBE_WAIT_MS = 200 };

static void note_broker(struct source *source, const char *what, const char *reason)
{
    snprintf(source->broker, sizeof(source->broker), "%s: %s", what, reason);
    source->is_trouble_stale = true;
}

static void note_fatal(struct source *source)
{
    char why[SOURCE_TEXT_BYTES - 32];
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(source->kafka, why, sizeof(why));
    if (!code || source->is_fatal)
        return;
    snprintf(source->fatal, sizeof(source->fatal), "Kafka client: fatal: %s", why);
    log_error("Kafka client cannot go on", LOG_TEXT("why", why));
    source->is_fatal = true;
    source->is_trouble_stale = true;
}

void trouble_client_error(rd_kafka_t *kafka, int code, const char *reason, void *opaque)
{
    struct source *source = opaque;
    (void)kafka;
    switch (code) {
    case RD_KAFKA_RESP_ERR__FATAL:
        note_fatal(source);
        return;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        note_broker(source, "no Kafka broker can be reached", reason);
        return;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__RESOLVE:
        note_broker(source, "Kafka", reason);
        return;
    default: /* one broker of several: librdkafka has logged it and goes on */
        return;
    }
}

static size_t find_missing(const struct source *source, const char *topic)
{
    size_t i = 0;
    while (i < source->missing_nr && strcmp(source->missing[i], topic) != 0)
        i++;
    return i;
}

static bool is_named(const struct source *source, const char *topic)
{
    for (size_t i = 0; i < source->topics_nr; i++)
        if (strcmp(source->topics[i], topic) == 0)
            return true;
    return false;
}

/* A topic that only a regular expression matched may go: nobody asked for it by name. */
static void note_missing(struct source *source, const char *topic)
{
    if (!is_named(source, topic) || find_missing(source, topic) < source->missing_nr)
        return;
    source->missing = alloc_grow(source->missing, source->missing_nr, &source->missing_capacity,
                                 sizeof(*source->missing));
    snprintf(source->missing[source->missing_nr++], sizeof(*source->missing), "%s", topic);
    source->is_trouble_stale = true;
    log_warn("topic does not exist", LOG_TEXT("topic", topic),
             LOG_TEXT("hint", "create it: unstale doctor --create-topics"));
}

void trouble_topic_is_there(struct source *source, const char *topic)
{
    size_t at = find_missing(source, topic);
    if (at == source->missing_nr)
        return;
    source->missing_nr--;
    memmove(source->missing[at], source->missing[source->missing_nr], sizeof(*source->missing));
    source->is_trouble_stale = true;
    log_info("topic exists now", LOG_TEXT("topic", topic));
}

void trouble_brokers_answer(struct source *source)
{
    if (source->broker[0] == '\0')
        return;
    source->broker[0] = '\0';
    source->is_trouble_stale = true;
}

void trouble_consumer_error(struct source *source, const rd_kafka_message_t *message)
{
    const char *topic = message->rkt ? rd_kafka_topic_name(message->rkt) : "";
    switch (message->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        place_out_of_range(source, topic, message->partition);
        return;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        note_missing(source, topic);
        return;
    case RD_KAFKA_RESP_ERR__FATAL:
        note_fatal(source);
        return;
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
        break;
    default:
        note_broker(source, "Kafka", rd_kafka_message_errstr(message));
        break;
    }
    log_warn("Kafka consumer", LOG_TEXT("why", rd_kafka_message_errstr(message)));
}

static void probe_topic(struct source *source, const char *name)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(source->kafka, name, NULL);
    if (!topic)
        return;
    rd_kafka_resp_err_t code = rd_kafka_metadata(source->kafka, 0, topic, &metadata, PROBE_WAIT_MS);
    rd_kafka_topic_destroy(topic);
    if (code)
        return;
    bool is_there = metadata->topic_cnt == 1 && !metadata->topics[0].err;
    rd_kafka_metadata_destroy(metadata);
    trouble_brokers_answer(source);
    if (is_there)
        trouble_topic_is_there(source, name);
}

/* While something is wrong, asks whether it still is: librdkafka tells of the start only. */
void trouble_probe(struct source *source, int64_t now_ms)
{
    bool is_well = source->missing_nr == 0 && source->broker[0] == '\0';
    if (is_well || now_ms < source->next_probe_ms || source->topics_nr == 0)
        return;
    source->next_probe_ms = now_ms + PROBE_EVERY_MS;
    if (source->missing_nr == 0) {
        const char *first = source->topics[0];
        probe_topic(source, first[0] == '^' ? "unstale" : first);
        return;
    }
    char names[4][SOURCE_TOPIC_BYTES];
    size_t nr = source->missing_nr < ARRAY_NR(names) ? source->missing_nr : ARRAY_NR(names);
    memcpy(names, source->missing, nr * sizeof(names[0]));
    for (size_t i = 0; i < nr; i++)
        probe_topic(source, names[i]);
}

static const struct seat *first_gap(const struct source *source)
{
    for (size_t i = 0; i < source->seats_nr; i++)
        if (source->seats[i].is_assigned && source->seats[i].has_gap)
            return &source->seats[i];
    return NULL;
}

void trouble_compose(struct source *source)
{
    size_t bytes = sizeof(source->trouble);
    const struct seat *gap = first_gap(source);
    source->is_trouble_stale = false;
    source->trouble[0] = '\0';
    if (source->is_fatal)
        snprintf(source->trouble, bytes, "%s", source->fatal);
    else if (source->broker[0])
        snprintf(source->trouble, bytes, "%s", source->broker);
    else if (source->missing_nr)
        snprintf(source->trouble, bytes,
                 "topic \"%s\" does not exist; create it: unstale doctor --create-topics",
                 source->missing[0]);
    else if (gap)
        snprintf(source->trouble, bytes,
                 "partition %d of topic \"%s\" is stopped: offsets %lld to %lld are gone (on_gap)",
                 (int)gap->partition, gap->topic, (long long)gap->gap_from,
                 (long long)gap->gap_to - 1);
}

const char *source_trouble(const struct source *source)
{
    return source->trouble[0] ? source->trouble : NULL;
}

bool source_is_fatal(const struct source *source)
{
    return source->is_fatal;
}
