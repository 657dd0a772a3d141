#include "consumers/cli/explain.h"

#include <stdio.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/cli/event_file.h"
#include "consumers/cli/rule_paths.h"
#include "consumers/cli/settings_args.h"
#include "consumers/cli/verb.h"
#include "consumers/plan/render.h"
#include "consumers/rules/load.h"
#include "consumers/service/settings.h"

enum { ARENA_CHUNK_BYTES = 1 << 20, MAX_PATHS = 64, MAX_HEADERS = 64 };

struct options {
    const char *paths[MAX_PATHS];
    size_t paths_nr;
    const char *config;
    const char *input;
    bool as_json, all;
    bool asks_redis;
    const char *redis_url; /* NULL: that of the settings */
    struct record defaults;
    struct record_header headers[MAX_HEADERS];
};

struct explainer {
    const struct options *options;
    const struct ruleset *ruleset;
    size_t enabled_nr;       /* of the ruleset's rules */
    struct redis_look *look; /* NULL: Redis is not asked */
    struct arena arena;      /* of one event */
    struct plan plan;        /* of the live rules */
    struct plan scratch;     /* of one rule */
    struct buffer out;
};

bool explain_is_cause(const struct explained_rule *rule, const struct finding *finding)
{
    if (!finding->in_unless)
        return finding->verdict == VERDICT_NO;
    for (size_t i = 0; i < rule->findings.nr; i++) {
        const struct finding *other = &rule->findings.items[i];

        if (other->in_unless && other->verdict != VERDICT_YES)
            return false;
    }
    return true;
}

bool explain_is_set_aside(const struct explanation *explanation)
{
    return explanation->result == DECODE_BAD || explanation->result == DECODE_TOO_LARGE ||
           (explanation->plan && explanation->plan->failures_nr > 0);
}

static const struct op *copy_ops(struct explainer *x, size_t *nr)
{
    size_t bytes = x->scratch.ops_nr * sizeof(struct op);
    struct op *copy = arena_alloc(&x->arena, bytes + 1);

    if (bytes)
        memcpy(copy, x->scratch.ops, bytes);
    *nr = x->scratch.ops_nr;
    return copy;
}

static const struct op *render_alone(struct explainer *x, const struct rule *rule,
                                     struct event *event, size_t *nr)
{
    struct render_context context = {
        .ruleset = x->ruleset, .plan = &x->scratch, .arena = &x->arena};

    plan_clear(&x->scratch, &x->arena);
    return render_rule(&context, rule, event, 0) ? copy_ops(x, nr) : NULL;
}

/* The event as it would be without its old row. */
static struct event *without_before(struct explainer *x, const struct event *event)
{
    struct event *copy = arena_alloc(&x->arena, sizeof(*copy));
    bool has_before = false;

    *copy = *event;
    copy->rows = arena_alloc(&x->arena, event->rows_nr * sizeof(*copy->rows));
    for (size_t i = 0; i < event->rows_nr; i++) {
        copy->rows[i] = event->rows[i];
        copy->rows[i].before = NULL;
        has_before |= event->rows[i].before != NULL;
    }
    return has_before && event->op == EVENT_UPDATE ? copy : NULL;
}

static void explain_rule(struct explainer *x, const struct rule *rule, struct event *event,
                         struct explained_rule *out)
{
    struct event *new_row;

    *out = (struct explained_rule){.rule = rule};
    for (size_t i = 0; i < event->rows_nr && !out->matched; i++) {
        struct findings found = {.nr = 0};

        out->matched =
            match_explain(rule, event, &event->rows[i], &x->arena, &found) && rule->is_enabled;
        if (i == 0 || out->matched)
            out->findings = found;
    }
    if (!out->matched)
        return;
    out->ops = render_alone(x, rule, event, &out->ops_nr);
    new_row = without_before(x, event);
    if (new_row)
        out->new_row_ops = render_alone(x, rule, new_row, &out->new_row_nr);
}

