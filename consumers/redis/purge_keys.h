/*
 * purge_keys - keys found by a SCAN or SSCAN, until they are unlinked or shortened. Keeps its memory.
 */
#ifndef CONSUMERS_REDIS_PURGE_KEYS_H
#define CONSUMERS_REDIS_PURGE_KEYS_H

#include "consumers/redis/connection.h"

struct purge_keys {
    struct buffer bytes;
    size_t *ends;     /* of each key, in bytes */
    int64_t *ttls_ms; /* of each key, where keys are shortened */
    size_t nr, capacity, ttls_capacity;
};

void purge_keys_init(struct purge_keys *keys);
void purge_keys_release(struct purge_keys *keys);
void purge_keys_clear(struct purge_keys *keys);
void purge_keys_add(struct purge_keys *keys, struct slice key, int64_t ttl_ms);
void purge_keys_swap(struct purge_keys *a, struct purge_keys *b);

/* Writes UNLINKs of PLAN_MAX_KEYS keys at most (in a cluster: of one slot); returns how many answers they bring. */
size_t purge_keys_write_unlinks(const struct purge_keys *keys, struct connection *connection);

/* Points into *keys. */
struct slice purge_keys_at(const struct purge_keys *keys, size_t i);

/* Writes a command a key that shortens its life to its TTL; returns how many answers they bring. */
size_t purge_keys_write_expires(const struct purge_keys *keys, struct connection *connection);

#endif
