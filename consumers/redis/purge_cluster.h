/*
 * purge_cluster - a purge in a cluster: a walk on every node that owns slots.
 *
 * A purge is done when it came round on all of them. Keys that move between nodes meanwhile could
 * slip from one that is still to be walked to one that was: a node that gained slots, or that
 * is another server than before, is therefore walked once more for every purge that is not done, and one
 * whose keys were found to have moved is walked again everywhere. The ticket goes back only after a map
 * that was asked for at the end shows no change, and every node says that no slot of it comes or goes:
 * while one does, the purge waits (ten minutes at the most, and the log knows), and then walks again.
 * One thread; purge_cluster_step() never blocks.
 */
#ifndef CONSUMERS_REDIS_PURGE_CLUSTER_H
#define CONSUMERS_REDIS_PURGE_CLUSTER_H

#include "consumers/redis/connection.h"
#include "consumers/redis/purge.h"
#include "consumers/redis/purge_report.h"
#include "consumers/redis/slots.h"

struct purge_cluster;

/* Target and statistics are borrowed. */
struct purge_cluster *purge_cluster_new(const struct redis_target *target,
                                        struct purge_stats *stats);
void purge_cluster_free(struct purge_cluster *cluster);

void purge_cluster_add(struct purge_cluster *cluster, const struct purge_request *request,
                       int64_t since_ns);

/* Somebody else needs to know the owners of slots, too. */
void purge_cluster_want_map(struct purge_cluster *cluster);
const struct slots *purge_cluster_slots(const struct purge_cluster *cluster); /* NULL: not yet */

void purge_cluster_step(struct purge_cluster *cluster);
int64_t purge_cluster_patience_ns(const struct purge_cluster *cluster);

/* As purge_walk.h has them, over all walks. */
bool purge_cluster_cancel(struct purge_cluster *cluster, uint64_t id);
void purge_cluster_list(struct purge_cluster *cluster, bool is_walking,
                        struct purge_reports *reports);
double purge_cluster_look(struct purge_cluster *cluster);

size_t purge_cluster_pending(const struct purge_cluster *cluster);

/* The connections to be polled: calls `add` for each. */
void purge_cluster_poll(const struct purge_cluster *cluster,
                        void (*add)(void *sink, const struct connection *connection), void *sink);

#endif
