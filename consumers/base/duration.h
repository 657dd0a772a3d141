/*
 * duration - "250ms", "20s", "5m", "2h", "1d" as written in rules and settings.
 */
#ifndef CONSUMERS_BASE_DURATION_H
#define CONSUMERS_BASE_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "consumers/base/compiler.h"
#include "consumers/base/slice.h"

enum { DURATION_TEXT_BYTES = 32 };

/* Digits and one of ms s m h d, nothing else; false if not so or beyond 100 years. */
bool duration_parse(struct slice text, int64_t *ms) CHECKED;

/* The shortest exact form, e.g. 2000 -> "2s"; NUL-terminated. */
void duration_print(int64_t ms, char out[static DURATION_TEXT_BYTES]);

#endif
