#include "consumers/base/alloc.h"
#include "consumers/redis/cluster_inside.h"

static struct member *find_member(const struct cluster *cluster,
                                  const struct redis_address *address)
{
    for (size_t i = 0; i < cluster->members_nr; i++) {
        if (redis_address_equals(&cluster->members[i]->node.connection.at, address))
            return cluster->members[i];
    }
    return NULL;
}

static bool owns_slots(const struct slots *slots, const struct node *node)
{
    for (size_t i = 0; i < slots->owners_nr; i++) {
        if (redis_address_equals(&slots->owners[i], &node->connection.at))
            return true;
    }
    return false;
}

static struct member *add_member(struct cluster *cluster)
{
    struct member *member = alloc_zero(1, sizeof(*member));
    struct node *node = &member->node;

    node_init(node, cluster->place.target, &cluster->shared);
    node->id = (*cluster->place.next_node_id)++;
    node->target_index = cluster->place.target_index;
    node->failover = cluster->place.failover;
    node->router = &cluster->router;
    cluster->members = alloc_grow(cluster->members, cluster->members_nr, &cluster->members_capacity,
                                  sizeof(struct member *));
    cluster->members[cluster->members_nr++] = member;
    return member;
}

/* One that is not needed any more is made over: addresses that come and go take no room. */
struct member *cluster_member_at(struct cluster *cluster, const struct redis_address *address)
{
    struct member *member = find_member(cluster, address);

    if (member != NULL)
        return member;
    for (size_t i = 0; i < cluster->members_nr && member == NULL; i++) {
        if (member_is_idle(cluster->members[i]))
            member = cluster->members[i];
    }
    if (member != NULL)
        node_retire(&member->node);
    else
        member = add_member(cluster);
    connection_set_address(&member->node.connection, address);
    return member;
}

struct member *cluster_owner(struct cluster *cluster, uint16_t slot)
{
    uint16_t owner = cluster->map.now.owner[slot];

    if (owner == SLOTS_NO_OWNER)
        return NULL;
    if (owner >= cluster->of_owner_nr) {
        size_t nr = cluster->map.now.owners_nr;

        cluster->of_owner = alloc_resize(cluster->of_owner, nr, sizeof(struct member *));
        while (cluster->of_owner_nr < nr)
            cluster->of_owner[cluster->of_owner_nr++] = NULL;
    }
    if (cluster->of_owner[owner] == NULL) {
        cluster->of_owner[owner] = cluster_member_at(cluster, &cluster->map.now.owners[owner]);
        cluster->of_owner[owner]->is_owner = true;
    }
    return cluster->of_owner[owner];
}

int64_t cluster_last_good_ms(const struct cluster *cluster)
{
    int64_t of_losers = 0, of_all = 0;

    for (size_t i = 0; i < cluster->members_nr; i++) {
        const struct node *node = &cluster->members[i]->node;

        if (node->good_ms == 0 || !owns_slots(&cluster->map.before, node))
            continue;
        if (of_all == 0 || node->good_ms < of_all)
            of_all = node->good_ms;
        if (owns_slots(&cluster->map.now, node))
            continue;
        if (of_losers == 0 || node->good_ms < of_losers)
            of_losers = node->good_ms;
    }
    return of_losers != 0 ? of_losers : of_all;
}

void cluster_note_owners(struct cluster *cluster)
{
    for (size_t i = 0; i < cluster->of_owner_nr; i++)
        cluster->of_owner[i] = NULL;
    for (size_t i = 0; i < cluster->members_nr; i++)
        cluster->members[i]->is_owner = owns_slots(&cluster->map.now, &cluster->members[i]->node);
    for (size_t i = 0; i < cluster->map.now.owners_nr; i++)
        cluster_member_at(cluster, &cluster->map.now.owners[i])->is_owner = true;
}
