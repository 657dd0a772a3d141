/*
 * python - values as Python prints them, for keys that an application makes with repr() or json.
 *
 * Floats as repr() has them: the fewest digits that read back as the same double, an exponent from
 * 1e16 on and below 1e-4. JSON as json.dumps(json.loads(text), sort_keys=True) has it: `, ` and `: `,
 * ASCII only, keys by code point.
 * Source: Python 3 manual, float.__repr__ and json; RFC 8259.
 */
#ifndef CONSUMERS_RULES_PYTHON_H
#define CONSUMERS_RULES_PYTHON_H

#include "consumers/rules/encode.h"

enum { PYTHON_FLOAT_BYTES = 32 };

/* Of a finite number; the length, without a NUL. */
size_t python_float(double number, char out[static PYTHON_FLOAT_BYTES]);

void python_json(struct sink *sink, const struct field *field);

#endif
