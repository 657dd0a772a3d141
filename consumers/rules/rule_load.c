#include <limits.h>

#include "consumers/base/suggest.h"
#include "consumers/rules/codes.h"
#include "consumers/rules/lint.h"

enum { NAME_MAX_BYTES = 64, MOST_MAX_KEYS = EVENT_MAX_KEYS };

static const char *const modes[] = {[RULE_LIVE] = "live", [RULE_SHADOW] = "shadow"};

static void load_ignore(struct loader *loader, const struct cursor *at,
                        struct rule_options *options)
{
    struct slices codes = {0};

    if (!at || !shape_texts(loader, at, &codes))
        return;
    for (size_t i = 0; i < codes.nr; i++) {
        const struct cursor *code = json_is_array(at->json) ? cursor_element(at, i) : at;

        if (codes.items[i].len > 0 && codes.items[i].ptr[0] == 'E')
            report(loader, code, (struct remark){.code = "E105"},
                   "\"ignore\" takes warnings; an error cannot be ignored");
        else if (!code_find(codes.items[i]))
            report(loader, code, (struct remark){.code = "E105"}, "there is no warning \"%.*s\"",
                   SLICE_ARG(codes.items[i]));
    }
    options->ignore = codes.items;
    options->ignore_nr = codes.nr;
}

void options_load(struct loader *loader, const struct cursor *at, struct rule_options *options)
{
    static const char *const ways[] = {"error", "skip"};
    const struct cursor *cache = cursor_member(at, "cache");
    const struct cursor *unless = cursor_member(at, "unless");
    unsigned word;

    load_ignore(loader, cursor_member(at, "ignore"), options);
    if (shape_text(loader, cache, &options->cache))
        options->cache_at = cache;
    if (shape_word(loader, cursor_member(at, "mode"), NAMES(modes), &word))
        options->mode = (enum rule_mode)word;
    shape_flag(loader, cursor_member(at, "enabled"), &options->is_enabled);
    if (shape_word(loader, cursor_member(at, "on_missing"), NAMES(ways), &word))
        options->skip_missing = word == 1;
    shape_integer(loader, cursor_member(at, "max_keys"), 1, MOST_MAX_KEYS, &options->max_keys);
    if (!unless || !shape_is(loader, unless, SHAPE_OBJECT))
        return;
    options->has_unless = true;
    pattern_load(loader, unless, &options->unless);
    if (json_object_size(unless->json) == 0)
        report(loader, unless, (struct remark){.code = "E107"},
               "an empty \"unless\" would stop every event");
}

