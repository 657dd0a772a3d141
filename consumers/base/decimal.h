/*
 * decimal - numbers compared by their exact decimal value, from their text.
 *
 * JSON numbers keep the text they came with (12.50 stays 12.50 in a key, beyond 2^53 nothing is
 * lost), so a comparison must not go through a double: 5 equals 5.0 and 0.1 equals "0.10".
 */
#ifndef CONSUMERS_BASE_DECIMAL_H
#define CONSUMERS_BASE_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "consumers/base/compiler.h"
#include "consumers/base/slice.h"

/* True for the number grammar of JSON (RFC 8259). */
bool decimal_is_number(struct slice text);

/* Three-way compare of two numbers as above. Exponents are honoured; both must be numbers. */
int decimal_compare(struct slice a, struct slice b);

/* An integer without fraction or exponent that fits; false otherwise. */
bool decimal_to_int64(struct slice text, int64_t *number) CHECKED;
bool decimal_to_uint64(struct slice text, uint64_t *number) CHECKED;

#endif
