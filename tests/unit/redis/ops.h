/*
 * ops - plans made by hand for tests of the executor.
 */
#ifndef TESTS_UNIT_REDIS_OPS_H
#define TESTS_UNIT_REDIS_OPS_H

#include "consumers/plan/plan.h"
#include "consumers/redis/executor.h"

enum { OPS_MAX = 4096, OPS_ACTIONS = 64 };

/* A plan of ops whose `previous` is filled as coalescing would. Zero it before use. */
struct ops {
    struct plan plan;
    struct op ops[OPS_MAX];
    struct action actions[OPS_ACTIONS]; /* of refreshes and bumps that differ from the usual */
    size_t actions_nr;
};

struct action *ops_action(struct ops *ops); /* a zeroed one */
struct op *ops_add(struct ops *ops, enum verb verb, const char *key);
struct op *ops_delete(struct ops *ops, const char *key);
struct op *ops_bump(struct ops *ops, const char *key, uint32_t times, int64_t at_least);
struct op *ops_refresh(struct ops *ops, const char *key, const char *value); /* ttl one minute */

/* Makes it guarded. */
struct op *ops_guard(struct op *op, enum guard_source source, int64_t version);

/* Forgets the ops. */
void ops_clear(struct ops *ops);

/* Runs the plan to its end in slot 0; fails the test after 20 s. */
void ops_run(struct ops *ops, struct executor *executor);
void ops_await(struct executor *executor, unsigned slot);

#endif
