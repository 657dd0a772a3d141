#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/base/arena.h"
#include "consumers/base/buffer.h"
#include "consumers/base/clock.h"
#include "consumers/base/log.h"
#include "consumers/kafka/client.h"
#include "consumers/kafka/headers.h"
#include "consumers/kafka/source_inside.h"

enum {
    KEPT_MAX = 64,        /* before partitions rest because the caller takes nothing */
    CLOSE_WAIT_MS = 5000, /* for the last commit and the goodbye to the group */
    CLOSE_TURN_MS = 100
};

static bool is_regex(const char *topic)
{
    return topic[0] == '^';
}

static bool check_topics(const struct source_settings *settings, struct error *err)
{
    if (settings->topics_nr == 0)
        return error_fail(err, ERROR_CONFIG, "kafka.topics is empty");
    for (size_t i = 0; i < settings->topics_nr; i++) {
        const char *topic = settings->topics[i];
        if (settings->dead_letter_topic && strcmp(topic, settings->dead_letter_topic) == 0)
            return error_fail(err, ERROR_CONFIG,
                              "kafka.topics names the dead-letter topic \"%s\": dead letters would "
                              "lead to dead letters",
                              topic);
        if (!is_regex(topic) && (strlen(topic) == 0 || strlen(topic) >= SOURCE_TOPIC_BYTES))
            return error_fail(err, ERROR_CONFIG, "kafka.topics: \"%.60s\" is no topic name", topic);
    }
    return true;
}

/* The dead-letter topic does not exist for this client, whatever a regex says. */
static bool hide_dead_letters(rd_kafka_conf_t *conf, const struct source_settings *settings,
                              struct error *err)
{
    struct buffer list;
    const char *theirs = client_option(settings->options, settings->options_nr, "topic.blacklist");
    if (!settings->dead_letter_topic || !settings->dead_letter_topic[0])
        return true;
    buffer_init(&list);
    buffer_add_char(&list, '^');
    for (const char *c = settings->dead_letter_topic; *c; c++)
        buffer_printf(&list, *c == '.' ? "[%c]" : "%c", *c);
    buffer_add_char(&list, '$');
    if (theirs)
        buffer_printf(&list, ",%s", theirs);
    bool is_set = client_set(conf, "topic.blacklist", list.ptr, err);
    buffer_release(&list);
    return is_set;
}

/* Of static members every worker is one of its own. */
static bool name_worker(rd_kafka_conf_t *conf, const struct source_settings *settings,
                        struct error *err)
{
    char name[300];
    const char *base = client_option(settings->options, settings->options_nr, "group.instance.id");
    if (!base || settings->workers <= 1)
        return true;
    snprintf(name, sizeof(name), "%s-%u", base, settings->worker);
    return client_set(conf, "group.instance.id", name, err);
}

static bool uses_new_protocol(const struct source_settings *settings)
{
    const char *protocol = client_option(settings->options, settings->options_nr, "group.protocol");
    return protocol && strcmp(protocol, "consumer") == 0;
}

/* Under the new group protocol these are the broker's, and an error to set. */
static bool set_membership(rd_kafka_conf_t *conf, const struct source_settings *settings,
                           struct error *err)
{
    bool cooperative = rd_kafka_version() >= CLIENT_COOPERATIVE_FROM;
    const struct client_setting membership[] = {
        {"partition.assignment.strategy", cooperative ? "cooperative-sticky" : "range,roundrobin"},
        {"session.timeout.ms", "45000"},
    };
    for (size_t i = 0; i < ARRAY_NR(membership) && !uses_new_protocol(settings); i++)
        if (!client_option(settings->options, settings->options_nr, membership[i].name) &&
            !client_set(conf, membership[i].name, membership[i].value, err))
            return false;
    return true;
}

