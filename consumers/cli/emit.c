#include "consumers/cli/emit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/cli/settings_args.h"
#include "consumers/service/embedded_note.h"

enum { REPORTED_MAX = 20 };

enum option {
    OPTION_CONFIG,
    OPTION_BROKERS,
    OPTION_TOPIC,
    OPTION_KAFKA,
    OPTION_EMBEDDED,
    OPTION_KEY,
    OPTION_HEADER,
    OPTION_SKIP_INVALID
};

static const struct cli_option options[] = {
    [OPTION_CONFIG] = {"--config", NULL, true},
    [OPTION_BROKERS] = {"--brokers", NULL, true},
    [OPTION_TOPIC] = {"--topic", NULL, true},
    [OPTION_KAFKA] = {"--kafka", NULL, true},
    [OPTION_EMBEDDED] = {"--embedded", NULL, false},
    [OPTION_KEY] = {"--key", NULL, true},
    [OPTION_HEADER] = {"--header", NULL, true},
    [OPTION_SKIP_INVALID] = {"--skip-invalid", NULL, false},
};

struct arguments {
    struct emit_options emit;
    const char *config;
    struct settings_flag *flags;
    size_t flags_nr, flags_capacity;
    struct record_header *headers;
    size_t headers_nr, headers_capacity;
    bool is_embedded, has_brokers;
    struct embedded_note note; /* of the running embedded service */
};

static void add_flag(struct arguments *args, const char *name, const char *value)
{
    args->flags =
        alloc_grow(args->flags, args->flags_nr, &args->flags_capacity, sizeof(*args->flags));
    args->flags[args->flags_nr++] = (struct settings_flag){name, value};
}

static bool add_header(struct arguments *args, const char *text)
{
    const char *equals = strchr(text, '=');

    if (!equals || equals == text) {
        cli_usage_error(&verb_emit, "--header is NAME=VALUE, not \"%s\"", text);
        return false;
    }
    args->headers = alloc_grow(args->headers, args->headers_nr, &args->headers_capacity,
                               sizeof(*args->headers));
    args->headers[args->headers_nr++] =
        (struct record_header){{text, (size_t)(equals - text)}, slice_of(equals + 1)};
    return true;
}

static bool take_plain(struct arguments *args, const char *value)
{
    if (args->emit.path) {
        cli_usage_error(&verb_emit, "one file at most, not \"%s\" too", value);
        return false;
    }
    args->emit.path = value;
    return true;
}

static bool take(struct arguments *args, int option, const char *value)
{
    switch (option) {
    case OPTION_CONFIG:
        args->config = value;
        return true;
    case OPTION_BROKERS:
        args->has_brokers = true;
        add_flag(args, "--brokers", value);
        return true;
    case OPTION_TOPIC:
    case OPTION_KAFKA:
        add_flag(args, options[option].name, value);
        return true;
    case OPTION_EMBEDDED:
        args->is_embedded = true;
        return true;
    case OPTION_KEY:
        args->emit.key = slice_of(value);
        return true;
    case OPTION_HEADER:
        return add_header(args, value);
    case OPTION_SKIP_INVALID:
        args->emit.skip_invalid = true;
        return true;
    default:
        return take_plain(args, value);
    }
}

static bool read_arguments(struct arguments *args, int argc, char **argv)
{
    struct cli_args walk;
    enum cli_step step;
    const char *value;
    int option;

    cli_args_init(&walk, &verb_emit, argc, argv);
    while ((step = cli_next(&walk, options, ARRAY_NR(options), &option, &value)) == CLI_ITEM)
        if (!take(args, option, value))
            return false;
    if (step == CLI_END && args->is_embedded && args->has_brokers) {
        cli_usage_error(&verb_emit, "--embedded has its own broker, so no --brokers");
        return false;
    }
    if (!args->emit.path)
        args->emit.path = "-";
    args->emit.headers = args->headers;
    args->emit.headers_nr = args->headers_nr;
    return step == CLI_END;
}

/* ---- looking at every event ---- */

struct review {
    struct emit_counts counts;
    struct emit_names names;
    struct buffer report;
};

static void review_item(struct review *review, struct emit_input *input, enum emit_step step,
                        const struct emit_item *item)
{
    if (step == EMIT_EVENT) {
        review->counts.good++;
        emit_report_name(input, item, &review->names, &review->report);
    } else if (++review->counts.bad <= REPORTED_MAX) {
        emit_report_bad(input, item, &review->report);
    }
}

static struct emit_counts review_all(struct emit_input *input, bool skip_invalid)
{
    struct review review = {.counts = {0, 0}};
    struct emit_item item;
    enum emit_step step;

