#include "consumers/redis/purge_members.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/redis/executor.h"

enum { STEP_MS = 2 };

struct purge_members {
    struct executor *executor;
    struct executor_stats executor_stats;
    struct purge_stats *stats;
    uint64_t counted; /* of the executor's deleted keys */
    struct cache cache;
    struct action action;
    struct plan plan;
    bool is_busy;
};

struct purge_members *purge_members_new(const struct redis_target *target,
                                        struct purge_stats *stats)
{
    struct purge_members *members = alloc_zero(1, sizeof(*members));

    members->stats = stats;
    members->executor = executor_new(target, 1, &members->executor_stats);
    plan_init(&members->plan);
    return members;
}

void purge_members_free(struct purge_members *members)
{
    if (members == NULL)
        return;
    purge_members_abandon(members);
    executor_free(members->executor);
    plan_release(&members->plan);
    free(members);
}

void purge_members_start(struct purge_members *members, const struct purge_keys *keys)
{
    plan_clear(&members->plan, NULL);
    for (size_t i = 0; i < keys->nr; i++) {
        struct op *op = plan_add(&members->plan);

        op->verb = VERB_DELETE;
        op->action = &members->action;
        op->cache = &members->cache;
        op->key = purge_keys_at(keys, i);
        op->merged_into = OP_LIVE;
        op->previous = OP_NONE;
        op->result = OP_PENDING;
    }
    if (keys->nr == 0)
        return;
    members->is_busy = true;
    executor_start(members->executor, 0, &members->plan);
}

bool purge_members_step(struct purge_members *members)
{
    uint64_t deleted;

    if (members->is_busy)
        members->is_busy = executor_wait(members->executor, 0, STEP_MS) != EXECUTOR_DONE;
    deleted = counter_get(&members->executor_stats.keys_deleted);
    counter_add(&members->stats->keys_deleted, deleted - members->counted);
    members->counted = deleted;
    return !members->is_busy;
}

void purge_members_abandon(struct purge_members *members)
{
    if (members->is_busy)
        executor_abandon(members->executor, 0);
    members->is_busy = false;
}

bool purge_members_is_busy(const struct purge_members *members)
{
    return members->is_busy;
}