/* What people may change: set unless they did. */
static bool set_defaults(rd_kafka_conf_t *conf, const struct source_settings *settings,
                         struct error *err)
{
    /* A small queue keeps memory low; without the short back-off it would also cost throughput. */
    static const struct client_setting defaults[] = {
        {"max.poll.interval.ms", "300000"},
        {"auto.commit.interval.ms", "1000"},
        {"queued.max.messages.kbytes", "8192"},
        {"queued.min.messages", "10000"},
        {"fetch.max.bytes", "2097152"},
        {"fetch.queue.backoff.ms", "1"},
        {"isolation.level", "read_committed"},
        {"check.crcs", "true"},
        {"topic.metadata.refresh.interval.ms", "10000"},
        {"allow.auto.create.topics", "false"},
        {"enable.partition.eof", "true"}, /* else the lag counts what ends a transaction */
    };
    for (size_t i = 0; i < ARRAY_NR(defaults); i++)
        if (!client_option(settings->options, settings->options_nr, defaults[i].name) &&
            !client_set(conf, defaults[i].name, defaults[i].value, err))
            return false;
    return true;
}

static bool configure(rd_kafka_conf_t *conf, const struct source_settings *settings,
                      struct error *err)
{
    const struct client_setting fixed[] = {
        {"group.id", settings->group},
        {"enable.auto.offset.store", "false"},
        {"enable.auto.commit", "true"},
        {"auto.offset.reset", "error"},
    };
    return client_set_all(conf, fixed, ARRAY_NR(fixed), err) &&
           set_membership(conf, settings, err) && set_defaults(conf, settings, err) &&
           hide_dead_letters(conf, settings, err) && name_worker(conf, settings, err);
}

static bool open_client(struct source *source, const struct source_settings *settings,
                        struct error *err)
{
    rd_kafka_conf_t *conf = client_conf(CLIENT_CONSUMER, settings->brokers, settings->options,
                                        settings->options_nr, err);
    if (!conf)
        return false;
    rd_kafka_conf_set_opaque(conf, source);
    rd_kafka_conf_set_rebalance_cb(conf, place_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, lag_commit);
    rd_kafka_conf_set_error_cb(conf, trouble_client_error);
    if (!configure(conf, settings, err)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    source->kafka = client_open(RD_KAFKA_CONSUMER, conf, err);
    if (!source->kafka)
        return false;
    rd_kafka_poll_set_consumer(source->kafka);
    return true;
}

struct source *source_new(const struct source_settings *settings,
                          const struct source_callbacks *callbacks, struct offsets *offsets,
                          struct source_stats *stats, struct error *err)
{
    if (!check_topics(settings, err))
        return NULL;
    struct source *source = alloc_zero(1, sizeof(*source));
    source->callbacks = *callbacks;
    source->offsets = offsets;
    source->stats = stats;
    source->topics_nr = settings->topics_nr;
    source->topics = alloc_zero(settings->topics_nr, sizeof(*source->topics));
    for (size_t i = 0; i < settings->topics_nr; i++)
        source->topics[i] = alloc_text(settings->topics[i]);
    pthread_mutex_init(&source->mutex, NULL);
    if (open_client(source, settings, err))
        return source;
    source_free(source);
    return NULL;
}

static void subscribe(struct source *source)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)source->topics_nr);
    for (size_t i = 0; i < source->topics_nr; i++)
        rd_kafka_topic_partition_list_add(list, source->topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(source->kafka, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code) {
        snprintf(source->fatal, sizeof(source->fatal), "kafka.topics: cannot subscribe: %s",
                 rd_kafka_err2str(code));
        source->is_fatal = source->is_trouble_stale = true;
    }
    source->is_subscribed = true;
}

static struct finder_place *finder_place(struct source *source, const void *topic,
                                         int32_t partition)
{
    uint64_t hash = ((uint64_t)(uintptr_t)topic >> 4) * 0x9e3779b97f4a7c15U + (uint32_t)partition;
    return &source->finder[(hash ^ (hash >> 32)) & (SOURCE_FINDER_PLACES - 1)];
}

