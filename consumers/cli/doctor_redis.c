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

static void say_failure(struct doctor *doctor, const char *name, const char *what,
                        const struct error *err)
{
    doctor_say(doctor, err->kind == ERROR_RETRY ? DOCTOR_UNREACHABLE : DOCTOR_WRONG, "redis",
               "%s: %s: %s", name, what, err->text);
}

/* What the settings say of it against what it says of itself. */
static void look_at_settings(struct doctor *doctor, const struct redis_target *target,
                             const struct probe_info *info)
{
    if (info->is_cluster && !target->is_cluster)
        doctor_say(doctor, DOCTOR_WRONG, "redis",
                   "%s: the server is part of a cluster: \"cluster\": true is missing",
                   target->name);
    if (!info->is_cluster && target->is_cluster)
        doctor_say(doctor, DOCTOR_WRONG, "redis",
                   "%s: \"cluster\" is true, and the server is in no cluster", target->name);
    if (info->replicas < (uint64_t)target->wait_replicas)
        doctor_say(doctor, DOCTOR_WRONG, "redis",
                   "%s: \"wait_replicas\" is %d, and %" PRIu64
                   " replicas are connected: nothing would ever be acknowledged",
                   target->name, target->wait_replicas, info->replicas);
}

/* Returns whether it answered. */
static bool look_at_server(struct doctor *doctor, const struct redis_target *target,
                           struct probe *probe, const char *address, struct probe_info *info)
{
    struct error err = ERROR_INIT;

    if (!probe_info(probe, info, &doctor->arena, &err)) {
        say_failure(doctor, target->name, address, &err);
        return false;
    }
    bool is_master = slice_equals(info->role, SLICE("master"));
    doctor_say(doctor, is_master ? DOCTOR_GOOD : DOCTOR_WRONG, "redis",
               "%s: %s: %s %.*s, %s, %" PRIu64 " key%s in database %d", target->name, address,
               info->is_valkey ? "Valkey" : "Redis", SLICE_ARG(info->version),
               is_master ? "master" : "a replica, which refuses writes", info->keys,
               info->keys == 1 ? "" : "s", target->database);
    look_at_settings(doctor, target, info);
    return true;
}

static void look_at_member(struct doctor *doctor, const struct redis_target *target,
                           const struct redis_address *member)
{
    struct error err = ERROR_INIT;
    struct probe_info info;
    struct probe *probe = probe_open_at(target, member, DOCTOR_TIMEOUT_MS, &err);
    struct slice address = arena_printf(&doctor->arena, "%s:%d", member->host, member->port);

    if (probe)
        (void)look_at_server(doctor, target, probe, address.ptr, &info);
    else
        say_failure(doctor, target->name, address.ptr, &err);
    probe_close(probe);
}

/* Every node that owns slots, and whether all slots are owned. */
static void look_at_cluster(struct doctor *doctor, const struct redis_target *target,
                            struct probe *probe)
{
    struct error err = ERROR_INIT;
    struct slots slots;

    slots_init(&slots);
    if (!probe_slots(probe, &slots, &err)) {
        say_failure(doctor, target->name, "CLUSTER SLOTS", &err);
    } else {
        size_t uncovered = slots_uncovered(&slots);

        doctor_say(doctor, uncovered == 0 ? DOCTOR_GOOD : DOCTOR_WRONG, "redis",
                   "%s: a cluster of %zu masters, %zu slots without an owner", target->name,
                   slots.owners_nr, uncovered);
        for (size_t i = 0; i < slots.owners_nr; i++)
            look_at_member(doctor, target, &slots.owners[i]);
    }
    slots_release(&slots);
}

static void look_at_target(struct doctor *doctor, const struct ruleset *ruleset, size_t at,
                           struct probe *probe, const char *address)
{
    const struct redis_target *target = &doctor->settings->targets[at];
    struct probe_info info;

    if (!look_at_server(doctor, target, probe, address, &info))
        return;
    if (target->is_cluster && info.is_cluster)
        look_at_cluster(doctor, target, probe);
    look_at_eviction(doctor, target->name, info.eviction_policy, relies_on(ruleset, at));
    look_at_sample(doctor, ruleset, at, probe);
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
