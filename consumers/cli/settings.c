#include <stdio.h>
#include <string.h>

#include "consumers/cli/format_arg.h"
#include "consumers/cli/settings_args.h"

static const struct settings_arg_extra extras[] = {{"--format", true}, {NULL, false}};

static int print_settings(const struct settings_args *args, bool as_json)
{
    struct settings *settings = settings_args_load(args);
    struct buffer out;

    if (!settings)
        return EXIT_USAGE;
    buffer_init(&out);
    settings_print(settings, as_json, &out);
    fwrite(out.ptr, 1, out.len, stdout);
    buffer_release(&out);
    settings_free(settings);
    return EXIT_OK;
}

static int settings_main(int argc, char **argv)
{
    struct settings_args args;
    bool as_json;
    int code = EXIT_USAGE;

    if (!settings_args_parse(&args, &verb_settings, extras, argc, argv))
        return EXIT_USAGE;
    if (args.plain_nr > 0)
        cli_usage_error(&verb_settings, "settings takes no argument \"%s\"", args.plain[0]);
    else if (format_arg(&verb_settings, args.extra_value[0], &as_json))
        code = print_settings(&args, as_json);
    settings_args_release(&args);
    return code;
}

const struct cli_verb verb_settings = {
    .name = "settings",
    .summary = "show every setting and where it came from",
    .usage = "usage: unstale settings [options]\n\n"
             "Prints what `unstale run` with the same flags and environment would work with, and\n"
             "where each value came from. Secrets show as ***.\n\n"
             "  --format text|json  for people (default), or one JSON object\n" SETTINGS_ARGS_USAGE
             "\nexit codes: 0 ok, 2 usage or a setting that is wrong\n",
    .run = settings_main,
};
