#include "consumers/redis/executor.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/redis/cluster.h"
#include "consumers/redis/node.h"

enum { PINGS = EXECUTOR_FLIGHTS }; /* the flight after the pipeline's own */

/* How a target is reached: its one server, or the nodes of a cluster. */
struct route {
    struct node *node; /* NULL: a cluster */
    struct cluster *cluster;
    struct failover failover;
};

struct executor {
    struct route *routes; /* one a target */
    const struct redis_target *targets;
    size_t nr;
    uint32_t next_node_id;
    bool has_waits; /* some target has wait_replicas */
    struct flight flights[EXECUTOR_FLIGHTS + 1];
    struct scripts scripts;
    struct executor_stats *stats;
    struct pollfd *polled;
    size_t polled_nr, polled_capacity;
};

static void open_route(struct executor *executor, uint32_t target)
{
    struct route *route = &executor->routes[target];
    struct node_shared shared = {executor->flights, &executor->scripts, executor->stats};
    struct cluster_place place = {.target = &executor->targets[target],
                                  .target_index = target,
                                  .failover = &route->failover,
                                  .next_node_id = &executor->next_node_id};

    if (executor->targets[target].is_cluster) {
        route->cluster = cluster_new(&place, &shared);
        return;
    }
    route->node = alloc_zero(1, sizeof(*route->node));
    node_init(route->node, place.target, &shared);
    route->node->id = executor->next_node_id++;
    route->node->target_index = target;
    route->node->failover = &route->failover;
}

struct executor *executor_new(const struct redis_target *targets, size_t nr,
                              struct executor_stats *stats)
{
    struct executor *executor = alloc_zero(1, sizeof(*executor));

    executor->nr = nr;
    executor->targets = targets;
    executor->stats = stats;
    executor->next_node_id = 1;
    executor->routes = alloc_zero(nr, sizeof(*executor->routes));
    scripts_init(&executor->scripts);
    for (size_t i = 0; i < EXECUTOR_FLIGHTS + 1; i++)
        flight_init(&executor->flights[i], targets, nr);
    for (uint32_t i = 0; i < nr; i++) {
        executor->has_waits = executor->has_waits || targets[i].wait_replicas > 0;
        open_route(executor, i);
    }
    return executor;
}

static void close_route(struct route *route)
{
    cluster_free(route->cluster);
    if (route->node != NULL)
        node_release(route->node);
    free(route->node);
}

void executor_free(struct executor *executor)
{
    if (executor == NULL)
        return;
    for (size_t i = 0; i < executor->nr; i++)
        close_route(&executor->routes[i]);
    for (size_t i = 0; i < EXECUTOR_FLIGHTS + 1; i++)
        flight_release(&executor->flights[i]);
    scripts_release(&executor->scripts);
    counter_set(&executor->stats->up, 0);
    free(executor->routes);
    free(executor->polled);
    free(executor);
}

static size_t nodes_nr(const struct route *route)
{
    return route->node != NULL ? 1 : cluster_nodes_nr(route->cluster);
}

static struct node *any_node_at(const struct route *route, size_t i)
{
    return route->node != NULL ? route->node : cluster_node(route->cluster, i);
}

/* NULL: that place is not in use. */
static struct node *node_at(const struct route *route, size_t i)
{
    if (route->node == NULL && !cluster_is_in_use(route->cluster, i))
        return NULL;
    return any_node_at(route, i);
}

static bool is_well(const struct route *route)
{
    const struct error *trouble;

    if (route->node == NULL && (!cluster_is_known(route->cluster) ||
                                cluster_state(route->cluster, &trouble) != EXECUTOR_DONE))
        return false;
    for (size_t i = 0; i < nodes_nr(route); i++) {
        const struct node *node = node_at(route, i);

        if (node != NULL && !node_is_well(node))
            return false;
    }
    return true;
}

static void drive(struct executor *executor)
{
    uint64_t up = 0;

    for (size_t i = 0; i < executor->nr; i++) {
        struct route *route = &executor->routes[i];

        if (route->node != NULL)
            node_drive(route->node);
        else
            cluster_drive(route->cluster);
        up += is_well(route);
    }
    counter_set(&executor->stats->up, up);
}

