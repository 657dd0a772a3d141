/*
 * rate_arg - the value of --rate: records a second, "500" or "500/s".
 */
#ifndef CONSUMERS_CLI_RATE_ARG_H
#define CONSUMERS_CLI_RATE_ARG_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/cli/verb.h"

enum { RATE_MAX = 1000000 };

/* NULL (not given) is 0: as fast as it goes. False after a message on standard error. */
static inline bool rate_arg(const struct cli_verb *verb, const char *value, int64_t *rate)
{
    char *end = NULL;

    *rate = value ? strtoll(value, &end, 10) : 0;
    if (!value ||
        (end > value && (!*end || strcmp(end, "/s") == 0) && *rate > 0 && *rate <= RATE_MAX))
        return true;
    cli_usage_error(verb, "--rate is a number a second, such as 500, not \"%s\"", value);
    return false;
}

#endif
