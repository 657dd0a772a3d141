/*
 * command - a command of a flight as Redis gets it.
 */
#ifndef CONSUMERS_REDIS_COMMAND_H
#define CONSUMERS_REDIS_COMMAND_H

#include "consumers/redis/answer.h"
#include "consumers/redis/flight.h"
#include "consumers/redis/scripts.h"

/* The script a command runs by, if it does. */
bool command_has_script(enum command_kind kind, enum script_name *name);

/* Several ops in one call of a script. */
bool command_is_batch(const struct command *command);

/* Its answer says how many keys were deleted. */
bool command_counts_keys(enum command_kind kind);

struct command_writer {
    const struct flight *flight;
    const struct script *script; /* of the command; NULL if it has none */
    struct buffer *scratch;      /* for companion keys */
    struct buffer *out;
};

/* Whether this, which is no error, is an answer that the command can have. */
bool command_fits(const struct flight *flight, const struct command *command,
                  const struct answer *answer);
const char *command_name(enum command_kind kind);

void command_write(const struct command_writer *writer, const struct command *command);

void command_write_script_load(const struct script *script, struct buffer *out);

#endif
