/*
 * jitter - a TTL spread evenly over ttl - jitter .. ttl + jitter, at least 1 ms.
 *
 * What is drawn depends on the clock and on a salt (a key's hash), so that neither the keys of one
 * batch nor the runs of one key agree.
 */
#ifndef CONSUMERS_REDIS_JITTER_H
#define CONSUMERS_REDIS_JITTER_H

#include <stdint.h>

int64_t jitter_apply(int64_t ttl_ms, int64_t jitter_ms, uint64_t salt);

#endif
