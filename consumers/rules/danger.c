/* Patterns that would delete too much, and keys that cannot be guarded. */
#include "consumers/base/glob.h"
#include "consumers/rules/loader.h"

enum { LEAST_PREFIX_BYTES = 3 };

/* The bytes that every key of a rendered pattern begins with, as far as the template says. */
static struct slice literal_prefix(const struct template *pattern, struct arena *arena)
{
    if (pattern->segments_nr == 0 || !slice_is_absent(pattern->segments[0].text))
        return SLICE("");
    return glob_literal_prefix(pattern->segments[0].literal, arena);
}

static bool is_literal_throughout(struct slice glob, struct slice prefix)
{
    for (size_t i = 0; i < glob.len; i++) {
        if (strchr("*?[", glob.ptr[i]) && (i == 0 || glob.ptr[i - 1] != '\\'))
            return false;
    }
    return prefix.len > 0 || glob.len == 0;
}

/* A placeholder right after the literal text counts for one byte: it is never empty in a pattern. */
static size_t least_prefix(const struct template *pattern, struct arena *arena)
{
    size_t bytes = 0;

    for (size_t i = 0; i < pattern->segments_nr; i++) {
        struct slice literal = pattern->segments[i].literal;
        struct slice prefix;

        if (!slice_is_absent(pattern->segments[i].text)) {
            bytes++;
            continue;
        }
        prefix = glob_literal_prefix(literal, arena);
        bytes += prefix.len;
        if (!is_literal_throughout(literal, prefix))
            break;
    }
    return bytes;
}

/* "myapp:1:*", the whole pattern as Redis would see it. */
static struct slice whole_pattern(struct loader *loader, const struct cache *cache,
                                  struct slice pattern)
{
    if (cache->heads_nr == 0)
        return pattern;
    return arena_printf(loader->arena, "%.*s%.*s%.*s", SLICE_ARG(cache->heads[0].source),
                        SLICE_ARG(pattern), SLICE_ARG(cache->tails[0].source));
}

static void check_broad(struct loader *loader, const struct cursor *at,
                        const struct template *pattern, const struct action *action,
                        bool is_allowed)
{
    const struct cache *cache = action->cache;
    const char *does = action->verb == VERB_EXPIRE ? "expire" : "delete";
    struct slice text = pattern->source;
    struct slice whole = whole_pattern(loader, cache, text);
    struct remark remark = {.code = "E301"};
    bool is_all = text.len > 0 && strspn(arena_text(loader->arena, text), "*") == text.len;

    if (least_prefix(pattern, loader->arena) >= LEAST_PREFIX_BYTES ||
        (is_allowed && cache->allow_broad))
        return;
    if (is_allowed)
        remark.help = arena_printf(loader->arena,
                                   "\"allow\": \"broad\" also needs \"allow_broad\": true in cache "
                                   "\"%.*s\"",
                                   SLICE_ARG(cache->name));
    else
        remark.help = SLICE("name a literal prefix, e.g. \"products:*\"; bump a version key "
                            "instead; or see: unstale help E301");
    report(loader, at, remark, "%s \"%.*s\" would %s %s of cache \"%.*s\" (%.*s)%s",
           verb_text(action->verb), SLICE_ARG(text), does,
           is_all ? "every key" : "far too many keys", SLICE_ARG(cache->name), SLICE_ARG(whole),
           is_all ? "" : ": it begins with fewer than 3 literal characters");
}

static bool is_inside(struct slice prefix, struct slice glob, struct arena *arena)
{
    struct slice protected_prefix = glob_literal_prefix(glob, arena);

    return protected_prefix.len > 0 && slice_starts_with(prefix, protected_prefix);
}

