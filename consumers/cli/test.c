#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/cli/format_arg.h"
#include "consumers/cli/rule_paths.h"
#include "consumers/cli/test_suite.h"
#include "consumers/cli/verb.h"

enum option {
    OPTION_RUN,
    OPTION_COVERAGE,
    OPTION_THRESHOLD,
    OPTION_UPDATE,
    OPTION_JUNIT,
    OPTION_FORMAT,
    OPTION_CONFIG
};

static const struct cli_option options[] = {
    [OPTION_RUN] = {"--run", NULL, true},
    [OPTION_COVERAGE] = {"--coverage", NULL, false},
    [OPTION_THRESHOLD] = {"--threshold", NULL, true},
    [OPTION_UPDATE] = {"--update", NULL, false},
    [OPTION_JUNIT] = {"--junit", NULL, true},
    [OPTION_FORMAT] = {"--format", NULL, true},
    [OPTION_CONFIG] = {"--config", NULL, true},
};

struct arguments {
    const char **paths;
    size_t paths_nr, paths_capacity;
    const char *config, *junit;
    regex_t wanted;
    bool has_wanted, with_coverage, is_update, is_json;
    long threshold; /* per cent; 0: none */
};

static bool take_pattern(struct arguments *arguments, const char *text)
{
    char why[128];
    int code;

    if (arguments->has_wanted)
        regfree(&arguments->wanted);
    code = regcomp(&arguments->wanted, text, REG_EXTENDED | REG_NOSUB);
    arguments->has_wanted = code == 0;
    if (code == 0)
        return true;
    regerror(code, &arguments->wanted, why, sizeof(why));
    cli_usage_error(&verb_test, "--run \"%s\": %s", text, why);
    return false;
}

static bool take_threshold(struct arguments *arguments, const char *text)
{
    char *end;

    errno = 0;
    arguments->threshold = strtol(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && arguments->threshold >= 0 &&
        arguments->threshold <= 100)
        return true;
    cli_usage_error(&verb_test, "--threshold is a percentage from 0 to 100, not \"%s\"", text);
    return false;
}

static void add_path(struct arguments *arguments, const char *path)
{
    arguments->paths = alloc_grow(arguments->paths, arguments->paths_nr, &arguments->paths_capacity,
                                  sizeof(*arguments->paths));
    arguments->paths[arguments->paths_nr++] = path;
}

static bool take_option(struct arguments *arguments, int option, const char *value)
{
    switch (option) {
    case OPTION_RUN:
        return take_pattern(arguments, value);
    case OPTION_THRESHOLD:
        return take_threshold(arguments, value);
    case OPTION_FORMAT:
        return format_arg(&verb_test, value, &arguments->is_json);
    case OPTION_COVERAGE:
        arguments->with_coverage = true;
        return true;
    case OPTION_UPDATE:
        arguments->is_update = true;
        return true;
    case OPTION_JUNIT:
        arguments->junit = value;
        return true;
    case OPTION_CONFIG:
        arguments->config = value;
        return true;
    default:
        add_path(arguments, value);
        return true;
    }
}

static bool read_arguments(struct arguments *arguments, int argc, char **argv)
{
    struct cli_args args;
    enum cli_step step;
    const char *value;
    int option;

    cli_args_init(&args, &verb_test, argc, argv);
    while ((step = cli_next(&args, options, ARRAY_NR(options), &option, &value)) == CLI_ITEM) {
        if (!take_option(arguments, option, value))
            return false;
    }
    return step == CLI_END;
}

/* Without a path: the rules that `run` would load, as one set. */
static bool add_settings(struct test_suite *suite, const char *config)
{
    struct rule_paths paths = {.config = config};
    bool ok = rule_paths_settle(&paths);

    if (ok)
        test_suite_add_rules(suite, paths.items, paths.nr);
    rule_paths_release(&paths);
    return ok;
}

