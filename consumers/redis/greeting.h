/*
 * greeting - the first words on a new connection: who we are, which database, whom we talk to.
 *
 * AUTH and SELECT only where the target needs them. INFO tells version and run id; Redis before 6.2
 * and Valkey before 7.2 are refused as a matter of configuration.
 */
#ifndef CONSUMERS_REDIS_GREETING_H
#define CONSUMERS_REDIS_GREETING_H

struct connection;

void greeting_write(struct connection *connection);

/* Takes what answers there are; the connection is ready after the last one, or has failed. */
void greeting_read(struct connection *connection);

#endif