static void check_protected(struct loader *loader, const struct cursor *at,
                            const struct template *pattern, const struct action *action)
{
    const struct cache *cache = action->cache;
    struct slice own = literal_prefix(pattern, loader->arena);
    struct slice whole = own;

    if (cache->heads_nr > 0 && cache->heads[0].is_constant)
        whole = arena_printf(loader->arena, "%.*s%.*s", SLICE_ARG(cache->heads[0].source),
                             SLICE_ARG(own));
    for (size_t i = 0; i < cache->protect_nr; i++) {
        struct slice glob = cache->protect[i];

        if (!is_inside(own, glob, loader->arena) && !is_inside(whole, glob, loader->arena) &&
            !(pattern->is_constant && glob_covers(glob, pattern->source)))
            continue;
        report(loader, at, (struct remark){.code = "E302"},
               "%s \"%.*s\" lies inside the protected prefix \"%.*s\" of cache \"%.*s\"",
               verb_text(action->verb), SLICE_ARG(pattern->source), SLICE_ARG(glob),
               SLICE_ARG(cache->name));
        return;
    }
}

/* Behind a lone backslash or inside [] a value would not be taken as it was escaped. */
static bool is_open_before(const struct template *pattern, size_t segment)
{
    return segment > 0 && slice_is_absent(pattern->segments[segment - 1].text) &&
           glob_is_open(pattern->segments[segment - 1].literal);
}

static bool check_open(struct loader *loader, const struct cursor *at,
                       const struct template *pattern)
{
    for (size_t i = 0; i < pattern->segments_nr; i++) {
        const struct segment *segment = &pattern->segments[i];

        if (slice_is_absent(segment->text) || !is_open_before(pattern, i))
            continue;
        report(loader, at,
               (struct remark){.code = "E305",
                               .is_inside = true,
                               .offset = segment->offset,
                               .length = segment->length,
                               .help = SLICE("a literal \\ or [ has a \\ before it")},
               "a placeholder behind a lone backslash or inside [] is no text of its own");
        return false;
    }
    return true;
}

/* An empty class has no byte to offer, so that nothing would ever be purged, without a word. */
static bool check_matchable(struct loader *loader, const struct cursor *at,
                            const struct template *pattern)
{
    for (size_t i = 0; i < pattern->segments_nr; i++) {
        struct slice literal = pattern->segments[i].literal;

        if (!slice_is_absent(pattern->segments[i].text) || glob_may_meet(literal, literal))
            continue;
        report(loader, at,
               (struct remark){.code = "E107", .help = SLICE("a literal [ has a \\ before it")},
               "no key can match this pattern: there is nothing between [ and ]");
        return false;
    }
    return true;
}

void danger_check_pattern(struct loader *loader, const struct cursor *at,
                          const struct template *pattern, const struct action *action,
                          bool is_broad_allowed)
{
    const struct segment *first = pattern->segments;

    if (action->cache->hashes_keys) {
        report(loader, at, (struct remark){.code = "E309"},
               "no pattern reaches the keys of cache \"%.*s\": its key_function hashes them",
               SLICE_ARG(action->cache->name));
        return;
    }
    if (pattern->segments_nr > 0 && !slice_is_absent(first->text)) {
        report(loader, at,
               (struct remark){.code = "E305",
                               .is_inside = true,
                               .offset = first->offset,
                               .length = first->length,
                               .help = SLICE("begin with literal text, as in \"products:{pk}:*\"")},
               "a pattern that begins with a placeholder can reach any key");
        return;
    }
    if (!check_open(loader, at, pattern) || !check_matchable(loader, at, pattern))
        return;
    check_broad(loader, at, pattern, action, is_broad_allowed);
    check_protected(loader, at, pattern, action);
}

/* Redis' hash tag is what stands between the first `{` and the next `}`, if that is not nothing. */
bool danger_guard_fits(const struct template *key)
{
    bool is_open = false, has_content = false, has_brace = false;

    for (size_t i = 0; i < key->segments_nr; i++) {
        struct slice literal = key->segments[i].literal;

        if (!slice_is_absent(key->segments[i].text)) {
            has_content = is_open;
            continue;
        }
        for (size_t j = 0; j < literal.len; j++) {
            char c = literal.ptr[j];

            has_brace = has_brace || c == '{' || c == '}';
            if (is_open && c == '}')
                return has_content;
            has_content = is_open;
            is_open = is_open || c == '{';
        }
    }
    return !has_brace;
}