static bool is_name(struct slice name)
{
    bool is_fine = name.len > 0 && name.len <= NAME_MAX_BYTES;

    for (size_t i = 0; i < name.len && is_fine; i++) {
        char c = name.ptr[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

        is_fine = is_alnum || (i > 0 && (c == '.' || c == '_' || c == '-'));
    }
    return is_fine;
}

static void check_duplicate(struct loader *loader, const struct cursor *at, struct slice name)
{
    const struct name_entry *first = names_find(&loader->names, name);

    if (!first) {
        names_add(&loader->names, loader->arena, name, at);
        return;
    }
    report(loader, at,
           (struct remark){.code = "E106",
                           .help = SLICE("give it another name, or put its keys into the first")},
           "rule \"%.*s\" is defined twice (first at %.*s:%u)", SLICE_ARG(name),
           SLICE_ARG(first->at->file->name), cursor_line(first->at));
}

static void load_name(struct loader *loader, const struct cursor *at, struct rule *rule)
{
    const struct cursor *name;

    rule->line = cursor_line(at);
    if (!shape_needs(loader, at, "name", &name) || !shape_text(loader, name, &rule->name))
        return;
    rule->line = cursor_line(name);
    if (is_name(rule->name))
        check_duplicate(loader, name, rule->name);
    else
        report(loader, name, (struct remark){.code = "E105"},
               "a rule's name is 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit");
}

static const struct cache *find_cache(struct loader *loader, const struct cursor *rule,
                                      const struct rule_options *options)
{
    struct slice name = slice_is_absent(options->cache) ? SLICE("default") : options->cache;
    const struct cursor *at = options->cache_at ? options->cache_at : rule;
    struct remark remark = {.code = "E202", .help = SLICE_ABSENT};
    struct slice declared = SLICE("");
    struct suggest suggest;

    suggest_init(&suggest, name);
    for (size_t i = 0; i < loader->caches_nr; i++) {
        struct slice other = loader->caches[i].name;

        if (slice_equals(other, name))
            return &loader->caches[i];
        suggest_offer(&suggest, other);
        declared = arena_printf(loader->arena, "%.*s%s%.*s", SLICE_ARG(declared), i ? ", " : "",
                                SLICE_ARG(other));
    }
    if (slice_is_absent(suggest.best))
        remark.help = SLICE("name one of those, or declare it in \"caches\"");
    remark.suggestion = suggest.best;
    report(loader, at, remark, "there is no cache \"%.*s\" (declared: %.*s)", SLICE_ARG(name),
           SLICE_ARG(declared));
    return NULL;
}

static void load_when(struct loader *loader, const struct cursor *at, struct rule *rule)
{
    const struct cursor *when;
    struct pattern pattern = {0};
    bool is_whole;

    if (!shape_needs(loader, at, "when", &when))
        return;
    if (json_is_string(when->json)) {
        report(loader, when,
               (struct remark){.code = "E103",
                               .help = arena_printf(loader->arena, "write {\"model\": %.*s}",
                                                    SLICE_ARG(cursor_compact(when)))},
               "\"when\" must be an object, not a string");
        return;
    }
    is_whole = pattern_load(loader, when, &pattern);
    rule->when = pattern_with_default_op(loader, &pattern);
    pattern_scope(loader, rule);
    /* What was read of a broken `when` tells the models, but not reliably the ops. */
    if (!is_whole)
        rule->ops = UINT_MAX;
}

static void load_body(struct loader *loader, const struct cursor *at, struct rule *rule)
{
    struct rule_options options = loader->defaults;
    const struct cursor *verbs;

    loader->options = &options;
    loader->fields_nr = 0;
    options_load(loader, at, &options);
    load_when(loader, at, rule);
    rule->mode = options.mode;
    rule->is_enabled = options.is_enabled;
    rule->skip_missing = options.skip_missing;
    rule->max_keys = (size_t)options.max_keys;
    rule->unless = options.unless;
    rule->has_unless = options.has_unless;
    rule->cache = find_cache(loader, at, &options);
    if (shape_needs(loader, at, "do", &verbs))
        action_load_all(loader, verbs, rule);
    catalogue_check(loader, rule);
    lint_rule(loader, at, rule);
    loader->read[rule->index] = (struct read_rule){at, options};
    loader->options = NULL;
}

void rule_load(struct loader *loader, const struct cursor *at)
{
    static const char *const known[] = {"name",  "description", "enabled",  "mode",
                                        "cache", "on_missing",  "max_keys", "ignore",
                                        "when",  "unless",      "do"};
    struct rule *rule = &loader->rules[loader->rules_nr];
    size_t before = loader->found->nr;
    unsigned errors = loader->found->errors;

    if (!shape_is(loader, at, SHAPE_OBJECT))
        return;
    rule->index = loader->rules_nr++;
    rule->ruleset = loader->set;
    rule->file = arena_copy(loader->arena, at->file->name);
    shape_known(loader, at, NAMES(known), "in a rule");
    load_name(loader, at, rule);
    shape_text(loader, cursor_member(at, "description"), &rule->description);
    load_body(loader, at, rule);
    if (loader->found->errors > errors)
        diagnostics_drop_warnings(loader->found, before);
}
