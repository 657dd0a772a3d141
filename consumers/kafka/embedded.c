#include "consumers/kafka/embedded.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/kafka/client.h"

enum { JOIN_DELAY_MS = 100 };

static const struct client_setting advice[] = {
    {"session.timeout.ms", "2000"},
    {"heartbeat.interval.ms", "500"},
    {"fetch.wait.max.ms", "10"},
};

struct embedded {
    rd_kafka_t *kafka;
    rd_kafka_mock_cluster_t *cluster;
    struct kafka_option options[ARRAY_NR(advice)];
};

static bool create_topics(struct embedded *embedded, const char *const *topics, size_t nr,
                          int partitions, struct error *err)
{
    for (size_t i = 0; i < nr; i++) {
        rd_kafka_resp_err_t code =
            rd_kafka_mock_topic_create(embedded->cluster, topics[i], partitions, 1);
        if (code)
            return error_fail(err, ERROR_CONFIG, "embedded broker: topic \"%s\": %s", topics[i],
                              rd_kafka_err2str(code));
    }
    return true;
}

static bool start(struct embedded *embedded, struct error *err)
{
    rd_kafka_conf_t *conf = client_conf(CLIENT_ADMIN, NULL, NULL, 0, err);
    if (!conf)
        return false;
    embedded->kafka = client_open(RD_KAFKA_PRODUCER, conf, err);
    if (!embedded->kafka)
        return false;
    embedded->cluster = rd_kafka_mock_cluster_new(embedded->kafka, 1);
    if (!embedded->cluster)
        return error_fail(err, ERROR_FATAL, "embedded broker: it does not start");
    rd_kafka_mock_group_initial_rebalance_delay_ms(embedded->cluster, JOIN_DELAY_MS);
    return true;
}

struct embedded *embedded_new(const char *const *topics, size_t topics_nr, int partitions,
                              struct error *err)
{
    struct embedded *embedded = alloc_zero(1, sizeof(*embedded));
    for (size_t i = 0; i < ARRAY_NR(advice); i++)
        embedded->options[i] =
            (struct kafka_option){alloc_text(advice[i].name), alloc_text(advice[i].value)};
    if (start(embedded, err) && create_topics(embedded, topics, topics_nr, partitions, err))
        return embedded;
    embedded_free(embedded);
    return NULL;
}

const char *embedded_brokers(const struct embedded *embedded)
{
    return rd_kafka_mock_cluster_bootstraps(embedded->cluster);
}

const struct kafka_option *embedded_options(const struct embedded *embedded, size_t *nr)
{
    *nr = ARRAY_NR(advice);
    return embedded->options;
}

void embedded_free(struct embedded *embedded)
{
    if (!embedded)
        return;
    if (embedded->cluster)
        rd_kafka_mock_cluster_destroy(embedded->cluster);
    if (embedded->kafka)
        rd_kafka_destroy(embedded->kafka);
    for (size_t i = 0; i < ARRAY_NR(advice); i++) {
        free(embedded->options[i].name);
        free(embedded->options[i].value);
    }
    free(embedded);
}