/* With --all every rule, else the enabled ones of the event's model: no more of them are looked at. */
static void explain_event(struct explainer *x, struct explanation *e)
{
    struct render_context context = {.ruleset = x->ruleset, .plan = &x->plan, .arena = &x->arena};
    const struct ruleset *set = x->ruleset;
    struct rule_list concerned = ruleset_concerned(set, e->event, &x->arena);

    render_event(&context, e->event, 0);
    plan_coalesce(&x->plan);
    e->others_nr = x->enabled_nr - concerned.nr;
    e->rules_nr = x->options->all ? set->rules_nr : concerned.nr;
    e->rules = arena_alloc(&x->arena, (e->rules_nr + 1) * sizeof(*e->rules));
    for (size_t i = 0; i < e->rules_nr; i++)
        explain_rule(x, x->options->all ? &set->rules[i] : concerned.rules[i], e->event,
                     &e->rules[i]);
}

static size_t count_enabled(const struct ruleset *set)
{
    size_t nr = 0;

    for (size_t i = 0; i < set->rules_nr; i++)
        nr += set->rules[i].is_enabled;
    return nr;
}

static int redis_failed(const struct error *err)
{
    fprintf(stderr, "unstale: %s\n", err->text);
    return err->kind == ERROR_RETRY ? EXIT_UNREACHABLE : EXIT_FINDINGS;
}

/* False: a target gave no answer. */
static bool look_at_redis(struct explainer *x, struct explanation *e, struct error *err)
{
    if (x->look == NULL || e->event == NULL)
        return true;
    redis_look_begin(x->look, &x->arena);
    e->found = redis_look_at(x->look, x->plan.ops, x->plan.ops_nr, err);
    for (size_t i = 0; e->found && i < e->rules_nr; i++) {
        struct explained_rule *rule = &e->rules[i];

        rule->found = redis_look_at(x->look, rule->ops, rule->ops_nr, err);
        if (rule->found == NULL)
            return false;
    }
    return e->found != NULL;
}

static int explain_item(struct explainer *x, const struct event_item *item)
{
    struct error err = ERROR_INIT;
    struct explanation e = {.line = item->line, .column = item->column, .plan = &x->plan};
    struct event event = {.rows_nr = 0};
    struct decode_options decode = {.tables = x->ruleset->tables};

    plan_clear(&x->plan, &x->arena);
    e.result = decode_record(&item->record, &decode, &x->arena, &event, &e.skipped, &err);
    e.error = err.text;
    if (e.result == DECODE_EVENT) {
        e.event = &event;
        explain_event(x, &e);
    }
    if (!look_at_redis(x, &e, &err))
        return redis_failed(&err);
    buffer_clear(&x->out);
    if (x->options->as_json)
        explain_print_json(&e, &x->arena, &x->out);
    else
        explain_print_text(&e, cli_is_coloured(STDOUT_FILENO), &x->arena, &x->out);
    fwrite(x->out.ptr, 1, x->out.len, stdout);
    return explain_is_set_aside(&e) ? EXIT_FINDINGS : EXIT_OK;
}

static int explain_file(struct explainer *x, struct event_file *file)
{
    int code = EXIT_OK, of_item;
    struct event_item item;

    for (;;) {
        struct error err = ERROR_INIT;

        arena_reset(&x->arena, 0);
        switch (event_file_next(file, &x->arena, &item, &err)) {
        case EVENT_FILE_ITEM:
            of_item = explain_item(x, &item);
            if (of_item == EXIT_UNREACHABLE)
                return of_item;
            code = of_item == EXIT_OK ? code : of_item;
            break;
        case EVENT_FILE_BAD:
            fprintf(stderr, "unstale: %s: %s\n", x->options->input, err.text);
            code = EXIT_FINDINGS;
            break;
        case EVENT_FILE_END:
            return code;
        }
    }
}

