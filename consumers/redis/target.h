/*
 * target - one Redis (or Valkey) that operations go to, as settings name it.
 *
 * Forms: redis://[user[:pass]@]host[:port][/db], rediss://..., unix:///path[?db=N]. No /db is
 * database 0. User and password are percent-decoded. A target is immutable once made; a rotated
 * secret makes a new one.
 */
#ifndef CONSUMERS_REDIS_TARGET_H
#define CONSUMERS_REDIS_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "consumers/base/error.h"
#include "consumers/base/slice.h"

struct redis_target {
    char *name; /* "default" */
    char *host; /* NULL: unix socket */
    int port;
    char *path; /* of a unix socket, or NULL */
    int database;
    char *user;     /* NULL: the default user */
    char *password; /* NULL: no AUTH */
    bool tls;
    char *tls_ca, *tls_cert, *tls_key, *tls_server_name; /* NULL: not set */
    int wait_replicas;
    int64_t rewind_ms;
};

/* Fills a zeroed target from a URL; the error names the part that is wrong, never the password. */
bool redis_target_parse(struct redis_target *target, struct slice name, struct slice url,
                        struct error *err) CHECKED;
void redis_target_release(struct redis_target *target);

/* "redis://host:6379/1", without user and password, for logs. In the caller's buffer. */
struct buffer;
void redis_target_print(const struct redis_target *target, struct buffer *out);

#endif
