/*
 * alloc - where the library's memory comes from.
 *
 * Every object is handed its allocator when it is made and keeps it. Applications get the C
 * library's; tests hand in one that fails on purpose.
 */
#ifndef BUS_ALLOC_H
#define BUS_ALLOC_H

#include <stddef.h>

struct unstale_error;
struct unstale_options;

struct bus_allocator {
    /* As realloc(); size 0 frees and returns NULL. NULL on failure, old then stays as it was. */
    void *(*resize)(void *context, void *old, size_t size);
    void *context;
};

extern const struct bus_allocator bus_system_allocator;

/* Zeroed; NULL on failure. */
void *bus_new(const struct bus_allocator *allocator, size_t size);
void bus_free(const struct bus_allocator *allocator, void *memory);

/* The public constructors with an allocator of the caller's, which must outlive the object. */
struct unstale_event *bus_event_new(const struct bus_allocator *allocator,
                                    struct unstale_error *err);
struct unstale_producer *bus_producer_new(const struct bus_allocator *allocator,
                                          const struct unstale_options *options,
                                          struct unstale_error *err);

#endif
