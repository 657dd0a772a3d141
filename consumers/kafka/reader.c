#include "consumers/kafka/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/kafka/client.h"
#include "consumers/kafka/headers.h"
#include "consumers/kafka/range.h"

enum { ASK_MS = 10000, PATIENCE_MS = 30000, TROUBLE_BYTES = 300, TOPIC_BYTES = 256 };

struct reader {
    rd_kafka_t *kafka;
    rd_kafka_message_t *message; /* of the record that was handed out last */
    char topic[TOPIC_BYTES];
    int32_t partition;
    int64_t to;
    bool is_done;
    int64_t moved_ms;
    char trouble[TROUBLE_BYTES]; /* what librdkafka last said */
};

static void note_error(rd_kafka_t *kafka, int code, const char *reason, void *opaque)
{
    struct reader *reader = opaque;
    (void)kafka;
    (void)code;
    snprintf(reader->trouble, sizeof(reader->trouble), "%s", reason);
}

static bool configure(rd_kafka_conf_t *conf, const struct reader_settings *settings,
                      struct error *err)
{
    static const struct client_setting ours[] = {
        {"enable.auto.commit", "false"},  {"enable.auto.offset.store", "false"},
        {"enable.partition.eof", "true"}, {"auto.offset.reset", "earliest"},
        {"fetch.wait.max.ms", "50"},      {"queued.max.messages.kbytes", "16384"},
    };
    bool is_theirs = client_option(settings->options, settings->options_nr, "isolation.level");
    return (is_theirs || client_set(conf, "isolation.level", "read_committed", err)) &&
           client_set(conf, "group.id", settings->group, err) &&
           client_set_all(conf, ours, ARRAY_NR(ours), err);
}

struct reader *reader_open(const struct reader_settings *settings, struct error *err)
{
    rd_kafka_conf_t *conf = client_conf(CLIENT_CONSUMER, settings->brokers, settings->options,
                                        settings->options_nr, err);
    if (!conf)
        return NULL;
    struct reader *reader = alloc_zero(1, sizeof(*reader));
    rd_kafka_conf_set_opaque(conf, reader);
    rd_kafka_conf_set_error_cb(conf, note_error);
    if (configure(conf, settings, err))
        reader->kafka = client_open(RD_KAFKA_CONSUMER, conf, err);
    else
        rd_kafka_conf_destroy(conf);
    if (reader->kafka) {
        rd_kafka_poll_set_consumer(reader->kafka);
        return reader;
    }
    free(reader);
    return NULL;
}

static void drop_message(struct reader *reader)
{
    if (reader->message)
        rd_kafka_message_destroy(reader->message);
    reader->message = NULL;
}

