#include "tests/unit/bus/chaos.h"

#include <stdlib.h>

static void *resize(void *context, void *old, size_t size)
{
    struct chaos *chaos = context;

    if (size == 0) {
        chaos->live -= old != NULL;
        free(old);
        return NULL;
    }
    if (chaos->calls++ == chaos->fail_at)
        return NULL;
    chaos->live += old == NULL;
    return realloc(old, size);
}

void chaos_init(struct chaos *chaos, long fail_at)
{
    *chaos = (struct chaos){
        .allocator = {resize, chaos},
        .fail_at = fail_at,
    };
}
