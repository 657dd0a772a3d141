/*
 * probe - one-off questions to a target, for doctor, demo and explain --redis: blocking, with a
 * deadline, never on a pipeline's connection. In a cluster it talks to one node, first the one
 * that the target names; a question about a key goes to the key's owner.
 */
#ifndef CONSUMERS_REDIS_PROBE_H
#define CONSUMERS_REDIS_PROBE_H

#include "consumers/base/arena.h"
#include "consumers/base/error.h"
#include "consumers/redis/slots.h"
#include "consumers/redis/target.h"

struct probe;

struct probe *probe_open(const struct redis_target *target, int timeout_ms,
                         struct error *err) CHECKED;
void probe_close(struct probe *probe);

/* The same at one node of a cluster. */
struct probe *probe_open_at(const struct redis_target *target, const struct redis_address *address,
                            int timeout_ms, struct error *err) CHECKED;

/* Who owns which slot. The caller has initialised the map and releases it. */
bool probe_slots(struct probe *probe, struct slots *slots, struct error *err) CHECKED;

struct probe_info {
    struct slice version; /* "7.0.15" */
    bool is_valkey;
    bool is_cluster;
    struct slice run_id, role, eviction_policy;
    uint64_t keys; /* in the selected database */
    uint64_t replicas;
    uint64_t used_memory_bytes;
};

bool probe_info(struct probe *probe, struct probe_info *info, struct arena *arena,
                struct error *err) CHECKED;

struct probe_keys {
    struct slice *items;
    size_t nr;
};

/* Up to max keys of the database by SCAN (a sample: the first the walk meets). */
bool probe_sample_keys(struct probe *probe, size_t max, struct arena *arena,
                       struct probe_keys *keys, struct error *err) CHECKED;

/* Does the key exist? By MEMORY USAGE, which does not touch hit counts. */
bool probe_key_exists(struct probe *probe, struct slice key, bool *exists,
                      struct error *err) CHECKED;

/* "1.2.0", of hiredis as built with, for --version. */
const char *redis_library_version(void);

#endif
