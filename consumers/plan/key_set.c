#include "consumers/plan/key_set.h"

/* Not the whole: `first` is large, and nothing of it is read before it was written. */
void key_set_init(struct key_set *set, struct arena *arena)
{
    set->arena = arena;
    set->entries = set->first;
    set->capacity = KEY_SET_FIRST_NR;
    key_set_clear(set);
}

void key_set_clear(struct key_set *set)
{
    set->nr = 0;
    set->table = NULL;
    set->table_size = 0;
}

static bool is_same_work(const struct action *a, const struct action *b)
{
    if (a == b)
        return true;
    if (a->verb != b->verb || a->cache != b->cache || a->guard != GUARD_NONE ||
        b->guard != GUARD_NONE)
        return false;
    switch (a->verb) {
    case VERB_DELETE:
        return a->again_after_ms == b->again_after_ms;
    case VERB_BUMP:
        return a->start == b->start && a->to_increment == b->to_increment;
    case VERB_PURGE:
        return a->coalesce_ms == b->coalesce_ms && a->rate == b->rate &&
               a->slow_above == b->slow_above;
    case VERB_PURGE_TAG:
        return true;
    case VERB_EXPIRE:
        return a->is_pattern == b->is_pattern && a->ttl_ms == b->ttl_ms &&
               a->jitter_ms == b->jitter_ms;
    case VERB_REFRESH:
        break;
    }
    return false;
}

static bool is_same(const struct key_entry *a, const struct key_entry *b)
{
    return a->hash == b->hash && slice_equals(a->key, b->key) && is_same_work(a->action, b->action);
}

static uint32_t *find_slot(const struct key_set *set, const struct key_entry *entry)
{
    size_t at = entry->hash & (set->table_size - 1);

    while (set->table[at] && !is_same(&set->entries[set->table[at] - 1], entry))
        at = (at + 1) & (set->table_size - 1);
    return &set->table[at];
}

static void build_table(struct key_set *set)
{
    set->table_size = set->table_size ? set->table_size * 4 : KEY_SET_FIRST_NR * 8;
    set->table = arena_zero(set->arena, set->table_size, sizeof(*set->table));
    for (size_t i = 0; i < set->nr; i++)
        *find_slot(set, &set->entries[i]) = (uint32_t)i + 1;
}

static bool has(const struct key_set *set, const struct key_entry *entry)
{
    if (set->table)
        return *find_slot(set, entry) != 0;
    for (size_t i = 0; i < set->nr; i++) {
        if (is_same(&set->entries[i], entry))
            return true;
    }
    return false;
}

bool key_set_add(struct key_set *set, const struct key_entry *entry)
{
    if (set->nr >= KEY_SET_FIRST_NR && set->nr * 2 >= set->table_size)
        build_table(set);
    if (has(set, entry))
        return false;
    set->entries =
        arena_grow(set->arena, set->entries, set->nr, &set->capacity, sizeof(*set->entries));
    set->entries[set->nr++] = *entry;
    if (set->table)
        *find_slot(set, entry) = (uint32_t)set->nr;
    return true;
}
