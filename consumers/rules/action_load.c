/* The verbs of a rule: one action for each item, its targets complete keys. */
#include "consumers/rules/action.h"
#include "consumers/rules/digest.h"
#include "consumers/rules/lint.h"

static const char *const verb_names[] = {
    [VERB_BUMP] = "bump",     [VERB_REFRESH] = "refresh",     [VERB_DELETE] = "delete",
    [VERB_EXPIRE] = "expire", [VERB_PURGE_TAG] = "purge_tag", [VERB_PURGE] = "purge",
};

const char *verb_text(enum verb verb)
{
    return verb_names[verb];
}

void action_note_segment(struct loader *loader, const struct cursor *at,
                         const struct segment *segment)
{
    struct named_field *field;

    if (slice_is_absent(segment->text))
        return;
    loader->fields = arena_grow(loader->arena, loader->fields, loader->fields_nr,
                                &loader->fields_capacity, sizeof(*loader->fields));
    field = &loader->fields[loader->fields_nr++];
    *field = (struct named_field){.at = at,
                                  .in_template = true,
                                  .offset = segment->offset,
                                  .length = segment->length,
                                  .root = segment->path.root};
    if (segment->path.parts_nr > 0)
        field->name = segment->path.parts[0].name;
}

void action_report_template(struct loader *loader, const struct cursor *at,
                            const struct template_problem *problem)
{
    report(loader, at,
           (struct remark){.code = problem->code,
                           .is_inside = true,
                           .offset = problem->offset,
                           .length = problem->length,
                           .suggestion = problem->suggestion},
           "%.*s", SLICE_ARG(problem->message));
}

bool template_load(struct loader *loader, const struct cursor *at, struct template *out)
{
    struct template_problems problems = {.nr = 0};

    if (!template_parse(cursor_string(at), loader->arena, out, &problems)) {
        for (size_t i = 0; i < problems.nr; i++)
            action_report_template(loader, at, &problems.items[i]);
        return false;
    }
    for (size_t i = 0; i < out->segments_nr; i++)
        action_note_segment(loader, at, &out->segments[i]);
    return true;
}

struct slice action_text(struct action_reader *r, const struct template *key)
{
    struct arena *arena = r->loader->arena;
    struct slice text = SLICE("");

    for (size_t i = 0; i < key->segments_nr; i++) {
        const struct segment *segment = &key->segments[i];

        text = slice_is_absent(segment->text)
                   ? arena_printf(arena, "%.*s%.*s", SLICE_ARG(text),
                                  SLICE_ARG(template_escape(segment->literal, arena)))
                   : arena_printf(arena, "%.*s{%.*s}", SLICE_ARG(text), SLICE_ARG(segment->text));
    }
    return text;
}

/* The key's own part: hashed, where the cache does so. */
static struct template inner_key(struct action_reader *r, const struct template *key)
{
    struct template *part = arena_zero(r->loader->arena, 1, sizeof(*part));
    struct template_digest *digest = arena_zero(r->loader->arena, 1, sizeof(*digest));
    struct template hashed;

    if (!r->rule->cache->hashes_keys)
        return *key;
    *part = *key;
    *digest = (struct template_digest){DIGEST_WHOLE, r->cache->hash, part, 1};
    hashed = digest_template(digest, r->loader->arena);
    hashed.source = key->source;
    return hashed;
}

void action_add_targets(struct action_reader *r, const struct template *key, bool is_pattern)
{
    struct arena *arena = r->loader->arena;
    const struct cache *cache = r->rule->cache;
    struct template inner = inner_key(r, key), nothing = template_literal(SLICE(""), arena);

    for (size_t i = 0; i < cache->heads_nr; i++) {
        struct template tail = template_join(&cache->tails[i], &nothing, is_pattern, arena);
        struct template whole = template_join(&cache->heads[i], &inner, is_pattern, arena);

        if (tail.segments_nr > 0)
            whole = template_join(&whole, &tail, false, arena);
        whole.source = key->source;
        whole.head = &cache->heads[i];
        r->targets =
            arena_grow(arena, r->targets, r->targets_nr, &r->targets_capacity, sizeof(*r->targets));
        r->targets[r->targets_nr++] = whole;
    }
}

