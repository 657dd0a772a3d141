#include <stdio.h>
#include <string.h>

#include "consumers/base/suggest.h"
#include "consumers/cli/format_arg.h"
#include "consumers/cli/rule_paths.h"
#include "consumers/rules/codes.h"

enum option { OPTION_RULES, OPTION_CONFIG, OPTION_FORMAT };

static const struct cli_option options[] = {
    [OPTION_RULES] = {"--rules", NULL, true},
    [OPTION_CONFIG] = {"--config", NULL, true},
    [OPTION_FORMAT] = {"--format", NULL, true},
};

struct described {
    const char *name, *text;
};

static const struct described verbs[] = {
    {"bump", "raise a counter that the application puts into its keys"},
    {"refresh", "write the new row in place, guarded by its version"},
    {"delete", "unlink exact keys, fragments, pages or sessions"},
    {"expire", "shorten how long keys live, never lengthen it"},
    {"purge_tag", "unlink the members of a tag set, and the set"},
    {"purge", "walk the keys for a pattern and unlink what fits"},
};

static const struct described operators[] = {
    {"prefix", "a text begins so"},
    {"suffix", "a text ends so"},
    {"equals-ignore-case", "a text is that in any case"},
    {"wildcard", "a text fits; up to three *, \\* for a literal one"},
    {"anything-but", "the value is there and is none of them"},
    {"numeric", "a number or decimal text compares so: [\">=\", 0, \"<\", 100]"},
    {"exists", "the field is there (true) or is not (false)"},
};

static const struct described filters[] = {
    {"lower", "as Python's str.lower()"},
    {"upper", "as Python's str.upper()"},
    {"trim", "as Python's str.strip()"},
    {"slug", "as Django's slugify()"},
    {"urlencode", "as Python's quote(s, safe=\"\")"},
    {"md5", "hexadecimal"},
    {"sha1", "hexadecimal"},
    {"sha256", "hexadecimal"},
    {"default", "default:none fills in for a missing field"},
    {"pad", "pad:8 puts zeros on the left"},
    {"trunc", "trunc:20 keeps that many characters"},
    {"split", "split:, makes an array of a text, so it needs []"},
    {"len", "number of characters or elements"},
    {"date", "date:%Y-%m-%d prints a date or date-time by strftime"},
    {"timestamp", "as Python's datetime.timestamp() prints; without offset it is UTC"},
    {"str", "a date-time as Python's str() prints it, everything else as it is"},
    {"json", "compact JSON"},
    {"pyjson", "as Python's json.dumps(value, sort_keys=True)"},
};

struct list {
    struct rule_paths paths;
    const char *what;
    bool as_json;
    struct buffer out;
};

static const char *verb_at(size_t index)
{
    return index < VERB_NR ? verb_text((enum verb)index) : NULL;
}

static const char *describe(const struct described *items, size_t nr, const char *name)
{
    for (size_t i = 0; i < nr; i++) {
        if (strcmp(items[i].name, name) == 0)
            return items[i].text;
    }
    return "";
}

static void add_line(struct list *list, const char *name, const char *text, int width)
{
    if (!list->as_json) {
        buffer_printf(&list->out, "%-*s  %s\n", width, name, text);
        return;
    }
    buffer_add_text(&list->out, "{\"name\":");
    buffer_add_json_string(&list->out, slice_of(name));
    buffer_add_text(&list->out, ",\"description\":");
    buffer_add_json_string(&list->out, slice_of(text));
    buffer_add_text(&list->out, "}\n");
}

static int list_words(struct list *list, const char *(*at)(size_t), const struct described *items,
                      size_t nr)
{
    const char *name;

    for (size_t i = 0; (name = at(i)); i++)
        add_line(list, name, describe(items, nr, name), 18);
    return EXIT_OK;
}

static int list_verbs(struct list *list)
{
    return list_words(list, verb_at, verbs, ARRAY_NR(verbs));
}

static int list_operators(struct list *list)
{
    return list_words(list, operator_name, operators, ARRAY_NR(operators));
}

static int list_filters(struct list *list)
{
    return list_words(list, filter_name, filters, ARRAY_NR(filters));
}

static int list_codes(struct list *list)
{
    const struct code *code;

    for (size_t i = 0; (code = code_at(i)); i++)
        add_line(list, code->code, code->title, 4);
    return EXIT_OK;
}

/* ---- rules ---- */

static const char *state_text(const struct rule *rule)
{
    if (!rule->is_enabled)
        return "disabled";
    return rule->mode == RULE_SHADOW ? "shadow" : "live";
}

static unsigned verbs_of(const struct rule *rule)
{
    unsigned verbs_seen = 0;

    for (size_t i = 0; i < rule->actions_nr; i++)
        verbs_seen |= 1u << rule->actions[i].verb;
    return verbs_seen;
}

