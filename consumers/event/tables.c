#include "consumers/event/tables.h"

#include "consumers/base/hash.h"

struct tables {
    struct table *slots; /* a name that is absent: free */
    size_t mask;         /* slots are a power of two, at most half of them taken */
};

static struct table *slot_of(const struct tables *tables, struct slice name)
{
    size_t i = hash_slice_nocase(name) & tables->mask;

    while (!slice_is_absent(tables->slots[i].name) &&
           !slice_equals_nocase(tables->slots[i].name, name))
        i = (i + 1) & tables->mask;
    return &tables->slots[i];
}

const struct tables *tables_build(const struct table *entries, size_t nr, struct arena *arena)
{
    struct tables *tables = arena_alloc(arena, sizeof(*tables));
    size_t slots_nr = 2;

    while (slots_nr < nr * 2)
        slots_nr *= 2;
    tables->slots = arena_zero(arena, slots_nr, sizeof(*tables->slots));
    tables->mask = slots_nr - 1;
    for (size_t i = 0; i < nr; i++) {
        struct table *slot = slot_of(tables, entries[i].name);

        if (slice_is_absent(slot->name))
            *slot = entries[i];
    }
    return tables;
}

struct slice tables_model(const struct tables *tables, struct slice schema_and_table)
{
    const char *dot;
    struct slice model;
    struct slice own;

    if (tables == NULL)
        return SLICE_ABSENT;
    model = slot_of(tables, schema_and_table)->model;
    dot = memchr(schema_and_table.ptr, '.', schema_and_table.len);
    if (!slice_is_absent(model) || dot == NULL)
        return model;
    own.ptr = dot + 1;
    own.len = schema_and_table.len - (size_t)(own.ptr - schema_and_table.ptr);
    return slot_of(tables, own)->model;
}
