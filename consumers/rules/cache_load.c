#include <inttypes.h>

#include "consumers/base/glob.h"
#include "consumers/base/hash.h"
#include "consumers/rules/lint.h"

static const char *const default_protected[] = {
    "django.contrib.sessions*", "_kombu*", "celery*", "*:lock", "*_lock", "unstale:*",
};

static const char *const known_members[] = {
    "keys", "prefix", "version", "serializer",  "lock_suffix",
    "i18n", "redis",  "protect", "allow_broad", "key_function",
};

static void add_version(struct loader *loader, const struct cursor *at, struct slices *out)
{
    struct slice text;
    int64_t version;

    if (!shape_integer(loader, at, 0, INT32_MAX, &version))
        return;
    text = arena_printf(loader->arena, "%" PRId64, version);
    for (size_t i = 0; i < out->nr; i++) {
        if (slice_equals(out->items[i], text)) {
            report(loader, at, (struct remark){.code = "E105"}, "version %" PRId64 " stands twice",
                   version);
            return;
        }
    }
    out->items =
        arena_grow(loader->arena, out->items, out->nr, &out->capacity, sizeof(*out->items));
    out->items[out->nr++] = text;
}

static void load_versions(struct loader *loader, const struct cursor *at, struct cache *cache)
{
    const struct cursor *version = cursor_member(at, "version"), *element;
    struct slices versions = {0};
    struct cursor_iter it;

    if (version && cache->keys == CACHE_RAW) {
        report(loader, version, (struct remark){.code = "E105", .on_name = true},
               "only caches with \"keys\": \"django\" have versions");
    } else if (version && shape_is(loader, version, SHAPE_INTEGER | SHAPE_ARRAY)) {
        it = cursor_walk(version);
        if (json_is_integer(version->json))
            add_version(loader, version, &versions);
        while (json_is_array(version->json) && (element = cursor_next(&it)))
            add_version(loader, element, &versions);
        if (json_is_array(version->json) && json_array_size(version->json) == 0)
            report(loader, version, (struct remark){.code = "E105"},
                   "\"version\" is empty: name at least one");
    } else if (!version && cache->keys == CACHE_DJANGO) {
        versions.items = arena_zero(loader->arena, 1, sizeof(*versions.items));
        versions.items[versions.nr++] = SLICE("1");
    }
    cache->versions = versions.items;
    cache->versions_nr = versions.nr;
}

static void add_glob(struct loader *loader, struct slices *globs, struct slice glob)
{
    globs->items =
        arena_grow(loader->arena, globs->items, globs->nr, &globs->capacity, sizeof(*globs->items));
    globs->items[globs->nr++] = glob;
}

/* Locks of the cache's own kind are protected as those of the usual names are. */
static struct slice locks_of(struct loader *loader, struct slice suffix)
{
    char *escaped = arena_bytes(loader->arena, glob_escaped_bytes(suffix) + 1);
    size_t len = glob_escape(suffix, escaped);

    return arena_printf(loader->arena, "*%.*s", (int)len, escaped);
}

static void load_protect(struct loader *loader, const struct cursor *at, struct cache *cache)
{
    struct slices globs = {0};

    if (at)
        shape_texts(loader, at, &globs);
    for (size_t i = 0; i < ARRAY_NR(default_protected); i++)
        add_glob(loader, &globs, slice_of(default_protected[i]));
    if (cache->lock_suffix.len > 0)
        add_glob(loader, &globs, locks_of(loader, cache->lock_suffix));
    cache->protect = globs.items;
    cache->protect_nr = globs.nr;
}

/* ---- keys as a whole ---- */

struct key_function {
    struct template tpl;
    size_t key_at; /* its segment */
};

static bool is_placeholder(const struct segment *segment, const char *name)
{
    return slice_equals(segment->text, slice_of(name)) && !segment->is_optional &&
           !segment->is_fanned_out;
}

