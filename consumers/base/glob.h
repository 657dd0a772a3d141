/*
 * glob - Redis' own pattern language, matched here exactly as SCAN MATCH would.
 *
 * `*`, `?`, `[a-z]`, `[^a]`, and `\` before a character to take it literally; bytes, not
 * characters; case counts. fnmatch(3) is a different language and must not be used.
 * Corners kept as Redis has them: a class without `]` ends with the pattern; the ends of a range
 * may stand in either order and may be any byte, `]` and `\` included; `[^]` is any byte and `[]`
 * none; a last `\` means itself; the empty text is matched by the empty pattern and by `*`, not by
 * `**`. Bytes in a range compare as `char` does on this platform, as in a Redis built for it.
 * Unlike Redis, which gives up beyond 1000 separate stars, any number of them works; the time is at
 * most pattern * text.
 * Source: Redis documentation, KEYS and SCAN; behaviour of stringmatchlen in Redis 7.
 */
#ifndef CONSUMERS_BASE_GLOB_H
#define CONSUMERS_BASE_GLOB_H

#include <stdbool.h>

#include "consumers/base/arena.h"
#include "consumers/base/slice.h"

bool glob_match(struct slice pattern, struct slice text);

/* Bytes the text needs at most once escaped. */
static inline size_t glob_escaped_bytes(struct slice text)
{
    return text.len * 2;
}

/* Writes text with * ? [ ] \ ^ - escaped where they could mean something; returns the length. */
size_t glob_escape(struct slice text, char *out);

/* True when what follows the text would still belong to its last `\` or its unclosed class. */
bool glob_is_open(struct slice pattern);

/* The literal bytes every match must begin with (unescaped), from the arena. */
struct slice glob_literal_prefix(struct slice pattern, struct arena *arena);

/* True when every text that `narrow` matches is also matched by `wide`, where that is certain. */
bool glob_covers(struct slice wide, struct slice narrow);

/* True unless it is certain that no text matches both patterns. */
bool glob_may_meet(struct slice a, struct slice b);

#endif