bool action_load_template(struct action_reader *r, const struct cursor *at, struct template *out)
{
    size_t fields = r->loader->fields_nr;

    if (!shape_is(r->loader, at, SHAPE_STRING) || !template_load(r->loader, at, out))
        return false;
    for (; fields < r->loader->fields_nr; fields++)
        r->loader->fields[fields].in_key = true;
    return true;
}

bool action_load_key(struct action_reader *r, const struct cursor *at, struct template *key)
{
    if (!action_load_template(r, at, key))
        return false;
    if (key->source.len > 0)
        return true;
    report(r->loader, at, (struct remark){.code = "E105"}, "an empty key");
    return false;
}

static void add_lock_targets(struct action_reader *r, const struct template *key)
{
    struct template suffix = template_literal(r->rule->cache->lock_suffix, r->loader->arena);
    struct template lock = template_join(key, &suffix, false, r->loader->arena);

    lock.source = action_text(r, &lock);
    action_add_targets(r, &lock, false);
}

void action_load_keys(struct action_reader *r, const struct cursor *at, bool with_locks)
{
    struct cursor_iter it = cursor_walk(at);
    const struct cursor *element = json_is_array(at->json) ? cursor_next(&it) : at;
    struct template key;

    if (!shape_is(r->loader, at, SHAPE_STRING | SHAPE_ARRAY))
        return;
    if (!element)
        report(r->loader, at, (struct remark){.code = "E105"}, "\"%.*s\" is empty",
               SLICE_ARG(cursor_name(at)));
    while (element) {
        if (action_load_key(r, element, &key)) {
            action_add_targets(r, &key, false);
            if (with_locks)
                add_lock_targets(r, &key);
        }
        element = json_is_array(at->json) ? cursor_next(&it) : NULL;
    }
}

struct action action_new(const struct action_reader *r, enum verb verb)
{
    return (struct action){
        .verb = verb,
        .rule = r->rule,
        .cache = r->rule->cache,
        .start = 1,
        .is_pattern = verb == VERB_PURGE,
        .style = {.is_django = r->rule->cache && r->rule->cache->keys == CACHE_DJANGO,
                  .is_pattern = verb == VERB_PURGE,
                  .null_is_error =
                      verb == VERB_PURGE || verb == VERB_REFRESH || verb == VERB_PURGE_TAG}};
}

void action_add(struct action_reader *r, struct action action)
{
    if (r->targets_nr == 0)
        return;
    action.targets = r->targets;
    action.targets_nr = r->targets_nr;
    r->targets = NULL;
    r->targets_nr = r->targets_capacity = 0;
    r->actions = arena_grow(r->loader->arena, r->actions, r->nr, &r->capacity, sizeof(*r->actions));
    r->actions[r->nr++] = action;
}

void action_add_pattern(struct action_reader *r, const struct template *pattern)
{
    r->patterns = arena_grow(r->loader->arena, r->patterns, r->patterns_nr, &r->patterns_capacity,
                             sizeof(*r->patterns));
    r->patterns[r->patterns_nr] = *pattern;
    r->patterns[r->patterns_nr++].source = action_text(r, pattern);
}

void action_add_purge(struct action_reader *r, const struct cursor *at)
{
    struct action purge = action_new(r, VERB_PURGE);

    for (size_t i = 0; i < r->patterns_nr; i++) {
        danger_check_pattern(r->loader, at, &r->patterns[i], &purge, false);
        action_add_targets(r, &r->patterns[i], true);
    }
    action_add(r, purge);
    r->patterns_nr = 0;
}

/* Some deletes purge as well: those purges come last too. */
static void sort_actions(struct action_reader *r, struct rule *rule)
{
    struct action *sorted = arena_zero(r->loader->arena, r->nr + 1, sizeof(*sorted));

    for (unsigned verb = 0; verb < VERB_NR; verb++) {
        for (size_t i = 0; i < r->nr; i++) {
            if (r->actions[i].verb == (enum verb)verb)
                sorted[rule->actions_nr++] = r->actions[i];
        }
    }
    rule->actions = sorted;
}

static bool is_version(const struct template *guard)
{
    return guard->segments_nr == 1 && !slice_is_absent(guard->segments[0].text) &&
           guard->segments[0].path.root == FIELD_VERSION && guard->segments[0].filters_nr == 0;
}