static bool write_junit(const struct test_suite *suite, const char *path)
{
    struct buffer text;
    FILE *file = fopen(path, "we");
    bool ok = file != NULL;

    buffer_init(&text);
    test_print_junit(suite, &text);
    if (file) {
        ok = fwrite(text.ptr, 1, text.len, file) == text.len;
        ok = fclose(file) == 0 && ok;
    }
    if (!ok)
        fprintf(stderr, "unstale: %s: %s\n", path, strerror(errno));
    buffer_release(&text);
    return ok;
}

static bool is_covered(struct test_suite *suite, long threshold)
{
    size_t nr, hit;

    (void)test_suite_cover(suite, &nr, &hit);
    if (hit * 100 >= nr * (size_t)threshold)
        return true;
    fprintf(stderr, "unstale: %zu of %zu rules covered is less than %ld %%\n", hit, nr, threshold);
    return false;
}

static int finish(struct test_suite *suite, const struct arguments *arguments)
{
    bool ok = suite->errors == 0 && suite->failed == 0 && suite->results_nr > 0;
    struct buffer text;

    buffer_init(&text);
    test_print_summary(suite, arguments->with_coverage, &text);
    fwrite(text.ptr, 1, text.len, stdout);
    buffer_release(&text);
    fflush(stdout);
    if (suite->results_nr == 0 && suite->errors == 0)
        fputs("unstale: there is no test\n", stderr);
    ok = is_covered(suite, arguments->threshold) && ok;
    if (arguments->is_update)
        test_update(suite);
    if (arguments->junit)
        ok = write_junit(suite, arguments->junit) && ok;
    return ok ? EXIT_OK : EXIT_FINDINGS;
}

static int run_tests(const struct arguments *arguments)
{
    struct test_suite suite;
    int code = EXIT_USAGE;
    bool ok = true;

    test_suite_init(&suite);
    suite.wanted = arguments->has_wanted ? &arguments->wanted : NULL;
    suite.is_json = arguments->is_json;
    suite.is_coloured = cli_is_coloured(STDOUT_FILENO);
    if (arguments->paths_nr == 0)
        ok = add_settings(&suite, arguments->config);
    for (size_t i = 0; i < arguments->paths_nr; i++) {
        if (test_file_is_name(slice_of(arguments->paths[i])))
            test_suite_add_file(&suite, arguments->paths[i], NULL, 0);
        else
            test_suite_add_rules(&suite, &arguments->paths[i], 1);
    }
    if (ok)
        code = finish(&suite, arguments);
    test_suite_release(&suite);
    return code;
}

static int run(int argc, char **argv)
{
    struct arguments arguments = {.paths = NULL};
    int code = EXIT_USAGE;

    if (read_arguments(&arguments, argc, argv))
        code = run_tests(&arguments);
    if (arguments.has_wanted)
        regfree(&arguments.wanted);
    free(arguments.paths);
    return code;
}

const struct cli_verb verb_test = {
    .name = "test",
    .summary = "run the tests of rules: what events must send, delete and keep",
    .usage =
        "usage: unstale test [options] [PATH...]\n\n"
        "PATH is a file of tests (*_test.json), a rule file or a folder: then the tests in\n"
        "rule files run, and those of the *_test.json in the folder or beside the file.\n"
        "Without a PATH: the rules of the settings. Nothing is sent anywhere.\n\n"
        "  --run RE             only tests whose name matches this extended regular expression\n"
        "  --coverage           say of each rule whether a test made it match\n"
        "  --threshold N        exit 1 if less than N per cent of the rules are covered\n"
        "  --update             write what was sent into \"includes\" and \"exactly\" where it\n"
        "                       differs; look at the change before you keep it\n"
        "  --junit FILE         write a JUnit report as well\n"
        "  --format text|json   for people (default), or one JSON object a test and a last one\n"
        "  --config FILE        the settings to take the rules from\n\n"
        "exit codes: 0 all passed, 1 a test failed or a file is wrong, 2 usage\n",
    .run = run,
};
