/*
 * purge_members - unlinks keys wherever in a cluster they are: members of a tag set live in any slot.
 *
 * An executor of its own does it, so that redirections, slots on the move and nodes that fail are
 * mended as those of the pipelines are. One set of keys at a time; one thread.
 */
#ifndef CONSUMERS_REDIS_PURGE_MEMBERS_H
#define CONSUMERS_REDIS_PURGE_MEMBERS_H

#include "consumers/redis/purge.h"
#include "consumers/redis/purge_keys.h"

struct purge_members;

struct purge_members *purge_members_new(const struct redis_target *target,
                                        struct purge_stats *stats);
void purge_members_free(struct purge_members *members);

/* The keys must stay as they are until purge_members_step() says so, or purge_members_abandon(). */
void purge_members_start(struct purge_members *members, const struct purge_keys *keys);

/* True when nothing is under way; waits a few milliseconds for that. */
bool purge_members_step(struct purge_members *members);
void purge_members_abandon(struct purge_members *members);

bool purge_members_is_busy(const struct purge_members *members);

#endif
