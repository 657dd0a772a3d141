#include <assert.h>

#include "consumers/redis/command.h"
#include "consumers/redis/node_inside.h"

/* The ops get commands of their own, and are sent behind what waits. */
static void send_alone(struct node *node, const uint32_t *places, size_t nr)
{
    struct queued queued = *node_queued_at(node, 0);
    uint32_t first = flight_take_out(&node->flights[queued.flight], queued.command, places, nr);

    for (uint32_t i = 0; i < nr; i++) {
        queued.command = first + i;
        node_push(node, queued);
    }
}

void node_part(struct node *node, struct slice text)
{
    const struct command *command = node_command_at(node, 0);
    struct script_failures failures;

    if (!script_failures_read(&failures, text, command->nr))
        assert(false && "an answer that does not fit comes no further than command_fits()");
    if (command_counts_keys(command->kind))
        counter_add(&node->stats->keys_deleted, failures.sum);
    send_alone(node, failures.places, failures.nr);
}

void node_part_whole(struct node *node)
{
    uint32_t places[SCRIPT_OPS_MAX];
    size_t nr = node_command_at(node, 0)->nr;

    for (uint32_t i = 0; i < nr; i++)
        places[i] = i + 1;
    send_alone(node, places, nr);
}
