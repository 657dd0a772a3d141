/*
 * settings_table - one row a setting: the same rows parse, print, document and are tested.
 */
#ifndef CONSUMERS_SERVICE_SETTINGS_TABLE_H
#define CONSUMERS_SERVICE_SETTINGS_TABLE_H

#include "consumers/service/settings.h"

enum setting_type {
    SETTING_TEXT,
    SETTING_TEXTS,   /* array in the file, commas in the environment, a repeated flag */
    SETTING_OPTIONS, /* object in the file, NAME=VALUE elsewhere */
    SETTING_INT,     /* min .. max */
    SETTING_DURATION,
    SETTING_CHOICE, /* one of `choices`, separated by | */
    SETTING_LISTEN, /* host:port */
    SETTING_SECRET  /* text; printed as ***; also KEY_file and VARIABLE_FILE */
};

struct setting_row {
    const char *key;      /* "kafka.brokers" */
    const char *flag;     /* "--brokers", or NULL */
    const char *variable; /* "UNSTALE_KAFKA_BROKERS" */
    enum setting_type type;
    const char *fallback; /* as it would stand in the file: JSON text */
    const char *choices;  /* of SETTING_CHOICE */
    long min, max;        /* of SETTING_INT */
    const char *meaning;  /* one line */
};

enum setting_id {
    SET_BROKERS,
    SET_TOPICS,
    SET_GROUP,
    SET_DEAD_LETTER_TOPIC,
    SET_OPTIONS,
    SET_FORMATS,
    SET_MAX_EVENT_BYTES,
    SET_RULES,
    SET_WORKERS,
    SET_HTTP_LISTEN,
    SET_HTTP_TOKEN,
    SET_ON_GAP,
    SET_DRAIN_TIMEOUT,
    SET_LOG_LEVEL,
    SET_LOG_FORMAT,
    SETTINGS_NR
};

extern const struct setting_row setting_rows[SETTINGS_NR];

/* Members of redis.NAME in the file; only url and its environment form are set elsewhere. */
enum redis_member {
    REDIS_URL,
    REDIS_CLUSTER,
    REDIS_SENTINEL,
    REDIS_TLS,
    REDIS_WAIT_REPLICAS,
    REDIS_REWIND,
    REDIS_MEMBERS_NR
};

struct redis_row {
    const char *name;
    const char *fallback; /* JSON text */
    const char *meaning;
};

extern const struct redis_row redis_rows[REDIS_MEMBERS_NR];

#endif