/* A cache of one place a hash: partitions that share it are found the slow way. */
static bool find_slot(struct source *source, const rd_kafka_message_t *message, uint32_t *slot)
{
    struct finder_place *last = &source->last;
    if (last->topic == message->rkt && last->partition == message->partition) {
        *slot = last->slot;
        return true;
    }
    struct finder_place *place = finder_place(source, message->rkt, message->partition);
    if (place->topic != message->rkt || place->partition != message->partition) {
        struct seat *seat =
            place_find(source, rd_kafka_topic_name(message->rkt), message->partition);
        if (!seat)
            return false;
        *place = (struct finder_place){.topic = message->rkt,
                                       .partition = message->partition,
                                       .slot = (uint32_t)(seat - source->seats)};
    }
    *last = *place;
    *slot = place->slot;
    return true;
}

static void fill(struct source *source, uint32_t slot, rd_kafka_message_t *message,
                 struct source_record *out)
{
    const struct offsets_slot *place = offsets_slot(source->offsets, slot);
    *out = (struct source_record){
        .record = {.topic = place->topic,
                   .partition = message->partition,
                   .offset = message->offset,
                   .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
                   .key = bytes_of(message->key, message->key_len),
                   .value = bytes_of(message->payload, message->len)},
        .mark = {.slot = slot, .epoch = place->epoch, .offset = message->offset},
        .message = message};
}

/* Everything before the end that it names has been handed out, or is none for us to read. */
static void note_end(struct source *source, const rd_kafka_message_t *message)
{
    uint32_t slot;
    if (find_slot(source, message, &slot))
        source->seats[slot].read_to = message->offset;
}

/* False when it is none to hand out: an error, or one that was handed out in this epoch already. */
static bool accept_message(struct source *source, rd_kafka_message_t *message,
                           struct source_record *out)
{
    uint32_t slot;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        note_end(source, message);
    else if (message->err)
        trouble_consumer_error(source, message);
    else if (find_slot(source, message, &slot) && message->offset >= source->seats[slot].next) {
        source->seats[slot].next = message->offset + 1;
        fill(source, slot, message, out);
        out->is_repeat = message->offset < source->seats[slot].repeat;
        return true;
    }
    rd_kafka_message_destroy(message);
    return false;
}

static void count(struct source *source, const struct haul *haul)
{
    counter_add(&source->stats->records, haul->nr);
    counter_add(&source->stats->bytes, haul->bytes);
}

static bool has_room(const struct haul *haul)
{
    return haul->nr < haul->max && (haul->nr == 0 || haul->bytes < haul->max_bytes);
}

static void take_kept(struct source *source, struct haul *haul)
{
    size_t taken = 0;
    while (taken < source->kept_nr && has_room(haul)) {
        haul->out[haul->nr] = source->kept[taken++];
        haul->bytes += haul->out[haul->nr++].record.value.len;
    }
    source->kept_nr -= taken;
    if (taken > 0)
        memmove(source->kept, source->kept + taken, source->kept_nr * sizeof(*source->kept));
    if (source->kept_nr == 0 && (source->all_reasons & PAUSE_FULL))
        source_resume_all(source, (enum pause_reason)PAUSE_FULL);
}

static void pull(struct source *source, struct haul *haul, int timeout_ms)
{
    while (has_room(haul)) {
        rd_kafka_message_t *message =
            rd_kafka_consumer_poll(source->kafka, haul->nr > 0 ? 0 : timeout_ms);
        if (!message)
            return;
        if (accept_message(source, message, &haul->out[haul->nr]))
            haul->bytes += haul->out[haul->nr++].record.value.len;
        else
            timeout_ms = 0;
    }
}

/* For a caller that takes nothing: events are served, a message that turns up is kept for later. */
static void pull_nothing(struct source *source, int timeout_ms)
{
    if (source->kept_nr >= KEPT_MAX && !(source->all_reasons & PAUSE_FULL))
        source_pause_all(source, (enum pause_reason)PAUSE_FULL);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(source->kafka, timeout_ms);
    if (!message)
        return;
    struct source_record record;
    if (!accept_message(source, message, &record))
        return;
    source->kept =
        alloc_grow(source->kept, source->kept_nr, &source->kept_capacity, sizeof(*source->kept));
    source->kept[source->kept_nr++] = record;
}

