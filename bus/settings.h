/*
 * settings - options to a librdkafka configuration that keeps the header's promises.
 *
 * librdkafka checks names and values (CONFIGURATION.md, "Global configuration properties" and "Topic
 * configuration properties"); what it would let pass although it breaks a promise is refused here.
 */
#ifndef BUS_SETTINGS_H
#define BUS_SETTINGS_H

#include <librdkafka/rdkafka.h>

#include "bus/error.h"

/* To be given to rd_kafka_new() or rd_kafka_conf_destroy(). NULL on failure, UNSTALE_REJECT. */
rd_kafka_conf_t *bus_settings_conf(const struct unstale_options *options,
                                   struct unstale_error *err);

#endif
