/*
 * emit - what publishing costs in C: libunstale beside rd_kafka_produce() of the same bytes.
 *
 *   emit BROKERS TOPIC N ROUNDS
 *
 * Both producers have the settings of bus/producer.c. The rounds are in turn; each gives three ratios: CPU and
 * time of the calling thread up to the last call, and CPU of all threads until Kafka has confirmed everything. Lines of the form `NAME RATIO [MIN-MAX] goal GOAL` are for machines.
 */
#include <stdbool.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "bus/unstale.h"
#include "tests/bench/measure.h"

enum { FLUSH_MS = 60000, ROUNDS_MOST = 100, ERROR_BYTES = 512, BEFORE_PAUSE = 50000 };

struct cost {
    double calling; /* us an event: CPU of the calling thread */
    double time;    /* the clock's, until the last call */
    double total;   /* CPU of all threads, delivery included */
};

struct sample {
    char key[128], value[1024];
    size_t key_len, value_len;
};

static bool add_text(struct unstale_event *event, enum unstale_image image, const char *name,
                     const char *text)
{
    return unstale_event_add_string(event, image, name, text, strlen(text));
}

static bool fill_event(struct unstale_event *event, long pk)
{
    return unstale_event_begin(event, "post_save", "shop.Product") &&
           unstale_event_pk_int(event, UNSTALE_PK, pk) && unstale_event_set_created(event, false) &&
           unstale_event_set_ts(event, 1795341600123) &&
           unstale_event_set_version(event, 1795341600123456) &&
           unstale_event_set_text(event, UNSTALE_TENANT, "acme") &&
           add_text(event, UNSTALE_BEFORE, "price", "12.50") &&
           unstale_event_add_int(event, UNSTALE_BEFORE, "category_id", 3) &&
           unstale_event_add_int(event, UNSTALE_AFTER, "id", pk) &&
           add_text(event, UNSTALE_AFTER, "name", "Caf\xc3\xa9 table") &&
           add_text(event, UNSTALE_AFTER, "slug", "cafe-table") &&
           add_text(event, UNSTALE_AFTER, "price", "9.90") &&
           unstale_event_add_int(event, UNSTALE_AFTER, "category_id", 7) &&
           unstale_event_add_int(event, UNSTALE_AFTER, "stock", 12) &&
           unstale_event_add_bool(event, UNSTALE_AFTER, "is_active", true);
}

static void sample_take(struct sample *sample, struct unstale_event *event)
{
    struct unstale_error err = UNSTALE_ERROR_INIT;
    const char *text;

    if (!fill_event(event, 4211))
        give_up("event", "cannot be made");
    text = unstale_event_json(event, &sample->value_len, &err);
    if (text == NULL || sample->value_len > sizeof(sample->value))
        give_up("event", err.text);
    memcpy(sample->value, text, sample->value_len);
    text = unstale_event_key(event, &sample->key_len, &err);
    if (text == NULL || sample->key_len > sizeof(sample->key))
        give_up("event", err.text);
    memcpy(sample->key, text, sample->key_len);
}

static struct cost cost_of(struct moment began, struct moment called, struct moment flushed,
                           long nr)
{
    return (struct cost){.calling = (called.own - began.own) / (double)nr * 1e6,
                         .time = (double)(called.ns - began.ns) / (double)nr / 1e3,
                         .total = (flushed.cpu - began.cpu) / (double)nr * 1e6};
}

static struct cost run_ours(struct unstale_producer *producer, struct unstale_event *event, long nr)
{
    struct unstale_error err = UNSTALE_ERROR_INIT;
    struct moment began = moment_now(), called;

    for (long i = 0; i < nr; i++) {
        if (!fill_event(event, 4211) || !unstale_publish(producer, event, NULL, &err))
            give_up("publish", err.text);
        if (i % 1024 == 0)
            (void)unstale_producer_poll(producer, 0, &err);
    }
    called = moment_now();
    if (!unstale_producer_flush(producer, FLUSH_MS, &err))
        give_up("flush", err.text);
    return cost_of(began, called, moment_now(), nr);
}