static void begin_poll(struct source *source)
{
    int64_t now_ms = clock_steady_ms();
    int64_t gap_ms = source->last_poll_ms ? now_ms - source->last_poll_ms : 0;
    if ((uint64_t)gap_ms > counter_get(&source->stats->longest_poll_gap_ms))
        counter_set(&source->stats->longest_poll_gap_ms, (uint64_t)gap_ms);
    if (!source->is_subscribed)
        subscribe(source);
}

/* What is due now and then. It may rebalance or move partitions, so the haul is still known. */
static void end_poll(struct source *source)
{
    int64_t now_ms = clock_steady_ms();
    place_retry(source, now_ms);
    trouble_probe(source, now_ms);
    ends_refresh(source, now_ms);
    lag_publish(source, now_ms);
    if (source->is_trouble_stale)
        trouble_compose(source);
    source->last_poll_ms = clock_steady_ms();
}

size_t source_poll(struct source *source, int timeout_ms, struct source_record *out, size_t max,
                   size_t max_bytes)
{
    struct haul haul = {.out = out, .max = max, .max_bytes = max_bytes};
    begin_poll(source);
    source->haul = &haul;
    if (max > 0) {
        take_kept(source, &haul);
        pull(source, &haul, timeout_ms);
    } else {
        pull_nothing(source, timeout_ms);
    }
    end_poll(source);
    source->haul = NULL;
    count(source, &haul);
    return haul.nr;
}

void source_wake(struct source *source)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(source->kafka);
    rd_kafka_queue_yield(queue);
    rd_kafka_queue_destroy(queue);
}

void source_give_back(struct source_record *record)
{
    if (record->message)
        rd_kafka_message_destroy(record->message);
    record->message = NULL;
}

void source_load_headers(struct source_record *record, struct arena *arena)
{
    if (record->message)
        headers_load(record->message, arena, &record->record);
}

bool source_is_joined(const struct source *source)
{
    return source->is_joined && source->missing_nr == 0;
}

/* Asynchronous, as the blocking close waits without end for a broker that is away. */
void source_close(struct source *source)
{
    if (source->is_closed)
        return;
    source->is_closed = true;
    int64_t deadline = clock_steady_ms() + CLOSE_WAIT_MS;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(source->kafka);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(source->kafka, queue);
    if (error) {
        log_warn("cannot leave the consumer group", LOG_TEXT("why", rd_kafka_error_string(error)));
        rd_kafka_error_destroy(error);
    } else {
        while (!rd_kafka_consumer_closed(source->kafka) && clock_steady_ms() < deadline) {
            rd_kafka_message_t *message = rd_kafka_consume_queue(queue, CLOSE_TURN_MS);
            if (message)
                rd_kafka_message_destroy(message);
        }
        source->is_stuck = !rd_kafka_consumer_closed(source->kafka);
        if (source->is_stuck)
            log_warn("the consumer group was not left in time",
                     LOG_TEXT("effect", "it notices when the session ends"));
    }
    rd_kafka_queue_destroy(queue);
}

void source_free(struct source *source)
{
    if (!source)
        return;
    for (size_t i = 0; i < source->kept_nr; i++)
        source_give_back(&source->kept[i]);
    if (source->stores)
        rd_kafka_topic_partition_list_destroy(source->stores);
    if (source->ends)
        rd_kafka_queue_destroy(source->ends);
    /* A stuck client would hold us up until its requests time out: the process ends without it. */
    if (source->kafka && !source->is_stuck)
        rd_kafka_destroy_flags(source->kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    for (size_t i = 0; i < source->seats_nr; i++)
        free(source->seats[i].topic);
    for (size_t i = 0; i < source->topics_nr; i++)
        free(source->topics[i]);
    pthread_mutex_destroy(&source->mutex);
    free(source->topics);
    free(source->seats);
    free(source->kept);
    free(source->missing);
    free(source->rows);
    free(source);
}
