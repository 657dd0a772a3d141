/*
 * key_set - the operations that one rule gave for one row, so that none is given twice.
 *
 * Few keys stand in the set itself and are compared one by one, many in the batch's arena with a
 * table. A set must not be moved once initialised.
 */
#ifndef CONSUMERS_PLAN_KEY_SET_H
#define CONSUMERS_PLAN_KEY_SET_H

#include "consumers/base/arena.h"
#include "consumers/rules/ruleset.h"

struct key_entry {
    const struct action *action;
    struct slice key;
    uint64_t hash;
};

enum { KEY_SET_FIRST_NR = 16 };

struct key_set {
    struct arena *arena;
    struct key_entry *entries; /* `first` until there are more */
    size_t nr, capacity;
    uint32_t *table; /* index + 1 of an entry; NULL while there are few */
    size_t table_size;
    struct key_entry first[KEY_SET_FIRST_NR];
};

void key_set_init(struct key_set *set, struct arena *arena);
void key_set_clear(struct key_set *set);

/* False when the same operation is in it already: key, verb, cache and options. */
bool key_set_add(struct key_set *set, const struct key_entry *entry);

#endif
