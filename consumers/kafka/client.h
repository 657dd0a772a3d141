/*
 * client - what every librdkafka client here has in common: its configuration, its log, its limits.
 *
 * People's options (`kafka.options`) are passed through. Refused are those that would break the
 * promise (an offset stored before its work is done, a letter given up) and those that double a setting of
 * ours; each says why. An option that means nothing to a role (a producer's linger for a consumer) is
 * checked and left out there, as librdkafka would warn about it.
 * Source: librdkafka CONFIGURATION.md (2.8).
 */
#ifndef CONSUMERS_KAFKA_CLIENT_H
#define CONSUMERS_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>

#include "consumers/base/error.h"
#include "consumers/kafka/source.h"

enum client_role { CLIENT_CONSUMER, CLIENT_PRODUCER, CLIENT_ADMIN };

struct client_setting {
    const char *name, *value;
};

/* The librdkafka from which what we must know about its versions holds. */
enum {
    CLIENT_COOPERATIVE_FROM = 0x020a01ff, /* 2.10.1: a commit in a rebalance loses nothing */
    CLIENT_PROTOCOL_FROM = 0x020c00ff     /* 2.12.0: group.protocol=consumer is no preview */
};

/* Each option is known, has a possible value, and is not refused. ERROR_CONFIG. */
bool client_check_options(const struct kafka_option *options, size_t nr, struct error *err) CHECKED;

/* The value of an option, or NULL: the last one counts. */
const char *client_option(const struct kafka_option *options, size_t nr, const char *name);

/*
 * A configuration with our log callback, the brokers (NULL: none), the defaults, then the options of
 * the role.
 * Whoever calls owns it, or rd_kafka_new() when that succeeds.
 */
rd_kafka_conf_t *client_conf(enum client_role role, const char *brokers,
                             const struct kafka_option *options, size_t nr,
                             struct error *err) CHECKED;

bool client_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                struct error *err) CHECKED;
bool client_set_all(rd_kafka_conf_t *conf, const struct client_setting *settings, size_t nr,
                    struct error *err) CHECKED;

/* Makes the client; conf is consumed either way. */
rd_kafka_t *client_open(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct error *err) CHECKED;

#endif
