/*
 * target - one Redis (or Valkey) that operations go to, as settings name it.
 *
 * Forms: redis://[user[:pass]@]host[:port][/db], rediss://..., unix:///path[?db=N]. No /db is
 * database 0. User and password are percent-decoded. A target is immutable once made but for them and the Sentinels':
 * a rotated secret is put in place by redis_target_rotate(), and the next connection logs in by it.
 *
 * A target may stand for more than the server it names: a cluster (the address is where it is first
 * asked who owns which slot), or a master that Sentinels know (the address is not used at all).
 */
#ifndef CONSUMERS_REDIS_TARGET_H
#define CONSUMERS_REDIS_TARGET_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "consumers/base/error.h"
#include "consumers/base/slice.h"

enum { REDIS_HOST_BYTES = 256 };

struct redis_address {
    char host[REDIS_HOST_BYTES];
    int port;
};

struct redis_target {
    char *name; /* "default" */
    char *host; /* NULL: unix socket */
    int port;
    char *path; /* of a unix socket, or NULL */
    int database;
    pthread_mutex_t *login; /* guards users and passwords; NULL: nobody rotates them */
    char *user;             /* NULL: the default user */
    char *password;         /* NULL: no AUTH */
    bool tls;
    char *tls_ca, *tls_cert, *tls_key, *tls_server_name; /* NULL: not set */
    bool is_cluster;
    char *master;                            /* as the Sentinels call it; NULL: no Sentinel */
    char *sentinel_user, *sentinel_password; /* as user and password, of the Sentinels */
    struct redis_address *sentinels;
    size_t sentinels_nr;
    int wait_replicas; /* that must have a write before it counts; 0: none */
    int64_t rewind_ms; /* how far to go back after a failover; 0: not at all */
};

/* Fills a zeroed target from a URL; the error names the part that is wrong, never the password. */
bool redis_target_parse(struct redis_target *target, struct slice name, struct slice url,
                        struct error *err) CHECKED;
void redis_target_release(struct redis_target *target);

/* "host:port" or "[v6]:port"; the port may be left out. */
bool redis_address_parse(struct redis_address *address, struct slice text, int default_port,
                         struct error *err) CHECKED;

/* Fills a zeroed target with copies of everything. */
void redis_target_copy(struct redis_target *target, const struct redis_target *from);

/* Takes over users and passwords of another target of that name; true if any differed. Thread-safe. */
bool redis_target_rotate(struct redis_target *target, struct redis_target *fresh);

/* "redis://host:6379/1", without user and password, for logs. In the caller's buffer. */
struct buffer;
void redis_target_print(const struct redis_target *target, struct buffer *out);

#endif