static bool digest_of_filter(const struct segment *key, enum digest *hash)
{
    if (key->filters_nr != 1 || slice_is_absent(key->text))
        return false;
    switch (key->filters[0].kind) {
    case FILTER_MD5:
        *hash = DIGEST_MD5;
        return true;
    case FILTER_SHA1:
        *hash = DIGEST_SHA1;
        return true;
    case FILTER_SHA256:
        *hash = DIGEST_SHA256;
        return true;
    default:
        return false;
    }
}

/* Literals, {prefix}, {version} and one {key}, which may be hashed. */
static bool is_key_function(struct key_function *function)
{
    size_t keys = 0;

    for (size_t i = 0; i < function->tpl.segments_nr; i++) {
        const struct segment *segment = &function->tpl.segments[i];
        bool is_plain = segment->filters_nr == 0;
        enum digest hash;

        if (slice_is_absent(segment->text))
            continue;
        if (is_placeholder(segment, "key") && (is_plain || digest_of_filter(segment, &hash))) {
            function->key_at = i;
            keys++;
        } else if (!is_plain ||
                   (!is_placeholder(segment, "prefix") && !is_placeholder(segment, "version"))) {
            return false;
        }
    }
    return keys == 1;
}

/* The usual one where none is given, or a bad one. */
static struct key_function load_key_function(struct loader *loader, const struct cursor *at,
                                             const struct cache *cache)
{
    struct template_problems problems = {.nr = 0};
    struct key_function function;
    struct slice text;

    if (at && cache->keys == CACHE_RAW)
        report(loader, at, (struct remark){.code = "E105", .on_name = true},
               "only caches with \"keys\": \"django\" have a key function");
    else if (shape_text(loader, at, &text)) {
        if (template_parse(text, loader->arena, &function.tpl, &problems) &&
            is_key_function(&function))
            return function;
        report(loader, at, (struct remark){.code = "E105"},
               "\"key_function\" is made of text, {prefix}, {version} and one {key}, as in "
               "\"{prefix}:{version}:{key}\"; {key|md5} where keys are hashed");
    }
    template_parse(cache->keys == CACHE_RAW ? SLICE("{prefix}{key}")
                                            : SLICE("{prefix}:{version}:{key}"),
                   loader->arena, &function.tpl, &problems);
    is_key_function(&function);
    return function;
}

/* What stands before or after the key, as the text of a template. */
static struct slice expand(struct arena *arena, const struct key_function *function, bool is_tail,
                           struct slice prefix, struct slice version)
{
    size_t from = is_tail ? function->key_at + 1 : 0;
    size_t end = is_tail ? function->tpl.segments_nr : function->key_at;
    struct slice text = SLICE("");

    for (; from < end; from++) {
        const struct segment *segment = &function->tpl.segments[from];
        struct slice piece = version;

        if (slice_is_absent(segment->text))
            piece = template_escape(segment->literal, arena);
        else if (is_placeholder(segment, "prefix"))
            piece = prefix;
        text = arena_printf(arena, "%.*s%.*s", SLICE_ARG(text), SLICE_ARG(piece));
    }
    return text;
}

static void build_frames(struct loader *loader, const struct key_function *function,
                         struct cache *cache, struct declared_cache *declared)
{
    struct template_problems problems = {.nr = 0};
    size_t nr = cache->keys == CACHE_DJANGO ? cache->versions_nr : 1;
    struct template *heads = arena_zero(loader->arena, nr + 1, sizeof(*heads));
    struct template *tails = arena_zero(loader->arena, nr + 1, sizeof(*tails));

    for (size_t i = 0; i < nr; i++) {
        struct slice version = cache->keys == CACHE_DJANGO ? cache->versions[i] : SLICE("");

        struct slice prefix = cache->prefix.source;
        struct slice head = expand(loader->arena, function, false, prefix, version);
        struct slice tail = expand(loader->arena, function, true, prefix, version);

        if (!template_parse(head, loader->arena, &heads[i], &problems) ||
            !template_parse(tail, loader->arena, &tails[i], &problems))
            return; /* said when the prefix was parsed */
    }
    cache->hashes_keys =
        digest_of_filter(&function->tpl.segments[function->key_at], &declared->hash);
    cache->heads = heads;
    cache->tails = tails;
    cache->heads_nr = nr;
}

