#include "consumers/redis/executor.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/redis/node.h"

enum { PINGS = EXECUTOR_FLIGHTS }; /* the flight after the pipeline's own */

struct executor {
    struct node *nodes; /* one a target */
    size_t nr;
    struct flight flights[EXECUTOR_FLIGHTS + 1];
    struct scripts scripts;
    struct executor_stats *stats;
    struct pollfd *polled;
};

struct executor *executor_new(const struct redis_target *targets, size_t nr,
                              struct executor_stats *stats)
{
    struct executor *executor = alloc_zero(1, sizeof(*executor));

    executor->nr = nr;
    executor->stats = stats;
    executor->nodes = alloc_zero(nr, sizeof(*executor->nodes));
    executor->polled = alloc_zero(nr, sizeof(*executor->polled));
    scripts_init(&executor->scripts);
    for (size_t i = 0; i < EXECUTOR_FLIGHTS + 1; i++)
        flight_init(&executor->flights[i], nr);
    for (size_t i = 0; i < nr; i++)
        node_init(&executor->nodes[i], &targets[i], executor->flights, &executor->scripts, stats);
    return executor;
}

void executor_free(struct executor *executor)
{
    if (executor == NULL)
        return;
    for (size_t i = 0; i < executor->nr; i++)
        node_release(&executor->nodes[i]);
    for (size_t i = 0; i < EXECUTOR_FLIGHTS + 1; i++)
        flight_release(&executor->flights[i]);
    scripts_release(&executor->scripts);
    counter_set(&executor->stats->up, 0);
    free(executor->nodes);
    free(executor->polled);
    free(executor);
}

static void drive(struct executor *executor)
{
    uint64_t up = 0;

    for (size_t i = 0; i < executor->nr; i++) {
        node_drive(&executor->nodes[i]);
        up += node_is_well(&executor->nodes[i]);
    }
    counter_set(&executor->stats->up, up);
}

/* Which flight a command that is handed over belongs to. */
struct handover {
    struct executor *executor;
    uint8_t slot;
};

/* Where an operation goes: one node a target. The place to spread slots over nodes. */
static struct node *node_of(struct executor *executor, const struct command *command)
{
    return &executor->nodes[command->target];
}

static void hand_over(void *sink, uint32_t command)
{
    struct handover *to = sink;
    struct flight *flight = &to->executor->flights[to->slot];

    node_push(node_of(to->executor, &flight->commands[command]), to->slot, command);
}

void executor_start(struct executor *executor, unsigned slot, struct plan *plan)
{
    struct handover to = {executor, (uint8_t)slot};

    assert(slot < EXECUTOR_FLIGHTS && executor->flights[slot].unanswered == 0);
    flight_begin(&executor->flights[slot], plan, hand_over, &to);
    drive(executor);
}

/* Waits until something can be done, or the time is up. */
static void wait_for_nodes(struct executor *executor, int64_t until_ms)
{
    int64_t now_ms = clock_steady_ms();
    int64_t patience = until_ms - now_ms;

    for (size_t i = 0; i < executor->nr; i++) {
        const struct node *node = &executor->nodes[i];
        int64_t of_node = node_patience_ms(node, now_ms);

        patience = of_node < patience ? of_node : patience;
        executor->polled[i] = (struct pollfd){.fd = connection_descriptor(&node->connection),
                                              .events = connection_events(&node->connection)};
    }
    if (patience <= 0)
        return;
    (void)poll(executor->polled, executor->nr, (int)patience);
}

static const struct node *first_troubled(const struct executor *executor)
{
    const struct node *found = NULL;

    for (size_t i = 0; i < executor->nr; i++) {
        const struct node *node = &executor->nodes[i];

        if (node->state == EXECUTOR_CONFIG)
            return node;
        if (node->state == EXECUTOR_DOWN && found == NULL)
            found = node;
    }
    return found;
}

static enum executor_state state_now(const struct executor *executor)
{
    const struct node *troubled = first_troubled(executor);

    return troubled != NULL ? troubled->state : EXECUTOR_PENDING;
}

/* Drives until the flight is answered or the time is up; false for the latter. */
static bool wait_for_flight(struct executor *executor, const struct flight *flight, int timeout_ms)
{
    int64_t until_ms = clock_steady_ms() + timeout_ms;

    for (;;) {
        drive(executor);
        if (flight->unanswered == 0)
            return true;
        if (clock_steady_ms() >= until_ms)
            return false;
        wait_for_nodes(executor, until_ms);
    }
}

enum executor_state executor_wait(struct executor *executor, unsigned slot, int timeout_ms)
{
    struct flight *flight = &executor->flights[slot];

    assert(slot < EXECUTOR_FLIGHTS);
    if (flight->plan == NULL)
        return EXECUTOR_DONE;
    if (!wait_for_flight(executor, flight, timeout_ms))
        return state_now(executor);
    flight_finish(flight);
    return EXECUTOR_DONE;
}

void executor_abandon(struct executor *executor, unsigned slot)
{
    assert(slot < EXECUTOR_FLIGHTS);
    for (size_t i = 0; i < executor->nr; i++)
        node_drop_flight(&executor->nodes[i], (uint8_t)slot);
    flight_drop(&executor->flights[slot]);
}

/* A node that works something off already tells by that how it is. */
static void ping_idle_nodes(struct executor *executor)
{
    for (uint32_t i = 0; i < executor->nr; i++) {
        if (executor->nodes[i].nr == 0)
            node_push(&executor->nodes[i], PINGS, flight_add_ping(&executor->flights[PINGS], i));
    }
}

enum executor_state executor_ready(struct executor *executor, int timeout_ms)
{
    struct flight *pings = &executor->flights[PINGS];

    ping_idle_nodes(executor);
    if (!wait_for_flight(executor, pings, timeout_ms))
        return state_now(executor);
    return first_troubled(executor) == NULL ? EXECUTOR_DONE : state_now(executor);
}

const char *executor_trouble(const struct executor *executor)
{
    const struct node *troubled = first_troubled(executor);

    return troubled != NULL ? troubled->trouble.text : "";
}

struct slice executor_rejection(const struct executor *executor, unsigned slot, size_t op_index)
{
    assert(slot < EXECUTOR_FLIGHTS);
    return flight_rejection(&executor->flights[slot], op_index);
}
