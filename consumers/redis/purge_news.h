/*
 * purge_news - whether slots of a node are on the move, as the node itself says.
 *
 * The map that all nodes share stays as it is while a slot is moved key by key; only the line of the node
 * that gives or takes it tells, in CLUSTER NODES: "[SLOT->-NODE]" and "[SLOT-<-NODE]". A user that may not
 * ask hears nothing, which is taken for none on the move.
 * Source: Redis' documentation of CLUSTER NODES.
 */
#ifndef CONSUMERS_REDIS_PURGE_NEWS_H
#define CONSUMERS_REDIS_PURGE_NEWS_H

#include "consumers/redis/connection.h"

/* Writes the question; one answer is due. */
void purge_news_ask(struct connection *connection);

/* False: a refusal for the moment, *has_open is as it was. An answer that makes no sense ends the connection. */
bool purge_news_take(struct connection *connection, const struct answer *answer, bool *has_open);

#endif
