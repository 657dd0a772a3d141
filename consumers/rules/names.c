#include "consumers/rules/names.h"

#include "consumers/base/hash.h"

enum { FIRST_CAPACITY = 64 };

static struct name_entry *slot_of(const struct name_table *table, struct slice name)
{
    size_t mask = table->capacity - 1;
    size_t i = hash_slice(name) & mask;

    while (!slice_is_absent(table->entries[i].name) && !slice_equals(table->entries[i].name, name))
        i = (i + 1) & mask;
    return &table->entries[i];
}

const struct name_entry *names_find(const struct name_table *table, struct slice name)
{
    const struct name_entry *slot;

    if (table->capacity == 0)
        return NULL;
    slot = slot_of(table, name);
    return slice_is_absent(slot->name) ? NULL : slot;
}

static void grow(struct name_table *table, struct arena *arena)
{
    struct name_table old = *table;

    table->capacity = old.capacity ? old.capacity * 2 : FIRST_CAPACITY;
    table->entries = arena_zero(arena, table->capacity, sizeof(*table->entries));
    for (size_t i = 0; i < old.capacity; i++) {
        if (!slice_is_absent(old.entries[i].name))
            *slot_of(table, old.entries[i].name) = old.entries[i];
    }
}

void names_add(struct name_table *table, struct arena *arena, struct slice name,
               const struct cursor *at)
{
    if (table->nr * 2 >= table->capacity)
        grow(table, arena);
    *slot_of(table, name) = (struct name_entry){name, at};
    table->nr++;
}
