/*
 * pace - a producer that keeps to a rate, for latencies.
 *
 *   pace BROKERS TOPIC RATE N        N records in all; each one's key is `t:` and when it was made
 *
 * The time is the steady clock's, in nanoseconds, which every process of the machine reads alike. Records
 * linger as long as librdkafka's own default has it (5 ms): with less, a broker of one core is busy with
 * ever smaller batches, and what is measured is its queue.
 */
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "tests/bench/sample.h"

enum { FLUSH_MS = 30000, ERROR_BYTES = 512 };

#define VERSION 1795341600123456

static rd_kafka_t *producer_new(const char *brokers)
{
    char why[ERROR_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *kafka;

    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why)) ||
        rd_kafka_conf_set(conf, "queue.buffering.max.messages", "1000000", why, sizeof(why)))
        give_up(brokers, why);
    kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (kafka == NULL)
        give_up(brokers, why);
    return kafka;
}

static void produce(rd_kafka_topic_t *topic, long i)
{
    char value[SAMPLE_BYTES], key[64];
    size_t len = sample_event(value, sizeof(value), i, VERSION, SLICE(""));
    int key_len = snprintf(key, sizeof(key), "t:%lld", (long long)steady_ns());

    if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, len, key,
                         (size_t)key_len, NULL) != 0)
        give_up("produce", rd_kafka_err2str(rd_kafka_last_error()));
}

static void run(rd_kafka_t *kafka, rd_kafka_topic_t *topic, long rate, long nr)
{
    int64_t began = steady_ns(), made_ns;

    for (long i = 0; i < nr; i++) {
        struct timespec until;
        int64_t now = steady_ns(), due = began + (int64_t)((double)i * 1e9 / (double)rate);

        until = (struct timespec){due / 1000000000, due % 1000000000};
        if (due > now)
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        produce(topic, i);
        if (i % 256 == 0)
            rd_kafka_poll(kafka, 0);
    }
    made_ns = steady_ns() - began;
    if (rd_kafka_flush(kafka, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up("flush", "not in time");
    printf("{\"rate\":%.0f}\n", (double)nr * 1e9 / (double)made_ns);
}

int main(int argc, char **argv)
{
    rd_kafka_t *kafka;
    rd_kafka_topic_t *topic;

    if (argc != 5)
        give_up("usage", "pace BROKERS TOPIC RATE N");
    kafka = producer_new(argv[1]);
    topic = rd_kafka_topic_new(kafka, argv[2], NULL);
    run(kafka, topic, count_of(argv[3]), count_of(argv[4]));
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(kafka);
    return 0;
}
