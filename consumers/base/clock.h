/*
 * clock - the two clocks. Only pipeline, redis, kafka, service and cli may read them: the pure
 * rooms (event, rules, plan) get the time as an argument.
 */
#ifndef CONSUMERS_BASE_CLOCK_H
#define CONSUMERS_BASE_CLOCK_H

#include <stdint.h>

enum { NS_IN_MS = 1000000 };

int64_t clock_wall_ms(void);   /* milliseconds since the Unix epoch */
int64_t clock_steady_ms(void); /* monotonic, arbitrary zero */
int64_t clock_steady_ns(void);

#endif
