/*
 * connection - one connection to one Redis server, never blocking: bytes out, answers in.
 *
 * connection_open() begins; connection_drive() takes whatever step is possible now (connecting, TLS,
 * greeting, sending, receiving) and returns; between two calls the owner polls
 * connection_descriptor() for connection_events(), at most connection_patience_ms() long. The greeting
 * is AUTH, SELECT, CLIENT SETNAME, INFO and, of a master that Sentinels know, ROLE; after it the
 * connection is ready and `server` tells whom it talks to. Where there are Sentinels they are asked
 * first, each time anew (sentinel.h). The owner writes commands to `out` and says how many answers
 * they bring by connection_expect().
 *
 * A connection that fails is closed and holds why in `trouble`: ERROR_RETRY for what may pass by
 * itself, ERROR_CONFIG for what somebody must mend. It never opens itself again: that is the owner's.
 * Nothing received for CONNECTION_STALL_MS while answers are due is a failure. Looking
 * a host name up is the one step that can block. SIGPIPE is never raised.
 */
#ifndef CONSUMERS_REDIS_CONNECTION_H
#define CONSUMERS_REDIS_CONNECTION_H

#include "consumers/base/error.h"
#include "consumers/redis/answer.h"
#include "consumers/redis/target.h"

enum { CONNECTION_STALL_MS = 5000, CONNECTION_RUN_ID_BYTES = 41, CONNECTION_GREETINGS = 5 };

enum connection_phase {
    CONNECTION_CLOSED,
    CONNECTION_SEEKING, /* the context is of a Sentinel */
    CONNECTION_CONNECTING,
    CONNECTION_GREETING,
    CONNECTION_READY
};

struct server {
    unsigned version; /* major * 100 + minor: 602 is 6.2 */
    bool is_valkey;
    bool is_cluster;
    char run_id[CONNECTION_RUN_ID_BYTES];
};

enum greeting { GREETING_AUTH, GREETING_SELECT, GREETING_NAME, GREETING_INFO, GREETING_ROLE };

struct redisContext;
struct ssl_st;

/* Which Sentinel is asked, and how far that is. */
struct seeking {
    size_t next;  /* the one to be asked next time */
    size_t tried; /* in a row */
    bool is_asked;
    bool awaits_login; /* the answer to AUTH comes first */
    struct error last; /* why the one before was of no use */
};

struct connection {
    const struct redis_target *target;
    struct redis_address at; /* where it goes; no host: the target's socket */
    struct seeking seeking;
    enum connection_phase phase;
    struct redisContext *context;
    struct ssl_st *tls; /* of the context; NULL without TLS */
    struct answers answers;
    struct buffer out; /* commands; the first out_sent bytes are with the kernel */
    size_t out_sent;
    size_t tls_held;    /* of the bytes after them: already in hiredis' buffer */
    char *in;           /* what recv() fills */
    uint64_t due;       /* answers that are to come */
    int64_t touched_ms; /* when something last moved */
    int64_t heard_ms;   /* when something was last received */
    enum greeting greetings[CONNECTION_GREETINGS];
    size_t greetings_nr, greetings_answered;
    struct server server;
    struct error trouble;
};

void connection_init(struct connection *connection, const struct redis_target *target);
void connection_release(struct connection *connection);

/* Where a closed connection goes from now on, instead of to the target's address. */
void connection_set_address(struct connection *connection, const struct redis_address *address);

void connection_open(struct connection *connection);
void connection_close(struct connection *connection);
void connection_drive(struct connection *connection);

/* Closes for a reason of the owner's. */
void connection_fail(struct connection *connection, enum error_kind kind, const char *why);

/* Closes: the answer is none that the command has, so nothing later can be believed either. */
void connection_disbelieve(struct connection *connection, const char *command);

void connection_expect(struct connection *connection, uint64_t answers);

/* The next answer of a ready connection; false when there is none yet (or it just failed). */
bool connection_answer(struct connection *connection, struct answer *answer);

int connection_descriptor(const struct connection *connection);
short connection_events(const struct connection *connection);
int64_t connection_patience_ms(const struct connection *connection, int64_t now_ms);

/* Of sentinel.c: begins to connect to `at`; true once that is done; sends and receives. */
void connection_dial(struct connection *connection, enum connection_phase phase);
bool connection_is_connected(struct connection *connection);
void connection_exchange(struct connection *connection);

static inline size_t connection_unsent(const struct connection *connection)
{
    return connection->out.len - connection->out_sent;
}

/* True where scripts may begin with `#!lua flags=...`. */
static inline bool server_has_script_flags(const struct server *server)
{
    return server->is_valkey || server->version >= 700;
}

#endif
