/*
 * purge_match - is this key to be deleted? For all walking purges at once.
 *
 * Patterns are found by their literal prefix: a table by hash, asked once for each distinct
 * length of prefix, so that a hundred patterns cost a key little more than one. Then the
 * glob decides. Companions of guarded keys and `unstale:*` are never matched; a key that a purge's
 * protection names is spared by that purge.
 *
 * The table is made from the set whenever who walks has changed. Borrows the set's entries.
 */
#ifndef CONSUMERS_REDIS_PURGE_MATCH_H
#define CONSUMERS_REDIS_PURGE_MATCH_H

#include "consumers/redis/purge_set.h"

struct purge_candidate {
    struct purge *purge;
    uint64_t hash; /* of its literal prefix */
    struct purge_candidate *next;
};

struct purge_match {
    struct purge_candidate *candidates;
    size_t candidates_capacity;
    struct purge_candidate **buckets; /* by hash; a power of two of them */
    size_t buckets_nr;
    size_t *lengths; /* distinct lengths of prefixes, ascending */
    size_t lengths_nr, lengths_capacity;
};

/* The strongest word on a key counts. */
enum purge_verdict { PURGE_KEEP, PURGE_SPARE, PURGE_SHORTEN, PURGE_DELETE };

void purge_match_init(struct purge_match *match);
void purge_match_release(struct purge_match *match);
void purge_match_build(struct purge_match *match, const struct purge_set *set);

/*
 * Counts `matched` of every purge that takes the key. Of PURGE_SHORTEN *shortener is the one that leaves
 * the key the least time.
 */
enum purge_verdict purge_match_key(const struct purge_match *match, struct slice key,
                                   const struct purge **shortener);

/* True for a key of our own, or one that a glob names (whole, or after prefix_bytes). */
struct purge_protection {
    const struct slice *globs;
    size_t nr;
    size_t prefix_bytes;
};
bool purge_is_spared(struct purge_protection protection, struct slice key);

#endif