/* Protected keys end in the tail too. */
static void protect_tails(struct loader *loader, const struct template *tail, struct cache *cache)
{
    struct slices globs = {0};
    struct slice glob = SLICE("");

    for (size_t i = 0; i < tail->segments_nr; i++) {
        struct slice literal = tail->segments[i].literal;
        char *escaped = arena_bytes(loader->arena, glob_escaped_bytes(literal) + 1);
        struct slice piece = {escaped, literal.len ? glob_escape(literal, escaped) : 0};

        glob =
            arena_printf(loader->arena, "%.*s%.*s", SLICE_ARG(glob),
                         SLICE_ARG(slice_is_absent(tail->segments[i].text) ? piece : SLICE("*")));
    }
    for (size_t i = 0; glob.len > 0 && i < cache->protect_nr; i++) {
        add_glob(loader, &globs, cache->protect[i]);
        add_glob(
            loader, &globs,
            arena_printf(loader->arena, "%.*s%.*s", SLICE_ARG(cache->protect[i]), SLICE_ARG(glob)));
    }
    if (glob.len == 0)
        return;
    cache->protect = globs.items;
    cache->protect_nr = globs.nr;
}

static void build_keys(struct loader *loader, const struct cursor *at, struct cache *cache,
                       struct declared_cache *declared)
{
    struct key_function function =
        load_key_function(loader, at ? cursor_member(at, "key_function") : NULL, cache);

    build_frames(loader, &function, cache, declared);
    for (size_t i = 0; i < cache->heads_nr; i++)
        protect_tails(loader, &cache->tails[i], cache);
}

static void load_prefix(struct loader *loader, const struct cursor *at, struct cache *cache)
{
    struct template_problems none = {.nr = 0};

    if (at && shape_is(loader, at, SHAPE_STRING) && template_load(loader, at, &cache->prefix)) {
        lint_cache(loader, cache, at);
        return;
    }
    template_parse(SLICE(""), loader->arena, &cache->prefix, &none);
}

static void load_words(struct loader *loader, const struct cursor *at, struct cache *cache)
{
    static const char *const keys[] = {[CACHE_RAW] = "raw", [CACHE_DJANGO] = "django"};
    static const char *const serializers[] = {"pickle", "json", "msgpack", "raw"};
    static const enum serializer kinds[] = {SERIALIZER_PICKLE, SERIALIZER_JSON, SERIALIZER_MSGPACK,
                                            SERIALIZER_RAW};
    unsigned word;

    if (shape_word(loader, cursor_member(at, "keys"), NAMES(keys), &word))
        cache->keys = (enum cache_keys)word;
    if (shape_word(loader, cursor_member(at, "serializer"), NAMES(serializers), &word))
        cache->serializer = kinds[word];
}

static void load_lock_suffix(struct loader *loader, const struct cursor *at, struct cache *cache)
{
    if (!shape_text(loader, at, &cache->lock_suffix) || cache->lock_suffix.len > 0)
        return;
    report(loader, at, (struct remark){.code = "E105"},
           "\"lock_suffix\" is empty: it would name the key itself");
}

/* Language and time zone, joined by a dot, as Django appends them; "" for neither. */
static void load_i18n(struct loader *loader, const struct cursor *at, struct cache *cache)
{
    struct slices suffixes = {0};

    if (!at || !shape_is(loader, at, SHAPE_ARRAY) || !shape_texts(loader, at, &suffixes))
        return;
    for (size_t i = 0; i < suffixes.nr; i++) {
        struct slice text = suffixes.items[i];

        if (text.len > 0 && (text.ptr[0] == '.' || text.ptr[text.len - 1] == '.'))
            report(loader, cursor_element(at, i), (struct remark){.code = "E105"},
                   "\"i18n\" lists what keys of pages end in, without dots around it, as in "
                   "\"en-us.UTC\"");
    }
    if (suffixes.nr == 0)
        report(loader, at, (struct remark){.code = "E105"},
               "\"i18n\" is empty: [\"\"] says that keys have no suffix");
    cache->i18n = suffixes.items;
    cache->i18n_nr = suffixes.nr;
}

