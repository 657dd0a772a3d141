/*
 * flight - one plan on its way: the commands its ops come to, and what became of each op.
 *
 * flight_begin() turns ops into commands. Exact deletes go together up to PLAN_MAX_KEYS of a target (in
 * a cluster: of a slot), ops of one script up to SCRIPT_OPS_MAX of a target (in a cluster: alone);
 * an unguarded refresh is a command of its own. A group stays open while other commands pass it, and
 * is closed before an op whose predecessor on its key lies in it, unless both are deletes: so order on
 * one key is kept, and no key is twice in a call of a script.
 *
 * Borrows the plan until flight_finish() or flight_drop(). Arrays are kept from flight to flight: in
 * steady state nothing is allocated.
 */
#ifndef CONSUMERS_REDIS_FLIGHT_H
#define CONSUMERS_REDIS_FLIGHT_H

#include "consumers/base/buffer.h"
#include "consumers/plan/plan.h"
#include "consumers/redis/scripts.h"
#include "consumers/redis/target.h"

enum { FLIGHT_SCRIPT_BYTES = 64 << 10 };

enum command_kind {
    COMMAND_UNLINK,
    COMMAND_SET,            /* an unguarded refresh: never sent twice */
    COMMAND_REFRESH,        /* guarded, by script */
    COMMAND_GUARDED_DELETE, /* by script */
    COMMAND_BUMP,           /* by script */
    COMMAND_EXPIRE,         /* by script */
    COMMAND_PING,           /* of no op */
    COMMAND_WAIT            /* of no op: are the writes of this connection with the replicas? */
};

struct command {
    enum command_kind kind;
    uint32_t target;
    uint32_t first, last, nr; /* its ops: a list by flight->links */
    uint32_t bytes;           /* of their values, roughly: a group ends at FLIGHT_SCRIPT_BYTES */
    uint16_t slot;            /* in a cluster */
    uint8_t tries;            /* answered by an error that no table lists */
    bool was_sent;
    bool is_rejected;
    uint32_t node; /* of the executor's, that answered it */
};

struct op_link {
    uint32_t command; /* the one the op is in; OP_NONE */
    uint32_t next;    /* the next op of that command; undefined after the last */
};

struct rejection {
    size_t op;
    size_t start, len; /* of the text, in flight->texts */
};

struct flight {
    struct plan *plan; /* NULL: free (or of pings) */
    bool has_merged;   /* ops that another one of the plan stands for */
    struct command *commands;
    size_t commands_nr, commands_capacity;
    struct op_link *links; /* by op */
    size_t links_capacity;
    const struct redis_target *targets; /* borrowed */
    size_t targets_nr;
    uint32_t *lanes; /* by target: its first lane; a cluster has one a slot, others one a kind */
    uint32_t *open;  /* by lane: its group that may still grow, or OP_NONE */
    uint32_t *used;  /* lanes that had a group, in order */
    size_t used_nr, used_capacity;
    size_t unanswered; /* commands */
    struct rejection *rejections;
    size_t rejections_nr, rejections_capacity;
    struct buffer texts;
};

void flight_init(struct flight *flight, const struct redis_target *targets, size_t targets_nr);
void flight_release(struct flight *flight);

/* `on_command` gets the index of each command when it is complete, in the order to be sent. */
typedef void (*flight_on_command)(void *sink, uint32_t command);

void flight_begin(struct flight *flight, struct plan *plan, flight_on_command on_command,
                  void *sink);

/* In a flight without a plan: the one PING of a node, which must not be under way. */
uint32_t flight_add_ping(struct flight *flight, uint32_t node);

/* One more command, of no op: a WAIT for what the flight wrote there. */
uint32_t flight_add_wait(struct flight *flight, uint32_t target);

/*
 * A delete of several keys becomes as many of one: the command itself keeps the first, the others are
 * new ones at the end, *first to *first + result - 1, in the order of the keys.
 */
uint32_t flight_split(struct flight *flight, uint32_t command, uint32_t *first);

/*
 * The ops at these places of a command, counted from 1 and rising, become commands of their own at the
 * end, in that order; returns the first. What was sent behind them may be done before them: a refresh
 * becomes a guarded delete, and for the other kinds of a script that order is no harm.
 */
uint32_t flight_take_out(struct flight *flight, uint32_t command, const uint32_t *places,
                         size_t nr);

/* An answered command is to be carried out once more. */
void flight_undone(struct flight *flight);

/* A command has its answer, which tells whether the keys of its ops were there. */
void flight_done(struct flight *flight, const struct command *command, enum op_found found);
void flight_reject(struct flight *flight, struct command *command, struct slice text);

/* Gives merged ops the result of the op that stands for them. */
void flight_finish(struct flight *flight);
void flight_drop(struct flight *flight);

struct slice flight_rejection(const struct flight *flight, size_t op);

static inline struct op *flight_op(const struct flight *flight, uint32_t op)
{
    return &flight->plan->ops[op];
}

static inline uint32_t flight_next(const struct flight *flight, uint32_t op)
{
    return flight->links[op].next;
}

#endif
