/* redis.NAME: how a target is reached, and what it must do for a write to count. */
#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/base/duration.h"
#include "consumers/base/suggest.h"
#include "consumers/service/settings_draft.h"

enum { SENTINEL_PORT = 26379, REPLICAS_MAX = 100 };

static const char default_redis_url[] = "redis://127.0.0.1:6379/1";

static void check_tls(struct settings_draft *draft, const char *origin,
                      const struct redis_target *target)
{
    bool has_any = target->tls_ca || target->tls_cert || target->tls_key || target->tls_server_name;
    if (has_any && target->host && !target->tls)
        draft_error(draft, origin, "\"tls\" is for a rediss:// URL");
    if (!target->tls_cert != !target->tls_key)
        draft_error(draft, origin, "\"tls\" needs both of cert and key, or neither");
}

static void unknown_tls_member(struct settings_draft *draft, const char *origin, const char *name,
                               const struct suggest *suggest)
{
    if (slice_is_absent(suggest->best))
        draft_error(draft, origin, "unknown setting \"%s\": \"tls\" has ca, cert, key, server_name",
                    name);
    else
        draft_error(draft, origin, "unknown setting \"%s\", did you mean \"%.*s\"?", name,
                    SLICE_ARG(suggest->best));
}

static void set_tls_member(struct settings_draft *draft, const char *origin,
                           struct redis_target *target, const char *name, const json_t *value)
{
    struct {
        const char *name;
        char **place;
    } members[] = {{"ca", &target->tls_ca},
                   {"cert", &target->tls_cert},
                   {"key", &target->tls_key},
                   {"server_name", &target->tls_server_name}};
    struct suggest suggest;
    suggest_init(&suggest, slice_of(name));
    for (size_t i = 0; i < ARRAY_NR(members); i++) {
        suggest_offer(&suggest, slice_of(members[i].name));
        if (strcmp(members[i].name, name) != 0)
            continue;
        if (json_is_string(value))
            *members[i].place = alloc_text(json_string_value(value));
        else
            draft_error(draft, origin, "\"tls.%s\" must be a string", name);
        return;
    }
    unknown_tls_member(draft, origin, name, &suggest);
}

static void build_tls(struct settings_draft *draft, const struct given *given,
                      struct redis_target *target)
{
    json_t *tls = json_loads(given->items[0], JSON_DECODE_ANY, NULL);
    const char *name;
    json_t *value;
    if (!json_is_object(tls) && !json_is_null(tls))
        draft_error(draft, given->origin,
                    "\"tls\" must be an object of ca, cert, key, server_name");
    json_object_foreach(tls, name, value)
    {
        set_tls_member(draft, given->origin, target, name, value);
    }
    json_decref(tls);
    check_tls(draft, given->origin, target);
}

static void build_cluster(struct settings_draft *draft, const struct given *given,
                          struct redis_target *target)
{
    bool is_cluster = strcmp(given->items[0], "true") == 0;

    if (!is_cluster && strcmp(given->items[0], "false") != 0) {
        draft_error(draft, given->origin, "\"redis.%s.cluster\" must be true or false",
                    target->name);
        return;
    }
    target->is_cluster = is_cluster;
    if (!is_cluster)
        return;
    if (target->database != 0)
        draft_error(draft, given->origin,
                    "\"redis.%s.cluster\": a cluster has only database 0, and the URL names %d",
                    target->name, target->database);
    if (target->path)
        draft_error(draft, given->origin,
                    "\"redis.%s.cluster\": a cluster is not reached by a socket", target->name);
}

static void add_sentinel(struct settings_draft *draft, const char *origin,
                         struct redis_target *target, const json_t *node)
{
    struct redis_address *address = &target->sentinels[target->sentinels_nr];
    struct error err = ERROR_INIT;
    const char *text = json_string_value(node);

    if (text && redis_address_parse(address, slice_of(text), SENTINEL_PORT, &err))
        target->sentinels_nr++;
    else
        draft_error(draft, origin, "\"redis.%s.sentinel\": a node is \"host:port\"%s%s",
                    target->name, text ? ", not " : "", text ? text : "");
}

/* Members that are text; `is_file`: the text names a file that holds it. */
static bool set_sentinel_text(struct settings_draft *draft, const char *origin,
                              struct redis_target *target, const char *name, const json_t *value)
{
    struct {
        const char *name;
        char **place;
        bool is_file;
    } members[] = {{"master", &target->master, false},
                   {"user", &target->sentinel_user, false},
                   {"password", &target->sentinel_password, false},
                   {"password_file", &target->sentinel_password, true}};
    for (size_t i = 0; i < ARRAY_NR(members); i++) {
        const char *text = json_string_value(value);
        struct given secret = {.nr = 0};
        if (strcmp(members[i].name, name) != 0)
            continue;
        if (!text || !*text || *members[i].place)
            return false;
        if (members[i].is_file)
            given_read_file(draft, &secret, text, origin);
        if (members[i].is_file && secret.nr == 0)
            return true; /* an error by now */
        *members[i].place = alloc_text(members[i].is_file ? secret.items[0] : text);
        given_release(&secret);
        return true;
    }
    return false;
}