void reader_close(struct reader *reader)
{
    if (!reader)
        return;
    drop_message(reader);
    rd_kafka_assign(reader->kafka, NULL);
    rd_kafka_destroy_flags(reader->kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(reader);
}

/* Waiting would not mend it. */
static bool is_refusal(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

static bool fail(const struct reader *reader, struct error *err, const char *what,
                 rd_kafka_resp_err_t code)
{
    bool is_ours = is_refusal(code);
    const char *why = reader->trouble[0] && !is_ours ? reader->trouble : rd_kafka_err2str(code);
    return error_fail(err, is_ours ? ERROR_CONFIG : ERROR_RETRY, "Kafka: %s: %s", what, why);
}

/* ---- what is there ---- */

static bool fail_missing(const char *topic, struct error *err)
{
    return error_fail(err, ERROR_CONFIG,
                      "topic \"%s\" does not exist; create it: unstale doctor --create-topics",
                      topic);
}

bool reader_count_partitions(struct reader *reader, const char *name, int *nr, struct error *err)
{
    const struct rd_kafka_metadata *metadata;
    *nr = 0;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(reader->kafka, name, NULL);
    if (!topic)
        return fail(reader, err, name, rd_kafka_last_error());
    rd_kafka_resp_err_t code = rd_kafka_metadata(reader->kafka, 0, topic, &metadata, ASK_MS);
    rd_kafka_topic_destroy(topic);
    if (!code) {
        code = metadata->topic_cnt == 1 ? metadata->topics[0].err
                                        : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        *nr = code ? 0 : metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return fail_missing(name, err);
    return !code || fail(reader, err, name, code);
}

bool reader_find_logs(struct reader *reader, struct reader_logs *logs, struct arena *arena,
                      struct error *err)
{
    int nr;
    if (!reader_count_partitions(reader, logs->topic, &nr, err))
        return false;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(nr);
    struct range *ranges = arena_zero(arena, (size_t)nr + 1, sizeof(*ranges));
    rd_kafka_topic_partition_list_add_range(list, logs->topic, 0, nr - 1);
    bool is_known = range_query(reader->kafka, list, ASK_MS, ranges, err);
    rd_kafka_topic_partition_list_destroy(list);
    if (!is_known)
        return false;
    logs->nr = (size_t)nr;
    logs->items = arena_zero(arena, logs->nr + 1, sizeof(*logs->items));
    for (int i = 0; i < nr; i++)
        logs->items[i] = (struct reader_log){i, ranges[i].low, ranges[i].high};
    return true;
}

bool reader_find_time(struct reader *reader, const struct reader_logs *logs, int64_t wall_ms,
                      int64_t *offsets, struct error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)logs->nr);
    for (size_t i = 0; i < logs->nr; i++)
        rd_kafka_topic_partition_list_add(list, logs->topic, logs->items[i].partition)->offset =
            wall_ms;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(reader->kafka, list, ASK_MS);
    for (int i = 0; i < list->cnt && !code; i++) {
        code = list->elems[i].err;
        offsets[i] = list->elems[i].offset >= 0 ? list->elems[i].offset : logs->items[i].high;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return !code || fail(reader, err, "offsets by time", code);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool reader_list_topics(struct reader *reader, struct arena *arena, const char ***names,
                        struct error *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(reader->kafka, 1, NULL, &metadata, ASK_MS);
    if (code)
        return fail(reader, err, "topics", code);
    size_t nr = (size_t)metadata->topic_cnt;
    *names = arena_zero(arena, nr + 1, sizeof(**names));
    for (size_t i = 0; i < nr; i++)
        (*names)[i] = arena_text(arena, slice_of(metadata->topics[i].topic));
    rd_kafka_metadata_destroy(metadata);
    qsort(*names, nr, sizeof(**names), compare_names);
    return true;
}

/* ---- reading ---- */

bool reader_begin(struct reader *reader, const struct reader_stretch *stretch, struct error *err)
{
    drop_message(reader);
    snprintf(reader->topic, sizeof(reader->topic), "%s", stretch->topic);
    reader->partition = stretch->partition;
    reader->to = stretch->to;
    reader->is_done = stretch->from >= stretch->to;
    reader->moved_ms = clock_steady_ms();
    if (reader->is_done)
        return true;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, stretch->topic, stretch->partition)->offset =
        stretch->from;
    rd_kafka_resp_err_t code = rd_kafka_assign(reader->kafka, list);
    rd_kafka_topic_partition_list_destroy(list);
    return !code || fail(reader, err, stretch->topic, code);
}

/* What an earlier stretch still had on its way is passed over. */
static bool is_of_stretch(const struct reader *reader, const rd_kafka_message_t *message)
{
    return message->rkt && message->partition == reader->partition &&
           strcmp(rd_kafka_topic_name(message->rkt), reader->topic) == 0;
}

static enum reader_step take_error(struct reader *reader, struct error *err)
{
    rd_kafka_resp_err_t code = reader->message->err;
    if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        reader->is_done = is_of_stretch(reader, reader->message);
        return reader->is_done ? READER_END : READER_WAITS;
    }
    if (is_refusal(code) || code == RD_KAFKA_RESP_ERR__FATAL) {
        fail(reader, err, reader->topic, code);
        return READER_FAILED;
    }
    snprintf(reader->trouble, sizeof(reader->trouble), "%s",
             rd_kafka_message_errstr(reader->message));
    return READER_WAITS;
}

static enum reader_step take_record(struct reader *reader, struct arena *arena,
                                    struct record *record)
{
    const rd_kafka_message_t *message = reader->message;
    if (message->offset >= reader->to) {
        reader->is_done = true;
        return READER_END;
    }
    reader->is_done = message->offset + 1 == reader->to;
    *record = (struct record){.topic = slice_of(reader->topic),
                              .partition = message->partition,
                              .offset = message->offset,
                              .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
                              .key = bytes_of(message->key, message->key_len),
                              .value = bytes_of(message->payload, message->len)};
    headers_load(message, arena, record);
    return READER_RECORD;
}

static enum reader_step wait_on(const struct reader *reader, struct error *err)
{
    if (clock_steady_ms() - reader->moved_ms < PATIENCE_MS)
        return READER_WAITS;
    error_fail(err, ERROR_RETRY, "Kafka: %s [%d]: nothing came for %d s%s%s", reader->topic,
               (int)reader->partition, PATIENCE_MS / 1000, reader->trouble[0] ? ": " : "",
               reader->trouble);
    return READER_FAILED;
}

enum reader_step reader_next(struct reader *reader, int timeout_ms, struct arena *arena,
                             struct record *record, struct error *err)
{
    drop_message(reader);
    if (reader->is_done)
        return READER_END;
    reader->message = rd_kafka_consumer_poll(reader->kafka, timeout_ms);
    if (!reader->message)
        return wait_on(reader, err);
    if (reader->message->err) {
        enum reader_step step = take_error(reader, err);
        return step == READER_WAITS ? wait_on(reader, err) : step;
    }
    if (!is_of_stretch(reader, reader->message))
        return READER_WAITS;
    reader->moved_ms = clock_steady_ms();
    return take_record(reader, arena, record);
}
