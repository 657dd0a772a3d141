/*
 * keyspace - keys in memory on which operations take effect as they do in Redis: for tests of rules.
 *
 * It knows strings, sets and lives of keys, the versions that guarded operations leave behind, and
 * what `protect` spares. Keys are those of a test, so they are walked one by one. Time is the
 * caller's, in ms since the epoch, and only moves forward; jitter is left out, so that a test says
 * the same each time. Entries stay when their key goes: they remember who took it. Pure.
 */
#ifndef CONSUMERS_PLAN_KEYSPACE_H
#define CONSUMERS_PLAN_KEYSPACE_H

#include "consumers/plan/op.h"
#include "consumers/rules/rule_test.h"

struct keyspace_entry {
    struct slice redis, key;
    bool is_there; /* and not expired: keyspace_has() */
    bool is_set;
    struct slice value;
    struct slice_list members;
    int64_t expires_ms;          /* -1: lives on */
    const struct op *touched_by; /* the last operation that deleted, changed or shortened it */
    enum guard_source guard_source;
    int64_t guard, guard_until_ms; /* with guard_source: the version that is remembered */
};

struct keyspace {
    struct arena *arena;
    struct keyspace_entry *entries;
    size_t nr, capacity;
};

void keyspace_init(struct keyspace *space, struct arena *arena);

/* The application's own SET (or SADD of a fresh set) at this time. */
void keyspace_write(struct keyspace *space, const struct test_key *key, int64_t now_ms);

/*
 * Carries the operation out; it is remembered by what it touched, so it must live as long. False
 * when Redis would refuse it: *why is one sentence.
 */
bool keyspace_run(struct keyspace *space, const struct op *op, int64_t now_ms, const char **why);

/* The first entry of that key, whichever target it is in; NULL: there never was one. */
const struct keyspace_entry *keyspace_find(const struct keyspace *space, struct slice key);

bool keyspace_has(const struct keyspace_entry *entry, int64_t now_ms);

#endif