static bool set_sentinel_member(struct settings_draft *draft, const char *origin,
                                struct redis_target *target, const char *name, const json_t *value)
{
    size_t index;
    json_t *node;

    if (strcmp(name, "nodes") != 0)
        return set_sentinel_text(draft, origin, target, name, value);
    target->sentinels = alloc_zero(json_array_size(value) + 1, sizeof(*target->sentinels));
    json_array_foreach(value, index, node)
    {
        add_sentinel(draft, origin, target, node);
    }
    return json_array_size(value) > 0;
}

static void check_sentinel(struct settings_draft *draft, const char *origin,
                           const struct redis_target *target, bool is_whole)
{
    if (!is_whole)
        draft_error(draft, origin,
                    "\"redis.%s.sentinel\" must be {\"master\": name, \"nodes\": [\"host:port\", "
                    "...]}, and may have user, and password or password_file",
                    target->name);
    else if (target->sentinel_user && !target->sentinel_password)
        draft_error(draft, origin, "\"redis.%s.sentinel\": a user needs a password", target->name);
    if (is_whole && target->path)
        draft_error(draft, origin,
                    "\"redis.%s.sentinel\": a master that Sentinels name is not reached by a "
                    "socket",
                    target->name);
}

static void build_sentinel(struct settings_draft *draft, const struct given *given,
                           struct redis_target *target)
{
    json_t *sentinel = json_loads(given->items[0], JSON_DECODE_ANY, NULL);
    bool is_whole = json_is_object(sentinel);
    const char *name;
    json_t *value;

    json_object_foreach(sentinel, name, value)
    {
        is_whole &= set_sentinel_member(draft, given->origin, target, name, value);
    }
    if (!json_is_null(sentinel))
        check_sentinel(draft, given->origin, target,
                       is_whole && target->master && target->sentinels);
    json_decref(sentinel);
}

static void build_replicas(struct settings_draft *draft, const struct given *given,
                           struct redis_target *target)
{
    char *end;
    long number = strtol(given->items[0], &end, 10);

    if (*end || end == given->items[0] || number < 0 || number > REPLICAS_MAX)
        draft_error(draft, given->origin,
                    "\"redis.%s.wait_replicas\" must be an integer from 0 to %d, not %s",
                    target->name, REPLICAS_MAX, given->items[0]);
    else
        target->wait_replicas = (int)number;
}

static void build_rewind(struct settings_draft *draft, const struct given *given,
                         struct redis_target *target)
{
    json_t *text = json_loads(given->items[0], JSON_DECODE_ANY, NULL);

    if (!json_is_string(text) ||
        !duration_parse(slice_of(json_string_value(text)), &target->rewind_ms))
        draft_error(draft, given->origin,
                    "\"redis.%s.rewind\" must be a number and one of ms, s, m, h, d, such as "
                    "\"60s\", not %s",
                    target->name, given->items[0]);
    json_decref(text);
}

/* A member that was not given is as the table says. */
static void build_member(struct settings_draft *draft, const struct redis_draft *redis,
                         enum redis_member member, struct redis_target *target)
{
    struct given fallback = {.items = (char *[]){(char *)redis_rows[member].fallback},
                             .nr = 1,
                             .origin = (char *)"default"};
    const struct given *given = redis->members[member].nr > 0 ? &redis->members[member] : &fallback;

    switch (member) {
    case REDIS_CLUSTER:
        build_cluster(draft, given, target);
        break;
    case REDIS_SENTINEL:
        build_sentinel(draft, given, target);
        break;
    case REDIS_TLS:
        build_tls(draft, given, target);
        break;
    case REDIS_WAIT_REPLICAS:
        build_replicas(draft, given, target);
        break;
    case REDIS_REWIND:
        build_rewind(draft, given, target);
        break;
    case REDIS_URL:
    case REDIS_MEMBERS_NR:
        break;
    }
}

static void build_target(struct settings_draft *draft, const struct redis_draft *redis,
                         struct redis_target *target)
{
    struct error err = ERROR_INIT;
    const char *url = redis->url.nr > 0 ? redis->url.items[redis->url.nr - 1] : NULL;
    const char *origin = url ? redis->url.origin : "default";
    if (!redis_target_parse(target, slice_of(redis->name), slice_of(url ? url : default_redis_url),
                            &err))
        draft_error(draft, origin, "\"redis.%s.url\": %s", redis->name, err.text);
    for (unsigned member = REDIS_CLUSTER; member < REDIS_MEMBERS_NR; member++)
        build_member(draft, redis, member, target);
    if (target->is_cluster && target->master)
        draft_error(draft, redis->members[REDIS_SENTINEL].origin,
                    "\"redis.%s\" is a cluster or has Sentinels, not both", redis->name);
}

void draft_build_targets(struct settings_draft *draft, struct settings *settings)
{
    (void)draft_redis(draft, SLICE("default"));
    size_t nr = draft->redis_nr;
    settings->targets = alloc_zero(nr, sizeof(*settings->targets));
    settings->targets_nr = nr;
    size_t next = 1;
    for (size_t i = 0; i < nr; i++) {
        bool is_default = strcmp(draft->redis[i].name, "default") == 0;
        build_target(draft, &draft->redis[i], &settings->targets[is_default ? 0 : next++]);
    }
}
