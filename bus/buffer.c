#include "bus/buffer.h"

#include <stdint.h>

#include "bus/alloc.h"

enum { FIRST_BYTES = 128 };

void bus_buffer_init(struct bus_buffer *buffer, const struct bus_allocator *allocator)
{
    *buffer = (struct bus_buffer){.allocator = allocator};
}

void bus_buffer_release(struct bus_buffer *buffer)
{
    bus_free(buffer->allocator, buffer->data);
    bus_buffer_init(buffer, buffer->allocator);
}

bool bus_buffer_grow(struct bus_buffer *buffer, size_t more)
{
    size_t size = buffer->size ? buffer->size : FIRST_BYTES;
    size_t needed = buffer->length + more;
    char *data;

    if (more > SIZE_MAX / 4 - buffer->length)
        return false;
    while (size < needed)
        size *= 2;
    data = buffer->allocator->resize(buffer->allocator->context, buffer->data, size);
    if (!data)
        return false;
    buffer->data = data;
    buffer->size = size;
    return true;
}
