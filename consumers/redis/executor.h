/*
 * executor - plans to Redis and answers back: the sink of a pipeline.
 *
 * One executor a pipeline, one connection a target (in a cluster: a node), one thread. Up to EXECUTOR_FLIGHTS plans are on
 * their way at once: executor_start() writes a plan's commands (own RESP in one buffer, UNLINK of up
 * to PLAN_MAX_KEYS keys, scripts by EVALSHA), executor_wait() reads its answers; in between the
 * pipeline prepares the next plan. Flights finish in the order they were started. Order on one key is
 * the order of the plan's ops; commands of a target are answered in order.
 *
 * Nothing is given up: a lost connection is opened again for ever (jittered back-off 100 ms to 10 s)
 * and every unanswered command is issued again, in order. An unguarded refresh is never sent twice;
 * where it would be, a delete is sent. Purges (VERB_PURGE) are not executed here: the pipeline hands
 * them to the purge engine; the executor skips them.
 *
 * In a cluster only one command of a slot is on its way at a time, so that no redirection changes their
 * order. Of a target with wait_replicas a flight is done only when so many replicas have its writes.
 *
 * After EXECUTOR_DONE every live op of the plan but purges has result OP_DONE or OP_REJECTED, and
 * merged ops have the result of the op that stands for them.
 */
#ifndef CONSUMERS_REDIS_EXECUTOR_H
#define CONSUMERS_REDIS_EXECUTOR_H

#include "consumers/base/counter.h"
#include "consumers/base/error.h"
#include "consumers/plan/plan.h"
#include "consumers/redis/target.h"

enum { EXECUTOR_FLIGHTS = 2 };

enum executor_state {
    EXECUTOR_DONE,    /* the flight is answered */
    EXECUTOR_PENDING, /* the deadline came first */
    EXECUTOR_DOWN,    /* a target is away or busy (why: executor_trouble); it goes on trying */
    EXECUTOR_CONFIG /* a target refuses us (password, rights, unknown command); it retries slowly */
};

struct executor_stats {
    counter commands;     /* sent, re-issues included */
    counter keys_deleted; /* Redis said they existed */
    counter reconnects;
    counter reissued;  /* commands sent again after a lost connection */
    counter redirects; /* answers of a cluster that named another node, or none yet */
    counter shortages; /* WAITs that too few replicas answered in time */
    counter up;        /* targets connected and usable now */
};

struct executor;

/* Targets are borrowed and must outlive the executor. Does not connect yet. Never fails. */
struct executor *executor_new(const struct redis_target *targets, size_t nr,
                              struct executor_stats *stats);
void executor_free(struct executor *executor);

/*
 * Begins to send a plan in a free slot (0 .. EXECUTOR_FLIGHTS-1). The plan, its ops and their arena
 * must stay until executor_wait() says DONE or executor_abandon() was called.
 */
void executor_start(struct executor *executor, unsigned slot, struct plan *plan);

/*
 * Moves bytes until the slot's flight is answered or timeout_ms passed (0: only what is ready).
 * While it answers DOWN or CONFIG the caller may come back at once: it blocks up to timeout_ms.
 */
enum executor_state executor_wait(struct executor *executor, unsigned slot, int timeout_ms);

/* Forgets a flight: its connection is dropped if commands were unanswered. */
void executor_abandon(struct executor *executor, unsigned slot);

/* Connects what is not connected (within timeout_ms) and PINGs: for readiness before the first batch. */
enum executor_state executor_ready(struct executor *executor, int timeout_ms);

/* Why it is DOWN or CONFIG, one line; "" when all is well. Valid until the next call. */
const char *executor_trouble(const struct executor *executor);

/*
 * True once after a target became another than before (failover, restart, a node of a cluster that
 * took over): the oldest of their last good replies before it, and the longest way to go back.
 */
struct executor_change {
    int64_t good_ms; /* steady clock */
    int64_t rewind_ms;
};
bool executor_take_change(struct executor *executor, struct executor_change *change);

/* The error text Redis gave for a rejected op of the flight in this slot; absent if none. */
struct slice executor_rejection(const struct executor *executor, unsigned slot, size_t op_index);

#endif
