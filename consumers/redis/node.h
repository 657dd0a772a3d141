/*
 * node - one server an executor sends to: a queue of commands, a connection, and what to do when
 * either fails.
 *
 * The queue holds every unanswered command in order; its first sent_nr are with the server. A
 * failure of the first one takes the whole queue back: what was sent after it is
 * sent again behind it, and its answers that are still to come are passed over. So order on a key
 * survives every fault, at the price of repeats, which the operations allow; an unguarded refresh
 * does not allow it and is replaced by a delete when its turn comes again.
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
    uint8_t flight;   /* index into node->flights */
    bool is_load_due; /* the next answer is of the script's load, before its own */
};

struct node {
    struct connection connection;
    struct flight *flights;        /* the executor's, borrowed */
    const struct scripts *scripts; /* borrowed */
    struct executor_stats *stats;  /* borrowed */
    struct queued *queue;          /* a ring; capacity is a power of two */
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
    struct buffer scratch; /* companion keys while they are written */
};

void node_init(struct node *node, const struct redis_target *target, struct flight *flights,
               const struct scripts *scripts, struct executor_stats *stats);
void node_release(struct node *node);

void node_push(struct node *node, uint8_t flight, uint32_t command);

/* Takes every step that is possible now. */
void node_drive(struct node *node);

/* How long nothing needs to be done unless the connection moves; INT64_MAX: for ever. */
int64_t node_patience_ms(const struct node *node, int64_t now_ms);

/* Forgets a flight's commands; the connection goes if one of them was sent. */
void node_drop_flight(struct node *node, uint8_t flight);

static inline bool node_is_well(const struct node *node)
{
    return node->state == EXECUTOR_DONE && node->connection.phase == CONNECTION_READY;
}

#endif
