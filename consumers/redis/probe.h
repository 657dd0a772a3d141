/*
 * probe - one-off questions to a target, for doctor, demo and explain --redis: blocking, with a
 * deadline, never on a pipeline's connection.
 */
#ifndef CONSUMERS_REDIS_PROBE_H
#define CONSUMERS_REDIS_PROBE_H

#include "consumers/base/arena.h"
#include "consumers/base/error.h"
#include "consumers/redis/target.h"

struct probe;

struct probe *probe_open(const struct redis_target *target, int timeout_ms,
                         struct error *err) CHECKED;
void probe_close(struct probe *probe);

struct probe_info {
    struct slice version; /* "7.0.15" */
    bool is_valkey;
    bool is_cluster;
    struct slice run_id, role, eviction_policy;
    uint64_t keys; /* in the selected database */
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