static void add_rule_json(struct list *list, const struct rule *rule)
{
    struct buffer *out = &list->out;
    const char *comma = "";

    buffer_add_text(out, "{\"name\":");
    buffer_add_json_string(out, rule->name);
    buffer_add_text(out, ",\"file\":");
    buffer_add_json_string(out, rule->file);
    buffer_printf(out, ",\"line\":%u,\"state\":\"%s\",\"cache\":", rule->line, state_text(rule));
    buffer_add_json_string(out, rule->cache->name);
    buffer_add_text(out, ",\"models\":[");
    for (size_t i = 0; i < rule->models_nr; i++) {
        buffer_add_text(out, i ? "," : "");
        buffer_add_json_string(out, rule->models[i]);
    }
    buffer_add_text(out, "],\"verbs\":[");
    for (unsigned verb = 0; verb < VERB_NR; verb++) {
        if (!(verbs_of(rule) & (1u << verb)))
            continue;
        buffer_printf(out, "%s\"%s\"", comma, verb_text((enum verb)verb));
        comma = ",";
    }
    buffer_add_text(out, "],\"description\":");
    buffer_add_json_string(out, slice_is_absent(rule->description) ? SLICE("") : rule->description);
    buffer_add_text(out, "}\n");
}

static void add_rule_text(struct list *list, const struct rule *rule, int width)
{
    struct buffer *out = &list->out;

    buffer_printf(out, "%-*.*s  %-8s ", width, SLICE_ARG(rule->name), state_text(rule));
    for (unsigned verb = 0; verb < VERB_NR; verb++) {
        if (verbs_of(rule) & (1u << verb))
            buffer_printf(out, " %s", verb_text((enum verb)verb));
    }
    buffer_add_text(out, " on");
    for (size_t i = 0; i < rule->models_nr; i++) {
        buffer_add_char(out, ' ');
        buffer_add_printable(out, rule->models[i]);
    }
    buffer_add_text(out, rule->models_nr ? "  " : " any model  ");
    buffer_add_printable(out, rule->file);
    buffer_printf(out, ":%u\n", rule->line);
}

static int list_rules(struct list *list)
{
    struct ruleset *set = rule_paths_load(&list->paths);
    int width = 0;

    if (!set)
        return EXIT_FINDINGS;
    for (size_t i = 0; i < set->rules_nr; i++)
        width = (int)set->rules[i].name.len > width ? (int)set->rules[i].name.len : width;
    for (size_t i = 0; i < set->rules_nr; i++) {
        if (list->as_json)
            add_rule_json(list, &set->rules[i]);
        else
            add_rule_text(list, &set->rules[i], width);
    }
    ruleset_free(set);
    return EXIT_OK;
}

static const struct {
    const char *name;
    int (*print)(struct list *list);
} kinds[] = {
    {"verbs", list_verbs}, {"operators", list_operators}, {"filters", list_filters},
    {"codes", list_codes}, {"rules", list_rules},
};

static int print(struct list *list)
{
    struct suggest suggest;

    if (!list->what)
        return cli_usage_error(&verb_list, "what: verbs, operators, filters, codes or rules?");
    suggest_init(&suggest, slice_of(list->what));
    for (size_t i = 0; i < ARRAY_NR(kinds); i++) {
        suggest_offer(&suggest, slice_of(kinds[i].name));
        if (strcmp(kinds[i].name, list->what) == 0)
            return kinds[i].print(list);
    }
    if (slice_is_absent(suggest.best))
        return cli_usage_error(&verb_list,
                               "there are verbs, operators, filters, codes and rules, not \"%s\"",
                               list->what);
    return cli_usage_error(&verb_list, "nothing called \"%s\", did you mean \"%.*s\"?", list->what,
                           SLICE_ARG(suggest.best));
}

static bool take(struct list *list, int option, const char *value)
{
    switch (option) {
    case OPTION_RULES:
        rule_paths_add(&list->paths, value);
        return true;
    case OPTION_CONFIG:
        list->paths.config = value;
        return true;
    case OPTION_FORMAT:
        return format_arg(&verb_list, value, &list->as_json);
    default:
        if (list->what)
            return cli_usage_error(&verb_list, "one list, not \"%s\" as well", value), false;
        list->what = value;
        return true;
    }
}

static int run(int argc, char **argv)
{
    struct list list = {.what = NULL};
    int code = EXIT_USAGE, option;
    struct cli_args args;
    enum cli_step step;
    const char *value;

    buffer_init(&list.out);
    cli_args_init(&args, &verb_list, argc, argv);
    while ((step = cli_next(&args, options, ARRAY_NR(options), &option, &value)) == CLI_ITEM) {
        if (!take(&list, option, value))
            break;
    }
    if (step == CLI_END)
        code = print(&list);
    fwrite(list.out.ptr, 1, list.out.len, stdout);
    buffer_release(&list.out);
    rule_paths_release(&list.paths);
    return code;
}

const struct cli_verb verb_list = {
    .name = "list",
    .summary = "the words of the rule language, its codes, or the rules",
    .usage =
        "usage: unstale list verbs|operators|filters|codes\n"
        "       unstale list rules [--rules PATH...]\n\n"
        "  --rules PATH        rule file or folder, repeatable (default: the settings' rules)\n"
        "  --config FILE       settings to take the rules from\n"
        "  --format text|json  for people (default), or one JSON object a line\n\n"
        "exit codes: 0 ok, 1 rules with errors, 2 usage\n",
    .run = run,
};