static void add_cache(struct loader *loader, struct cache *cache,
                      const struct declared_cache *declared)
{
    cache->index = loader->caches_nr;
    cache->redis_hash = hash_slice(cache->redis);
    loader->caches = arena_grow(loader->arena, loader->caches, loader->caches_nr,
                                &loader->caches_capacity, sizeof(*loader->caches));
    loader->declared = arena_grow(loader->arena, loader->declared, loader->caches_nr,
                                  &loader->declared_capacity, sizeof(*loader->declared));
    loader->caches[loader->caches_nr] = *cache;
    loader->declared[loader->caches_nr++] = *declared;
    loader->set->caches = loader->caches;
    loader->set->caches_nr = loader->caches_nr;
}

/* The member that the two do not say alike; NULL: they say the same. */
static const char *find_difference(json_t *one, json_t *other)
{
    const char *name;
    json_t *value;

    json_object_foreach(one, name, value)
    {
        if (!json_equal(value, json_object_get(other, name)))
            return name;
    }
    json_object_foreach(other, name, value)
    {
        if (!json_object_get(one, name))
            return name;
    }
    return NULL;
}

static void report_difference(struct loader *loader, const struct cursor *at,
                              const struct cursor *first, const char *name)
{
    const struct cursor *member = cursor_member(at, name);

    report(loader, member ? member : at, (struct remark){.code = "E106", .on_name = true},
           "cache \"%.*s\" differs from the one at %.*s:%u in \"%s\"", SLICE_ARG(at->step.name),
           SLICE_ARG(first->file->name), cursor_line(first), name);
}

/* Several files may declare a cache if they say the same of it: then it is one. */
static bool is_duplicate(struct loader *loader, const struct cursor *at)
{
    for (size_t i = 0; i < loader->caches_nr; i++) {
        const struct cursor *first = loader->declared[i].at;

        if (!slice_equals(loader->caches[i].name, at->step.name))
            continue;
        const char *name = find_difference(first->json, at->json);
        if (name)
            report_difference(loader, at, first, name);
        return true;
    }
    return false;
}

static void load_cache(struct loader *loader, const struct cursor *at)
{
    struct cache cache = {.name = arena_copy(loader->arena, at->step.name),
                          .keys = CACHE_RAW,
                          .redis = SLICE("default")};
    struct declared_cache declared = {.at = at};

    if (!shape_is(loader, at, SHAPE_OBJECT) || is_duplicate(loader, at))
        return;
    shape_known(loader, at, NAMES(known_members), "in a cache");
    load_words(loader, at, &cache);
    load_versions(loader, at, &cache);
    load_prefix(loader, cursor_member(at, "prefix"), &cache);
    load_lock_suffix(loader, cursor_member(at, "lock_suffix"), &cache);
    load_i18n(loader, cursor_member(at, "i18n"), &cache);
    shape_text(loader, cursor_member(at, "redis"), &cache.redis);
    load_protect(loader, cursor_member(at, "protect"), &cache);
    shape_flag(loader, cursor_member(at, "allow_broad"), &cache.allow_broad);
    build_keys(loader, at, &cache, &declared);
    add_cache(loader, &cache, &declared);
}

void cache_load_all(struct loader *loader, const struct cursor *caches)
{
    struct cursor_iter it;
    const struct cursor *at;

    if (!caches || !shape_is(loader, caches, SHAPE_OBJECT))
        return;
    it = cursor_walk(caches);
    while ((at = cursor_next(&it)))
        load_cache(loader, at);
}

/* Without any declaration rules act on whole keys, as they are written. */
void cache_add_implicit(struct loader *loader)
{
    struct cache cache = {.name = SLICE("default"), .keys = CACHE_RAW, .redis = SLICE("default")};
    struct declared_cache declared = {.at = NULL};

    if (loader->caches_nr > 0)
        return;
    load_prefix(loader, NULL, &cache);
    load_protect(loader, NULL, &cache);
    build_keys(loader, NULL, &cache, &declared);
    add_cache(loader, &cache, &declared);
}
