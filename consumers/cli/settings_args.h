/*
 * settings_args - the command line of verbs that take the shared settings flags.
 */
#ifndef CONSUMERS_CLI_SETTINGS_ARGS_H
#define CONSUMERS_CLI_SETTINGS_ARGS_H

#include "consumers/cli/verb.h"
#include "consumers/service/settings.h"

#define SETTINGS_ARGS_USAGE                                                                        \
    "  --config FILE       settings file (else $UNSTALE_CONFIG, config/unstale.json,\n"            \
    "                      /etc/unstale/unstale.json)\n"                                           \
    "  --brokers H:P,...   Kafka bootstrap brokers\n"                                              \
    "  --topic NAME        topic to read (again for more)\n"                                       \
    "  --group NAME        consumer group\n"                                                       \
    "  --kafka NAME=VALUE  a librdkafka setting (again for more)\n"                                \
    "  --redis URL         Redis target \"default\"\n"                                             \
    "  --rules PATH        rule file or folder (again for more)\n"                                 \
    "  --workers N         pipelines in this process\n"                                            \
    "  --http HOST:PORT    address of health and metrics\n"                                        \
    "  --log-level LEVEL   debug, info, warn, error, off\n"                                        \
    "Each also has an environment variable; `unstale settings` prints all values and where\n"      \
    "they came from.\n"

enum { SETTINGS_ARGS_EXTRAS = 16 };

/* An option of the verb beside the shared ones. */
struct settings_arg_extra {
    const char *name;
    bool takes_value;
};

struct settings_args_given {
    size_t extra;
    const char *value;
};

struct settings_args {
    const char *config_path;
    struct settings_flag *flags;
    size_t flags_nr, flags_capacity;
    bool extra_given[SETTINGS_ARGS_EXTRAS];
    const char *extra_value[SETTINGS_ARGS_EXTRAS]; /* the last one given */
    struct settings_args_given *given;             /* all of them, in order */
    size_t given_nr, given_capacity;
    const char **plain;
    size_t plain_nr, plain_capacity;
};

/*
 * The verb's own options end with one without a name; NULL: it has none. False after a message on
 * standard error (then nothing needs releasing).
 */
bool settings_args_parse(struct settings_args *args, const struct cli_verb *verb,
                         const struct settings_arg_extra *extras, int argc, char **argv);
void settings_args_release(struct settings_args *args);

/* Loads the settings they name; NULL after printing what is wrong. */
struct settings *settings_args_load(const struct settings_args *args);

/*
 * For verbs that tell their own troubles: the log, where librdkafka's come from as well, is off,
 * unless its level is debug.
 */
void settings_args_quiet(const struct settings *settings);

#endif
