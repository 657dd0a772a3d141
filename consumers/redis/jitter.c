#include "consumers/redis/jitter.h"

#include "consumers/base/clock.h"
#include "consumers/base/hash.h"

int64_t jitter_apply(int64_t ttl_ms, int64_t jitter_ms, uint64_t salt)
{
    if (jitter_ms <= 0)
        return ttl_ms;
    uint64_t drawn = hash_mix(salt, (uint64_t)clock_steady_ns()) % (2 * (uint64_t)jitter_ms + 1);
    int64_t spread = ttl_ms - jitter_ms + (int64_t)drawn;
    return spread > 0 ? spread : 1;
}
