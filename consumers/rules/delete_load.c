/* What `delete` names: keys, and the keys that Django makes itself. */
#include "consumers/rules/action.h"

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

static void load_keys(struct action_reader *r, const struct cursor *at, const struct cursor *key)
{
    const struct cursor *unlock = cursor_member(at, "unlock");
    bool unlocks = load_unlock(r, unlock);

    if (unlocks && !cursor_member(at, "again_after"))
        report(r->loader, unlock, (struct remark){.code = "W406", .on_name = true},
               "\"unlock\" without \"again_after\": whoever held the lock may still write the "
               "old value");
    action_load_keys(r, key, unlocks);
}

static void load_sessions(struct action_reader *r, const struct cursor *at,
                          const struct cursor *key_at)
{
    static const char *const backends[] = {"django.contrib.sessions.cache",
                                           "django.contrib.sessions.cached_db"};
    struct template key;

    (void)at;
    if (!action_load_key(r, key_at, &key))
        return;
    for (size_t i = 0; i < ARRAY_NR(backends); i++) {
        struct template before = template_literal(slice_of(backends[i]), r->loader->arena);
        struct template whole = template_join(&before, &key, false, r->loader->arena);

        whole.source = action_text(r, &whole);
        action_add_targets(r, &whole, false);
    }
}

/* What a delete names its keys by, and the members that go with it. */
static const struct subject {
    const char *name;
    void (*load)(struct action_reader *r, const struct cursor *at, const struct cursor *subject);
    const char *members[5];
    size_t members_nr;
} subjects[] = {
    {"key", load_keys, {"key", "again_after", "unlock", "guard"}, 4},
    {"fragment", fragment_load, {"fragment", "vary", "again_after", "guard"}, 4},
    {"page", page_load, {"page", "page_prefix", "vary", "again_after", "guard"}, 5},
    {"session", load_sessions, {"session", "again_after", "guard"}, 3},
};

/* NULL after a report. */
static const struct subject *find_subject(struct action_reader *r, const struct cursor *at)
{
    static const char *const known[] = {"key",         "fragment",    "page",   "session", "vary",
                                        "page_prefix", "again_after", "unlock", "guard"};

    for (size_t i = 0; i < ARRAY_NR(subjects); i++) {
        if (!cursor_member(at, subjects[i].name))
            continue;
        shape_known(r->loader, at, (struct names){subjects[i].members, subjects[i].members_nr},
                    i == 0   ? "in \"delete\""
                    : i == 1 ? "in the \"delete\" of a fragment"
                    : i == 2 ? "in the \"delete\" of a page"
                             : "in the \"delete\" of a session");
        return &subjects[i];
    }
    shape_known(r->loader, at, NAMES(known), "in \"delete\"");
    report(r->loader, at, (struct remark){.code = "E104"},
           "\"delete\" needs \"key\" (or fragment, page or session)");
    return NULL;
}

void delete_load(struct action_reader *r, const struct cursor *at)
{
    struct action action = action_new(r, VERB_DELETE);
    const struct cursor *again = cursor_member(at, "again_after");
    const struct cursor *guard = cursor_member(at, "guard");
    const struct subject *subject = find_subject(r, at);
    const struct cursor *subject_at;

    if (shape_duration(r->loader, again, &action.again_after_ms) &&
        action.again_after_ms > AGAIN_AFTER_MAX_MS)
        report(r->loader, again, (struct remark){.code = "E306"},
               "\"again_after\" may be at most 60s: the record's offset waits for it");
    if (guard)
        action_load_guard(r, guard, &action);
    if (!subject)
        return;
    subject_at = cursor_member(at, subject->name);
    subject->load(r, at, subject_at);
    action_check_guard(r, subject_at, &action);
    action_add(r, action);
    action_add_purge(r, subject_at);
}
