/*
 * text - UTF-8: validity, lengths in characters, and the case mappings of Unicode.
 *
 * Full mappings (as Python's str.lower/upper do, sharp s becomes SS) come from libunistring.
 * Functions that map take any bytes; bytes that are no UTF-8 pass unchanged.
 */
#ifndef CONSUMERS_BASE_TEXT_H
#define CONSUMERS_BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "consumers/base/arena.h"
#include "consumers/base/slice.h"

bool text_is_utf8(struct slice text);
size_t text_chars(struct slice text); /* code points; an invalid byte counts as one */

struct slice text_lower(struct slice text, struct arena *arena);
struct slice text_upper(struct slice text, struct arena *arena);
/* What is ASCII once characters are taken apart (NFKD): an e with an accent becomes e. */
struct slice text_ascii(struct slice text, struct arena *arena);
struct slice text_trim(struct slice text); /* white space as Python's str.strip() */
bool text_equals_ignore_case(struct slice a, struct slice b); /* simple case folding */

/* Reads the first code point: returns its length, or 0 where the bytes are no UTF-8 or none. */
size_t text_decode(struct slice text, uint32_t *code_point);

/* Writes one code point as UTF-8 (1 to 4 bytes), returns the length; no scalar value: U+FFFD. */
size_t text_encode(uint32_t code_point, char out[static 4]);

#endif
