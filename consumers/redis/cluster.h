/*
 * cluster - the executor's side of a Redis Cluster: which node gets which command, and when.
 *
 * Each slot has a queue; its first command alone is with a node. The next follows once that
 * one is answered for good, so no redirection, no node that fails, no slot on the move can let a later
 * command overtake it. MOVED changes the owner of the slot and asks for a new map; ASK sends the
 * command to the node named, once, after ASKING. A delete of several keys that gets TRYAGAIN becomes
 * deletes of one key each. What nobody can take now (no owner, CLUSTERDOWN, a script
 * whose two keys are not in one place) waits and is tried again.
 *
 * A new map takes commands that were not sent away from nodes that no longer own their slots. A new
 * epoch is a failover: it is noted with the last good reply of the nodes that lost slots.
 * Source: Redis cluster specification, "Redirection and resharding".
 */
#ifndef CONSUMERS_REDIS_CLUSTER_H
#define CONSUMERS_REDIS_CLUSTER_H

#include "consumers/redis/cluster_map.h"
#include "consumers/redis/node.h"

struct cluster;

struct cluster_place {
    const struct redis_target *target;
    uint32_t target_index;
    struct failover *failover;
    uint32_t *next_node_id; /* of the executor */
};

/* Everything is borrowed. */
struct cluster *cluster_new(const struct cluster_place *place, const struct node_shared *shared);
void cluster_free(struct cluster *cluster);

void cluster_push(struct cluster *cluster, uint8_t flight, uint32_t command);

void cluster_drive(struct cluster *cluster);
int64_t cluster_patience_ms(const struct cluster *cluster, int64_t now_ms);

void cluster_drop_flight(struct cluster *cluster, uint8_t flight);

/* The nodes, in no order; those that own nothing and have nothing to do are closed and not in use. */
size_t cluster_nodes_nr(const struct cluster *cluster);
struct node *cluster_node(const struct cluster *cluster, size_t i);
bool cluster_is_in_use(const struct cluster *cluster, size_t i);

/* The connection that asks for the map, to be polled with the nodes'. */
const struct connection *cluster_map_connection(const struct cluster *cluster);

bool cluster_is_known(const struct cluster *cluster);

/* DONE when all is well beside the nodes; else why is in *trouble. */
enum executor_state cluster_state(const struct cluster *cluster, const struct error **trouble);

#endif
