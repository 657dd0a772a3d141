/*
 * alloc - allocation for the daemon: it succeeds or the process aborts.
 *
 * Aborting is safe here: a batch that was not acknowledged comes again from Kafka. The library in
 * bus/ lives in other people's processes and does not use this.
 */
#ifndef CONSUMERS_BASE_ALLOC_H
#define CONSUMERS_BASE_ALLOC_H

#include <stddef.h>

#include "consumers/base/compiler.h"

void *alloc_bytes(size_t bytes) CHECKED;
void *alloc_zero(size_t count, size_t bytes) CHECKED;
void *alloc_resize(void *old, size_t count, size_t bytes) CHECKED;
char *alloc_text(const char *text) CHECKED;               /* a copy */
char *alloc_text_n(const char *text, size_t len) CHECKED; /* a copy, NUL-terminated */

/*
 * Makes room for one more element in a plain growing array: doubles *capacity when nr reaches it.
 * Use: items = alloc_grow(items, nr, &capacity, sizeof(*items)); items[nr++] = x;
 */
void *alloc_grow(void *items, size_t nr, size_t *capacity, size_t bytes) CHECKED;

#endif
