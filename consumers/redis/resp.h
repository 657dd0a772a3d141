/*
 * resp - commands in the Redis protocol, written straight into a buffer.
 *
 * A command is an array header and that many bulk strings; whoever begins one writes them all.
 * Source: Redis serialization protocol specification, RESP2.
 */
#ifndef CONSUMERS_REDIS_RESP_H
#define CONSUMERS_REDIS_RESP_H

#include "consumers/base/buffer.h"

void resp_begin(struct buffer *out, size_t arguments);
void resp_bulk(struct buffer *out, struct slice argument);
void resp_bulk_int(struct buffer *out, int64_t number);

/* A whole command of n arguments. */
void resp_command(struct buffer *out, const struct slice *arguments, size_t n);

#endif