/* Which flight a command that is handed over belongs to. */
struct handover {
    struct executor *executor;
    uint8_t slot;
};

static void push(struct route *route, struct queued queued)
{
    if (route->node != NULL)
        node_push(route->node, queued);
    else
        cluster_push(route->cluster, queued.flight, queued.command);
}

static void hand_over(void *sink, uint32_t command)
{
    struct handover *to = sink;
    uint32_t target = to->executor->flights[to->slot].commands[command].target;

    push(&to->executor->routes[target], (struct queued){.command = command, .flight = to->slot});
}

void executor_start(struct executor *executor, unsigned slot, struct plan *plan)
{
    struct handover to = {executor, (uint8_t)slot};

    assert(slot < EXECUTOR_FLIGHTS && executor->flights[slot].unanswered == 0);
    flight_begin(&executor->flights[slot], plan, hand_over, &to);
    drive(executor);
}

static void poll_connection(struct executor *executor, const struct connection *connection)
{
    executor->polled = alloc_grow(executor->polled, executor->polled_nr, &executor->polled_capacity,
                                  sizeof(*executor->polled));
    executor->polled[executor->polled_nr++] = (struct pollfd){
        .fd = connection_descriptor(connection), .events = connection_events(connection)};
}

static int64_t poll_route(struct executor *executor, const struct route *route, int64_t now_ms)
{
    if (route->node != NULL) {
        poll_connection(executor, &route->node->connection);
        return node_patience_ms(route->node, now_ms);
    }
    poll_connection(executor, cluster_map_connection(route->cluster));
    for (size_t i = 0; i < nodes_nr(route); i++) {
        if (node_at(route, i) != NULL)
            poll_connection(executor, &node_at(route, i)->connection);
    }
    return cluster_patience_ms(route->cluster, now_ms);
}

/* Waits until something can be done, or the time is up. */
static void wait_for_nodes(struct executor *executor, int64_t until_ms)
{
    int64_t now_ms = clock_steady_ms();
    int64_t patience = until_ms - now_ms;

    executor->polled_nr = 0;
    for (size_t i = 0; i < executor->nr; i++) {
        int64_t of_route = poll_route(executor, &executor->routes[i], now_ms);

        patience = of_route < patience ? of_route : patience;
    }
    if (patience <= 0)
        return;
    (void)poll(executor->polled, executor->polled_nr, (int)patience);
}

/* What keeps the executor from being well; the worst of it first. */
struct complaint {
    enum executor_state state;
    const struct error *why;
};

static void complain(struct complaint *complaint, enum executor_state state,
                     const struct error *why)
{
    if (state == EXECUTOR_DONE || complaint->state == EXECUTOR_CONFIG ||
        (complaint->state == EXECUTOR_DOWN && state == EXECUTOR_DOWN))
        return;
    *complaint = (struct complaint){state, why};
}

static void complain_of_route(struct complaint *complaint, const struct route *route)
{
    const struct error *trouble;

    for (size_t i = 0; i < nodes_nr(route); i++) {
        const struct node *node = node_at(route, i);

        if (node == NULL)
            continue;
        complain(complaint, node->state, &node->trouble);
        if (node->shortage.kind != ERROR_NONE)
            complain(complaint, EXECUTOR_DOWN, &node->shortage);
    }
    if (route->node == NULL) {
        enum executor_state state = cluster_state(route->cluster, &trouble);

        complain(complaint, state, trouble);
    }
}

static struct complaint complaint_of(const struct executor *executor)
{
    struct complaint complaint = {EXECUTOR_DONE, NULL};

    for (size_t i = 0; i < executor->nr; i++)
        complain_of_route(&complaint, &executor->routes[i]);
    return complaint;
}

static enum executor_state state_now(const struct executor *executor)
{
    struct complaint complaint = complaint_of(executor);

    return complaint.why != NULL ? complaint.state : EXECUTOR_PENDING;
}

/* What a node wrote for the flight goes to the replicas, or is written again. */
static bool wait_of_node(struct route *route, struct node *node, uint8_t slot)
{
    struct queued queued;
    uint32_t at = 0;

    if (!node->unwaited[slot].is_any)
        return false;
    if (node_push_wait(node, slot))
        return true;
    while (node_take_written(node, slot, &at, &queued))
        push(route, queued);
    return true;
}

