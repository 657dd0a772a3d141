#include "consumers/kafka/client.h"

#include <string.h>

#include "consumers/base/log.h"
#include "consumers/base/suggest.h"

enum { WHY_BYTES = 300, SYSLOG_ERROR = 3, SYSLOG_WARN = 4, SYSLOG_INFO = 6 };

struct refusal {
    const char *name, *why;
};

static const struct refusal refusals[] = {
    {"bootstrap.servers", "kafka.brokers is for that"},
    {"metadata.broker.list", "kafka.brokers is for that"},
    {"group.id", "kafka.group is for that"},
    {"enable.auto.offset.store", "offsets would be stored before Redis has answered"},
    {"enable.auto.commit", "offsets are stored when the work is done, and committed from there"},
    {"auto.commit.enable", "offsets are stored when the work is done, and committed from there"},
    {"auto.offset.reset", "events would be skipped silently; on_gap says what happens instead"},
    {"offset.store.method", "offsets are kept by the group's coordinator"},
    {"offset.store.path", "offsets are kept by the group's coordinator"},
    {"offset.store.sync.interval.ms", "offsets are kept by the group's coordinator"},
    {"enable.idempotence", "dead letters are sent by an idempotent producer, always"},
    {"enable.gapless.guarantee", "a dead letter that fails would stop those behind it"},
    {"transactional.id", "nothing is sent in transactions"},
    {"acks", "a dead letter counts once every replica has it"},
    {"request.required.acks", "a dead letter counts once every replica has it"},
    {"message.timeout.ms", "dead letters are tried for ever"},
    {"delivery.timeout.ms", "dead letters are tried for ever"},
    {"message.send.max.retries", "dead letters are tried for ever"},
    {"retries", "dead letters are tried for ever"},
    {"message.max.bytes", "dead letters may be as large as what was read"},
    {"batch.num.messages", "a dead letter travels alone, so that one too large harms no other"},
    {"delivery.report.only.error", "a dead letter would never be known to have arrived"},
    {"partitioner", "a dead letter keeps its key and goes where every client would put it"},
    {"log.queue", "librdkafka's log would be lost"},
    {"test.mock.num.brokers", "run --embedded is for that"},
};

/* Endings in '.' name a family. */
static const char *const consumer_only[] = {
    "group.",
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "partition.assignment.strategy",
    "max.poll.interval.ms",
    "coordinator.query.interval.ms",
    "fetch.",
    "queued.",
    "max.partition.fetch.bytes",
    "auto.commit.interval.ms",
    "isolation.level",
    "check.crcs",
    "enable.partition.eof",
    "consume.",
    "allow.auto.create.topics",
    "client.rack",
};

static const char *const producer_only[] = {
    "queue.buffering.",
    "linger.ms",
    "compression.",
    "batch.",
    "sticky.partitioning.linger.ms",
    "request.timeout.ms",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "queuing.strategy",
    "msg_order_cmp",
    "transaction.timeout.ms",
};

