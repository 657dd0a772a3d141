#include "consumers/cli/verb.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consumers/base/suggest.h"

void cli_args_init(struct cli_args *args, const struct cli_verb *verb, int argc, char **argv)
{
    *args = (struct cli_args){.argc = argc, .argv = argv, .next = 1, .verb = verb};
}

static int find_option(const char *arg, size_t len, const struct cli_option *options, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        if (strncmp(options[i].name, arg, len) == 0 && options[i].name[len] == '\0')
            return (int)i;
        if (options[i].alias && strcmp(options[i].alias, arg) == 0)
            return (int)i;
    }
    return -1;
}

static enum cli_step unknown_option(const struct cli_verb *verb, const char *arg, size_t len,
                                    const struct cli_option *options, size_t nr)
{
    struct suggest suggest;
    suggest_init(&suggest, (struct slice){arg, len});
    for (size_t i = 0; i < nr; i++)
        suggest_offer(&suggest, slice_of(options[i].name));
    if (slice_is_absent(suggest.best))
        cli_usage_error(verb, "unknown option \"%.*s\"", (int)len, arg);
    else
        cli_usage_error(verb, "unknown option \"%.*s\", did you mean \"%.*s\"?", (int)len, arg,
                        SLICE_ARG(suggest.best));
    return CLI_BAD;
}

static enum cli_step take_value(struct cli_args *args, const struct cli_option *option,
                                const char *inline_value, const char **value)
{
    bool has_next = args->next < args->argc;

    if (option->takes_value == CLI_NO_VALUE) {
        *value = NULL;
        if (!inline_value)
            return CLI_ITEM;
        cli_usage_error(args->verb, "option \"%s\" takes no value", option->name);
        return CLI_BAD;
    }
    if (inline_value) {
        *value = inline_value;
        return CLI_ITEM;
    }
    if (option->takes_value == CLI_VALUE_IF_URL &&
        !(has_next && strstr(args->argv[args->next], "://"))) {
        *value = NULL;
        return CLI_ITEM;
    }
    if (!has_next) {
        cli_usage_error(args->verb, "option \"%s\" needs a value", option->name);
        return CLI_BAD;
    }
    *value = args->argv[args->next++];
    return CLI_ITEM;
}

enum cli_step cli_next(struct cli_args *args, const struct cli_option *options, size_t nr,
                       int *option, const char **value)
{
    if (args->next >= args->argc)
        return CLI_END;
    const char *arg = args->argv[args->next++];
    if (!args->only_plain && strcmp(arg, "--") == 0) {
        args->only_plain = true;
        return cli_next(args, options, nr, option, value);
    }
    *option = -1;
    *value = arg;
    if (args->only_plain || arg[0] != '-' || arg[1] == '\0')
        return CLI_ITEM;
    const char *equals = arg[1] == '-' ? strchr(arg, '=') : NULL;
    size_t len = equals ? (size_t)(equals - arg) : strlen(arg);
    *option = find_option(arg, len, options, nr);
    if (*option < 0)
        return unknown_option(args->verb, arg, len, options, nr);
    return take_value(args, &options[*option], equals ? equals + 1 : NULL, value);
}

int cli_usage_error(const struct cli_verb *verb, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "unstale %s: ", verb->name);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n(unstale %s -h shows the options)\n", verb->name);
    va_end(args);
    return EXIT_USAGE;
}

bool cli_is_coloured(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    return (!no_color || !*no_color) && isatty(fd);
}
