/*
 * greeting - the first words on a new connection: who we are, which database, whom we talk to.
 *
 * AUTH and SELECT only where the target needs them. INFO tells version and run id; Redis before 6.2
 * and Valkey before 7.2 are refused as a matter of configuration.
 */
#ifndef CONSUMERS_REDIS_GREETING_H
#define CONSUMERS_REDIS_GREETING_H

#include <stdbool.h>

struct connection;

/*
 * Writes AUTH with a user (NULL: none) and a password of the target's, which a reload may exchange at any
 * time; the answer is one more to come. False: there is no password, and nothing was written.
 */
bool greeting_log_in(struct connection *connection, char *const *user, char *const *password);

void greeting_write(struct connection *connection);

/* Takes what answers there are; the connection is ready after the last one, or has failed. */
void greeting_read(struct connection *connection);

#endif
