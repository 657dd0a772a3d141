#include <stdio.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/cli/format_arg.h"
#include "consumers/cli/rule_paths.h"
#include "consumers/rules/reverse.h"

enum option { OPTION_RULES, OPTION_CONFIG, OPTION_FORMAT, OPTION_LITERAL };

static const struct cli_option options[] = {
    [OPTION_RULES] = {"--rules", NULL, true},
    [OPTION_CONFIG] = {"--config", NULL, true},
    [OPTION_FORMAT] = {"--format", NULL, true},
    [OPTION_LITERAL] = {"--literal", NULL, false},
};

struct who {
    struct rule_paths paths;
    struct slice asked;
    bool as_json, is_literal;
    struct ruleset *set;
    struct arena arena;
    struct buffer out;
    struct slice key; /* asked, or with a cache's prefix and version before it */
    bool is_glob;
    struct reverse found;
    const struct action **tags; /* whose sets may name the key: only Redis knows */
    size_t tags_nr, tags_capacity;
};

/* ---- which key, and who ---- */

static bool looks_like_glob(struct slice text)
{
    return memchr(text.ptr, '*', text.len) || memchr(text.ptr, '?', text.len) ||
           memchr(text.ptr, '[', text.len);
}

/* What nobody touches may be the application's own name for a key. */
static void find_by_name(struct who *who)
{
    for (size_t i = 0; i < who->set->caches_nr && who->found.nr == 0; i++) {
        struct slice whole;

        if (!reverse_whole(&who->set->caches[i], who->asked, &who->arena, &whole) ||
            slice_equals(whole, who->asked))
            continue;
        reverse_find(who->set, whole, who->is_glob, &who->arena, &who->found);
        if (who->found.nr > 0)
            who->key = whole;
    }
}

static bool is_of_cache(struct who *who, const struct cache *cache, struct slice *version,
                        struct slice *rest)
{
    return !who->is_glob && reverse_split(cache, who->key, &who->arena, version, rest);
}

static void find_tags(struct who *who, const struct rule *rule)
{
    struct slice version, rest;

    for (size_t i = 0; i < rule->actions_nr; i++) {
        if (rule->actions[i].verb != VERB_PURGE_TAG ||
            (!who->is_glob && !is_of_cache(who, rule->actions[i].cache, &version, &rest)))
            continue;
        who->tags = arena_grow(&who->arena, who->tags, who->tags_nr, &who->tags_capacity,
                               sizeof(*who->tags));
        who->tags[who->tags_nr++] = &rule->actions[i];
    }
}

static void find(struct who *who)
{
    who->key = who->asked;
    who->is_glob = !who->is_literal && looks_like_glob(who->asked);
    reverse_find(who->set, who->key, who->is_glob, &who->arena, &who->found);
    if (who->found.nr == 0)
        find_by_name(who);
    for (size_t i = 0; i < who->set->rules_nr; i++)
        find_tags(who, &who->set->rules[i]);
}

/* ---- words ---- */

static const struct predicate *changed_of(const struct pattern *pattern)
{
    for (size_t i = 0; i < pattern->predicates_nr; i++) {
        if (pattern->predicates[i].path.root == FIELD_CHANGED)
            return &pattern->predicates[i];
    }
    return NULL;
}

static void add_path(struct buffer *out, const struct segment *segment)
{
    buffer_add_printable(out, segment->text);
    for (size_t i = 0; i < segment->filters_nr; i++)
        buffer_printf(out, "|%s", filter_name(segment->filters[i].kind));
    if (segment->digest)
        buffer_add_text(out, " (hashed)");
}

static const char *state_of(const struct rule *rule)
{
    if (!rule->is_enabled)
        return "disabled";
    return rule->mode == RULE_SHADOW ? "shadow" : "live";
}

/* ---- for people ---- */

static void add_models(struct buffer *out, const struct rule *rule)
{
    const struct predicate *changed = changed_of(&rule->when);
    const char *comma = "";

    for (unsigned op = 0; op < EVENT_OP_NR; op++) {
        if (!(rule->ops & (1u << op)))
            continue;
        buffer_printf(out, "%s%.*s", comma, SLICE_ARG(event_op_text((enum event_op)op)));
        comma = ", ";
    }
    buffer_add_text(out, " of ");
    for (size_t i = 0; i < rule->models_nr; i++) {
        buffer_add_text(out, i ? ", " : "");
        buffer_add_printable(out, rule->models[i]);
    }
    buffer_add_text(out, rule->models_nr ? "" : "any model");
    if (changed) {
        buffer_add_text(out, "; changed ");
        buffer_add_printable(out, changed->want);
    }
}