void action_load_guard(struct action_reader *r, const struct cursor *at, struct action *action)
{
    if (!shape_is(r->loader, at, SHAPE_STRING | SHAPE_BOOL))
        return;
    if (json_is_false(at->json)) {
        action->guard = GUARD_NONE;
        return;
    }
    if (json_is_true(at->json)) {
        report(r->loader, at, (struct remark){.code = "E105"},
               "\"guard\" is a template, as in \"{version}\", or false");
        return;
    }
    if (!template_load(r->loader, at, &action->guard_template))
        return;
    action->guard = is_version(&action->guard_template) ? GUARD_VERSION : GUARD_TEMPLATE;
    if (action->guard_template.is_constant)
        report(r->loader, at, (struct remark){.code = "E105"},
               "a guard that is the same for every event guards nothing");
}

void action_check_guard(struct action_reader *r, const struct cursor *at,
                        const struct action *action)
{
    for (size_t i = 0; i < r->targets_nr && action->guard != GUARD_NONE; i++) {
        if (danger_guard_fits(&r->targets[i]))
            continue;
        report(
            r->loader, at,
            (struct remark){.code = "E308",
                            .help = SLICE("write a hash tag, as in \"{{user-{pk}}}:data\", or "
                                          "\"guard\": false")},
            "a guard keeps a version beside the key, and the braces of this one are no hash tag");
        return;
    }
}

/* ---- purge ---- */

static void add_pattern(struct action_reader *r, const struct cursor *at,
                        const struct action *action)
{
    struct template pattern;

    if (!action_load_key(r, at, &pattern))
        return;
    danger_check_pattern(r->loader, at, &pattern, action, r->is_broad);
    lint_pattern(r->loader, at, &pattern, action->verb);
    action_add_targets(r, &pattern, true);
}

static void load_purge(struct action_reader *r, const struct cursor *at)
{
    static const char *const known[] = {"pattern", "coalesce", "rate", "slow_above", "allow"};
    static const char *const allowed[] = {"broad"};
    struct action action = action_new(r, VERB_PURGE);
    const struct cursor *pattern;
    unsigned word;

    shape_known(r->loader, at, NAMES(known), "in \"purge\"");
    shape_duration(r->loader, cursor_member(at, "coalesce"), &action.coalesce_ms);
    shape_integer(r->loader, cursor_member(at, "rate"), 1, 1000000000, &action.rate);
    shape_integer(r->loader, cursor_member(at, "slow_above"), 1, 1000000000, &action.slow_above);
    r->is_broad = shape_word(r->loader, cursor_member(at, "allow"), NAMES(allowed), &word);
    if (!shape_needs(r->loader, at, "pattern", &pattern))
        return;
    add_pattern(r, pattern, &action);
    r->is_broad = false;
    action_add(r, action);
}

/* ---- expire ---- */

static void load_lifetime(struct action_reader *r, const struct cursor *at, struct action *action)
{
    const struct cursor *jitter = cursor_member(at, "jitter");
    const struct cursor *ttl;

    if (shape_needs(r->loader, at, "ttl", &ttl) &&
        shape_duration(r->loader, ttl, &action->ttl_ms) && action->ttl_ms == 0)
        report(r->loader, ttl, (struct remark){.code = "E105", .help = SLICE("delete instead")},
               "\"ttl\" must be longer than 0");
    if (shape_duration(r->loader, jitter, &action->jitter_ms) &&
        action->jitter_ms >= action->ttl_ms && action->ttl_ms > 0)
        report(r->loader, jitter, (struct remark){.code = "E105"},
               "\"jitter\" must be shorter than \"ttl\"");
}

static void load_expire(struct action_reader *r, const struct cursor *at)
{
    static const char *const known[] = {"key", "pattern", "ttl", "jitter"};
    struct action action = action_new(r, VERB_EXPIRE);
    const struct cursor *pattern = cursor_member(at, "pattern");
    const struct cursor *key;

    shape_known(r->loader, at, NAMES(known), "in \"expire\"");
    load_lifetime(r, at, &action);
    if (!pattern) {
        if (!shape_needs(r->loader, at, "key", &key))
            return;
        action_load_keys(r, key, false);
    } else {
        action.is_pattern = action.style.is_pattern = action.style.null_is_error = true;
        if (cursor_member(at, "key"))
            report(r->loader, pattern, (struct remark){.code = "E105", .on_name = true},
                   "\"expire\" takes \"key\" or \"pattern\", not both");
        add_pattern(r, pattern, &action);
    }
    action_add(r, action);
}

