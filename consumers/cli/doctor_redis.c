/* Each Redis: whether it is there, what it is, and whether it would lose what the rules rely on. */
#include <inttypes.h>

#include "consumers/cli/doctor.h"

/* What an eviction could take away unnoticed. */
struct reliance {
    bool on_counters; /* bump: they have no time to live */
    bool on_guards;   /* guarded refresh: companions with one */
};

static struct reliance relies_on(const struct ruleset *ruleset, size_t target)
{
    struct reliance reliance = {false, false};

    for (size_t i = 0; ruleset && i < ruleset->rules_nr; i++) {
        const struct rule *rule = &ruleset->rules[i];

        for (size_t j = 0; rule->is_enabled && j < rule->actions_nr; j++) {
            const struct action *action = &rule->actions[j];

            if (action->cache->target != target)
                continue;
            reliance.on_counters |= action->verb == VERB_BUMP;
            reliance.on_guards |= action->verb == VERB_REFRESH && action->guard != GUARD_NONE;
        }
    }
    return reliance;
}

static void look_at_eviction(struct doctor *doctor, const char *name, struct slice policy,
                             struct reliance reliance)
{
    bool any_key = slice_starts_with(policy, SLICE("allkeys-"));
    bool some_keys = slice_starts_with(policy, SLICE("volatile-"));

    if (any_key && reliance.on_counters)
        doctor_say(doctor, DOCTOR_NOTE, "redis",
                   "%s: eviction %.*s may drop version counters that rules bump; readers then see "
                   "an old generation. volatile-* spares keys without a time to live",
                   name, SLICE_ARG(policy));
    else if ((any_key || some_keys) && reliance.on_guards)
        doctor_say(doctor, DOCTOR_NOTE, "redis",
                   "%s: eviction %.*s may drop the guard of a refreshed key; an older value could "
                   "then be stored over a newer one. noeviction avoids it",
                   name, SLICE_ARG(policy));
    else
        doctor_say(doctor, DOCTOR_GOOD, "redis", "%s: eviction %.*s", name, SLICE_ARG(policy));
}

static void look_at_sample(struct doctor *doctor, const struct ruleset *ruleset, size_t target,
                           struct probe *probe)
{
    const char *name = doctor->settings->targets[target].name;
    struct error err = ERROR_INIT;
    struct probe_keys keys;

    if (!probe_sample_keys(probe, DOCTOR_SAMPLE_KEYS, &doctor->arena, &keys, &err))
        doctor_say(doctor, err.kind == ERROR_RETRY ? DOCTOR_UNREACHABLE : DOCTOR_WRONG, "redis",
                   "%s: keys cannot be sampled: %s", name, err.text);
    else if (keys.nr == 0)
        doctor_say(doctor, DOCTOR_NOTE, "keys", "%s: no keys in database %d yet", name,
                   doctor->settings->targets[target].database);
    else if (ruleset)
        doctor_look_at_keys(doctor, ruleset, target, keys.items, keys.nr);
}

static void look_at_target(struct doctor *doctor, const struct ruleset *ruleset, size_t target,
                           struct probe *probe, const char *address)
{
    const char *name = doctor->settings->targets[target].name;
    struct error err = ERROR_INIT;
    struct probe_info info;

    if (!probe_info(probe, &info, &doctor->arena, &err)) {
        doctor_say(doctor, err.kind == ERROR_RETRY ? DOCTOR_UNREACHABLE : DOCTOR_WRONG, "redis",
                   "%s: %s: %s", name, address, err.text);
        return;
    }
    bool is_master = slice_equals(info.role, SLICE("master"));
    doctor_say(doctor, is_master ? DOCTOR_GOOD : DOCTOR_WRONG, "redis",
               "%s: %s: %s %.*s, %s, %" PRIu64 " key%s in database %d", name, address,
               info.is_valkey ? "Valkey" : "Redis", SLICE_ARG(info.version),
               is_master ? "master" : "a replica, which refuses writes", info.keys,
               info.keys == 1 ? "" : "s", doctor->settings->targets[target].database);
    look_at_eviction(doctor, name, info.eviction_policy, relies_on(ruleset, target));
    look_at_sample(doctor, ruleset, target, probe);
}

void doctor_look_at_redis(struct doctor *doctor, const struct ruleset *ruleset)
{
    const struct settings *settings = doctor->settings;
    struct buffer address;

    buffer_init(&address);
    for (size_t i = 0; i < settings->targets_nr; i++) {
        struct error err = ERROR_INIT;
        struct probe *probe = probe_open(&settings->targets[i], DOCTOR_TIMEOUT_MS, &err);

        buffer_clear(&address);
        redis_target_print(&settings->targets[i], &address);
        if (probe)
            look_at_target(doctor, ruleset, i, probe, address.ptr);
        else
            doctor_say(doctor, err.kind == ERROR_RETRY ? DOCTOR_UNREACHABLE : DOCTOR_WRONG, "redis",
                       "%s: %s%s%s", settings->targets[i].name,
                       strstr(err.text, address.ptr) ? "" : address.ptr,
                       strstr(err.text, address.ptr) ? "" : ": ", err.text);
        probe_close(probe);
    }
    buffer_release(&address);
}
