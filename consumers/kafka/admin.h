/*
 * admin - one-off questions to a cluster, for doctor: blocking, with a deadline.
 */
#ifndef CONSUMERS_KAFKA_ADMIN_H
#define CONSUMERS_KAFKA_ADMIN_H

#include "consumers/base/arena.h"
#include "consumers/kafka/source.h"

struct admin;

struct admin *admin_open(const char *brokers, const struct kafka_option *options, size_t nr,
                         struct error *err) CHECKED;
void admin_close(struct admin *admin);

struct admin_topic {
    struct slice name;
    bool exists;
    int partitions, replicas;
};

struct admin_cluster {
    int brokers_nr;
    struct slice id;
};

bool admin_describe(struct admin *admin, int timeout_ms, struct arena *arena,
                    struct admin_cluster *cluster, struct error *err) CHECKED;
bool admin_topic(struct admin *admin, const char *name, int timeout_ms, struct admin_topic *out,
                 struct error *err) CHECKED;

struct admin_setting {
    const char *name, *value;
};

struct admin_new_topic {
    const char *name;
    int partitions, replicas; /* -1: the broker's default */
    const struct admin_setting *settings;
    size_t settings_nr;
};

/* An existing topic is success, and stays as it is. */
bool admin_create_topic(struct admin *admin, const struct admin_new_topic *wanted, int timeout_ms,
                        struct error *err) CHECKED;

/* What Kafka does with old records of a topic. */
struct admin_keeping {
    int64_t ms, bytes; /* -1: no limit */
    bool is_compacted;
};

/* ERROR_CONFIG where this user may not ask, or the broker does not know. */
bool admin_keeping(struct admin *admin, const char *topic, int timeout_ms,
                   struct admin_keeping *out, struct error *err) CHECKED;

struct admin_lag {
    int32_t partition;
    int64_t committed, low, high; /* committed OFFSETS_NONE: nothing committed */
};

/* What is asked, and the answer: one row a partition, in the arena. */
struct admin_lags {
    const char *group, *topic;
    struct admin_lag *rows;
    size_t nr;
};

bool admin_group_lag(struct admin *admin, struct admin_lags *lags, int timeout_ms,
                     struct arena *arena, struct error *err) CHECKED;

/* "2.8.0", and builtin.features, for --version. */
const char *kafka_library_version(void);
void kafka_library_features(char *out, size_t bytes);

#endif
