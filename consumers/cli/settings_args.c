#include "consumers/cli/settings_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consumers/base/alloc.h"

enum { OPTIONS_MAX = 48 };

static size_t list_options(struct cli_option *options, const struct settings_arg_extra *extras,
                           size_t extras_nr)
{
    size_t nr = 0;
    options[nr++] = (struct cli_option){.name = "--config", .takes_value = true};
    for (size_t i = 0; i < extras_nr; i++)
        options[nr++] =
            (struct cli_option){.name = extras[i].name, .takes_value = extras[i].takes_value};
    const char *name;
    for (size_t i = 0; (name = settings_flag_name(i)) && nr < OPTIONS_MAX; i++)
        options[nr++] = (struct cli_option){.name = name, .takes_value = true};
    return nr;
}

static void take(struct settings_args *args, const struct cli_option *options, size_t extras_nr,
                 int option, const char *value)
{
    if (option < 0) {
        args->plain =
            alloc_grow(args->plain, args->plain_nr, &args->plain_capacity, sizeof(*args->plain));
        args->plain[args->plain_nr++] = value;
    } else if (option == 0) {
        args->config_path = value;
    } else if ((size_t)option <= extras_nr) {
        args->extra_given[option - 1] = true;
        args->extra_value[option - 1] = value;
        args->given =
            alloc_grow(args->given, args->given_nr, &args->given_capacity, sizeof(*args->given));
        args->given[args->given_nr++] = (struct settings_args_given){(size_t)option - 1, value};
    } else {
        args->flags =
            alloc_grow(args->flags, args->flags_nr, &args->flags_capacity, sizeof(*args->flags));
        args->flags[args->flags_nr++] =
            (struct settings_flag){.name = options[option].name, .value = value};
    }
}

bool settings_args_parse(struct settings_args *args, const struct cli_verb *verb,
                         const struct settings_arg_extra *extras, int argc, char **argv)
{
    size_t extras_nr = 0;
    while (extras && extras[extras_nr].name)
        extras_nr++;
    struct cli_option options[OPTIONS_MAX];
    size_t nr = list_options(options, extras, extras_nr);
    struct cli_args walk;
    int option;
    const char *value;
    *args = (struct settings_args){0};
    cli_args_init(&walk, verb, argc, argv);
    for (;;) {
        enum cli_step step = cli_next(&walk, options, nr, &option, &value);
        if (step == CLI_END)
            return true;
        if (step == CLI_BAD)
            break;
        take(args, options, extras_nr, option, value);
    }
    settings_args_release(args);
    return false;
}

void settings_args_release(struct settings_args *args)
{
    free(args->flags);
    free(args->given);
    free(args->plain);
}

struct settings *settings_args_load(const struct settings_args *args)
{
    struct buffer errors;
    buffer_init(&errors);
    struct settings *settings =
        settings_load(args->config_path, args->flags, args->flags_nr, environ, &errors);
    fputs(errors.ptr, stderr);
    buffer_release(&errors);
    return settings;
}

void settings_args_quiet(const struct settings *settings)
{
    bool is_wanted = settings->log_level == LOG_LEVEL_DEBUG;
    log_configure(is_wanted ? LOG_LEVEL_DEBUG : LOG_LEVEL_OFF, settings->log_format, STDERR_FILENO);
}
