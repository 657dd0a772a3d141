#include "consumers/plan/keyspace.h"

#include <inttypes.h>

#include "consumers/base/decimal.h"
#include "consumers/base/glob.h"

enum { GUARD_LEAST_MS = 3600000 };

void keyspace_init(struct keyspace *space, struct arena *arena)
{
    *space = (struct keyspace){.arena = arena};
}

bool keyspace_has(const struct keyspace_entry *entry, int64_t now_ms)
{
    return entry->is_there && (entry->expires_ms < 0 || entry->expires_ms > now_ms);
}

const struct keyspace_entry *keyspace_find(const struct keyspace *space, struct slice key)
{
    for (size_t i = 0; i < space->nr; i++) {
        if (slice_equals(space->entries[i].key, key))
            return &space->entries[i];
    }
    return NULL;
}

/* The entry of the key, there or not. */
static struct keyspace_entry *entry_of(struct keyspace *space, struct slice redis, struct slice key)
{
    for (size_t i = 0; i < space->nr; i++) {
        struct keyspace_entry *entry = &space->entries[i];

        if (slice_equals(entry->key, key) && slice_equals(entry->redis, redis))
            return entry;
    }
    space->entries = arena_grow(space->arena, space->entries, space->nr, &space->capacity,
                                sizeof(*space->entries));
    space->entries[space->nr] = (struct keyspace_entry){.redis = redis, .key = key};
    return &space->entries[space->nr++];
}

static void set(struct keyspace_entry *entry, struct slice value, int64_t expires_ms)
{
    entry->is_there = true;
    entry->is_set = false;
    entry->value = value;
    entry->expires_ms = expires_ms;
}

void keyspace_write(struct keyspace *space, const struct test_key *key, int64_t now_ms)
{
    struct keyspace_entry *entry = entry_of(space, key->redis, key->key);

    set(entry, key->value, key->ttl_ms < 0 ? -1 : now_ms + key->ttl_ms);
    entry->is_set = key->is_set;
    entry->members = key->members;
}

static void unlink_entry(struct keyspace_entry *entry, const struct op *op, int64_t now_ms)
{
    if (!keyspace_has(entry, now_ms))
        return;
    entry->is_there = false;
    entry->touched_by = op;
}

/* ---- versions ---- */

enum order { ORDER_OLDER, ORDER_EQUAL, ORDER_NEWER, ORDER_NONE };

static enum order order_of(const struct keyspace_entry *entry, const struct op *op, int64_t now_ms)
{
    if (entry->guard_source == OP_UNGUARDED || entry->guard_until_ms <= now_ms)
        return ORDER_NEWER;
    if (entry->guard_source != op->guard_source)
        return ORDER_NONE;
    if (entry->guard == op->guard)
        return ORDER_EQUAL;
    return op->guard > entry->guard ? ORDER_NEWER : ORDER_OLDER;
}

static void remember(struct keyspace_entry *entry, const struct op *op, int64_t life_ms,
                     int64_t now_ms)
{
    entry->guard_source = op->guard_source;
    entry->guard = op->guard;
    entry->guard_until_ms = now_ms + (life_ms > GUARD_LEAST_MS ? life_ms : GUARD_LEAST_MS);
}

static void run_delete(struct keyspace *space, const struct op *op, int64_t now_ms)
{
    struct keyspace_entry *entry = entry_of(space, op->cache->redis, op->key);
    enum order order = ORDER_NEWER;

    if (op->guard_source != OP_UNGUARDED)
        order = order_of(entry, op, now_ms);
    if (order == ORDER_OLDER && op->guard_source == OP_GUARD_EXPLICIT)
        return;
    unlink_entry(entry, op, now_ms);
    if (op->guard_source != OP_UNGUARDED && order != ORDER_OLDER)
        remember(entry, op, GUARD_LEAST_MS, now_ms);
}

static bool is_stored(const struct keyspace_entry *entry, const struct op *op, int64_t now_ms)
{
    return op->action->condition == REFRESH_ALWAYS ||
           (op->action->condition == REFRESH_EXISTS) == keyspace_has(entry, now_ms);
}

static void store(struct keyspace_entry *entry, const struct op *op, int64_t now_ms)
{
    if (!is_stored(entry, op, now_ms))
        return;
    set(entry, op->value, now_ms + op->action->ttl_ms);
    entry->touched_by = op;
}

