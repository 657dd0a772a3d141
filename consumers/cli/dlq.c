#include "consumers/cli/dlq.h"

#include <stdio.h>
#include <stdlib.h>

static int (*const actions[DLQ_ACTIONS])(struct dlq *dlq) = {
    [DLQ_LS] = dlq_list,   [DLQ_SHOW] = dlq_show,     [DLQ_RETRY] = dlq_retry,
    [DLQ_DROP] = dlq_drop, [DLQ_EXPORT] = dlq_export,
};

static int act(const struct settings *settings, const struct dlq_options *options)
{
    struct dlq dlq;
    int code;

    settings_args_quiet(settings);
    if (!dlq_open(&dlq, settings, options, &code))
        return code;
    code = actions[options->action](&dlq);
    dlq_close(&dlq);
    return code;
}

static int run(const struct settings_args *args)
{
    struct dlq_options options;
    int code = EXIT_USAGE;

    if (!dlq_options_read(&options, args))
        return EXIT_USAGE;
    struct settings *settings = settings_args_load(args);
    if (settings)
        code = act(settings, &options);
    settings_free(settings);
    free(options.places);
    return code;
}

static int dlq_main(int argc, char **argv)
{
    struct settings_args args;

    if (!settings_args_parse(&args, &verb_dlq, dlq_extras, argc, argv))
        return EXIT_USAGE;
    int code = run(&args);
    settings_args_release(&args);
    return code;
}

const struct cli_verb verb_dlq = {
    .name = "dlq",
    .summary = "dead letters: list, show, export them, send them again or drop them",
    .usage =
        "usage: unstale dlq ls|export|retry|drop [options] [PARTITION:OFFSET...]\n"
        "       unstale dlq show [--format json] PARTITION:OFFSET\n\n"
        "  ls       the letters that nobody has dealt with yet\n"
        "  show     one of them, whole\n"
        "  export   JSON Lines on standard output, which explain and emit read\n"
        "  retry    sends the records again to where they came from, and marks the letters done\n"
        "           once Kafka has confirmed that; refreshes of theirs run as guarded deletes\n"
        "  drop     marks letters done, and nothing else\n\n"
        "Letters are chosen by place, or by what is said of them (all of it must hold):\n"
        "  --rule NAME         rule that could not be applied\n"
        "  --reason REASON     missing_field, bad_event, redis_error, ...\n"
        "  --model MODEL       model of the event\n"
        "  --topic NAME        topic that the record came from\n"
        "  --since, --until T  time of the record: 15m ago, or 2026-11-25T02:06:31Z\n"
        "  --limit N           no more than so many\n"
        "  --all               retry, drop: all that are not done (retry: when nothing is chosen)\n"
        "  --done              ls, export: done ones too\n"
        "  --summary           ls: only how many there are, by reason and rule\n"
        "  --rate N            retry, drop: so many a second\n"
        "  --dry-run           retry, drop: print what would be done\n"
        "  --quiet             retry, drop: only the summary\n"
        "  --format text|json  ls, show: for people (default), or one JSON object a line\n\n"
        "  --config FILE       settings: brokers, kafka.dead_letter_topic\n"
        "  --brokers H:P,...   Kafka bootstrap brokers\n"
        "  --kafka NAME=VALUE  a librdkafka setting (again for more)\n\n"
        "Ctrl-C finishes what is under way; the other letters stay. Killed or cancelled, the same\n"
        "command goes on where it stopped.\n\n"
        "exit codes: 0 fine, 1 no such letter, cancelled, or some could not be sent, 2 usage,\n"
        "4 Kafka unreachable\n",
    .run = dlq_main,
};
