/*
 * cluster_inside - what the files of the cluster share; for nobody else.
 *
 *   cluster.c          the queues of slots, redirections, what time and maps bring
 *   cluster_members.c  the nodes, and which of them owns a slot
 */
#ifndef CONSUMERS_REDIS_CLUSTER_INSIDE_H
#define CONSUMERS_REDIS_CLUSTER_INSIDE_H

#include "consumers/redis/cluster.h"

/* A command in the queue of its slot. */
struct waiting {
    uint32_t command;
    uint8_t flight;
    uint16_t slot;
    uint32_t next; /* in the slot; or of the free ones */
    unsigned hops, tries;
    int64_t due_ms; /* while it is parked */
};

struct member {
    struct node node;
    bool is_owner; /* of slots */
};

struct cluster {
    struct cluster_place place;
    struct node_shared shared;
    struct node_router router;
    struct cluster_map map;
    struct member **members;
    size_t members_nr, members_capacity;
    struct member **of_owner; /* by index of the map's owners; NULL: not looked up yet */
    size_t of_owner_nr;
    struct waiting *waiting; /* [0] is nobody */
    size_t waiting_nr, waiting_capacity;
    uint32_t free;
    uint32_t head[SLOTS_NR], tail[SLOTS_NR];
    uint32_t *parked; /* entries that are with nobody for a while */
    size_t parked_nr, parked_capacity;
    struct error trouble; /* why something is parked for long */
};

/* cluster_members.c */
struct member *cluster_member_at(struct cluster *cluster, const struct redis_address *address);
struct member *cluster_owner(struct cluster *cluster, uint16_t slot); /* NULL: the slot has none */
void cluster_note_owners(struct cluster *cluster);                    /* after a new map */

/* The last good reply of the nodes that lost slots by the new map; if none did, of all. 0: none. */
int64_t cluster_last_good_ms(const struct cluster *cluster);

static inline bool member_is_idle(const struct member *member)
{
    return member->node.nr == 0 && !member->is_owner;
}

#endif
