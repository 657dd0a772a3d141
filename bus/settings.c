#include "bus/settings.h"

#include <string.h>

/* Settings that may only have the value given here; NULL: none at all. */
struct fixed {
    const char *name;
    const char *value;
    const char *why;
};

static const struct fixed fixed_settings[] = {
    {"bootstrap.servers", NULL, "the option brokers is for that"},
    {"metadata.broker.list", NULL, "the option brokers is for that"},
    {"transactional.id", NULL, "events are not sent in transactions"},
    {"enable.idempotence", "true", "an event would be written twice, or out of order"},
    {"acks", "all", "a confirmed event could be lost"},
    {"request.required.acks", "all", "a confirmed event could be lost"},
    {"partitioner", "murmur2_random", "clients in other languages would use other partitions"},
    {"delivery.report.only.error", "false", "delivered events would not be reported"},
    {"log.queue", "false", "the log callback would not be called"},
};

static bool is_same_value(const char *value, const char *fixed)
{
    return strcmp(value, fixed) == 0 || (strcmp(fixed, "all") == 0 && strcmp(value, "-1") == 0);
}

static bool check_fixed(const struct unstale_setting *setting, struct unstale_error *err)
{
    for (size_t i = 0; i < sizeof(fixed_settings) / sizeof(fixed_settings[0]); i++) {
        const struct fixed *fixed = &fixed_settings[i];
        if (strcmp(setting->name, fixed->name) != 0)
            continue;
        if (fixed->value && is_same_value(setting->value, fixed->value))
            return true;
        return bus_fail(err, UNSTALE_REJECT, "setting %s is refused: %s", fixed->name, fixed->why);
    }
    return true;
}

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value,
                struct unstale_error *err)
{
    char why[200];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
        return true;
    return bus_fail(err, UNSTALE_REJECT, "setting %s: %s", name, why);
}

static bool set_all(rd_kafka_conf_t *conf, const struct unstale_options *options,
                    struct unstale_error *err)
{
    if (!set(conf, "bootstrap.servers", options->brokers, err) ||
        !set(conf, "client.id", "libunstale", err) ||
        !set(conf, "enable.metrics.push", "false", err) || /* closing would wait a second for it */
        !set(conf, "enable.idempotence", "true", err) ||
        !set(conf, "partitioner", "murmur2_random", err))
        return false;
    for (size_t i = 0; i < options->settings_nr; i++) {
        const struct unstale_setting *setting = &options->settings[i];
        if (!setting->name || !setting->value)
            return bus_fail(err, UNSTALE_REJECT, "setting %zu has no name or no value", i);
        if (!check_fixed(setting, err) || !set(conf, setting->name, setting->value, err))
            return false;
    }
    return true;
}

rd_kafka_conf_t *bus_settings_conf(const struct unstale_options *options, struct unstale_error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    if (set_all(conf, options, err))
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}
