#include "consumers/cli/explain_redis.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/glob.h"
#include "consumers/redis/probe.h"
#include "consumers/redis/purge_match.h"

enum { TIMEOUT_MS = 5000, SAMPLE_KEYS = 10000, BUCKETS = 1024 };

/* A target that is asked; probe NULL: no rule goes there. */
struct asked {
    struct probe *probe;
    struct probe_keys sample;
    bool is_sampled;
};

/* What is known of one key or pattern of an event. */
struct known {
    const struct op *op;
    struct presence presence;
    struct known *next;
};

struct redis_look {
    struct asked *targets;
    size_t targets_nr;
    struct arena samples;
    struct arena *arena; /* of the event */
    struct known *buckets[BUCKETS];
};

static bool bind_targets(const struct settings *settings, struct ruleset *ruleset,
                         struct arena *arena, struct error *err)
{
    struct slice *names = arena_zero(arena, settings->targets_nr, sizeof(*names));

    for (size_t i = 0; i < settings->targets_nr; i++)
        names[i] = slice_of(settings->targets[i].name);
    return ruleset_bind_targets(ruleset, names, settings->targets_nr, err);
}

static bool connect_to(struct redis_look *look, const struct settings *settings, size_t target,
                       struct error *err)
{
    struct asked *asked = &look->targets[target];

    if (asked->probe == NULL)
        asked->probe = probe_open(&settings->targets[target], TIMEOUT_MS, err);
    if (asked->probe)
        return true;
    error_wrap(err, "Redis \"%s\"", settings->targets[target].name);
    return false;
}

static bool connect_all(struct redis_look *look, const struct settings *settings,
                        const struct ruleset *ruleset, struct error *err)
{
    for (size_t i = 0; i < ruleset->rules_nr; i++) {
        const struct rule *rule = &ruleset->rules[i];

        for (size_t j = 0; rule->is_enabled && j < rule->actions_nr; j++) {
            if (!connect_to(look, settings, rule->actions[j].cache->target, err))
                return false;
        }
    }
    return true;
}

struct redis_look *redis_look_open(const struct settings *settings, struct ruleset *ruleset,
                                   struct error *err)
{
    struct redis_look *look = alloc_zero(1, sizeof(*look));

    arena_init(&look->samples, 64 << 10);
    look->targets_nr = settings->targets_nr;
    look->targets = alloc_zero(settings->targets_nr, sizeof(*look->targets));
    if (bind_targets(settings, ruleset, &look->samples, err) &&
        connect_all(look, settings, ruleset, err))
        return look;
    redis_look_close(look);
    return NULL;
}

void redis_look_close(struct redis_look *look)
{
    if (look == NULL)
        return;
    for (size_t i = 0; i < look->targets_nr; i++)
        probe_close(look->targets[i].probe);
    free(look->targets);
    arena_release(&look->samples);
    free(look);
}

void redis_look_begin(struct redis_look *look, struct arena *arena)
{
    look->arena = arena;
    memset(look->buckets, 0, sizeof(look->buckets));
}

static bool look_at_pattern(struct redis_look *look, struct asked *asked, const struct op *op,
                            struct presence *out, struct error *err)
{
    struct purge_protection protection = {op->cache->protect, op->cache->protect_nr,
                                          op->prefix_bytes};
    const struct probe_keys *sample = &asked->sample;

    if (!asked->is_sampled &&
        !probe_sample_keys(asked->probe, SAMPLE_KEYS, &look->samples, &asked->sample, err))
        return false;
    asked->is_sampled = true;
    *out = (struct presence){
        .is_pattern = true, .sampled = sample->nr, .is_all = sample->nr < SAMPLE_KEYS};
    for (size_t i = 0; i < sample->nr; i++)
        out->matched +=
            glob_match(op->key, sample->items[i]) && !purge_is_spared(protection, sample->items[i]);
    return true;
}

static bool ask(struct redis_look *look, const struct op *op, struct presence *out,
                struct error *err)
{
    struct asked *asked = &look->targets[op->cache->target];

    *out = (struct presence){.exists = false};
    if (op->action->is_pattern)
        return look_at_pattern(look, asked, op, out, err);
    return probe_key_exists(asked->probe, op->key, &out->exists, err);
}

static bool is_same(const struct op *a, const struct op *b)
{
    return a->cache->target == b->cache->target && slice_equals(a->key, b->key) &&
           a->action->is_pattern == b->action->is_pattern &&
           (!a->action->is_pattern || (a->cache == b->cache && a->prefix_bytes == b->prefix_bytes));
}

static bool look_at(struct redis_look *look, const struct op *op, struct presence *out,
                    struct error *err)
{
    struct known **bucket = &look->buckets[op->hash % BUCKETS], *known = *bucket;

    while (known && !is_same(known->op, op))
        known = known->next;
    if (known == NULL) {
        known = arena_alloc(look->arena, sizeof(*known));
        *known = (struct known){.op = op, .next = *bucket};
        if (!ask(look, op, &known->presence, err))
            return false;
        *bucket = known;
    }
    *out = known->presence;
    return true;
}

const struct presence *redis_look_at(struct redis_look *look, const struct op *ops, size_t nr,
                                     struct error *err)
{
    struct presence *found = arena_alloc(look->arena, (nr + 1) * sizeof(*found));

    for (size_t i = 0; i < nr; i++) {
        if (!look_at(look, &ops[i], &found[i], err))
            return NULL;
    }
    return found;
}
