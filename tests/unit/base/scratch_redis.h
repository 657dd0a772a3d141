/*
 * scratch_redis - a redis-server of the test's own, on a socket in a temporary folder.
 *
 * It keeps nothing, listens on no port and ends with the test. Speaks RESP by hand: base knows no
 * client library. Source: Redis documentation, "Redis serialization protocol specification".
 */
#ifndef TESTS_UNIT_BASE_SCRATCH_REDIS_H
#define TESTS_UNIT_BASE_SCRATCH_REDIS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "consumers/base/slice.h"

struct scratch_redis {
    char folder[64];
    char socket[96];
    pid_t process;
    FILE *in;
    FILE *out;
};

/* True where a redis-server is on the PATH. */
bool scratch_redis_is_installed(void);

/* Fails the test unless the server answers within a few seconds. */
void scratch_redis_start(struct scratch_redis *redis);
void scratch_redis_stop(struct scratch_redis *redis);

/* Sends one command; the reply is read with the functions below. */
void scratch_redis_send(struct scratch_redis *redis, const struct slice *words, size_t nr);

/* The number of a reply line of the given type (`*`, `$`, `:`), or 0 for a status line `+`. */
long scratch_redis_read(struct scratch_redis *redis, char type);

/* A bulk string into out; returns its length. */
size_t scratch_redis_read_bulk(struct scratch_redis *redis, char *out, size_t out_bytes);

#endif
