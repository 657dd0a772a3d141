#include "consumers/redis/node_inside.h"

void node_note_written(struct node *node, struct command *command, uint8_t flight)
{
    struct unwaited *unwaited = &node->unwaited[flight];

    if (command->kind == COMMAND_PING || command->kind == COMMAND_WAIT)
        return;
    if (unwaited->is_any && unwaited->generation != node->generation)
        unwaited->is_stale = true;
    unwaited->is_any = true;
    unwaited->generation = node->generation;
    command->node = node->id;
}

/* Too few replicas answered in time: the same WAIT again, behind what was sent meanwhile. */
static void on_shortage(struct node *node, int64_t replicas)
{
    struct queued again = *node_queued_at(node, 0);
    const struct redis_target *target = node->connection.target;

    error_clear(&node->shortage);
    (void)error_fail(&node->shortage, ERROR_RETRY, "%s: %lld of %d replicas have the last writes",
                     target->name, (long long)replicas, target->wait_replicas);
    counter_add(&node->stats->shortages, 1);
    node_pop(node);
    node_push(node, again);
}

void node_on_waited(struct node *node, int64_t replicas)
{
    struct unwaited *unwaited = &node->unwaited[node_queued_at(node, 0)->flight];

    node_be_well(node);
    if (unwaited->generation != node->generation) {
        unwaited->is_stale = true;
    } else if (replicas < node->connection.target->wait_replicas) {
        on_shortage(node, replicas);
        return;
    } else {
        *unwaited = (struct unwaited){.is_any = false};
        error_clear(&node->shortage);
    }
    flight_done(&node->flights[node_queued_at(node, 0)->flight], node_command_at(node, 0),
                OP_FOUND_UNKNOWN);
    node_leave(node);
}

bool node_push_wait(struct node *node, uint8_t flight)
{
    const struct unwaited *unwaited = &node->unwaited[flight];
    struct queued queued = {.flight = flight};

    if (unwaited->is_stale || unwaited->generation != node->generation ||
        node->connection.phase != CONNECTION_READY)
        return false;
    queued.command = flight_add_wait(&node->flights[flight], node->target_index);
    node_push(node, queued);
    return true;
}

bool node_take_written(struct node *node, uint8_t flight, uint32_t *at, struct queued *queued)
{
    struct flight *of = &node->flights[flight];

    for (; *at < of->commands_nr; (*at)++) {
        struct command *command = &of->commands[*at];

        if (command->node != node->id || command->is_rejected)
            continue;
        command->node = 0;
        flight_undone(of);
        *queued = (struct queued){.flight = flight, .command = (*at)++};
        return true;
    }
    node->unwaited[flight] = (struct unwaited){.is_any = false};
    return false;
}