static void add_match_text(struct buffer *out, const struct reverse_match *match)
{
    const struct rule *rule = match->rule;

    buffer_add_printable(out, rule->file);
    buffer_printf(out, ":%u: %.*s", rule->line, SLICE_ARG(rule->name));
    if (!rule->is_enabled || rule->mode == RULE_SHADOW)
        buffer_printf(out, " (%s)", state_of(rule));
    buffer_printf(out, "\n    %s ", verb_text(match->action->verb));
    buffer_add_printable(out, match->target->source);
    for (size_t i = 0; i < match->values_nr; i++) {
        buffer_add_text(out, i ? ", " : "  with ");
        add_path(out, match->values[i].segment);
        buffer_add_char(out, '=');
        buffer_add_printable(out, match->values[i].text);
    }
    if (match->is_protected)
        buffer_add_text(out, "  (protected: this pattern spares the key)");
    buffer_add_text(out, "\n    on ");
    add_models(out, rule);
    buffer_add_char(out, '\n');
}

static void add_cache_text(struct who *who)
{
    struct buffer *out = &who->out;

    buffer_add_printable(out, who->key);
    if (who->is_glob)
        buffer_add_text(out, "  (a pattern: rules whose keys it can meet)");
    for (size_t i = 0; i < who->set->caches_nr; i++) {
        const struct cache *cache = &who->set->caches[i];
        struct slice version, rest;

        if (!is_of_cache(who, cache, &version, &rest))
            continue;
        buffer_add_text(out, "\n  cache ");
        buffer_add_printable(out, cache->name);
        if (!slice_is_absent(version))
            buffer_printf(out, ", version %.*s", SLICE_ARG(version));
        buffer_add_text(out, ": ");
        buffer_add_printable(out, rest);
    }
    buffer_add_text(out, "\n\n");
}

static void print_text(struct who *who)
{
    struct buffer *out = &who->out;

    add_cache_text(who);
    for (size_t i = 0; i < who->found.nr; i++)
        add_match_text(out, &who->found.matches[i]);
    for (size_t i = 0; i < who->tags_nr; i++) {
        buffer_printf(out, "%.*s purges a tag, and this key if it is a member: ",
                      SLICE_ARG(who->tags[i]->rule->name));
        buffer_add_printable(out, who->tags[i]->targets[0].source);
        buffer_add_char(out, '\n');
    }
    if (who->found.nr == 0)
        buffer_add_text(out, "no rule touches it by name\n");
}

/* ---- for machines ---- */

static void add_texts_json(struct buffer *out, const char *name, const struct slice *items,
                           size_t nr)
{
    buffer_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < nr; i++) {
        buffer_add_text(out, i ? "," : "");
        buffer_add_json_string(out, items[i]);
    }
    buffer_add_char(out, ']');
}

static void add_values_json(struct buffer *out, const struct reverse_match *match)
{
    buffer_add_text(out, ",\"values\":[");
    for (size_t i = 0; i < match->values_nr; i++) {
        const struct segment *segment = match->values[i].segment;

        buffer_add_text(out, i ? ",{\"field\":" : "{\"field\":");
        buffer_add_json_string(out, segment->text);
        buffer_add_text(out, ",\"text\":");
        buffer_add_json_string(out, match->values[i].text);
        if (segment->filters_nr > 0)
            buffer_printf(out, ",\"filter\":\"%s\"",
                          filter_name(segment->filters[segment->filters_nr - 1].kind));
        buffer_add_text(out, segment->digest ? ",\"hashed\":true}" : "}");
    }
    buffer_add_char(out, ']');
}

static void add_match_json(struct buffer *out, const struct reverse_match *match)
{
    const struct rule *rule = match->rule;
    const struct predicate *changed = changed_of(&rule->when);
    struct slice ops[EVENT_OP_NR];
    size_t ops_nr = 0;

    for (unsigned op = 0; op < EVENT_OP_NR; op++) {
        if (rule->ops & (1u << op))
            ops[ops_nr++] = event_op_text((enum event_op)op);
    }
    buffer_add_text(out, "{\"rule\":");
    buffer_add_json_string(out, rule->name);
    buffer_add_text(out, ",\"file\":");
    buffer_add_json_string(out, rule->file);
    buffer_printf(out, ",\"line\":%u,\"state\":\"%s\",\"verb\":\"%s\",\"%s\":", rule->line,
                  state_of(rule), verb_text(match->action->verb),
                  match->action->is_pattern ? "pattern" : "key");
    buffer_add_json_string(out, match->target->source);
    add_values_json(out, match);
    add_texts_json(out, "models", rule->models, rule->models_nr);
    add_texts_json(out, "ops", ops, ops_nr);
    if (changed) {
        buffer_add_text(out, ",\"changed\":");
        buffer_add(out, changed->want);
    }
    buffer_add_text(out, match->is_protected ? ",\"protected\":true}" : "}");
}

