/*
 * time_arg - a point in time on the command line and in what is printed.
 */
#ifndef CONSUMERS_CLI_TIME_ARG_H
#define CONSUMERS_CLI_TIME_ARG_H

#include <stdint.h>

#include "consumers/base/buffer.h"
#include "consumers/base/compiler.h"

/*
 * "15m", "15m ago" and "-15m" are that long before now_ms (1970 at the earliest), "now" is now_ms, eleven
 * digits and more are milliseconds since 1970; else RFC 3339, "2026-11-25T02:06:31Z". False if none of these.
 */
bool time_arg_parse(const char *text, int64_t now_ms, int64_t *ms) CHECKED;

/* "2026-11-25T02:06:31.123Z"; "-" for a time that is unknown (negative). */
void time_arg_print(int64_t ms, struct buffer *out);

#endif
