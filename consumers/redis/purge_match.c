#include "consumers/redis/purge_match.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/glob.h"
#include "consumers/base/hash.h"
#include "consumers/redis/companion.h"

void purge_match_init(struct purge_match *match)
{
    *match = (struct purge_match){.candidates = NULL};
}

void purge_match_release(struct purge_match *match)
{
    free(match->candidates);
    free(match->buckets);
    free(match->lengths);
}

static void add_length(struct purge_match *match, size_t length)
{
    size_t at = 0;

    while (at < match->lengths_nr && match->lengths[at] < length)
        at++;
    if (at < match->lengths_nr && match->lengths[at] == length)
        return;
    match->lengths = alloc_grow(match->lengths, match->lengths_nr, &match->lengths_capacity,
                                sizeof(*match->lengths));
    memmove(&match->lengths[at + 1], &match->lengths[at],
            (match->lengths_nr - at) * sizeof(*match->lengths));
    match->lengths[at] = length;
    match->lengths_nr++;
}

static void make_room(struct purge_match *match, size_t nr)
{
    size_t buckets = 16;

    while (buckets < 2 * nr)
        buckets *= 2;
    free(match->buckets);
    match->buckets = alloc_zero(buckets, sizeof(struct purge_candidate *));
    match->buckets_nr = buckets;
    match->lengths_nr = 0;
    if (nr <= match->candidates_capacity)
        return;
    match->candidates_capacity = nr + nr / 2;
    match->candidates =
        alloc_resize(match->candidates, match->candidates_capacity, sizeof(*match->candidates));
}

void purge_match_build(struct purge_match *match, const struct purge_set *set)
{
    size_t nr = 0;

    make_room(match, set->walking_nr);
    for (size_t i = 0; i < set->nr; i++) {
        struct purge *purge = set->items[i];
        struct purge_candidate *candidate = &match->candidates[nr];
        struct purge_candidate **bucket;

        if (purge->phase != PURGE_WALKING)
            continue;
        candidate->purge = purge;
        candidate->hash = hash_slice(purge->literal);
        bucket = &match->buckets[candidate->hash & (match->buckets_nr - 1)];
        candidate->next = *bucket;
        *bucket = candidate;
        add_length(match, purge->literal.len);
        nr++;
    }
}

static bool is_ours(struct slice key)
{
    return slice_starts_with(key, SLICE("unstale:")) || companion_is(key);
}

bool purge_is_spared(struct purge_protection protection, struct slice key)
{
    size_t skipped = protection.prefix_bytes <= key.len ? protection.prefix_bytes : 0;
    struct slice rest = {key.ptr + skipped, key.len - skipped};

    for (size_t i = 0; i < protection.nr; i++) {
        if (glob_match(protection.globs[i], key) ||
            (skipped > 0 && glob_match(protection.globs[i], rest)))
            return true;
    }
    return is_ours(key);
}

static enum purge_verdict try_candidate(struct purge *purge, struct slice key)
{
    if (!slice_starts_with(key, purge->literal) || !glob_match(purge->pattern, key))
        return PURGE_KEEP;
    if (purge_is_spared(
            (struct purge_protection){purge->protect, purge->protect_nr, purge->prefix_bytes}, key))
        return PURGE_SPARE;
    purge->matched++;
    return purge->kind == PURGE_EXPIRE ? PURGE_SHORTEN : PURGE_DELETE;
}

enum purge_verdict purge_match_key(const struct purge_match *match, struct slice key,
                                   const struct purge **shortener)
{
    enum purge_verdict verdict = PURGE_KEEP;

    for (size_t i = 0; i < match->lengths_nr && match->lengths[i] <= key.len; i++) {
        uint64_t hash = hash_slice((struct slice){key.ptr, match->lengths[i]});
        struct purge_candidate *candidate = match->buckets[hash & (match->buckets_nr - 1)];

        for (; candidate != NULL; candidate = candidate->next) {
            enum purge_verdict of_this = PURGE_KEEP;

            if (candidate->hash == hash && candidate->purge->literal.len == match->lengths[i])
                of_this = try_candidate(candidate->purge, key);
            if (of_this == PURGE_SHORTEN &&
                (verdict < PURGE_SHORTEN || candidate->purge->ttl_ms < (*shortener)->ttl_ms))
                *shortener = candidate->purge;
            verdict = of_this > verdict ? of_this : verdict;
        }
    }
    return verdict;
}
