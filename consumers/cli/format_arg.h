/*
 * format_arg - the value of --format, for verbs with a form for people and one in JSON.
 */
#ifndef CONSUMERS_CLI_FORMAT_ARG_H
#define CONSUMERS_CLI_FORMAT_ARG_H

#include <string.h>

#include "consumers/cli/verb.h"

/* NULL (not given) is text. False after a message on standard error. */
static inline bool format_arg(const struct cli_verb *verb, const char *value, bool *as_json)
{
    *as_json = value && strcmp(value, "json") == 0;
    if (!value || *as_json || strcmp(value, "text") == 0)
        return true;
    cli_usage_error(verb, "--format is text or json, not \"%s\"", value);
    return false;
}

#endif
