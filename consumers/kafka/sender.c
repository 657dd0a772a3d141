#include "consumers/kafka/sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/kafka/client.h"
#include "consumers/kafka/headers.h"

enum { LOOK_UP_MS = 5000 };

struct sender {
    rd_kafka_t *kafka;
    rd_kafka_topic_t **topics; /* that were sent to */
    size_t topics_nr, topics_capacity;
    struct sender_report *reports; /* not taken yet, oldest first */
    size_t reports_nr, reports_capacity;
    size_t pending;
};

/* Kafka said nothing, or not that it has it. */
static bool is_silence(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT || code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
           code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__FATAL ||
           code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
}

static void report(struct sender *sender, uint64_t ticket, rd_kafka_resp_err_t code)
{
    sender->reports = alloc_grow(sender->reports, sender->reports_nr, &sender->reports_capacity,
                                 sizeof(*sender->reports));
    struct sender_report *added = &sender->reports[sender->reports_nr++];
    *added = (struct sender_report){
        .ticket = ticket, .is_sent = !code, .is_unreachable = is_silence(code)};
    if (code)
        snprintf(added->why, sizeof(added->why), "%s", rd_kafka_err2str(code));
}

static void note_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    (void)kafka;
    report(opaque, (uint64_t)(uintptr_t)message->_private, message->err);
}

struct sender *sender_new(const char *brokers, const struct kafka_option *options, size_t nr,
                          struct error *err)
{
    static const struct client_setting settings[] = {
        {"enable.idempotence", "true"},
        {"message.timeout.ms", "30000"},
        {"message.max.bytes", "1000000000"},
        {"batch.size", "65536"}, /* a broker that refuses a size refuses the whole batch */
        {"linger.ms", "5"},
        {"partitioner", "murmur2_random"},
        {"topic.metadata.propagation.max.ms", "1000"}, /* soon said that a topic is missing */
    };
    rd_kafka_conf_t *conf = client_conf(CLIENT_PRODUCER, brokers, options, nr, err);
    if (!conf)
        return NULL;
    struct sender *sender = alloc_zero(1, sizeof(*sender));
    rd_kafka_conf_set_opaque(conf, sender);
    rd_kafka_conf_set_dr_msg_cb(conf, note_delivery);
    if (client_set_all(conf, settings, ARRAY_NR(settings), err))
        sender->kafka = client_open(RD_KAFKA_PRODUCER, conf, err);
    else
        rd_kafka_conf_destroy(conf);
    if (sender->kafka)
        return sender;
    free(sender);
    return NULL;
}

void sender_free(struct sender *sender)
{
    if (!sender)
        return;
    rd_kafka_purge(sender->kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(sender->kafka, 0);
    for (size_t i = 0; i < sender->topics_nr; i++)
        rd_kafka_topic_destroy(sender->topics[i]);
    free(sender->topics);
    rd_kafka_destroy(sender->kafka);
    free(sender->reports);
    free(sender);
}

/* Looked up before anything is sent there: left to itself librdkafka does that a second later. */
static rd_kafka_topic_t *add_topic(struct sender *sender, struct slice name)
{
    const struct rd_kafka_metadata *metadata;
    char *text = alloc_text_n(name.ptr, name.len);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(sender->kafka, text, NULL);
    free(text);
    if (!topic)
        return NULL;
    if (!rd_kafka_metadata(sender->kafka, 0, topic, &metadata, LOOK_UP_MS))
        rd_kafka_metadata_destroy(metadata);
    sender->topics = alloc_grow(sender->topics, sender->topics_nr, &sender->topics_capacity,
                                sizeof(*sender->topics));
    sender->topics[sender->topics_nr++] = topic;
    return topic;
}

static rd_kafka_topic_t *find_topic(struct sender *sender, struct slice name)
{
    for (size_t i = 0; i < sender->topics_nr; i++)
        if (slice_equals(slice_of(rd_kafka_topic_name(sender->topics[i])), name))
            return sender->topics[i];
    return add_topic(sender, name);
}

static rd_kafka_resp_err_t produce(struct sender *sender, rd_kafka_topic_t *topic,
                                   const struct record *record, uint64_t ticket)
{
    rd_kafka_headers_t *headers = headers_make(record);
    const rd_kafka_vu_t arguments[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION,
         .u.i32 = record->partition < 0 ? RD_KAFKA_PARTITION_UA : record->partition},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {(void *)(uintptr_t)record->key.ptr, record->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)(uintptr_t)record->value.ptr, record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP,
         .u.i64 = record->timestamp_ms > 0 ? record->timestamp_ms : 0},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(uintptr_t)ticket},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(sender->kafka, arguments, ARRAY_NR(arguments));
    if (!error)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    rd_kafka_headers_destroy(headers);
    return code;
}

enum sender_result sender_send(struct sender *sender, const struct record *record, uint64_t ticket)
{
    rd_kafka_topic_t *topic = find_topic(sender, record->topic);
    rd_kafka_resp_err_t code =
        topic ? produce(sender, topic, record, ticket) : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return SENDER_FULL;
    sender->pending++;
    if (code)
        report(sender, ticket, code);
    return SENDER_TAKEN;
}

size_t sender_take(struct sender *sender, int timeout_ms, struct sender_report *out, size_t max)
{
    rd_kafka_poll(sender->kafka, sender->reports_nr > 0 ? 0 : timeout_ms);
    if (sender->reports_nr == 0)
        return 0;
    size_t nr = sender->reports_nr < max ? sender->reports_nr : max;
    memcpy(out, sender->reports, nr * sizeof(*out));
    sender->reports_nr -= nr;
    memmove(sender->reports, sender->reports + nr, sender->reports_nr * sizeof(*out));
    sender->pending -= nr;
    return nr;
}

size_t sender_pending(const struct sender *sender)
{
    return sender->pending;
}
