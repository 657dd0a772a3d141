#include "bus/producer.h"

#include <inttypes.h>
#include <string.h>

#include "bus/event.h"
#include "bus/settings.h"

/* How long freeing waits for the callbacks of what it gave up: they are due at once. */
enum { FREE_MS = 1000 };

void unstale_options_init_size(struct unstale_options *options, size_t size)
{
    const struct unstale_options defaults = {
        .size = size,
        .brokers = "127.0.0.1:9092",
        .topic = "model-events",
    };

    memset(options, 0, size);
    memcpy(options, &defaults, size < sizeof(defaults) ? size : sizeof(defaults));
}

/* What the caller's header does not have yet keeps its default. */
static bool read_options(struct unstale_options *to, const struct unstale_options *from,
                         struct unstale_error *err)
{
    unstale_options_init(to);
    if (from->size == 0 || from->size > sizeof(*to))
        return bus_fail(err, UNSTALE_REJECT,
                        from->size == 0 ? "the options were not given to unstale_options_init()"
                                        : "the options are of a newer header than the library");
    memcpy(to, from, from->size);
    if (!to->brokers || !*to->brokers || !to->topic || !*to->topic)
        return bus_fail(err, UNSTALE_REJECT, "brokers or topic is empty");
    if (to->wait_ms < 0)
        return bus_fail(err, UNSTALE_REJECT, "wait_ms is below 0");
    if (to->settings_nr > 0 && !to->settings)
        return bus_fail(err, UNSTALE_REJECT, "settings is NULL");
    return true;
}

/* ---- Errors ---- */

