/*
 * verb - one word of the command line: `unstale check ...`. One file a verb, one row in main.c.
 *
 * Verbs print for people and pick exit codes; nothing below this room does either.
 */
#ifndef CONSUMERS_CLI_VERB_H
#define CONSUMERS_CLI_VERB_H

#include <stdbool.h>
#include <stddef.h>

enum exit_code {
    EXIT_OK = 0,
    EXIT_FINDINGS = 1, /* findings, failed tests, records set aside */
    EXIT_USAGE = 2,
    EXIT_WARNINGS = 3,    /* warnings only, under --strict */
    EXIT_UNREACHABLE = 4, /* Kafka or Redis */
    EXIT_BAD_CONFIG = 78  /* run refused its settings or rules (EX_CONFIG of sysexits.h) */
};

struct cli_verb {
    const char *name;
    const char *summary;               /* one line of `unstale --help` */
    const char *usage;                 /* `unstale VERB -h`, whole, ends with a newline */
    int (*run)(int argc, char **argv); /* argv[0] is the verb; returns an exit code */
};

/* "--name VALUE" and "--name=VALUE"; CLI_VALUE_IF_URL takes the former only where VALUE has "://". */
enum cli_value { CLI_NO_VALUE, CLI_VALUE, CLI_VALUE_IF_URL };

/* One option of a verb. */
struct cli_option {
    const char *name;  /* "--format" */
    const char *alias; /* "-f" or NULL */
    enum cli_value takes_value;
};

/*
 * Walks arguments: for each, *option is the index in options, or -1 for a plain argument, whose text
 * is in *value. Options may stand anywhere; "--" ends them; "-" is a plain argument.
 * An unknown option is reported on standard error with the nearest name: CLI_BAD.
 */
enum cli_step { CLI_ITEM, CLI_END, CLI_BAD };

struct cli_args {
    int argc;
    char **argv;
    int next;
    bool only_plain;
    const struct cli_verb *verb;
};

void cli_args_init(struct cli_args *args, const struct cli_verb *verb, int argc, char **argv);
enum cli_step cli_next(struct cli_args *args, const struct cli_option *options, size_t nr,
                       int *option, const char **value);

/* "unstale: VERB: message" on standard error and the hint to -h; returns EXIT_USAGE. */
int cli_usage_error(const struct cli_verb *verb, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* True when standard output (or error) is a terminal and NO_COLOR is not set. */
bool cli_is_coloured(int fd);

/* Every verb there is; the order is that of `unstale --help`. */
extern const struct cli_verb verb_run, verb_emit, verb_check, verb_explain, verb_doctor,
    verb_settings, verb_reload, verb_healthcheck, verb_fmt, verb_init, verb_help, verb_test,
    verb_diff, verb_list, verb_schema, verb_who, verb_graph, verb_dlq, verb_replay, verb_tail;

#endif
