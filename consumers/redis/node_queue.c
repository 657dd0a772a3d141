#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/redis/node_inside.h"

enum { QUEUE_MIN = 64 };

void node_queue_init(struct node *node)
{
    node->capacity = QUEUE_MIN;
    node->queue = alloc_bytes(QUEUE_MIN * sizeof(*node->queue));
}

static void queue_grow(struct node *node)
{
    struct queued *wider = alloc_bytes(2 * node->capacity * sizeof(*wider));

    for (size_t i = 0; i < node->nr; i++)
        wider[i] = *node_queued_at(node, i);
    free(node->queue);
    node->queue = wider;
    node->head = 0;
    node->capacity *= 2;
}

void node_push(struct node *node, struct queued queued)
{
    if (node->nr == node->capacity)
        queue_grow(node);
    *node_queued_at(node, node->nr++) = queued;
}

void node_pop(struct node *node)
{
    node->head = (node->head + 1) & (node->capacity - 1);
    node->nr--;
    node->sent_nr--;
}

/* Closes the gap at i, which was not sent. */
static void take_out(struct node *node, size_t i)
{
    for (; i + 1 < node->nr; i++)
        *node_queued_at(node, i) = *node_queued_at(node, i + 1);
    node->nr--;
}

bool node_take_foreign(struct node *node, node_is_foreign is_foreign, const void *context,
                       struct queued *queued)
{
    for (size_t i = node->sent_nr; i < node->nr; i++) {
        if (!is_foreign(context, node, node_command_at(node, i)))
            continue;
        *queued = *node_queued_at(node, i);
        take_out(node, i);
        return true;
    }
    return false;
}