bool bus_producer_check(struct unstale_producer *producer, struct unstale_error *err)
{
    char why[200];

    if (rd_kafka_fatal_error(producer->kafka, why, sizeof(why)) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    return bus_fail(err, UNSTALE_FATAL, "the producer cannot go on: %s", why);
}

static bool fail_unknown_topic(struct unstale_producer *producer, struct unstale_error *err)
{
    return bus_fail(err, UNSTALE_RETRY,
                    "topic %s does not exist (unstale doctor --create-topics creates it)",
                    rd_kafka_topic_name(producer->topic));
}

bool bus_kafka_fail(struct unstale_producer *producer, rd_kafka_resp_err_t code,
                    struct unstale_error *err)
{
    if (!bus_producer_check(producer, err))
        return false;
    switch (code) {
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        return fail_unknown_topic(producer, err);
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
        return bus_fail(err, UNSTALE_REJECT, "%s", rd_kafka_err2str(code));
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return bus_fail(err, UNSTALE_RETRY, "the queue is full");
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
        return bus_fail(err, UNSTALE_RETRY, "not delivered within message.timeout.ms");
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
        return bus_fail(err, UNSTALE_RETRY, "given up unsent: the producer was freed");
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
        return bus_fail(err, UNSTALE_RETRY,
                        "given up unconfirmed: the producer was freed (it may have arrived)");
    default:
        return bus_fail(err, UNSTALE_RETRY, "%s", rd_kafka_err2str(code));
    }
}

static bool check_process(const struct unstale_producer *producer, struct unstale_error *err)
{
    if (!bus_fork_is_child(&producer->fork))
        return true;
    return bus_fail(err, UNSTALE_FORKED, "the producer was made before fork()");
}

/* ---- Life ---- */

static void log_line(const rd_kafka_t *kafka, int level, const char *facility, const char *text)
{
    const struct unstale_producer *producer = kafka ? rd_kafka_opaque(kafka) : NULL;

    (void)facility;
    if (producer && producer->on_log)
        producer->on_log(level, text, producer->context);
}

static bool connect_kafka(struct unstale_producer *producer, const struct unstale_options *options,
                          struct unstale_error *err)
{
    rd_kafka_conf_t *conf = bus_settings_conf(options, err);
    char why[200];

    if (!conf)
        return false;
    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_log_cb(conf, log_line);
    bus_serve_configure(producer, conf);
    producer->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (!producer->kafka) {
        rd_kafka_conf_destroy(conf);
        return bus_fail(err, UNSTALE_REJECT, "%s", why);
    }
    producer->topic = rd_kafka_topic_new(producer->kafka, options->topic, NULL);
    if (!producer->topic)
        return bus_fail(err, UNSTALE_REJECT, "topic: %s", rd_kafka_err2str(rd_kafka_last_error()));
    return bus_serve_start(producer, err);
}

static void disconnect_kafka(struct unstale_producer *producer)
{
    bus_serve_stop(producer);
    if (producer->topic)
        rd_kafka_topic_destroy(producer->topic);
    if (producer->kafka)
        rd_kafka_destroy(producer->kafka);
}

static void free_memory(struct unstale_producer *producer)
{
    bus_fork_release(&producer->fork);
    bus_free(producer->allocator, producer);
}

struct unstale_producer *bus_producer_new(const struct bus_allocator *allocator,
                                          const struct unstale_options *options,
                                          struct unstale_error *err)
{
    struct unstale_producer *producer;
    struct unstale_options read;

    if (!read_options(&read, options, err))
        return NULL;
    producer = bus_new(allocator, sizeof(*producer));
    if (!producer) {
        bus_fail_memory(err);
        return NULL;
    }
    producer->allocator = allocator;
    producer->wait_ms = read.wait_ms;
    producer->background = read.background;
    producer->on_delivery = read.on_delivery;
    producer->on_log = read.on_log;
    producer->context = read.context;
    bus_fork_init(&producer->fork);
    if (!bus_serve_init(producer, err)) {
        free_memory(producer);
        return NULL;
    }
    if (connect_kafka(producer, &read, err))
        return producer;
    disconnect_kafka(producer);
    bus_serve_release(producer);
    free_memory(producer);
    return NULL;
}

struct unstale_producer *unstale_producer_new(const struct unstale_options *options,
                                              struct unstale_error *err)
{
    return bus_producer_new(&bus_system_allocator, options, err);
}

void unstale_producer_free(struct unstale_producer *producer)
{
    if (!producer)
        return;
    if (bus_fork_is_child(&producer->fork)) {
        free_memory(producer);
        return;
    }
    rd_kafka_purge(producer->kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    bus_serve_flush(producer, bus_now_ms() + FREE_MS);
    disconnect_kafka(producer);
    bus_serve_release(producer);
    free_memory(producer);
}

/* ---- Publishing ---- */

static rd_kafka_headers_t *make_headers(const struct unstale_message *message)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(message->headers_nr);

    for (size_t i = 0; i < message->headers_nr; i++) {
        const struct unstale_header *header = &message->headers[i];
        rd_kafka_header_add(headers, header->name, -1, header->value, (ssize_t)header->length);
    }
    return headers;
}

/* The headers stay ours when it fails. */
static rd_kafka_resp_err_t produce_with_headers(struct unstale_producer *producer,
                                                const struct unstale_message *message)
{
    rd_kafka_headers_t *headers = make_headers(message);
    const rd_kafka_vu_t arguments[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = producer->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = RD_KAFKA_PARTITION_UA},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {.ptr = (void *)message->value, .size = message->value_length}},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {.ptr = (void *)message->key, .size = message->key_length}},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = message->opaque},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *failure =
        rd_kafka_produceva(producer->kafka, arguments, sizeof(arguments) / sizeof(arguments[0]));
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    if (failure) {
        code = rd_kafka_error_code(failure);
        rd_kafka_error_destroy(failure);
        rd_kafka_headers_destroy(headers);
    }
    return code;
}

/* librdkafka's copy beats handing it memory of ours to free, measured at the size of an event. */
static rd_kafka_resp_err_t produce(struct unstale_producer *producer,
                                   const struct unstale_message *message)
{
    if (message->headers_nr > 0)
        return produce_with_headers(producer, message);
    if (rd_kafka_produce(producer->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                         (void *)message->value, message->value_length, message->key,
                         message->key_length, message->opaque) == 0)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    return rd_kafka_last_error();
}

