/*
 * server - a private redis-server in a temporary folder, on a unix socket, for tests.
 *
 * It is stopped by its pid. Should the test die first, the server dies with it (PR_SET_PDEATHSIG).
 */
#ifndef TESTS_UNIT_REDIS_SERVER_H
#define TESTS_UNIT_REDIS_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "consumers/base/slice.h"
#include "consumers/redis/target.h"

enum { SERVER_PATH_BYTES = 108, SERVER_MAX_ARGUMENTS = 16 };

struct redisContext;

struct server_process {
    char folder[64];
    char socket[SERVER_PATH_BYTES];
    const char *arguments[SERVER_MAX_ARGUMENTS]; /* beyond the usual, NULL-terminated */
    pid_t pid;                                   /* 0: not running */
    struct redisContext *client;                 /* of the test itself; opened on demand */
    struct redis_target target;
};

/* Starts it and waits until it answers. `more` are arguments of redis-server, NULL-terminated. */
void server_start(struct server_process *server, const char *const *more);
void server_restart(struct server_process *server); /* with the same arguments and data */
void server_kill(struct server_process *server);    /* SIGKILL, and waits for its end */
void server_stop(struct server_process *server);    /* and removes its folder */

/* One command of the test's own, words split by printf-like %s and %b of hiredis. */
struct redisReply *server_command(struct server_process *server, const char *format, ...);

/* The same, for what it answers: an integer; a copy of a string ("(nil)" for none). */
long long server_integer(struct server_process *server, const char *format, ...);
const char *server_text(struct server_process *server, const char *format, ...);

/* Sets PREFIX0 to PREFIX(nr-1); deletes them. Pipelined. */
void server_fill(struct server_process *server, const char *prefix, size_t nr);
void server_unfill(struct server_process *server, const char *prefix, size_t nr);

#endif
