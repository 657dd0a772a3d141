#include "consumers/cli/verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "consumers/base/log.h"
#include "consumers/cli/run_events.h"
#include "consumers/cli/settings_args.h"
#include "consumers/service/service.h"

static const struct settings_arg_extra extras[] = {{"--embedded", false}, {NULL, false}};

static int exit_of(enum service_result result)
{
    switch (result) {
    case SERVICE_STOPPED:
        return EXIT_OK;
    case SERVICE_REFUSED:
        return EXIT_BAD_CONFIG;
    case SERVICE_FAILED:
        break;
    }
    return EXIT_FINDINGS;
}

static int run_main(int argc, char **argv)
{
    struct settings_args args;
    if (!settings_args_parse(&args, &verb_run, extras, argc, argv))
        return EXIT_USAGE;
    if (args.plain_nr > 0) {
        cli_usage_error(&verb_run, "run takes no argument \"%s\"", args.plain[0]);
        settings_args_release(&args);
        return EXIT_USAGE;
    }
    struct buffer errors;
    buffer_init(&errors);
    struct service_options options = {.config_path = args.config_path,
                                      .flags = args.flags,
                                      .flags_nr = args.flags_nr,
                                      .events = &run_events,
                                      .is_embedded = args.extra_given[0]};
    int code = EXIT_BAD_CONFIG;
    struct settings *settings =
        settings_load(args.config_path, args.flags, args.flags_nr, environ, &errors);
    if (settings) {
        log_configure(settings->log_level, settings->log_format, STDERR_FILENO);
        code = exit_of(service_run(settings, &options, &errors));
    }
    fputs(errors.ptr, stderr);
    settings_free(settings);
    buffer_release(&errors);
    settings_args_release(&args);
    return code;
}

const struct cli_verb verb_run = {
    .name = "run",
    .summary = "consume events and keep Redis true to them",
    .usage = "usage: unstale run [options]\n\n"
             "Reads model-change events from Kafka and applies the rules to Redis until SIGTERM.\n"
             "SIGHUP reloads the rules. Exits 78 when settings or rules are refused.\n\n"
             "  --embedded          a broker inside and a private redis-server: for trying and "
             "testing\n" SETTINGS_ARGS_USAGE,
    .run = run_main,
};
