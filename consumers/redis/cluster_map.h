/*
 * cluster_map - keeps the slot map of a cluster: asks one node after the other, until one answers.
 *
 * Asked when somebody wants it (at most once a second), and every CLUSTER_MAP_LOOK_MS anyway; over a
 * connection of its own that lives for one question. First the owners of the last map are asked, then
 * the target's own address. A map of an older epoch than the one known is the word of a node that was
 * cut off: the next is asked, and only if several say so it is believed (the cluster was made anew).
 * One thread; nothing here blocks.
 */
#ifndef CONSUMERS_REDIS_CLUSTER_MAP_H
#define CONSUMERS_REDIS_CLUSTER_MAP_H

#include "consumers/redis/connection.h"
#include "consumers/redis/slots.h"

enum { CLUSTER_MAP_LOOK_MS = 10000, CLUSTER_MAP_LEAST_MS = 1000 };

struct cluster_map {
    struct connection connection;
    struct slots now, read;
    struct slots before; /* what `now` replaced; of use until the next drive */
    bool is_known;
    bool is_wanted;
    bool is_asked;
    bool has_info;
    unsigned next; /* whom to ask: an owner, or the seed after the last of them */
    unsigned disbelieved;
    int64_t next_ask_ms;
    int64_t asked_ms;
    struct error trouble; /* of the last try; none after a good one */
};

void cluster_map_init(struct cluster_map *map, const struct redis_target *target);
void cluster_map_release(struct cluster_map *map);

/* Somebody saw that it is out of date. */
void cluster_map_want(struct cluster_map *map);

/* Takes every step that is possible now; true when `now` was replaced (it may be equal to `before`). */
bool cluster_map_drive(struct cluster_map *map);

int64_t cluster_map_patience_ms(const struct cluster_map *map, int64_t now_ms);

#endif
