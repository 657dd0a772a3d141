/*
 * buffer - bytes that grow at the end.
 *
 * Emptying keeps the memory. Growing is the only thing that can fail; the contents are then as they
 * were. data is NULL until the first byte is added.
 */
#ifndef BUS_BUFFER_H
#define BUS_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct bus_allocator;

struct bus_buffer {
    const struct bus_allocator *allocator;
    char *data;
    size_t length; /* bytes in use */
    size_t size;   /* bytes allocated */
};

void bus_buffer_init(struct bus_buffer *buffer, const struct bus_allocator *allocator);
void bus_buffer_release(struct bus_buffer *buffer);

/* Room for `more` bytes after the end; false when memory is short. */
bool bus_buffer_grow(struct bus_buffer *buffer, size_t more) __attribute__((cold));

static inline bool bus_buffer_reserve(struct bus_buffer *buffer, size_t more)
{
    return buffer->size - buffer->length >= more || bus_buffer_grow(buffer, more);
}

/* Where the next byte goes; only after room was reserved. */
static inline char *bus_buffer_end(const struct bus_buffer *buffer)
{
    return buffer->data + buffer->length;
}

/* What was written there ends before this byte. */
static inline void bus_buffer_end_at(struct bus_buffer *buffer, const char *end)
{
    buffer->length = (size_t)(end - buffer->data);
}

static inline bool bus_buffer_add(struct bus_buffer *buffer, const void *bytes, size_t length)
{
    if (length == 0)
        return true;
    if (!bus_buffer_reserve(buffer, length))
        return false;
    memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
    return true;
}

static inline bool bus_buffer_add_text(struct bus_buffer *buffer, const char *text)
{
    return bus_buffer_add(buffer, text, strlen(text));
}

static inline bool bus_buffer_add_char(struct bus_buffer *buffer, char c)
{
    if (!bus_buffer_reserve(buffer, 1))
        return false;
    buffer->data[buffer->length++] = c;
    return true;
}

/* All of another buffer. */
static inline bool bus_buffer_add_buffer(struct bus_buffer *buffer, const struct bus_buffer *other)
{
    return bus_buffer_add(buffer, other->data, other->length);
}

#endif