static void add_caches_json(struct who *who)
{
    struct buffer *out = &who->out;
    const char *comma = "";

    buffer_add_text(out, ",\"caches\":[");
    for (size_t i = 0; i < who->set->caches_nr; i++) {
        const struct cache *cache = &who->set->caches[i];
        struct slice version, rest;

        if (!is_of_cache(who, cache, &version, &rest))
            continue;
        buffer_printf(out, "%s{\"cache\":", comma);
        buffer_add_json_string(out, cache->name);
        if (!slice_is_absent(version))
            buffer_printf(out, ",\"version\":%.*s", SLICE_ARG(version));
        buffer_add_text(out, ",\"key\":");
        buffer_add_json_string(out, rest);
        buffer_add_char(out, '}');
        comma = ",";
    }
    buffer_add_char(out, ']');
}

static void print_json(struct who *who)
{
    struct buffer *out = &who->out;

    buffer_add_text(out, who->is_glob ? "{\"pattern\":" : "{\"key\":");
    buffer_add_json_string(out, who->key);
    add_caches_json(who);
    buffer_add_text(out, ",\"matches\":[");
    for (size_t i = 0; i < who->found.nr; i++) {
        buffer_add_text(out, i ? "," : "");
        add_match_json(out, &who->found.matches[i]);
    }
    buffer_add_text(out, "],\"tags\":[");
    for (size_t i = 0; i < who->tags_nr; i++) {
        buffer_add_text(out, i ? ",{\"rule\":" : "{\"rule\":");
        buffer_add_json_string(out, who->tags[i]->rule->name);
        buffer_add_text(out, ",\"key\":");
        buffer_add_json_string(out, who->tags[i]->targets[0].source);
        buffer_add_char(out, '}');
    }
    buffer_add_text(out, "]}\n");
}

/* ---- the verb ---- */

static bool take(struct who *who, int option, const char *value)
{
    switch (option) {
    case OPTION_RULES:
        rule_paths_add(&who->paths, value);
        return true;
    case OPTION_CONFIG:
        who->paths.config = value;
        return true;
    case OPTION_FORMAT:
        return format_arg(&verb_who, value, &who->as_json);
    case OPTION_LITERAL:
        who->is_literal = true;
        return true;
    default:
        if (!slice_is_absent(who->asked))
            return cli_usage_error(&verb_who, "one key, not \"%s\" as well", value), false;
        who->asked = slice_of(value);
        return true;
    }
}

static int answer(struct who *who)
{
    if (slice_is_absent(who->asked))
        return cli_usage_error(&verb_who, "which key?");
    who->set = rule_paths_load(&who->paths);
    if (!who->set)
        return EXIT_USAGE;
    find(who);
    if (who->as_json)
        print_json(who);
    else
        print_text(who);
    fwrite(who->out.ptr, 1, who->out.len, stdout);
    ruleset_free(who->set);
    return who->found.nr > 0 ? EXIT_OK : EXIT_FINDINGS;
}

static int run(int argc, char **argv)
{
    struct who who = {.asked = SLICE_ABSENT};
    int code = EXIT_USAGE, option;
    struct cli_args args;
    enum cli_step step;
    const char *value;

    arena_init(&who.arena, 1 << 16);
    buffer_init(&who.out);
    cli_args_init(&args, &verb_who, argc, argv);
    while ((step = cli_next(&args, options, ARRAY_NR(options), &option, &value)) == CLI_ITEM) {
        if (!take(&who, option, value))
            break;
    }
    if (step == CLI_END)
        code = answer(&who);
    buffer_release(&who.out);
    arena_release(&who.arena);
    rule_paths_release(&who.paths);
    return code;
}

const struct cli_verb verb_who = {
    .name = "who",
    .summary = "which rules could touch a key, and for which values",
    .usage =
        "usage: unstale who [options] KEY\n\n"
        "KEY is a key as it stands in Redis or as the application names it, or a pattern. For "
        "each\n"
        "rule that could touch it: the verb, the key or pattern as written, what its placeholders\n"
        "must have been, and on which ops of which models.\n\n"
        "  --rules PATH        rule file or folder, repeatable (default: the settings' rules)\n"
        "  --config FILE       settings to take the rules from\n"
        "  --literal           KEY is no pattern, whatever it holds\n"
        "  --format text|json  for people (default), or one JSON object\n\n"
        "exit codes: 0 a rule does, 1 none does, 2 usage or rules with errors\n",
    .run = run,
};
