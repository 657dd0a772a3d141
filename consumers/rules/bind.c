#include "consumers/base/suggest.h"
#include "consumers/rules/ruleset.h"

static bool bind_cache(struct cache *cache, const struct slice *names, size_t nr, struct error *err)
{
    struct suggest suggest;
    suggest_init(&suggest, cache->redis);
    for (size_t i = 0; i < nr; i++) {
        suggest_offer(&suggest, names[i]);
        if (!slice_equals(cache->redis, names[i]))
            continue;
        cache->target = i;
        return true;
    }
    if (slice_is_absent(suggest.best))
        return error_fail(err, ERROR_CONFIG,
                          "cache \"%.*s\" names the Redis \"%.*s\", which the settings do not have",
                          SLICE_ARG(cache->name), SLICE_ARG(cache->redis));
    return error_fail(
        err, ERROR_CONFIG,
        "cache \"%.*s\" names the Redis \"%.*s\", which the settings do not have; did "
        "you mean \"%.*s\"?",
        SLICE_ARG(cache->name), SLICE_ARG(cache->redis), SLICE_ARG(suggest.best));
}

bool ruleset_bind_targets(struct ruleset *ruleset, const struct slice *names, size_t nr,
                          struct error *err)
{
    for (size_t i = 0; i < ruleset->caches_nr; i++)
        if (!bind_cache(&ruleset->caches[i], names, nr, err))
            return false;
    return true;
}
