/* The verb refresh: what it writes, where, and what guards it. */
#include <assert.h>
#include <stdlib.h>

#include "consumers/rules/action.h"
#include "consumers/rules/lint.h"

static bool has_pk(const struct template *key)
{
    for (size_t i = 0; i < key->segments_nr; i++) {
        const struct segment *segment = &key->segments[i];
        bool is_id = segment->path.root == FIELD_ROW && segment->path.parts_nr == 1 &&
                     slice_equals(segment->path.parts[0].name, SLICE("id"));

        if (!slice_is_absent(segment->text) && (segment->path.root == FIELD_PK || is_id))
            return true;
    }
    return false;
}

static void check_serializer(struct action_reader *r, const struct cursor *at)
{
    const struct cache *cache = r->rule->cache;
    struct remark remark = {.code = "E304", .on_name = true};

    if (!cache || cache->serializer != SERIALIZER_NONE)
        return;
    if (r->cache->at)
        remark.help = arena_printf(r->loader->arena,
                                   "add \"serializer\" to the cache (%.*s): \"pickle\" is "
                                   "django-redis' default, \"json\" with JSONSerializer, \"raw\" "
                                   "for plain text",
                                   SLICE_ARG(report_place(r->loader, r->cache->at)));
    else
        remark.help = SLICE("declare the cache in \"caches\" with a \"serializer\"");
    report(r->loader, at, remark,
           "\"refresh\" into cache \"%.*s\", which declares no \"serializer\": readers could fail "
           "on every value",
           SLICE_ARG(cache->name));
}

static void load_ttl(struct action_reader *r, const struct cursor *at, struct action *action)
{
    const struct cursor *ttl = cursor_member(at, "ttl");

    if (!ttl)
        report(r->loader, at, (struct remark){.code = "E303", .help = SLICE("add \"ttl\": \"1h\"")},
               "\"refresh\" needs \"ttl\" (a key without one lives forever)");
    else if (shape_duration(r->loader, ttl, &action->ttl_ms) && action->ttl_ms == 0)
        report(r->loader, ttl, (struct remark){.code = "E105"}, "\"ttl\" must be longer than 0");
}

struct visit {
    struct loader *loader;
    const struct cursor *value;
};

/* The cursor below `at` that a JSON pointer names. */
static const struct cursor *follow(struct loader *loader, const struct cursor *at,
                                   struct slice pointer)
{
    while (pointer.len > 0) {
        const char *slash = memchr(pointer.ptr + 1, '/', pointer.len - 1);
        size_t len = slash ? (size_t)(slash - pointer.ptr) - 1 : pointer.len - 1;
        char *name = arena_bytes(loader->arena, len + 1);
        size_t to = 0;

        for (size_t i = 1; i <= len; i++) {
            bool is_escape = pointer.ptr[i] == '~' && i < len;

            name[to++] = is_escape ? (pointer.ptr[i + 1] == '1' ? '/' : '~') : pointer.ptr[i];
            i += is_escape;
        }
        name[to] = '\0';
        at = json_is_array(at->json) ? cursor_element(at, strtoul(name, NULL, 10))
                                     : cursor_member(at, name);
        assert(at);
        pointer = (struct slice){pointer.ptr + len + 1, pointer.len - len - 1};
    }
    return at;
}

static void visit_segment(const struct segment *segment, struct slice pointer, void *context)
{
    const struct visit *visit = context;
    const struct cursor *at = follow(visit->loader, visit->value, pointer);

    action_note_segment(visit->loader, at, segment);
    lint_written(visit->loader, at, segment);
}

static void load_value(struct action_reader *r, const struct cursor *at, struct action *action)
{
    struct value_template_problems problems = {.nr = 0};
    struct visit visit = {r->loader, at};

    action->value = value_template_parse(at->json, r->loader->arena, &problems);
    for (size_t i = 0; i < problems.nr; i++)
        action_report_template(r->loader, follow(r->loader, at, problems.items[i].pointer),
                               &problems.items[i].problem);
    if (action->value)
        value_template_visit(action->value, visit_segment, &visit);
}

/* Without {pk} in the key versions of two objects would meet, so there is no guard by default. */
static void load_refresh_guard(struct action_reader *r, const struct cursor *at,
                               const struct template *key, struct action *action)
{
    const struct cursor *guard = cursor_member(at, "guard");

    action->guard = key && has_pk(key) ? GUARD_VERSION : GUARD_NONE;
    if (guard)
        action_load_guard(r, guard, action);
    if (guard && json_is_false(guard->json))
        report(r->loader, guard, (struct remark){.code = "W405", .on_name = true},
               "\"refresh\" without a guard: an older value can overwrite a newer one");
    else if (!guard && key && action->guard == GUARD_NONE)
        report(r->loader, cursor_member(at, "key"), (struct remark){.code = "W405"},
               "\"refresh\" of a key without {pk} runs without a guard: say \"guard\" if "
               "versions of its objects compare");
}

void refresh_load(struct action_reader *r, const struct cursor *at, const struct cursor *verb)
{
    static const char *const known[] = {"key", "value", "ttl", "guard", "if"};
    static const char *const conditions[] = {
        [REFRESH_ALWAYS] = "always", [REFRESH_EXISTS] = "exists", [REFRESH_MISSING] = "missing"};
    struct action action = action_new(r, VERB_REFRESH);
    const struct cursor *key_at, *value;
    struct template key;
    unsigned word;
    bool has_key;

    check_serializer(r, verb);
    shape_known(r->loader, at, NAMES(known), "in \"refresh\"");
    load_ttl(r, at, &action);
    if (shape_word(r->loader, cursor_member(at, "if"), NAMES(conditions), &word))
        action.condition = (enum refresh_if)word;
    if (shape_needs(r->loader, at, "value", &value))
        load_value(r, value, &action);
    has_key = shape_needs(r->loader, at, "key", &key_at) && action_load_key(r, key_at, &key);
    load_refresh_guard(r, at, has_key ? &key : NULL, &action);
    if (!has_key)
        return;
    if (r->rule->ops & (1u << EVENT_DELETE))
        report(r->loader, verb, (struct remark){.code = "W413", .on_name = true},
               "\"refresh\" does nothing on delete: name \"op\" in \"when\", and delete the key "
               "in a rule for \"op\": \"delete\"");
    action_add_targets(r, &key, false);
    action_check_guard(r, key_at, &action);
    action_add(r, action);
}