static rd_kafka_resp_err_t produce_when_room(struct unstale_producer *producer,
                                             const struct unstale_message *message)
{
    int64_t deadline_ms = bus_now_ms() + producer->wait_ms;
    rd_kafka_resp_err_t code;
    bool may_wait;

    do {
        may_wait = bus_serve_room(producer, deadline_ms);
        code = produce(producer, message);
    } while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && may_wait);
    return code;
}

static bool hand_over(struct unstale_producer *producer, const struct unstale_message *message,
                      struct unstale_error *err)
{
    rd_kafka_resp_err_t code = produce(producer, message);

    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        code = produce_when_room(producer, message);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return bus_kafka_fail(producer, code, err);
    atomic_fetch_add_explicit(&producer->queued, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&producer->bytes, message->key_length + message->value_length,
                              memory_order_relaxed);
    return true;
}

bool unstale_publish(struct unstale_producer *producer, struct unstale_event *event, void *opaque,
                     struct unstale_error *err)
{
    const struct bus_buffer *key = &event->pieces[PIECE_KEY];
    const struct bus_buffer *json = &event->pieces[PIECE_JSON];
    struct unstale_message message;

    if (!check_process(producer, err) || !bus_event_write(event, err))
        return false;
    message = (struct unstale_message){
        .key = key->data,
        .key_length = key->length,
        .value = json->data,
        .value_length = json->length,
        .opaque = opaque,
    };
    return hand_over(producer, &message, err);
}

static bool check_message(const struct unstale_message *message, struct unstale_error *err)
{
    if (!message->value || message->value_length == 0)
        return bus_fail(err, UNSTALE_REJECT, "the message has no value");
    if (!message->key && message->key_length > 0)
        return bus_fail(err, UNSTALE_REJECT, "the message's key is NULL");
    for (size_t i = 0; i < message->headers_nr; i++) {
        if (!message->headers[i].name)
            return bus_fail(err, UNSTALE_REJECT, "header %zu has no name", i);
    }
    return true;
}

bool unstale_publish_json(struct unstale_producer *producer, const struct unstale_message *message,
                          struct unstale_error *err)
{
    return check_process(producer, err) && check_message(message, err) &&
           hand_over(producer, message, err);
}

bool unstale_producer_poll(struct unstale_producer *producer, int timeout_ms,
                           struct unstale_error *err)
{
    if (!check_process(producer, err))
        return false;
    if (!producer->background)
        bus_serve(producer, bus_now_ms() + (timeout_ms > 0 ? timeout_ms : 0));
    return bus_producer_check(producer, err);
}

bool unstale_producer_flush(struct unstale_producer *producer, int timeout_ms,
                            struct unstale_error *err)
{
    struct unstale_counters counters;

    if (!check_process(producer, err))
        return false;
    if (bus_serve_flush(producer, bus_now_ms() + (timeout_ms > 0 ? timeout_ms : 0)))
        return true;
    unstale_producer_counters(producer, &counters);
    return bus_fail(err, UNSTALE_RETRY, "events still queued: %" PRIu64, counters.waiting);
}

/* An event can be delivered before its publisher has counted it. */
void unstale_producer_counters(struct unstale_producer *producer, struct unstale_counters *counters)
{
    *counters = (struct unstale_counters){
        .delivered = atomic_load_explicit(&producer->delivered, memory_order_relaxed),
        .failed = atomic_load_explicit(&producer->failed, memory_order_relaxed),
        .queued = atomic_load_explicit(&producer->queued, memory_order_relaxed),
        .bytes = atomic_load_explicit(&producer->bytes, memory_order_relaxed),
    };
    if (counters->queued > counters->delivered + counters->failed)
        counters->waiting = counters->queued - counters->delivered - counters->failed;
}
