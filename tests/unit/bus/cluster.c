#include "tests/unit/bus/cluster.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

void cluster_init(struct cluster *cluster)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[200];

    rd_kafka_conf_set_log_cb(conf, NULL);
    cluster->carrier = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    ck_assert_ptr_nonnull(cluster->carrier);
    cluster->mock = rd_kafka_mock_cluster_new(cluster->carrier, 1);
    ck_assert_ptr_nonnull(cluster->mock);
    cluster->brokers = rd_kafka_mock_cluster_bootstraps(cluster->mock);
}

void cluster_release(struct cluster *cluster)
{
    rd_kafka_mock_cluster_destroy(cluster->mock);
    rd_kafka_destroy(cluster->carrier);
}

static rd_kafka_t *new_reader(const struct cluster *cluster)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(CLUSTER_PARTITIONS);
    rd_kafka_t *reader;
    char why[200];

    rd_kafka_conf_set(conf, "bootstrap.servers", cluster->brokers, why, sizeof(why));
    rd_kafka_conf_set(conf, "group.id", "reader", why, sizeof(why));
    reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    ck_assert_ptr_nonnull(reader);
    rd_kafka_poll_set_consumer(reader);
    for (int32_t i = 0; i < CLUSTER_PARTITIONS; i++)
        rd_kafka_topic_partition_list_add(all, cluster->topic, i)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    ck_assert_int_eq(rd_kafka_assign(reader, all), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(all);
    return reader;
}

void cluster_read(struct cluster *cluster, int nr, void (*each)(const rd_kafka_message_t *))
{
    rd_kafka_t *reader = new_reader(cluster);
    int64_t deadline = now_ms() + LONG_MS;

    for (int i = 0; i < nr;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, 100);
        ck_assert_int_lt(now_ms(), deadline);
        if (!message)
            continue;
        ck_assert_int_eq(message->err, RD_KAFKA_RESP_ERR_NO_ERROR);
        each(message);
        rd_kafka_message_destroy(message);
        i++;
    }
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
}

void diary_note(const struct unstale_delivery *delivery, void *context)
{
    struct diary *diary = context;
    struct entry *entry = &diary->entries[diary->nr < DIARY_NR ? diary->nr : DIARY_NR - 1];

    ck_assert_int_eq(atomic_fetch_add(&diary->is_running, 1), 0);
    *entry = (struct entry){
        .partition = delivery->partition,
        .offset = delivery->offset,
        .opaque = delivery->opaque,
        .thread = pthread_self(),
    };
    if (delivery->error)
        entry->error = *delivery->error;
    snprintf(entry->key, sizeof(entry->key), "%.*s", (int)delivery->key_length,
             (const char *)delivery->key);
    diary->nr++;
    if (diary->then)
        diary->then();
    atomic_fetch_sub(&diary->is_running, 1);
}

void cluster_options(struct cluster *cluster, struct unstale_options *options, struct diary *diary)
{
    snprintf(cluster->topic, sizeof(cluster->topic), "t%u-%d", cluster->topics_nr++, (int)getpid());
    unstale_options_init(options);
    options->brokers = cluster->brokers;
    options->topic = cluster->topic;
    options->on_delivery = diary_note;
    options->context = diary;
}

bool publish_pk(struct unstale_producer *producer, int64_t pk, struct unstale_error *err)
{
    struct unstale_event *event = unstale_event_new(err);
    bool ok;

    unstale_event_begin(event, "post_save", "shop.Product");
    unstale_event_pk_int(event, UNSTALE_PK, pk);
    ok = unstale_publish(producer, event, NULL, err);
    unstale_event_free(event);
    return ok;
}

int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
