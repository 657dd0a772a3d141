/*
 * names - a table from names to where they were first defined; private to this room.
 */
#ifndef CONSUMERS_RULES_NAMES_H
#define CONSUMERS_RULES_NAMES_H

#include "consumers/base/arena.h"

struct cursor;

struct name_entry {
    struct slice name; /* absent: free */
    const struct cursor *at;
};

struct name_table {
    struct name_entry *entries;
    size_t nr, capacity; /* capacity: a power of two */
};

/* NULL: not there. */
const struct name_entry *names_find(const struct name_table *table, struct slice name);

/* The name must not be there yet; the table keeps the slice and grows in the arena. */
void names_add(struct name_table *table, struct arena *arena, struct slice name,
               const struct cursor *at);

#endif