/* ---- bump ---- */

static void load_bump(struct action_reader *r, const struct cursor *at)
{
    static const char *const known[] = {"key", "start", "to"};
    static const char *const ways[] = {"time", "increment"};
    struct action action = action_new(r, VERB_BUMP);
    const struct cursor *key_at;
    struct template key;
    unsigned way;

    shape_known(r->loader, at, NAMES(known), "in \"bump\"");
    shape_integer(r->loader, cursor_member(at, "start"), 0, INT64_C(9007199254740991),
                  &action.start);
    if (shape_word(r->loader, cursor_member(at, "to"), NAMES(ways), &way))
        action.to_increment = way == 1;
    if (!shape_needs(r->loader, at, "key", &key_at) || !action_load_key(r, key_at, &key))
        return;
    action_add_targets(r, &key, false);
    action_add(r, action);
}

/* ---- items ---- */

static void load_plain(struct action_reader *r, enum verb verb, const struct cursor *at)
{
    struct action action = action_new(r, verb);
    struct template key;

    if (verb == VERB_REFRESH || verb == VERB_EXPIRE) {
        report(r->loader, at, (struct remark){.code = "E103"},
               verb == VERB_REFRESH ? "\"refresh\" must be an object with key, value and ttl"
                                    : "\"expire\" must be an object with key and ttl");
    } else if (verb == VERB_PURGE) {
        add_pattern(r, at, &action);
        action_add(r, action);
    } else if (action_load_key(r, at, &key)) {
        action_add_targets(r, &key, false);
        action_add(r, action);
    }
}

static void load_item(struct action_reader *r, enum verb verb, const struct cursor *at,
                      const struct cursor *verb_at)
{
    unsigned types = SHAPE_STRING | (verb == VERB_PURGE_TAG ? 0u : SHAPE_OBJECT) |
                     (at == verb_at ? SHAPE_ARRAY : 0u);

    if (!shape_is(r->loader, at, types))
        return;
    if (json_is_string(at->json))
        load_plain(r, verb, at);
    else if (verb == VERB_DELETE)
        delete_load(r, at);
    else if (verb == VERB_PURGE)
        load_purge(r, at);
    else if (verb == VERB_BUMP)
        load_bump(r, at);
    else if (verb == VERB_EXPIRE)
        load_expire(r, at);
    else
        refresh_load(r, at, verb_at);
}

static void load_verb(struct action_reader *r, enum verb verb, const struct cursor *at)
{
    struct cursor_iter it = cursor_walk(at);
    const struct cursor *item;

    if (!json_is_array(at->json)) {
        load_item(r, verb, at, at);
        return;
    }
    if (json_array_size(at->json) == 0)
        report(r->loader, at, (struct remark){.code = "E105"}, "\"%s\" is empty", verb_text(verb));
    while ((item = cursor_next(&it)))
        load_item(r, verb, item, at);
}

static void report_unknown_verbs(struct loader *loader, const struct cursor *verbs)
{
    struct names known = NAMES(verb_names);

    if (json_object_size(verbs->json) == 0)
        report(loader, verbs, (struct remark){.code = "E104"}, "\"do\" needs a verb (%.*s)",
               SLICE_ARG(shape_list(loader, known)));
    shape_known(loader, verbs, known, "in \"do\"");
}

void action_load_all(struct loader *loader, const struct cursor *verbs, struct rule *rule)
{
    struct action_reader reader = {.loader = loader, .rule = rule};

    if (!shape_is(loader, verbs, SHAPE_OBJECT))
        return;
    report_unknown_verbs(loader, verbs);
    if (rule->cache)
        reader.cache = &loader->declared[rule->cache->index];
    else
        return;
    for (unsigned verb = 0; verb < VERB_NR; verb++) {
        const struct cursor *at = cursor_member(verbs, verb_names[verb]);

        if (at)
            load_verb(&reader, (enum verb)verb, at);
    }
    sort_actions(&reader, rule);
}