/* True when a flight that was answered has still to wait. */
static bool begin_waits(struct executor *executor, uint8_t slot)
{
    bool is_any = false;

    for (size_t i = 0; i < executor->nr; i++) {
        struct route *route = &executor->routes[i];

        for (size_t n = 0; n < nodes_nr(route); n++)
            is_any = wait_of_node(route, any_node_at(route, n), slot) || is_any;
    }
    return is_any;
}

static bool is_over(struct executor *executor, const struct flight *flight)
{
    return !executor->has_waits || !begin_waits(executor, (uint8_t)(flight - executor->flights));
}

/* Drives until the flight is answered or the time is up; false for the latter. */
static bool wait_for_flight(struct executor *executor, const struct flight *flight, int timeout_ms)
{
    int64_t until_ms = clock_steady_ms() + timeout_ms;

    for (;;) {
        drive(executor);
        if (flight->unanswered == 0) {
            if (is_over(executor, flight))
                return true;
            continue;
        }
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
    for (size_t i = 0; i < executor->nr; i++) {
        if (executor->routes[i].node != NULL)
            node_drop_flight(executor->routes[i].node, (uint8_t)slot);
        else
            cluster_drop_flight(executor->routes[i].cluster, (uint8_t)slot);
    }
    flight_drop(&executor->flights[slot]);
}

static bool knows_clusters(const struct executor *executor)
{
    for (size_t i = 0; i < executor->nr; i++) {
        if (executor->routes[i].node == NULL && !cluster_is_known(executor->routes[i].cluster))
            return false;
    }
    return true;
}

/* Of a cluster it must first be known of which nodes it consists. */
static bool wait_for_clusters(struct executor *executor, int64_t until_ms)
{
    for (;;) {
        drive(executor);
        if (knows_clusters(executor))
            return true;
        if (clock_steady_ms() >= until_ms)
            return false;
        wait_for_nodes(executor, until_ms);
    }
}

/* A node that works something off already tells by that how it is. */
static void ping_idle_nodes(struct executor *executor)
{
    struct queued queued = {.flight = PINGS};

    for (size_t i = 0; i < executor->nr; i++) {
        for (size_t n = 0; n < nodes_nr(&executor->routes[i]); n++) {
            struct node *node = node_at(&executor->routes[i], n);

            if (node == NULL || node->nr > 0)
                continue;
            queued.command = flight_add_ping(&executor->flights[PINGS], node->id);
            node_push(node, queued);
        }
    }
}

enum executor_state executor_ready(struct executor *executor, int timeout_ms)
{
    struct flight *pings = &executor->flights[PINGS];
    int64_t until_ms = clock_steady_ms() + timeout_ms;
    int64_t left_ms;

    if (!wait_for_clusters(executor, until_ms))
        return state_now(executor);
    ping_idle_nodes(executor);
    left_ms = until_ms - clock_steady_ms();
    if (!wait_for_flight(executor, pings, left_ms > 0 ? (int)left_ms : 0))
        return state_now(executor);
    return complaint_of(executor).why == NULL ? EXECUTOR_DONE : state_now(executor);
}

const char *executor_trouble(const struct executor *executor)
{
    struct complaint complaint = complaint_of(executor);

    return complaint.why != NULL ? complaint.why->text : "";
}

bool executor_take_change(struct executor *executor, struct executor_change *change)
{
    bool is_any = false;

    for (size_t i = 0; i < executor->nr; i++) {
        struct failover *failover = &executor->routes[i].failover;
        int64_t rewind_ms = executor->targets[i].rewind_ms;

        if (!failover->is_due)
            continue;
        failover->is_due = false;
        if (rewind_ms == 0)
            continue;
        if (!is_any || failover->good_ms - rewind_ms < change->good_ms - change->rewind_ms)
            *change = (struct executor_change){failover->good_ms, rewind_ms};
        is_any = true;
    }
    return is_any;
}

struct slice executor_rejection(const struct executor *executor, unsigned slot, size_t op_index)
{
    assert(slot < EXECUTOR_FLIGHTS);
    return flight_rejection(&executor->flights[slot], op_index);
}
