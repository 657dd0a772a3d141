#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/cli/check_events.h"
#include "consumers/cli/verb.h"
#include "consumers/plan/test_run.h"
#include "consumers/rules/load.h"
#include "consumers/service/settings.h"

enum option { OPTION_FORMAT, OPTION_STRICT, OPTION_RULES, OPTION_CONFIG, OPTION_EVENTS };

static const struct cli_option options[] = {
    [OPTION_FORMAT] = {"--format", NULL, true}, [OPTION_STRICT] = {"--strict", NULL, false},
    [OPTION_RULES] = {"--rules", NULL, true},   [OPTION_CONFIG] = {"--config", NULL, true},
    [OPTION_EVENTS] = {"--events", NULL, true},
};

enum form { FORM_TEXT, FORM_JSON, FORM_SARIF, FORM_GITHUB };

struct check {
    const char **paths;
    size_t paths_nr, paths_capacity;
    const char *config, *events;
    enum form form;
    bool is_strict;
};

static void add_path(struct check *check, const char *path)
{
    check->paths =
        alloc_grow(check->paths, check->paths_nr, &check->paths_capacity, sizeof(*check->paths));
    check->paths[check->paths_nr++] = path;
}

static bool take_format(struct check *check, const char *format)
{
    static const char *const forms[] = {"text", "json", "sarif", "github"};

    for (size_t i = 0; i < ARRAY_NR(forms); i++) {
        if (strcmp(forms[i], format) != 0)
            continue;
        check->form = (enum form)i;
        return true;
    }
    cli_usage_error(&verb_check, "--format is text, json, sarif or github, not \"%s\"", format);
    return false;
}

static bool read_arguments(struct check *check, int argc, char **argv)
{
    struct cli_args args;
    enum cli_step step;
    const char *value;
    int option;

    cli_args_init(&args, &verb_check, argc, argv);
    while ((step = cli_next(&args, options, ARRAY_NR(options), &option, &value)) == CLI_ITEM) {
        if (option == OPTION_FORMAT && !take_format(check, value))
            return false;
        if (option == OPTION_STRICT)
            check->is_strict = true;
        if (option == OPTION_CONFIG)
            check->config = value;
        if (option == OPTION_EVENTS)
            check->events = value;
        if (option < 0 || option == OPTION_RULES)
            add_path(check, value);
    }
    return step == CLI_END;
}

static const char *plural(size_t nr)
{
    return nr == 1 ? "" : "s";
}

/* coverage NULL: there was no sample, or no rules to hold it against. */
static void print_text(const struct diagnostics *found, const struct coverage *coverage,
                       struct buffer *out)
{
    diagnostics_print_text(found, cli_is_coloured(STDOUT_FILENO), out);
    buffer_printf(out, "%u error%s, %u warning%s in %zu file%s (%zu rule%s)\n", found->errors,
                  plural(found->errors), found->warnings, plural(found->warnings), found->files_nr,
                  plural(found->files_nr), found->rules_nr, plural(found->rules_nr));
    if (coverage)
        check_events_print_text(coverage, out);
}

static void print_json(const struct diagnostics *found, const struct coverage *coverage,
                       struct buffer *out)
{
    buffer_printf(out,
                  "{\"errors\":%u,\"warnings\":%u,\"files\":%zu,\"rules\":%zu,\"diagnostics\":",
                  found->errors, found->warnings, found->files_nr, found->rules_nr);
    diagnostics_print_json(found, out);
    if (coverage) {
        buffer_add_text(out, ",\"coverage\":");
        check_events_print_json(coverage, out);
    }
    buffer_add_text(out, "}\n");
}

static void print(const struct check *check, const struct diagnostics *found,
                  const struct coverage *coverage)
{
    struct buffer out;

    buffer_init(&out);
    switch (check->form) {
    case FORM_TEXT:
        print_text(found, coverage, &out);
        break;
    case FORM_JSON:
        print_json(found, coverage, &out);
        break;
    case FORM_SARIF:
        diagnostics_print_sarif(found, UNSTALE_VERSION, &out);
        break;
    case FORM_GITHUB:
        diagnostics_print_github(found, &out);
        break;
    }
    fwrite(out.ptr, 1, out.len, stdout);
    buffer_release(&out);
}

static int verdict(const struct check *check, const struct diagnostics *found)
{
    if (found->errors > 0)
        return EXIT_FINDINGS;
    return found->warnings > 0 && check->is_strict ? EXIT_WARNINGS : EXIT_OK;
}

static int check_sample(const struct check *check, const struct rule_files *files,
                        const struct ruleset *set, struct diagnostics *found)
{
    struct coverage coverage;
    int code = EXIT_USAGE;

    coverage_init(&coverage, set);
    if (check_events_read(&coverage, check->events)) {
        coverage_finish(&coverage, files->items, files->nr, found);
        print(check, found, &coverage);
        code = verdict(check, found);
    }
    coverage_release(&coverage);
    return code;
}

static int check_paths(const struct check *check, const char *const *paths, size_t nr)
{
    struct diagnostics found;
    struct rule_files files;
    struct ruleset *set;
    int code;

    diagnostics_init(&found);
    load_files(paths, nr, &files, &found);
    set = load_sources(files.items, files.nr, &found);
    if (set)
        (void)test_run_own(set, &found); /* what it returns, the diagnostics say */
    if (set && check->events) {
        code = check_sample(check, &files, set, &found);
    } else {
        print(check, &found, NULL);
        code = verdict(check, &found);
    }
    ruleset_free(set);
    load_files_release(&files);
    diagnostics_release(&found);
    return code;
}

/* Without a path: what `run` would load. */
static int check_settings(const struct check *check)
{
    struct settings *settings;
    struct buffer errors;
    int code = EXIT_USAGE;

    buffer_init(&errors);
    settings = settings_load(check->config, NULL, 0, environ, &errors);
    if (settings)
        code = check_paths(check, (const char *const *)settings->rules, settings->rules_nr);
    else
        fputs(errors.ptr, stderr);
    settings_free(settings);
    buffer_release(&errors);
    return code;
}

static int run(int argc, char **argv)
{
    struct check check = {.paths = NULL};
    int code = EXIT_USAGE;

    if (read_arguments(&check, argc, argv))
        code = check.paths_nr > 0 ? check_paths(&check, check.paths, check.paths_nr)
                                  : check_settings(&check);
    free(check.paths);
    return code;
}

const struct cli_verb verb_check = {
    .name = "check",
    .summary = "say everything that is wrong with rule files",
    .usage =
        "usage: unstale check [options] [PATH...]\n\n"
        "Reads rule files, and from folders every *.json and *.jsonc in name order, as run\n"
        "does, and tells every error and warning with file, line and column. Rules without an\n"
        "error are put through the tests in their files. Without a PATH: the rules of the\n"
        "settings. \"-\" is standard input.\n\n"
        "  --format FORM   text for people (default), json (one object), sarif (2.1.0), or\n"
        "                  github (annotations in a workflow's log)\n"
        "  --events FILE   a sample of events: which models and fields no rule names, which\n"
        "                  rules none matched, and names in \"changed\" that none carries\n"
        "  --strict        exit 3 when there are warnings and no errors\n"
        "  --rules PATH    as PATH\n"
        "  --config FILE   the settings to take the rules from\n\n"
        "exit codes: 0 no error, 1 errors, 2 usage, 3 warnings only (--strict)\n",
    .run = run,
};
