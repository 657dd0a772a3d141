/*
 * embedded_redis - a private redis-server (or valkey-server) child for `run --embedded`.
 *
 * It keeps nothing on disk, listens on a free loopback port and dies with this process. For trying
 * and testing only.
 */
#ifndef CONSUMERS_SERVICE_EMBEDDED_REDIS_H
#define CONSUMERS_SERVICE_EMBEDDED_REDIS_H

#include "consumers/base/error.h"

struct embedded_redis;

/* Returns once it answers PING. ERROR_CONFIG when no server program is installed. */
struct embedded_redis *embedded_redis_start(struct error *err) CHECKED;
int embedded_redis_port(const struct embedded_redis *redis);
void embedded_redis_stop(struct embedded_redis *redis);

#endif
