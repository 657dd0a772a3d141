/* What `delete` names: keys, and the keys that Django makes itself. */
#include "consumers/rules/action.h"

/* The literal in the form of a template. */
static struct slice escape_braces(struct loader *loader, struct slice text)
{
    char *out = arena_bytes(loader->arena, text.len * 2 + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        out[len++] = text.ptr[i];
        if (text.ptr[i] == '{' || text.ptr[i] == '}')
            out[len++] = text.ptr[i];
    }
    return (struct slice){out, len};
}

static void add_lock_targets(struct action_reader *r, const struct template *key)
{
    struct template_problems none = {.nr = 0};
    struct template suffix, lock;

    if (!template_parse(escape_braces(r->loader, r->rule->cache->lock_suffix), r->loader->arena,
                        &suffix, &none))
        return;
    lock = template_join(key, &suffix, false, r->loader->arena);
    action_add_targets(r, &lock, false);
}

static void load_delete_keys(struct action_reader *r, const struct cursor *at, bool unlock)
{
    struct cursor_iter it = cursor_walk(at);
    const struct cursor *element = json_is_array(at->json) ? cursor_next(&it) : at;
    struct template key;

    if (!shape_is(r->loader, at, SHAPE_STRING | SHAPE_ARRAY))
        return;
    if (!element)
        report(r->loader, at, (struct remark){.code = "E105"}, "\"key\" is empty");
    while (element) {
        if (action_load_key(r, element, &key)) {
            action_add_targets(r, &key, false);
            if (unlock)
                add_lock_targets(r, &key);
        }
        element = json_is_array(at->json) ? cursor_next(&it) : NULL;
    }
}

static bool load_unlock(struct action_reader *r, const struct cursor *at)
{
    bool unlock = false;

    if (!shape_flag(r->loader, at, &unlock) || !unlock || !r->rule->cache)
        return false;
    if (!slice_is_absent(r->rule->cache->lock_suffix))
        return true;
    report(r->loader, at, (struct remark){.code = "E307", .on_name = true},
           "\"unlock\" in cache \"%.*s\", which declares no \"lock_suffix\"",
           SLICE_ARG(r->rule->cache->name));
    return false;
}

void delete_load(struct action_reader *r, const struct cursor *at)
{
    static const char *const known[] = {"key", "again_after", "unlock", "guard"};
    struct action action = action_new(r, VERB_DELETE);
    const struct cursor *again = cursor_member(at, "again_after");
    const struct cursor *guard = cursor_member(at, "guard");
    const struct cursor *unlock = cursor_member(at, "unlock");
    const struct cursor *key;
    bool unlocks = load_unlock(r, unlock);

    shape_known(r->loader, at, NAMES(known), "in \"delete\"");
    if (shape_duration(r->loader, again, &action.again_after_ms) &&
        action.again_after_ms > AGAIN_AFTER_MAX_MS)
        report(r->loader, again, (struct remark){.code = "E306"},
               "\"again_after\" may be at most 60s: the record's offset waits for it");
    if (unlocks && !again)
        report(r->loader, unlock, (struct remark){.code = "W406", .on_name = true},
               "\"unlock\" without \"again_after\": whoever held the lock may still write the "
               "old value");
    if (guard)
        action_load_guard(r, guard, &action);
    if (!shape_needs(r->loader, at, "key", &key))
        return;
    load_delete_keys(r, key, unlocks);
    action_check_guard(r, key, &action);
    action_add(r, action);
}
