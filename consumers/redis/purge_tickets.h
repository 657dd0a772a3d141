/*
 * purge_tickets - the writing end of the queue that brings tickets back.
 */
#ifndef CONSUMERS_REDIS_PURGE_TICKETS_H
#define CONSUMERS_REDIS_PURGE_TICKETS_H

#include "consumers/redis/purge.h"

void purge_tickets_give(struct purge_tickets *tickets, uint64_t ticket);

#endif
