/*
 * backoff - how long to wait before the next try: 100 ms doubling to 10 s for what may pass, 1 to 5 s for what
 * somebody must mend; never twice the same, so that many clients do not come back at once.
 */
#ifndef CONSUMERS_REDIS_BACKOFF_H
#define CONSUMERS_REDIS_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct backoff {
    unsigned failures; /* in a row */
    uint64_t random;   /* state of the jitter, never 0 */
};

void backoff_init(struct backoff *backoff);
void backoff_reset(struct backoff *backoff);

/* One more failure: the pause after it. */
int64_t backoff_next(struct backoff *backoff, bool is_config);

#endif
