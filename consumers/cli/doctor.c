#include "consumers/cli/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/cli/format_arg.h"
#include "consumers/cli/settings_args.h"
#include "consumers/rules/load.h"

enum extra { EXTRA_FORMAT, EXTRA_CREATE_TOPICS, EXTRA_PARTITIONS };

enum { PARTITIONS_MAX = 10000 };

static const struct settings_arg_extra extras[] = {
    [EXTRA_FORMAT] = {"--format", true},
    [EXTRA_CREATE_TOPICS] = {"--create-topics", false},
    [EXTRA_PARTITIONS] = {"--partitions", true},
    {NULL, false},
};

static const struct {
    const char *name, *sign, *colour;
} statuses[DOCTOR_STATUS_NR] = {
    [DOCTOR_GOOD] = {"ok", "✓", "\033[32m"},
    [DOCTOR_NOTE] = {"note", "!", "\033[33m"},
    [DOCTOR_WRONG] = {"wrong", "✗", "\033[31m"},
    [DOCTOR_UNREACHABLE] = {"unreachable", "✗", "\033[31m"},
};

static void print_json(enum doctor_status status, const char *subject, struct slice text)
{
    struct buffer out;

    buffer_init(&out);
    buffer_printf(&out, "{\"status\":\"%s\",\"subject\":\"%s\",\"message\":", statuses[status].name,
                  subject);
    buffer_add_json_string(&out, text);
    buffer_add_char(&out, '}');
    puts(out.ptr);
    buffer_release(&out);
}

static void print_text(const struct doctor *doctor, enum doctor_status status, const char *subject,
                       struct slice text)
{
    struct buffer out;

    buffer_init(&out);
    buffer_add_printable(&out, text);
    printf("%s%s%s %-6s %s\n", doctor->coloured ? statuses[status].colour : "",
           statuses[status].sign, doctor->coloured ? "\033[0m" : "", subject, out.ptr);
    buffer_release(&out);
}

void doctor_say(struct doctor *doctor, enum doctor_status status, const char *subject,
                const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buffer_clear(&doctor->line);
    buffer_vprintf(&doctor->line, format, args);
    va_end(args);
    doctor->counts[status]++;
    if (doctor->as_json)
        print_json(status, subject, buffer_slice(&doctor->line));
    else
        print_text(doctor, status, subject, buffer_slice(&doctor->line));
    fflush(stdout);
}

/* ---- rules ---- */

static bool bind_targets(struct doctor *doctor, struct ruleset *ruleset)
{
    const struct settings *settings = doctor->settings;
    struct error err = ERROR_INIT;
    struct slice *names = arena_zero(&doctor->arena, settings->targets_nr, sizeof(*names));

    for (size_t i = 0; i < settings->targets_nr; i++)
        names[i] = slice_of(settings->targets[i].name);
    if (ruleset_bind_targets(ruleset, names, settings->targets_nr, &err))
        return true;
    doctor_say(doctor, DOCTOR_WRONG, "rules", "%s", err.text);
    return false;
}

/* NULL when there is nothing to compare keys with. */
static struct ruleset *load_rules(struct doctor *doctor)
{
    const struct settings *settings = doctor->settings;
    struct diagnostics found;

    diagnostics_init(&found);
    struct ruleset *ruleset =
        load_paths((const char *const *)settings->rules, settings->rules_nr, &found);
    if (ruleset)
        doctor_say(doctor, found.warnings ? DOCTOR_NOTE : DOCTOR_GOOD, "rules",
                   "%zu rule%s in %zu file%s%s", found.rules_nr, found.rules_nr == 1 ? "" : "s",
                   found.files_nr, found.files_nr == 1 ? "" : "s",
                   found.warnings ? ", with warnings: unstale check shows them" : "");
    else
        doctor_say(doctor, DOCTOR_WRONG, "rules", "%u error%s: unstale check shows them",
                   found.errors, found.errors == 1 ? "" : "s");
    diagnostics_release(&found);
    if (ruleset && bind_targets(doctor, ruleset))
        return ruleset;
    ruleset_free(ruleset);
    return NULL;
}

/* ---- the verb ---- */

static int summarise(const struct doctor *doctor)
{
    const unsigned *counts = doctor->counts;
    unsigned wrong = counts[DOCTOR_WRONG] + counts[DOCTOR_UNREACHABLE];

    if (!doctor->as_json)
        printf("%u wrong, %u to note, %u fine\n", wrong, counts[DOCTOR_NOTE], counts[DOCTOR_GOOD]);
    if (counts[DOCTOR_UNREACHABLE] > 0)
        return EXIT_UNREACHABLE;
    return wrong > 0 ? EXIT_FINDINGS : EXIT_OK;
}

static int examine(struct doctor *doctor)
{
    arena_init(&doctor->arena, 64 << 10);
    buffer_init(&doctor->line);
    doctor_look_at_kafka(doctor);
    struct ruleset *ruleset = load_rules(doctor);
    doctor_look_at_redis(doctor, ruleset);
    ruleset_free(ruleset);
    arena_release(&doctor->arena);
    buffer_release(&doctor->line);
    return summarise(doctor);
}

static bool read_partitions(const struct settings_args *args, int *partitions)
{
    const char *text = args->extra_value[EXTRA_PARTITIONS];
    char *end;

    *partitions = -1;
    if (!text)
        return true;
    long number = strtol(text, &end, 10);
    *partitions = (int)number;
    if (*text && !*end && number >= 1 && number <= PARTITIONS_MAX)
        return true;
    cli_usage_error(&verb_doctor, "--partitions is a number from 1 to %d, not \"%s\"",
                    PARTITIONS_MAX, text);
    return false;
}

static int run(const struct settings_args *args)
{
    struct doctor doctor = {.creates_topics = args->extra_given[EXTRA_CREATE_TOPICS]};
    int code = EXIT_USAGE;

    if (args->plain_nr > 0)
        return cli_usage_error(&verb_doctor, "doctor takes no argument \"%s\"", args->plain[0]);
    if (!format_arg(&verb_doctor, args->extra_value[EXTRA_FORMAT], &doctor.as_json) ||
        !read_partitions(args, &doctor.partitions))
        return EXIT_USAGE;
    struct settings *settings = settings_args_load(args);
    if (settings) {
        settings_args_quiet(settings);
        doctor.settings = settings;
        doctor.coloured = cli_is_coloured(STDOUT_FILENO);
        code = examine(&doctor);
    }
    settings_free(settings);
    return code;
}

static int doctor_main(int argc, char **argv)
{
    struct settings_args args;

    if (!settings_args_parse(&args, &verb_doctor, extras, argc, argv))
        return EXIT_USAGE;
    int code = run(&args);
    settings_args_release(&args);
    return code;
}

const struct cli_verb verb_doctor = {
    .name = "doctor",
    .summary = "look at Kafka, Redis and the keys in it, and say what is wrong",
    .usage =
        "usage: unstale doctor [options]\n\n"
        "Looks, as `unstale run` with the same settings would, at the brokers, the topics, the\n"
        "group and how far it is behind, the rules, each Redis, and whether a sample of its\n"
        "keys looks like those that the rules name. Changes nothing but what is asked for.\n\n"
        "  --create-topics     make the topics and the dead-letter topic where missing\n"
        "  --partitions N      of the topics made (default: the broker's)\n"
        "  --format text|json  for people (default), or one JSON object a "
        "line\n" SETTINGS_ARGS_USAGE
        "\nexit codes: 0 nothing wrong, 1 something is, 2 usage, 4 Kafka or Redis unreachable\n",
    .run = doctor_main,
};