static struct cost run_raw(rd_kafka_t *kafka, rd_kafka_topic_t *topic, const struct sample *sample,
                           long nr)
{
    struct moment began = moment_now(), called;

    for (long i = 0; i < nr; i++) {
        if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                             (void *)sample->value, sample->value_len, sample->key, sample->key_len,
                             NULL) != 0)
            give_up("produce", rd_kafka_err2str(rd_kafka_last_error()));
        if (i % 1024 == 0)
            (void)rd_kafka_poll(kafka, 0);
    }
    called = moment_now();
    if (rd_kafka_flush(kafka, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up("flush", "not in time");
    return cost_of(began, called, moment_now(), nr);
}

static struct unstale_producer *ours_new(const char *brokers, const char *topic)
{
    struct unstale_error err = UNSTALE_ERROR_INIT;
    struct unstale_options options;
    struct unstale_producer *producer;

    unstale_options_init(&options);
    options.brokers = brokers;
    options.topic = topic;
    producer = unstale_producer_new(&options, &err);
    if (producer == NULL)
        give_up(brokers, err.text);
    return producer;
}

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    (void)kafka;
    (void)opaque;
    if (message->err)
        give_up("delivery", rd_kafka_err2str(message->err));
}

static rd_kafka_t *raw_new(const char *brokers)
{
    char why[ERROR_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *kafka;

    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why)) ||
        rd_kafka_conf_set(conf, "enable.idempotence", "true", why, sizeof(why)) ||
        rd_kafka_conf_set(conf, "partitioner", "murmur2_random", why, sizeof(why)))
        give_up(brokers, why);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (kafka == NULL)
        give_up(brokers, why);
    return kafka;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_row(const char *name, double *values, long nr, double goal)
{
    qsort(values, (size_t)nr, sizeof(*values), by_value);
    printf("%s %.3f [%.3f-%.3f] goal %.2f\n", name, values[nr / 2], values[0], values[nr - 1],
           goal);
}

static void run_rounds(const char *brokers, const char *topic_name, long nr, long rounds)
{
    struct unstale_producer *producer = ours_new(brokers, topic_name);
    struct unstale_event *event = unstale_event_new(NULL);
    rd_kafka_t *kafka = raw_new(brokers);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, topic_name, NULL);
    double calling[ROUNDS_MOST], spent[ROUNDS_MOST], total[ROUNDS_MOST];
    struct cost ours = {0, 0, 0}, raw = {0, 0, 0};
    struct sample sample;

    sample_take(&sample, event);
    /* The first round warms both up and does not count. */
    for (long i = -1; i < rounds; i++) {
        raw = run_raw(kafka, topic, &sample, nr);
        ours = run_ours(producer, event, nr);
        if (i >= 0) {
            calling[i] = ours.calling / raw.calling;
            spent[i] = ours.time / raw.time;
            total[i] = ours.total / raw.total;
        }
    }
    printf("# emit of %zu bytes: %.2f us of the calling thread, %.2f us in all; produce alone %.2f "
           "and %.2f\n",
           sample.value_len, ours.calling, ours.total, raw.calling, raw.total);
    print_row("emit-calling-thread", calling, rounds, 1.3);
    print_row("emit-calling-time", spent, rounds, 1.3);
    print_row("emit-total-cpu", total, rounds, 1.1);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(kafka);
    unstale_event_free(event);
    unstale_producer_free(producer);
}

int main(int argc, char **argv)
{
    if (argc != 5 || count_of(argv[3]) > BEFORE_PAUSE || count_of(argv[4]) > ROUNDS_MOST)
        give_up("usage", "emit BROKERS TOPIC N (50000 at most) ROUNDS");
    keep_memory();
    run_rounds(argv[1], argv[2], count_of(argv[3]), count_of(argv[4]));
    return 0;
}
