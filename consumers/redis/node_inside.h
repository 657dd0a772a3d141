/*
 * node_inside - what the files of the node share; for nobody else.
 *
 *   node.c        the connection, what is sent, what an answer leads to
 *   node_queue.c  the commands that are not answered
 *   node_batch.c  a script's answer where some of its ops failed
 *   node_wait.c   the replicas that must have a write
 */
#ifndef CONSUMERS_REDIS_NODE_INSIDE_H
#define CONSUMERS_REDIS_NODE_INSIDE_H

#include "consumers/redis/node.h"

/* node.c */
void node_be_well(struct node *node);
void node_leave(struct node *node); /* the first command is answered for good, well or not */

/* node_queue.c */
void node_queue_init(struct node *node);
void node_pop(struct node *node);

static inline struct queued *node_queued_at(const struct node *node, size_t i)
{
    return &node->queue[(node->head + i) & (node->capacity - 1)];
}

static inline struct command *node_command_at(const struct node *node, size_t i)
{
    const struct queued *queued = node_queued_at(node, i);

    return &node->flights[queued->flight].commands[queued->command];
}

/* node_batch.c: of the first command, a batch. */

/* The ops that failed by this text get commands of their own, which tell why. */
void node_part(struct node *node, struct slice text);
/* All of them do. */
void node_part_whole(struct node *node);

/* node_wait.c */
void node_note_written(struct node *node, struct command *command, uint8_t flight);
void node_on_waited(struct node *node, int64_t replicas);

#endif
