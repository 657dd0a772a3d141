/*
 * settings - what an operator can set, from flags, environment, a file and the defaults.
 *
 * One row a setting in settings.c: name, flag, environment variable, default, type, meaning. The same
 * rows parse all four sources, print `unstale settings` and --help, and are held against
 * config/unstale.json, the schema and docs/settings.md by a test. Precedence: flag > environment >
 * file > default. Unknown keys and UNSTALE_* variables are errors with the nearest name. Every secret
 * has a ..._FILE form. Settings are immutable once loaded; a reload of secrets makes new ones.
 */
#ifndef CONSUMERS_SERVICE_SETTINGS_H
#define CONSUMERS_SERVICE_SETTINGS_H

#include "consumers/base/buffer.h"
#include "consumers/base/error.h"
#include "consumers/base/log.h"
#include "consumers/event/decode.h"
#include "consumers/kafka/source.h"
#include "consumers/redis/target.h"

struct settings {
    char *brokers;
    char **topics;
    size_t topics_nr;
    char *group;
    char *dead_letter_topic;
    struct kafka_option *options;
    size_t options_nr;
    struct topic_format *formats; /* topics are texts of their own */
    size_t formats_nr;
    size_t max_event_bytes;
    struct redis_target *targets; /* at least one, "default" first */
    size_t targets_nr;
    char **rules; /* files and folders */
    size_t rules_nr;
    int workers;
    char *http_host;
    int http_port;
    char *http_token; /* NULL: calls that change state answer 403 */
    enum on_gap on_gap;
    int64_t drain_timeout_ms;
    enum log_level log_level;
    enum log_format log_format;
    struct settings_draft *draft; /* where each value came from, for settings_print() */
};

/* A flag given on the command line, e.g. {"--brokers", "h:9092"}; repeatable ones may come again. */
struct settings_flag {
    const char *name, *value;
};

/*
 * Loads everything. `environment` is NULL-terminated NAME=VALUE (environ). NULL on failure: *errors
 * then holds one line for each thing that is wrong, each naming its source (file:line:column, variable
 * or flag), what was expected and the nearest valid name.
 */
struct settings *settings_load(const char *config_path, const struct settings_flag *flags,
                               size_t flags_nr, char *const *environment,
                               struct buffer *errors) CHECKED;
void settings_free(struct settings *settings);

/* Flags the verbs share ("--brokers", ...): index to name, NULL past the end. */
const char *settings_flag_name(size_t index);

/* Every effective value and where it came from, secrets as ***; text or JSON. */
void settings_print(const struct settings *settings, bool as_json, struct buffer *out);

#endif
