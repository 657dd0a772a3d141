#include "consumers/kafka/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/kafka/client.h"
#include "consumers/kafka/range.h"

enum { SETTLE_WAIT_MS = 100 };

struct admin {
    rd_kafka_t *kafka;
};

/* A consumer without a group: unlike a producer it never makes the broker create a topic. */
struct admin *admin_open(const char *brokers, const struct kafka_option *options, size_t nr,
                         struct error *err)
{
    rd_kafka_conf_t *conf = client_conf(CLIENT_ADMIN, brokers, options, nr, err);
    if (!conf)
        return NULL;
    rd_kafka_t *kafka = client_open(RD_KAFKA_CONSUMER, conf, err);
    if (!kafka)
        return NULL;
    struct admin *admin = alloc_zero(1, sizeof(*admin));
    admin->kafka = kafka;
    return admin;
}

void admin_close(struct admin *admin)
{
    if (!admin)
        return;
    rd_kafka_destroy(admin->kafka);
    free(admin);
}

static bool fail(struct error *err, const char *what, rd_kafka_resp_err_t code)
{
    return error_fail(err, ERROR_RETRY, "Kafka: %s: %s", what, rd_kafka_err2str(code));
}

bool admin_describe(struct admin *admin, int timeout_ms, struct arena *arena,
                    struct admin_cluster *cluster, struct error *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(admin->kafka, 0, NULL, &metadata, timeout_ms);
    if (code)
        return fail(err, "brokers", code);
    cluster->brokers_nr = metadata->broker_cnt;
    rd_kafka_metadata_destroy(metadata);
    char *id = rd_kafka_clusterid(admin->kafka, timeout_ms);
    cluster->id = arena_copy(arena, id ? slice_of(id) : SLICE(""));
    if (id)
        rd_kafka_mem_free(admin->kafka, id);
    return true;
}

static bool fill_topic(const struct rd_kafka_metadata_topic *topic, struct admin_topic *out,
                       struct error *err)
{
    bool is_missing = topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (topic->err && !is_missing)
        return fail(err, topic->topic, topic->err);
    out->exists = !is_missing;
    out->partitions = topic->partition_cnt;
    out->replicas = topic->partition_cnt > 0 ? topic->partitions[0].replica_cnt : 0;
    return true;
}

bool admin_topic(struct admin *admin, const char *name, int timeout_ms, struct admin_topic *out,
                 struct error *err)
{
    const struct rd_kafka_metadata *metadata;
    *out = (struct admin_topic){.name = slice_of(name)};
    rd_kafka_topic_t *topic = rd_kafka_topic_new(admin->kafka, name, NULL);
    if (!topic)
        return fail(err, name, rd_kafka_last_error());
    rd_kafka_resp_err_t code = rd_kafka_metadata(admin->kafka, 0, topic, &metadata, timeout_ms);
    rd_kafka_topic_destroy(topic);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return true;
    if (code)
        return fail(err, name, code);
    bool is_fine = metadata->topic_cnt != 1 || fill_topic(&metadata->topics[0], out, err);
    rd_kafka_metadata_destroy(metadata);
    return is_fine;
}

static rd_kafka_AdminOptions_t *make_options(struct admin *admin, rd_kafka_admin_op_t op,
                                             int timeout_ms)
{
    char why[200];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->kafka, op);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, why, sizeof(why));
    return options;
}

/* The answer of an operation, or NULL. */
static rd_kafka_event_t *await(rd_kafka_queue_t *queue, int timeout_ms, const char *what,
                               struct error *err)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
    if (event && !rd_kafka_event_error(event))
        return event;
    error_fail(err, ERROR_RETRY, "Kafka: %s: %s", what,
               event ? rd_kafka_event_error_string(event) : "no answer in time");
    if (event)
        rd_kafka_event_destroy(event);
    return NULL;
}

static bool check_created(rd_kafka_event_t *event, struct error *err)
{
    size_t nr;
    const rd_kafka_topic_result_t **topics =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &nr);
    for (size_t i = 0; i < nr; i++) {
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(topics[i]);
        if (code && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            return error_fail(err, ERROR_CONFIG, "Kafka: topic \"%s\" is not created: %s",
                              rd_kafka_topic_result_name(topics[i]),
                              rd_kafka_topic_result_error_string(topics[i]));
    }
    return true;
}

static rd_kafka_NewTopic_t *make_topic(const struct admin_new_topic *wanted, struct error *err)
{
    char why[200];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(wanted->name, wanted->partitions, wanted->replicas, why, sizeof(why));
    if (!topic) {
        error_fail(err, ERROR_CONFIG, "Kafka: topic \"%s\": %s", wanted->name, why);
        return NULL;
    }
    for (size_t i = 0; i < wanted->settings_nr; i++)
        rd_kafka_NewTopic_set_config(topic, wanted->settings[i].name, wanted->settings[i].value);
    return topic;
}

bool admin_create_topic(struct admin *admin, const struct admin_new_topic *wanted, int timeout_ms,
                        struct error *err)
{
    rd_kafka_NewTopic_t *topic = make_topic(wanted, err);
    if (!topic)
        return false;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->kafka);
    rd_kafka_AdminOptions_t *options =
        make_options(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    rd_kafka_CreateTopics(admin->kafka, &topic, 1, options, queue);
    rd_kafka_event_t *event = await(queue, timeout_ms, "creating a topic", err);
    bool is_fine = event && check_created(event, err);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return is_fine;
}