static int explain_with(const struct options *options, const struct ruleset *ruleset,
                        struct redis_look *look)
{
    struct explainer x = {
        .options = options, .ruleset = ruleset, .enabled_nr = count_enabled(ruleset), .look = look};
    struct event_file file;
    struct error err = ERROR_INIT;
    int code = EXIT_USAGE;

    arena_init(&x.arena, ARENA_CHUNK_BYTES);
    plan_init(&x.plan);
    plan_init(&x.scratch);
    buffer_init(&x.out);
    if (event_file_open(&file, options->input, &err)) {
        file.defaults = options->defaults;
        code = explain_file(&x, &file);
    } else {
        fprintf(stderr, "unstale: %s\n", err.text);
    }
    event_file_release(&file);
    buffer_release(&x.out);
    plan_release(&x.scratch);
    plan_release(&x.plan);
    arena_release(&x.arena);
    return code;
}

static int explain_ruleset(const struct options *options, const struct settings *settings,
                           struct ruleset *ruleset)
{
    struct redis_look *look = NULL;
    struct error err = ERROR_INIT;
    int code;

    if (options->asks_redis) {
        settings_args_quiet(settings);
        look = redis_look_open(settings, ruleset, &err);
        if (look == NULL)
            return redis_failed(&err);
    }
    code = explain_with(options, ruleset, look);
    redis_look_close(look);
    return code;
}

/* settings NULL: none are needed. */
static int explain_paths(const struct options *options, const struct settings *settings,
                         const char *const *paths, size_t nr)
{
    struct diagnostics found;
    struct ruleset *ruleset;
    int code = EXIT_FINDINGS;

    diagnostics_init(&found);
    ruleset = load_paths(paths, nr, &found);
    if (ruleset)
        code = explain_ruleset(options, settings, ruleset);
    else
        rule_paths_complain(&found);
    ruleset_free(ruleset);
    diagnostics_release(&found);
    return code;
}

/* What was not told: rules and targets as `run` would take them. */
static int explain_settings(const struct options *options)
{
    struct settings_flag flag = {"--redis", options->redis_url};
    struct buffer errors;
    struct settings *settings;
    int code = EXIT_USAGE;

    buffer_init(&errors);
    settings = settings_load(options->config, &flag, options->redis_url != NULL, environ, &errors);
    if (settings == NULL)
        fwrite(errors.ptr, 1, errors.len, stderr);
    else if (options->paths_nr > 0)
        code = explain_paths(options, settings, options->paths, options->paths_nr);
    else
        code = explain_paths(options, settings, (const char *const *)settings->rules,
                             settings->rules_nr);
    settings_free(settings);
    buffer_release(&errors);
    return code;
}

enum {
    OPTION_RULES,
    OPTION_FORMAT,
    OPTION_ALL,
    OPTION_KEY,
    OPTION_HEADER,
    OPTION_TOPIC,
    OPTION_CONFIG,
    OPTION_REDIS
};

static const struct cli_option cli_options[] = {
    [OPTION_RULES] = {"--rules", NULL, true},
    [OPTION_FORMAT] = {"--format", NULL, true},
    [OPTION_ALL] = {"--all", NULL, false},
    [OPTION_KEY] = {"--key", NULL, true},
    [OPTION_HEADER] = {"--header", NULL, true},
    [OPTION_TOPIC] = {"--topic", NULL, true},
    [OPTION_CONFIG] = {"--config", NULL, true},
    [OPTION_REDIS] = {"--redis", NULL, CLI_VALUE_IF_URL},
};

static bool take_header(struct options *options, const char *value)
{
    const char *equals = strchr(value, '=');
    struct record *record = &options->defaults;

    if (equals == NULL || equals == value)
        return cli_usage_error(&verb_explain, "--header takes NAME=VALUE, not \"%s\"", value),
               false;
    if (record->headers_nr == MAX_HEADERS)
        return cli_usage_error(&verb_explain, "more than %d headers", MAX_HEADERS), false;
    options->headers[record->headers_nr++] =
        (struct record_header){{value, (size_t)(equals - value)}, slice_of(equals + 1)};
    record->headers = options->headers;
    return true;
}

