#include "tests/unit/redis/ops.h"

#include <check.h>

#include "consumers/base/clock.h"

static const struct cache cache = {.target = 0};

struct action *ops_action(struct ops *ops)
{
    struct action *action = &ops->actions[ops->actions_nr++];

    ck_assert_uint_le(ops->actions_nr, OPS_ACTIONS);
    *action = (struct action){.start = 1, .ttl_ms = 60000, .condition = REFRESH_ALWAYS};
    return action;
}

static uint32_t previous_of(const struct ops *ops, struct slice key, size_t before)
{
    while (before-- > 0) {
        if (ops->ops[before].merged_into == OP_LIVE && slice_equals(ops->ops[before].key, key))
            return (uint32_t)before;
    }
    return OP_NONE;
}

struct op *ops_add(struct ops *ops, enum verb verb, const char *key)
{
    static const struct action usual = {.start = 1, .ttl_ms = 60000, .condition = REFRESH_ALWAYS};
    struct op *op = &ops->ops[ops->plan.ops_nr];

    ck_assert_uint_lt(ops->plan.ops_nr, OPS_MAX);
    *op = (struct op){.verb = verb,
                      .action = &usual,
                      .cache = &cache,
                      .key = slice_of(key),
                      .at_least = -1,
                      .times = 1,
                      .merged_into = OP_LIVE};
    op->previous = previous_of(ops, op->key, ops->plan.ops_nr);
    ops->plan.ops = ops->ops;
    ops->plan.ops_nr++;
    return op;
}

struct op *ops_delete(struct ops *ops, const char *key)
{
    return ops_add(ops, VERB_DELETE, key);
}

struct op *ops_bump(struct ops *ops, const char *key, uint32_t times, int64_t at_least)
{
    struct op *op = ops_add(ops, VERB_BUMP, key);

    op->times = times;
    op->at_least = at_least;
    return op;
}

struct op *ops_refresh(struct ops *ops, const char *key, const char *value)
{
    struct op *op = ops_add(ops, VERB_REFRESH, key);

    op->value = slice_of(value);
    return op;
}

struct op *ops_guard(struct op *op, enum guard_source source, int64_t version)
{
    op->guard_source = source;
    op->guard = version;
    return op;
}

void ops_clear(struct ops *ops)
{
    ops->plan = (struct plan){.ops = ops->ops};
    ops->actions_nr = 0;
}

void ops_await(struct executor *executor, unsigned slot)
{
    int64_t until = clock_steady_ms() + 20000;

    while (executor_wait(executor, slot, 100) != EXECUTOR_DONE)
        ck_assert_msg(clock_steady_ms() < until, "no answer: %s", executor_trouble(executor));
}

void ops_run(struct ops *ops, struct executor *executor)
{
    executor_start(executor, 0, &ops->plan);
    ops_await(executor, 0);
}