static void run_refresh(struct keyspace *space, const struct op *op, int64_t now_ms)
{
    struct keyspace_entry *entry = entry_of(space, op->cache->redis, op->key);

    if (op->guard_source == OP_UNGUARDED) {
        store(entry, op, now_ms);
        return;
    }
    switch (order_of(entry, op, now_ms)) {
    case ORDER_NEWER:
        store(entry, op, now_ms);
        remember(entry, op, 2 * op->action->ttl_ms, now_ms);
        break;
    case ORDER_EQUAL:
        if (entry->is_set || !slice_equals(entry->value, op->value))
            unlink_entry(entry, op, now_ms);
        break;
    case ORDER_OLDER:
        if (op->guard_source == OP_GUARD_CLOCK)
            unlink_entry(entry, op, now_ms);
        break;
    case ORDER_NONE:
        unlink_entry(entry, op, now_ms);
        remember(entry, op, 2 * op->action->ttl_ms, now_ms);
        break;
    }
}

/* ---- bump ---- */

static bool add(int64_t *number, int64_t more, const char **why)
{
    if (!__builtin_add_overflow(*number, more, number))
        return true;
    *why = "the sum is out of range";
    return false;
}

static bool read_counter(const struct keyspace_entry *entry, int64_t *number, const char **why)
{
    *why = entry->is_set ? "the key holds no string" : "the value is not an integer";
    return !entry->is_set && decimal_to_int64(entry->value, number);
}

static bool run_bump(struct keyspace *space, const struct op *op, int64_t now_ms, const char **why)
{
    struct keyspace_entry *entry = entry_of(space, op->cache->redis, op->key);
    bool is_there = keyspace_has(entry, now_ms), by_time = !op->action->to_increment;
    int64_t number = op->action->start, least = op->at_least;

    if (is_there && !read_counter(entry, &number, why))
        return false;
    if (!add(&number, is_there || !by_time ? op->times : 1, why))
        return false;
    if (!is_there && by_time && now_ms > least)
        least = now_ms;
    if (by_time && least >= 0 && least > number)
        number = least;
    if (!is_there && by_time && !add(&number, op->times - 1, why))
        return false;
    set(entry, arena_printf(space->arena, "%" PRId64, number), -1);
    entry->touched_by = op;
    return true;
}

/* ---- many keys ---- */

static bool is_protected(const struct op *op, struct slice key)
{
    size_t skipped = op->prefix_bytes <= key.len ? op->prefix_bytes : 0;
    struct slice rest = {key.ptr + skipped, key.len - skipped};

    for (size_t i = 0; i < op->cache->protect_nr; i++) {
        if (glob_match(op->cache->protect[i], key) || glob_match(op->cache->protect[i], rest))
            return true;
    }
    return false;
}

static void shorten(struct keyspace_entry *entry, const struct op *op, int64_t now_ms)
{
    int64_t expires_ms = now_ms + op->action->ttl_ms;

    if (!keyspace_has(entry, now_ms) || (entry->expires_ms >= 0 && entry->expires_ms <= expires_ms))
        return;
    entry->expires_ms = expires_ms;
    entry->touched_by = op;
}

static void run_pattern(struct keyspace *space, const struct op *op, int64_t now_ms)
{
    for (size_t i = 0; i < space->nr; i++) {
        struct keyspace_entry *entry = &space->entries[i];

        if (!slice_equals(entry->redis, op->cache->redis) || !glob_match(op->key, entry->key) ||
            is_protected(op, entry->key))
            continue;
        if (op->verb == VERB_EXPIRE)
            shorten(entry, op, now_ms);
        else
            unlink_entry(entry, op, now_ms);
    }
}

static bool run_tag(struct keyspace *space, const struct op *op, int64_t now_ms, const char **why)
{
    struct keyspace_entry *tag = entry_of(space, op->cache->redis, op->key);
    struct slice_list members = tag->members;

    if (!keyspace_has(tag, now_ms))
        return true;
    *why = "the tag is not a set";
    if (!tag->is_set)
        return false;
    unlink_entry(tag, op, now_ms);
    for (size_t i = 0; i < members.nr; i++) {
        if (!is_protected(op, members.items[i]))
            unlink_entry(entry_of(space, op->cache->redis, members.items[i]), op, now_ms);
    }
    return true;
}

bool keyspace_run(struct keyspace *space, const struct op *op, int64_t now_ms, const char **why)
{
    switch (op->as_delete ? VERB_DELETE : op->verb) {
    case VERB_BUMP:
        return run_bump(space, op, now_ms, why);
    case VERB_REFRESH:
        run_refresh(space, op, now_ms);
        return true;
    case VERB_DELETE:
        run_delete(space, op, now_ms);
        return true;
    case VERB_EXPIRE:
        if (op->action->is_pattern)
            run_pattern(space, op, now_ms);
        else
            shorten(entry_of(space, op->cache->redis, op->key), op, now_ms);
        return true;
    case VERB_PURGE_TAG:
        return run_tag(space, op, now_ms, why);
    case VERB_PURGE:
        run_pattern(space, op, now_ms);
        return true;
    }
    return true;
}
