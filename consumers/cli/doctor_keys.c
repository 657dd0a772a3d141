/*
 * A sample of keys against those that the rules name. A cache whose prefix or key form is declared
 * wrong invalidates nothing and fails nowhere: this is where it shows.
 */
#include <ctype.h>
#include <stdlib.h>

#include "consumers/base/glob.h"
#include "consumers/cli/doctor.h"

enum { PREFIX_PARTS = 3, SHOWN_MAX = 3 };

struct slices {
    struct slice *items;
    size_t nr, capacity;
};

static void add_slice(struct slices *slices, struct arena *arena, struct slice item)
{
    slices->items =
        arena_grow(arena, slices->items, slices->nr, &slices->capacity, sizeof(*slices->items));
    slices->items[slices->nr++] = item;
}

static int by_bytes(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* ---- what the rules name ---- */

static struct slice literal_start(const struct action *action, const struct template *target,
                                  struct arena *arena)
{
    bool has_literal = target->segments_nr > 0 && slice_is_absent(target->segments[0].text);
    struct slice literal = has_literal ? target->segments[0].literal : SLICE("");

    return action->is_pattern ? glob_literal_prefix(literal, arena) : literal;
}

static void add_starts(struct slices *starts, const struct rule *rule, const struct cache *cache,
                       struct arena *arena)
{
    for (size_t i = 0; i < rule->actions_nr; i++) {
        const struct action *action = &rule->actions[i];

        for (size_t j = 0; action->cache == cache && j < action->targets_nr; j++)
            add_slice(starts, arena, literal_start(action, &action->targets[j], arena));
    }
}

/* What the keys of this cache begin with, each once; one that another covers is left out. */
static struct slices starts_of(const struct ruleset *ruleset, const struct cache *cache,
                               struct arena *arena)
{
    struct slices starts = {NULL, 0, 0};
    size_t kept = 0;

    for (size_t i = 0; i < ruleset->rules_nr; i++)
        if (ruleset->rules[i].is_enabled)
            add_starts(&starts, &ruleset->rules[i], cache, arena);
    if (starts.nr > 1)
        qsort(starts.items, starts.nr, sizeof(*starts.items), by_bytes);
    for (size_t i = 0; i < starts.nr; i++)
        if (kept == 0 || !slice_starts_with(starts.items[i], starts.items[kept - 1]))
            starts.items[kept++] = starts.items[i];
    starts.nr = kept;
    return starts;
}

static size_t count_with(const struct slices *starts, const struct slice *keys, size_t nr)
{
    size_t found = 0;

    for (size_t i = 0; i < nr; i++) {
        size_t j = 0;
        while (j < starts->nr && !slice_starts_with(keys[i], starts->items[j]))
            j++;
        found += j < starts->nr;
    }
    return found;
}

/* ---- what is there ---- */

struct frequent {
    struct slice prefix; /* absent: none */
    size_t nr;
};

/* Every beginning of a key that ends at one of its first colons, sorted. */
static struct slices candidates(const struct slice *keys, size_t nr, struct arena *arena)
{
    struct slices found = {NULL, 0, 0};

    for (size_t i = 0; i < nr; i++) {
        unsigned parts = 0;
        for (size_t at = 0; at < keys[i].len && parts < PREFIX_PARTS; at++) {
            if (keys[i].ptr[at] != ':')
                continue;
            add_slice(&found, arena, (struct slice){keys[i].ptr, at + 1});
            parts++;
        }
    }
    if (found.nr > 1)
        qsort(found.items, found.nr, sizeof(*found.items), by_bytes);
    return found;
}

/* The most frequent one; of those nearly as frequent the longest, which says most. */
static struct frequent most_frequent(const struct slices *sorted)
{
    struct frequent best = {SLICE_ABSENT, 0};

    for (size_t i = 0, end; i < sorted->nr; i = end) {
        for (end = i + 1; end < sorted->nr && slice_equals(sorted->items[i], sorted->items[end]);)
            end++;
        bool says_more = sorted->items[i].len > best.prefix.len &&
                         slice_starts_with(sorted->items[i], best.prefix);
        size_t needed = says_more ? best.nr - best.nr / 10 : best.nr + 1;
        if (end - i >= needed)
            best = (struct frequent){sorted->items[i], end - i};
    }
    return best;
}

/* ---- what may have been meant ---- */

/* "myapp:1:": Django's prefix and version. The length of the former, or -1. */
static long django_prefix_len(struct slice prefix)
{
    size_t digits = 0, at = prefix.len;

    if (at == 0 || prefix.ptr[--at] != ':')
        return -1;
    for (; at > 0 && isdigit((unsigned char)prefix.ptr[at - 1]); at--)
        digits++;
    return digits > 0 && at > 0 && prefix.ptr[at - 1] == ':' ? (long)at - 1 : -1;
}

/* "myapp:1:products:" begins as Django's keys do, so that is what it says of them. */
static struct frequent django_part(struct frequent frequent, const struct slice *keys, size_t nr)
{
    for (size_t len = 1; len <= frequent.prefix.len; len++) {
        struct slice part = {frequent.prefix.ptr, len};
        struct slices one = {&part, 1, 1};

        if (django_prefix_len(part) >= 0)
            return (struct frequent){part, count_with(&one, keys, nr)};
    }
    return frequent;
}

static void suggest(const struct cache *cache, struct slice prefix, struct buffer *out)
{
    long django = django_prefix_len(prefix);

    if (django >= 0 && cache->keys == CACHE_RAW)
        buffer_printf(out, ": did you mean \"keys\": \"django\", \"prefix\": \"%.*s\"?",
                      (int)django, prefix.ptr);
    else if (django >= 0)
        buffer_printf(out, ": did you mean \"prefix\": \"%.*s\", \"version\": %.*s?", (int)django,
                      prefix.ptr, (int)(prefix.len - (size_t)django - 2), prefix.ptr + django + 1);
    else if (cache->keys == CACHE_DJANGO)
        buffer_add_text(out, ": did you mean \"keys\": \"raw\"?");
    else
        buffer_printf(out, ": did you mean \"prefix\": \"%.*s\"?", SLICE_ARG(prefix));
}

static void name_starts(const struct slices *starts, struct buffer *out)
{
    size_t shown = starts->nr < SHOWN_MAX ? starts->nr : SHOWN_MAX;

    for (size_t i = 0; i < shown; i++)
        buffer_printf(out, "%s\"%.*s\"", i ? " or " : "", SLICE_ARG(starts->items[i]));
    if (starts->nr > shown)
        buffer_printf(out, " or %zu more", starts->nr - shown);
}

/* ---- one cache ---- */

static void say_mismatch(struct doctor *doctor, const struct cache *cache,
                         const struct slices *starts, const struct slice *keys, size_t nr)
{
    struct slices sorted = candidates(keys, nr, &doctor->arena);
    struct frequent best = django_part(most_frequent(&sorted), keys, nr);
    bool is_most = best.nr * 2 >= nr;
    struct buffer out;

    buffer_init(&out);
    buffer_printf(&out, "cache \"%.*s\": 0 of %zu sampled keys start with ", SLICE_ARG(cache->name),
                  nr);
    name_starts(starts, &out);
    if (best.nr > 0)
        buffer_printf(&out, ", %zu start with \"%.*s\"", best.nr, SLICE_ARG(best.prefix));
    if (is_most)
        suggest(cache, best.prefix, &out);
    doctor_say(doctor, is_most ? DOCTOR_WRONG : DOCTOR_NOTE, "keys", "%.*s",
               SLICE_ARG(buffer_slice(&out)));
    buffer_release(&out);
}

static void look_at_cache(struct doctor *doctor, const struct ruleset *ruleset,
                          const struct cache *cache, const struct slice *keys, size_t nr)
{
    struct slices starts = starts_of(ruleset, cache, &doctor->arena);
    size_t found = count_with(&starts, keys, nr);

    if (starts.nr == 0)
        return;
    if (starts.items[0].len == 0)
        doctor_say(doctor, DOCTOR_NOTE, "keys",
                   "cache \"%.*s\": a rule's keys begin with a field, so nothing can be compared",
                   SLICE_ARG(cache->name));
    else if (found > 0)
        doctor_say(doctor, DOCTOR_GOOD, "keys",
                   "cache \"%.*s\": %zu of %zu sampled keys are like those its rules name",
                   SLICE_ARG(cache->name), found, nr);
    else
        say_mismatch(doctor, cache, &starts, keys, nr);
}

void doctor_look_at_keys(struct doctor *doctor, const struct ruleset *ruleset, size_t target,
                         const struct slice *keys, size_t nr)
{
    for (size_t i = 0; i < ruleset->caches_nr; i++)
        if (ruleset->caches[i].target == target)
            look_at_cache(doctor, ruleset, &ruleset->caches[i], keys, nr);
}
