/*
 * sentinel - where a master is now: asks the target's Sentinels before each connection.
 *
 * One Sentinel after the other, SENTINEL_WAIT_MS each, until one names the master; that address is then
 * connected to, and the greeting checks by ROLE that it is one. A Sentinel that is away or does not
 * know the master is passed over; when all were, the connection fails and its owner tries again later,
 * beginning with the next. Steps of a connection in the phase CONNECTION_SEEKING; never blocks.
 * Sentinels are spoken to as the target is, with TLS where it has TLS, but with a login of their own, if
 * any; one that refuses it is passed over.
 * Source: Redis documentation, "Guidelines for Redis clients with support for Redis Sentinel".
 */
#ifndef CONSUMERS_REDIS_SENTINEL_H
#define CONSUMERS_REDIS_SENTINEL_H

struct connection;

enum { SENTINEL_WAIT_MS = 400 };

void sentinel_seek(struct connection *connection);
void sentinel_drive(struct connection *connection);

#endif