static bool is_among(const char *name, const char *const *names, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        size_t len = strlen(names[i]);
        bool is_family = names[i][len - 1] == '.';
        if (is_family ? strncmp(name, names[i], len) == 0 : strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static bool means_something(enum client_role role, const char *name)
{
    bool is_consumers = is_among(name, consumer_only, ARRAY_NR(consumer_only));
    bool is_producers = is_among(name, producer_only, ARRAY_NR(producer_only));
    switch (role) {
    case CLIENT_CONSUMER:
        return !is_producers;
    case CLIENT_PRODUCER:
        return !is_consumers && strcmp(name, "topic.blacklist") != 0;
    case CLIENT_ADMIN:
        break;
    }
    return !is_consumers && !is_producers;
}

static void offer_names(struct suggest *suggest, const char *const *pairs, size_t nr)
{
    for (size_t i = 0; i + 1 < nr; i += 2)
        suggest_offer(suggest, slice_of(pairs[i]));
}

/* librdkafka's message, and the nearest of all its names if there is one. */
static bool fail_unknown(const char *name, const char *why, struct error *err)
{
    struct suggest suggest;
    size_t nr, topic_nr;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_conf_t *topic_conf = rd_kafka_topic_conf_new();
    const char **pairs = rd_kafka_conf_dump(conf, &nr);
    const char **topic_pairs = rd_kafka_topic_conf_dump(topic_conf, &topic_nr);
    suggest_init(&suggest, slice_of(name));
    offer_names(&suggest, pairs, nr);
    offer_names(&suggest, topic_pairs, topic_nr);
    if (slice_is_absent(suggest.best))
        error_fail(err, ERROR_CONFIG, "kafka.options: %s", why);
    else
        error_fail(err, ERROR_CONFIG, "kafka.options: %s; did you mean %.*s?", why,
                   SLICE_ARG(suggest.best));
    rd_kafka_conf_dump_free(pairs, nr);
    rd_kafka_conf_dump_free(topic_pairs, topic_nr);
    rd_kafka_topic_conf_destroy(topic_conf);
    rd_kafka_conf_destroy(conf);
    return false;
}

static bool check_version(const struct kafka_option *option, struct error *err)
{
    bool is_new_protocol =
        strcmp(option->name, "group.protocol") == 0 && strcmp(option->value, "consumer") == 0;
    if (is_new_protocol && rd_kafka_version() < CLIENT_PROTOCOL_FROM)
        return error_fail(err, ERROR_CONFIG,
                          "kafka.options: group.protocol=consumer is refused: it needs librdkafka "
                          "2.12, this is %s",
                          rd_kafka_version_str());
    bool never_commits = strcmp(option->name, "auto.commit.interval.ms") == 0 &&
                         strspn(option->value, "0") == strlen(option->value);
    if (never_commits)
        return error_fail(err, ERROR_CONFIG,
                          "kafka.options: auto.commit.interval.ms=0 is refused: nothing would be "
                          "committed");
    return true;
}

static bool check_option(rd_kafka_conf_t *conf, const struct kafka_option *option,
                         struct error *err)
{
    char why[WHY_BYTES];
    for (size_t i = 0; i < ARRAY_NR(refusals); i++)
        if (strcmp(option->name, refusals[i].name) == 0)
            return error_fail(err, ERROR_CONFIG, "kafka.options: %s is refused: %s", option->name,
                              refusals[i].why);
    if (!check_version(option, err))
        return false;
    switch (rd_kafka_conf_set(conf, option->name, option->value, why, sizeof(why))) {
    case RD_KAFKA_CONF_OK:
        return true;
    case RD_KAFKA_CONF_UNKNOWN:
        return fail_unknown(option->name, why, err);
    case RD_KAFKA_CONF_INVALID:
        break;
    }
    return error_fail(err, ERROR_CONFIG, "kafka.options: %s", why);
}

bool client_check_options(const struct kafka_option *options, size_t nr, struct error *err)
{
    rd_kafka_conf_t *scratch = rd_kafka_conf_new();
    bool is_fine = true;
    for (size_t i = 0; i < nr && is_fine; i++)
        is_fine = check_option(scratch, &options[i], err);
    rd_kafka_conf_destroy(scratch);
    return is_fine;
}

const char *client_option(const struct kafka_option *options, size_t nr, const char *name)
{
    for (size_t i = nr; i-- > 0;)
        if (strcmp(options[i].name, name) == 0)
            return options[i].value;
    return NULL;
}

static enum log_level level_of(int syslog_level)
{
    if (syslog_level <= SYSLOG_ERROR)
        return LOG_LEVEL_ERROR;
    if (syslog_level == SYSLOG_WARN)
        return LOG_LEVEL_WARN;
    return syslog_level <= SYSLOG_INFO ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

/* Called on librdkafka's own threads. */
static void write_log(const rd_kafka_t *kafka, int level, const char *facility, const char *text)
{
    log_line(level_of(level), "librdkafka", LOG_TEXT("client", kafka ? rd_kafka_name(kafka) : ""),
             LOG_TEXT("facility", facility), LOG_TEXT("text", text));
}

bool client_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *err)
{
    char why[WHY_BYTES];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
        return true;
    return error_fail(err, ERROR_CONFIG, "librdkafka %s: %s", rd_kafka_version_str(), why);
}

bool client_set_all(rd_kafka_conf_t *conf, const struct client_setting *settings, size_t nr,
                    struct error *err)
{
    for (size_t i = 0; i < nr; i++)
        if (!client_set(conf, settings[i].name, settings[i].value, err))
            return false;
    return true;
}

static bool set_options(rd_kafka_conf_t *conf, enum client_role role,
                        const struct kafka_option *options, size_t nr, struct error *err)
{
    for (size_t i = 0; i < nr; i++)
        if (means_something(role, options[i].name) &&
            !client_set(conf, options[i].name, options[i].value, err))
            return false;
    return true;
}

rd_kafka_conf_t *client_conf(enum client_role role, const char *brokers,
                             const struct kafka_option *options, size_t nr, struct error *err)
{
    /* With metrics pushed to the broker every close waits up to a second for the last ones. */
    static const struct client_setting defaults[] = {
        {"client.id", "unstale"},
        {"enable.metrics.push", "false"},
        {"socket.keepalive.enable", "true"},
        {"socket.nagle.disable", "true"},
    };
    if (!client_check_options(options, nr, err))
        return NULL;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, write_log);
    if ((!brokers || client_set(conf, "bootstrap.servers", brokers, err)) &&
        client_set_all(conf, defaults, ARRAY_NR(defaults), err) &&
        set_options(conf, role, options, nr, err))
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

rd_kafka_t *client_open(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct error *err)
{
    char why[WHY_BYTES];
    rd_kafka_t *kafka = rd_kafka_new(type, conf, why, sizeof(why));
    if (kafka)
        return kafka;
    rd_kafka_conf_destroy(conf);
    error_fail(err, ERROR_CONFIG, "Kafka client: %s", why);
    return NULL;
}
