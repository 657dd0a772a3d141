#include "bus/alloc.h"

#include <stdlib.h>
#include <string.h>

static void *system_resize(void *context, void *old, size_t size)
{
    (void)context;
    if (size == 0) {
        free(old);
        return NULL;
    }
    return realloc(old, size);
}

const struct bus_allocator bus_system_allocator = {system_resize, NULL};

void *bus_new(const struct bus_allocator *allocator, size_t size)
{
    void *memory = allocator->resize(allocator->context, NULL, size);

    return memory ? memset(memory, 0, size) : NULL;
}

void bus_free(const struct bus_allocator *allocator, void *memory)
{
    if (memory)
        allocator->resize(allocator->context, memory, 0);
}