    arena_init(&review.names.arena, 1024);
    buffer_init(&review.report);
    while ((step = emit_input_next(input, &item)) != EMIT_END)
        review_item(&review, input, step, &item);
    struct emit_counts counts = review.counts;
    fwrite(review.report.ptr, 1, review.report.len, stderr);
    if (counts.bad > REPORTED_MAX)
        fprintf(stderr, "and %zu more\n", counts.bad - REPORTED_MAX);
    if (counts.bad > 0 && !skip_invalid)
        fprintf(stderr,
                "unstale emit: nothing sent: %zu of %zu event%s %s invalid (--skip-invalid sends "
                "the others)\n",
                counts.bad, counts.bad + counts.good, counts.bad + counts.good == 1 ? "" : "s",
                counts.bad == 1 ? "is" : "are");
    arena_release(&review.names.arena);
    buffer_release(&review.report);
    return counts;
}

/* ---- the verb ---- */

static bool has_one_topic(const struct settings *settings)
{
    if (settings->topics_nr == 1 && settings->topics[0][0] != '^')
        return true;
    cli_usage_error(&verb_emit, "the settings do not name one topic to send to: use --topic");
    return false;
}

static int emit_events(const struct arguments *args, const struct settings *settings)
{
    struct error err = ERROR_INIT;
    struct emit_input input;

    if (!has_one_topic(settings))
        return EXIT_USAGE;
    if (strcmp(args->emit.path, "-") == 0 && isatty(STDIN_FILENO))
        fputs("reading events from the terminal; Ctrl-D ends them\n", stderr);
    if (!emit_input_open(&input, &args->emit, settings->max_event_bytes, &err)) {
        fprintf(stderr, "unstale emit: %s\n", err.text);
        return EXIT_USAGE;
    }
    int code = EXIT_FINDINGS;
    struct emit_counts counts = review_all(&input, args->emit.skip_invalid);
    if (counts.bad == 0 || (args->emit.skip_invalid && counts.good > 0))
        code = (int)emit_send(&input, settings, &counts);
    emit_input_release(&input);
    return code;
}

static bool find_embedded(struct arguments *args)
{
    struct error err = ERROR_INIT;

    if (!args->is_embedded)
        return true;
    if (!embedded_note_read(&args->note, &err)) {
        fprintf(stderr, "unstale emit: %s\n", err.text);
        return false;
    }
    add_flag(args, "--brokers", args->note.brokers);
    return true;
}

static int run(struct arguments *args)
{
    struct buffer errors;
    int code = EXIT_USAGE;

    if (!find_embedded(args))
        return EXIT_UNREACHABLE;
    buffer_init(&errors);
    struct settings *settings =
        settings_load(args->config, args->flags, args->flags_nr, environ, &errors);
    fputs(errors.ptr, stderr);
    if (settings) {
        settings_args_quiet(settings);
        code = emit_events(args, settings);
    }
    settings_free(settings);
    buffer_release(&errors);
    return code;
}

static int emit_main(int argc, char **argv)
{
    struct arguments args = {.config = NULL};
    int code = EXIT_USAGE;

    if (read_arguments(&args, argc, argv))
        code = run(&args);
    free(args.flags);
    free(args.headers);
    return code;
}

const struct cli_verb verb_emit = {
    .name = "emit",
    .summary = "check events and publish them to Kafka",
    .usage =
        "usage: unstale emit [options] [FILE|-]\n\n"
        "Reads events, JSON Lines or one JSON array, from FILE or standard input, checks all of\n"
        "them, and publishes them when none is wrong. Returns when Kafka has confirmed them.\n\n"
        "  --skip-invalid       send the valid ones and leave out the others\n"
        "  --embedded           send to the `unstale run --embedded` of this user\n"
        "  --brokers H:P,...    Kafka bootstrap brokers\n"
        "  --topic NAME         topic to send to\n"
        "  --kafka NAME=VALUE   a librdkafka setting (again for more)\n"
        "  --key TEXT           record key of every event (default: model:pk)\n"
        "  --header NAME=VALUE  a record header (again for more)\n"
        "  --config FILE        settings file, for brokers, topic and Kafka's settings\n\n"
        "An object {\"record\":true,\"key\":...,\"headers\":{...},\"value\":EVENT} sends EVENT "
        "with a\n"
        "key and headers of its own.\n\n"
        "exit codes: 0 all sent, 1 some are invalid or were not delivered, 2 usage, 4 Kafka\n"
        "unreachable\n",
    .run = emit_main,
};
