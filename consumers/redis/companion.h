/*
 * companion - the key that remembers a guarded key's version, in the same cluster slot.
 *
 * {K}:v when K has no brace; {T}:unstale:v:K when K has the hash tag T. A key with a brace and
 * no hash tag can have no companion: it cannot be guarded.
 * Source of what a hash tag is: Redis cluster specification, "Hash tags".
 */
#ifndef CONSUMERS_REDIS_COMPANION_H
#define CONSUMERS_REDIS_COMPANION_H

#include "consumers/base/buffer.h"

/* Appends the companion of key; false (and nothing appended) when it can have none. */
bool companion_write(struct slice key, struct buffer *out) CHECKED;

bool companion_is_possible(struct slice key);

/* True for a key that is some key's companion. */
bool companion_is(struct slice key);

#endif
