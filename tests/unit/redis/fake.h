/*
 * fake - a server that answers what a test tells it to, on a unix socket or a port of the loopback, in
 * threads of its own.
 *
 * Greetings (AUTH, SELECT, CLIENT, INFO) are answered well unless the test says otherwise. Every other
 * command takes the next of the scripted replies, and what it is answered with when all is well
 * (mostly ":1") when there are no more, or where it is FAKE_WELL. A reply is
 * RESP without its line end ("-LOADING ...", ":1", "+OK"), or FAKE_CLOSE to close the
 * connection, FAKE_HANG to answer nothing on it any more. Commands are written down as text.
 */
#ifndef TESTS_UNIT_REDIS_FAKE_H
#define TESTS_UNIT_REDIS_FAKE_H

#include <pthread.h>
#include <stdbool.h>

#include "consumers/redis/target.h"

#define FAKE_CLOSE "close"
#define FAKE_HANG "hang"
#define FAKE_WELL "well"

enum { FAKE_LOG_BYTES = 1 << 16, FAKE_CLIENTS = 32 };

struct fake {
    char folder[64];
    struct redis_target target;
    const char *const *replies; /* NULL-terminated */
    const char *auth;           /* the reply to AUTH; NULL: well */
    const char *info;           /* the text of INFO; NULL: a Redis 7 */
    const char *slots; /* the reply to CLUSTER SLOTS, which is not written down; NULL: scripted */
    bool is_tcp;       /* target.port says where */
    pthread_t thread;
    struct fake_client {
        struct fake *fake;
        int socket;
        pthread_t thread;
    } clients[FAKE_CLIENTS];
    unsigned clients_nr;
    pthread_mutex_t lock; /* of the log */
    int listener, stop[2];
    char log[FAKE_LOG_BYTES]; /* "UNLINK a b|SET k v PX 60000|", greetings left out */
    char greetings[512];      /* of the last connection */
    unsigned connections;
};

/* Zero it and fill replies, auth, info, slots and is_tcp before. */
void fake_start(struct fake *fake);
void fake_stop(struct fake *fake);

/* A copy of the log so far, in a buffer that the next call reuses. */
const char *fake_log(struct fake *fake);
const char *fake_greetings(struct fake *fake);
unsigned fake_connections(struct fake *fake);

#endif