static bool take_format(struct options *options, const char *value)
{
    options->as_json = strcmp(value, "json") == 0;
    if (options->as_json || strcmp(value, "text") == 0)
        return true;
    cli_usage_error(&verb_explain, "--format is text or json, not \"%s\"", value);
    return false;
}

static bool take_path(struct options *options, const char *value)
{
    if (options->paths_nr == MAX_PATHS) {
        cli_usage_error(&verb_explain, "more than %d --rules", MAX_PATHS);
        return false;
    }
    options->paths[options->paths_nr++] = value;
    return true;
}

static bool take_input(struct options *options, const char *value)
{
    if (options->input) {
        cli_usage_error(&verb_explain, "one file of events, not \"%s\" as well", value);
        return false;
    }
    options->input = value;
    return true;
}

static bool take_option(struct options *options, int option, const char *value)
{
    switch (option) {
    case OPTION_RULES:
        return take_path(options, value);
    case OPTION_FORMAT:
        return take_format(options, value);
    case OPTION_HEADER:
        return take_header(options, value);
    case OPTION_ALL:
        options->all = true;
        return true;
    case OPTION_KEY:
        options->defaults.key = slice_of(value);
        return true;
    case OPTION_TOPIC:
        options->defaults.topic = slice_of(value);
        return true;
    case OPTION_CONFIG:
        options->config = value;
        return true;
    case OPTION_REDIS:
        options->asks_redis = true;
        options->redis_url = value;
        return true;
    default:
        return take_input(options, value);
    }
}

static int run(int argc, char **argv)
{
    struct options options = {.defaults = {.timestamp_ms = -1}};
    struct cli_args args;
    enum cli_step step;
    const char *value;
    int option;

    cli_args_init(&args, &verb_explain, argc, argv);
    while ((step = cli_next(&args, cli_options, ARRAY_NR(cli_options), &option, &value)) ==
           CLI_ITEM) {
        if (!take_option(&options, option, value))
            return EXIT_USAGE;
    }
    if (step == CLI_BAD)
        return EXIT_USAGE;
    if (options.input == NULL)
        options.input = "-";
    if (options.paths_nr > 0 && !options.asks_redis)
        return explain_paths(&options, NULL, options.paths, options.paths_nr);
    return explain_settings(&options);
}

const struct cli_verb verb_explain = {
    .name = "explain",
    .summary = "what events come to: every rule, why or why not, and the exact operations",
    .usage =
        "usage: unstale explain [options] [FILE|-]\n\n"
        "FILE holds events: JSON Lines, or one JSON array; - (the default) is standard input.\n"
        "Nothing is changed anywhere.\n\n"
        "  --rules PATH         rule file or folder, repeatable (default: the settings' rules)\n"
        "  --redis [URL]        say which keys are there now, and how many a pattern takes of a\n"
        "                       sample; hit counts and idle times stay as they are. Without URL,\n"
        "                       or for other targets than \"default\": those of the settings\n"
        "  --config FILE        settings to take rules and targets from\n"
        "  --format text|json   for people (default), or one JSON object an event\n"
        "  --all                rules of other models and disabled ones too\n"
        "  --key TEXT           the records' key\n"
        "  --header NAME=VALUE  a header of the records, repeatable\n"
        "  --topic TOPIC        the records' topic\n"
        "\nAn object {\"record\":true,\"key\":...,\"headers\":{...},\"value\":...} in FILE is a "
        "record\n"
        "with a key and headers of its own.\n"
        "\nexit codes: 0 fine, 1 an event would be set aside or the rules have errors, 2 usage,\n"
        "4 Redis unreachable\n",
    .run = run,
};
