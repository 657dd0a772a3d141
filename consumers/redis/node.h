/*
 * node - one server an executor sends to: a queue of commands, a connection, and what to do when
 * either fails.
 *
 * The queue holds every unanswered command in order; its first sent_nr are with the server. A
 * failure of the first one takes the whole queue back: what was sent after it is
 * sent again behind it, and its answers that are still to come are passed over. So order on a key
 * survives every fault, at the price of repeats, which the operations allow; an unguarded refresh
 * does not allow it and is replaced by a delete when its turn comes again.
 *
 * A node of a cluster has a router. It gives the node the first command of a slot only and the next
 * one after that is answered: so all commands in the queue are of different slots, and one that
 * belongs elsewhere may leave the queue alone.
 *
 * Where writes must reach replicas the node keeps, for each flight, over which of its connections the
 * flight's writes went: WAIT speaks of its own connection only.
 */
#ifndef CONSUMERS_REDIS_NODE_H
#define CONSUMERS_REDIS_NODE_H

#include "consumers/redis/backoff.h"
#include "consumers/redis/connection.h"
#include "consumers/redis/executor.h"
#include "consumers/redis/flight.h"
#include "consumers/redis/scripts.h"

struct queued {
    uint32_t command;
    uint8_t flight;     /* index into node->flights */
    bool is_asking;     /* ASKING goes before it */
    bool is_load_due;   /* the next answer is of the script's load, before its own */
    bool is_asking_due; /* or of ASKING */
};

struct node;

struct node_router {
    void *context;
    /* Takes the node's first command over because of this error; false: that is the node's to mend. */
    bool (*redirect)(void *context, struct node *node, struct queued queued, struct slice text);
    /* A command has been answered for good. */
    void (*answered)(void *context, struct queued queued);
};

/* A target is another than before, or went back: what was written before may be lost. */
struct failover {
    bool is_due;     /* and nobody has asked yet */
    int64_t good_ms; /* the last good reply before it, steady clock */
};

/* The writes of a flight that no WAIT has covered yet. */
struct unwaited {
    bool is_any;
    bool is_stale; /* they went over more than one connection, or that is gone */
    uint32_t generation;
};

struct node {
    uint32_t id; /* within its executor, from 1 */
    uint32_t target_index;
    struct connection connection;
    const struct node_router *router; /* NULL: no cluster */
    struct failover *failover;        /* of the target */
    struct flight *flights;           /* the executor's, borrowed */
    const struct scripts *scripts;
    struct executor_stats *stats;
    bool has_replicas;    /* that must have a write before it counts */
    struct queued *queue; /* a ring; capacity is a power of two */
    size_t head, nr, capacity;
    size_t sent_nr;
    uint64_t passed_over; /* answers to come that no longer count */
    unsigned loaded;      /* bit 1 << script_name: known to the server */
    bool is_greeted;      /* this connection was ready once */
    bool was_up;          /* any connection was */
    struct backoff backoff;
    int64_t retry_at_ms;       /* nothing is tried before; 0: at once */
    enum executor_state state; /* DONE: well; DOWN or CONFIG */
    struct error trouble;
    struct error shortage; /* of replicas; none: they have what they must have */
    uint32_t generation;   /* of the connection: grows with each */
    struct unwaited unwaited[EXECUTOR_FLIGHTS + 1];
    char run_id[CONNECTION_RUN_ID_BYTES]; /* of the server that was last talked to */
    bool was_demoted;                     /* it refused a write as a replica does */
    int64_t good_ms;                      /* when the last good reply came; 0: never */
    struct buffer scratch;                /* companion keys while they are written */
};

/* What all nodes of an executor share; borrowed. */
struct node_shared {
    struct flight *flights;
    const struct scripts *scripts;
    struct executor_stats *stats;
};

void node_init(struct node *node, const struct redis_target *target,
               const struct node_shared *shared);
void node_release(struct node *node);

void node_push(struct node *node, struct queued queued);

/* Asks the replicas for what the flight wrote, or false: it must be written again, see node_take_written(). */
bool node_push_wait(struct node *node, uint8_t flight);

/* The next command (from *at on) of the flight that this node answered: it counts as not answered any more. */
bool node_take_written(struct node *node, uint8_t flight, uint32_t *at, struct queued *queued);

/* Takes the first command out that was not sent and of which `is_foreign`; false: there is none. */
typedef bool (*node_is_foreign)(const void *context, const struct node *node,
                                const struct command *command);
bool node_take_foreign(struct node *node, node_is_foreign is_foreign, const void *context,
                       struct queued *queued);

/* Nothing is to be sent there any more. */
void node_retire(struct node *node);

/* Takes every step that is possible now. */
void node_drive(struct node *node);

/* How long nothing needs to be done unless the connection moves; INT64_MAX: for ever. */
int64_t node_patience_ms(const struct node *node, int64_t now_ms);

/* Forgets a flight's commands; the connection goes if one of them was sent. */
void node_drop_flight(struct node *node, uint8_t flight);

/* Whether the next node_drive() would write something. */
bool node_can_send(const struct node *node);

void failover_note(struct failover *failover, int64_t good_ms);

static inline bool node_is_well(const struct node *node)
{
    return node->state == EXECUTOR_DONE && node->connection.phase == CONNECTION_READY;
}

#endif
