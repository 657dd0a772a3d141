/* The command line of replay. */
#include "consumers/cli/replay.h"

#include <stdio.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/cli/format_arg.h"
#include "consumers/cli/rate_arg.h"
#include "consumers/cli/time_arg.h"

enum extra {
    EXTRA_FROM,
    EXTRA_TO,
    EXTRA_MODEL,
    EXTRA_AFTER,
    EXTRA_RATE,
    EXTRA_DRY_RUN,
    EXTRA_FORMAT
};

static const struct settings_arg_extra extras[] = {
    [EXTRA_FROM] = {"--from", true},     [EXTRA_TO] = {"--to", true},
    [EXTRA_MODEL] = {"--model", true},   [EXTRA_AFTER] = {"--after", true},
    [EXTRA_RATE] = {"--rate", true},     [EXTRA_DRY_RUN] = {"--dry-run", false},
    [EXTRA_FORMAT] = {"--format", true}, {NULL, false},
};

static bool complain_of_time(enum extra extra, const char *text)
{
    cli_usage_error(&verb_replay,
                    "%s is how long ago (2h, 15m ago), a time like 2026-11-25T02:06:31Z, or "
                    "milliseconds since 1970, not \"%s\"",
                    extras[extra].name, text);
    return false;
}

static bool read_times(struct replay_options *options, const struct settings_args *args)
{
    const char *from = args->extra_value[EXTRA_FROM], *to = args->extra_value[EXTRA_TO];
    int64_t now_ms = clock_wall_ms();

    options->to_ms = now_ms;
    if (!from) {
        cli_usage_error(&verb_replay, "from when on? --from 2h, say");
        return false;
    }
    if (!time_arg_parse(from, now_ms, &options->from_ms))
        return complain_of_time(EXTRA_FROM, from);
    if (to && !time_arg_parse(to, now_ms, &options->to_ms))
        return complain_of_time(EXTRA_TO, to);
    if (options->from_ms < options->to_ms)
        return true;
    cli_usage_error(&verb_replay, "--from must be before %s", to ? "--to" : "now");
    return false;
}

static bool read_number(const char *text, const char *stop, int64_t max, int64_t *number)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    *number = strtoll(text, &end, 10);
    return end == stop && *number <= max;
}

/* From the right: a topic may hold no colon, but that is Kafka's to say. */
static bool read_after(struct replay_place *after, const char *text)
{
    int64_t partition;

    if (!text)
        return true;
    const char *offset = strrchr(text, ':');
    const char *colon = offset ? memrchr(text, ':', (size_t)(offset - text)) : NULL;
    if (colon && colon > text && read_number(colon + 1, offset, INT32_MAX, &partition) &&
        read_number(offset + 1, text + strlen(text), INT64_MAX - 1, &after->offset)) {
        after->topic = (struct slice){text, (size_t)(colon - text)};
        after->partition = (int32_t)partition;
        return true;
    }
    cli_usage_error(&verb_replay, "--after is TOPIC:PARTITION:OFFSET, not \"%s\"", text);
    return false;
}

static void read_models(struct replay_options *options, const struct settings_args *args)
{
    options->models = alloc_zero(args->given_nr + 1, sizeof(*options->models));
    for (size_t i = 0; i < args->given_nr; i++)
        if (args->given[i].extra == EXTRA_MODEL)
            options->models[options->models_nr++] = slice_of(args->given[i].value);
}

static bool read_options(struct replay_options *options, const struct settings_args *args)
{
    if (args->plain_nr > 0) {
        cli_usage_error(&verb_replay, "\"%s\" is too much", args->plain[0]);
        return false;
    }
    options->is_dry = args->extra_given[EXTRA_DRY_RUN];
    return read_times(options, args) &&
           read_after(&options->after, args->extra_value[EXTRA_AFTER]) &&
           rate_arg(&verb_replay, args->extra_value[EXTRA_RATE], &options->rate) &&
           format_arg(&verb_replay, args->extra_value[EXTRA_FORMAT], &options->as_json);
}

static int run(struct replay_options *options, const struct settings_args *args)
{
    int code = EXIT_USAGE;

    if (!read_options(options, args))
        return EXIT_USAGE;
    read_models(options, args);
    struct settings *settings = settings_args_load(args);
    if (settings) {
        settings_args_quiet(settings);
        code = replay_run(settings, options);
    }
    settings_free(settings);
    free(options->models);
    return code;
}

static int replay_main(int argc, char **argv)
{
    struct settings_args args;
    struct replay_options options = {.argc = argc, .argv = argv};

    if (!settings_args_parse(&args, &verb_replay, extras, argc, argv))
        return EXIT_USAGE;
    int code = run(&options, &args);
    settings_args_release(&args);
    return code;
}

const struct cli_verb verb_replay = {
    .name = "replay",
    .summary = "sends the records of a time again, so that what was cached since is deleted",
    .usage =
        "usage: unstale replay --from TIME [--to TIME] [options]\n\n"
        "Sends the records of that time to their topics and partitions again, in order, marked "
        "with\n"
        "the header unstale.replayed. The running service then does what its rules say of them\n"
        "once more; refreshes run as guarded deletes, so that no old value is written.\n"
        "Every reader of the topics gets them, not only unstale. Records that were sent again\n"
        "before, and what holds no event, are left out.\n\n"
        "  --from TIME         2h, 15m ago, 2026-11-25T02:06:31Z, or milliseconds since 1970\n"
        "  --to TIME           the same; now if not given. Records of that time are not in it\n"
        "  --model MODEL       events of this model, or of children of it (again for more)\n"
        "  --topic NAME        of this topic alone (again for more); else those of the settings\n"
        "  --rate N            so many records a second\n"
        "  --dry-run           sends nothing and prints what would be\n"
        "  --after PLACE       goes on behind TOPIC:PARTITION:OFFSET; what was cancelled names it\n"
        "  --format text|json  for people (default), or one JSON object a partition and model\n\n"
        "  --config FILE       settings: brokers, topics, and rules for the models of tables\n"
        "  --brokers H:P,...   Kafka bootstrap brokers\n"
        "  --kafka NAME=VALUE  a librdkafka setting (again for more)\n\n"
        "Ctrl-C finishes what is under way, says where it stopped, and prints the command that "
        "goes\n"
        "on from there. A second run of the same does no harm.\n\n"
        "exit codes: 0 fine, 1 cancelled, or some could not be sent, 2 usage, 4 Kafka "
        "unreachable\n",
    .run = replay_main,
};