static void take_setting(const rd_kafka_ConfigEntry_t *entry, struct admin_keeping *out)
{
    const char *name = rd_kafka_ConfigEntry_name(entry);
    const char *value = rd_kafka_ConfigEntry_value(entry);
    if (!value)
        return;
    if (strcmp(name, "retention.ms") == 0)
        out->ms = strtoll(value, NULL, 10);
    else if (strcmp(name, "retention.bytes") == 0)
        out->bytes = strtoll(value, NULL, 10);
    else if (strcmp(name, "cleanup.policy") == 0)
        out->is_compacted = strstr(value, "compact") != NULL;
}

static bool take_keeping(rd_kafka_event_t *event, struct admin_keeping *out, struct error *err)
{
    size_t nr;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &nr);
    if (nr != 1)
        return error_fail(err, ERROR_CONFIG, "Kafka: settings of a topic: no answer to it");
    if (rd_kafka_ConfigResource_error(resources[0]))
        return error_fail(err, ERROR_CONFIG, "Kafka: settings of topic \"%s\": %s",
                          rd_kafka_ConfigResource_name(resources[0]),
                          rd_kafka_ConfigResource_error_string(resources[0]));
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resources[0], &nr);
    for (size_t i = 0; i < nr; i++)
        take_setting(entries[i], out);
    return true;
}

bool admin_keeping(struct admin *admin, const char *topic, int timeout_ms,
                   struct admin_keeping *out, struct error *err)
{
    *out = (struct admin_keeping){.ms = -1, .bytes = -1};
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->kafka);
    rd_kafka_AdminOptions_t *options =
        make_options(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    rd_kafka_DescribeConfigs(admin->kafka, &resource, 1, options, queue);
    rd_kafka_event_t *event = await(queue, timeout_ms, "settings of a topic", err);
    bool is_fine = event && take_keeping(event, out, err);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy(resource);
    return is_fine;
}

static bool take_committed(const rd_kafka_topic_partition_list_t *list, struct admin_lag *rows,
                           struct error *err)
{
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *entry = &list->elems[i];
        if (entry->err)
            return fail(err, "offsets of the group", entry->err);
        if (entry->offset >= 0)
            rows[i].committed = entry->offset;
    }
    return true;
}

/*
 * A consumer of that group, which joins nothing: ListConsumerGroupOffsets of a client without a
 * group crashes in librdkafka (2.8) while the group's coordinator is not there yet.
 */
static rd_kafka_t *open_member(struct admin *admin, const char *group, struct error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(rd_kafka_conf(admin->kafka));
    if (client_set(conf, "group.id", group, err))
        return client_open(RD_KAFKA_CONSUMER, conf, err);
    rd_kafka_conf_destroy(conf);
    return NULL;
}

/* A coordinator that is being chosen or loads its offsets: on a fresh cluster for its first second. */
static bool is_settling(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
           code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
           code == RD_KAFKA_RESP_ERR__WAIT_COORD;
}

static bool ask_committed(rd_kafka_t *member, rd_kafka_topic_partition_list_t *list, int timeout_ms,
                          struct admin_lag *rows, struct error *err)
{
    if (!member)
        return false;
    int64_t deadline = clock_steady_ms() + timeout_ms;
    rd_kafka_resp_err_t code = rd_kafka_committed(member, list, timeout_ms);
    while (is_settling(code) && clock_steady_ms() < deadline) {
        rd_kafka_poll(member, SETTLE_WAIT_MS);
        code = rd_kafka_committed(member, list, timeout_ms);
    }
    rd_kafka_destroy(member);
    return code ? fail(err, "offsets of the group", code) : take_committed(list, rows, err);
}

bool admin_group_lag(struct admin *admin, struct admin_lags *lags, int timeout_ms,
                     struct arena *arena, struct error *err)
{
    struct admin_topic found;
    if (!admin_topic(admin, lags->topic, timeout_ms, &found, err))
        return false;
    if (!found.exists)
        return error_fail(err, ERROR_CONFIG, "Kafka: topic \"%s\" does not exist", lags->topic);
    lags->nr = (size_t)found.partitions;
    lags->rows = arena_zero(arena, lags->nr + 1, sizeof(*lags->rows));
    struct range *ranges = arena_zero(arena, lags->nr + 1, sizeof(*ranges));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(found.partitions);
    for (int i = 0; i < found.partitions; i++)
        rd_kafka_topic_partition_list_add(list, lags->topic, i);
    bool is_fine = range_query(admin->kafka, list, timeout_ms, ranges, err);
    for (int i = 0; i < found.partitions; i++)
        lags->rows[i] = (struct admin_lag){i, OFFSETS_NONE, ranges[i].low, ranges[i].high};
    is_fine = is_fine && ask_committed(open_member(admin, lags->group, err), list, timeout_ms,
                                       lags->rows, err);
    rd_kafka_topic_partition_list_destroy(list);
    return is_fine;
}

const char *kafka_library_version(void)
{
    return rd_kafka_version_str();
}

void kafka_library_features(char *out, size_t bytes)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (bytes > 0)
        out[0] = '\0';
    if (rd_kafka_conf_get(conf, "builtin.features", out, &bytes) != RD_KAFKA_CONF_OK && bytes > 0)
        out[0] = '\0';
    rd_kafka_conf_destroy(conf);
}
