/*
 * error - what went wrong, in one line for people, and what the caller does next.
 *
 * A function that can fail returns bool or a pointer and takes `struct error *` last. The first
 * failure wins; an outer layer may put context in front ("rules.json: rule 3: ..."). The text is
 * one line: control characters in it are shown escaped. On success *err is untouched.
 */
#ifndef CONSUMERS_BASE_ERROR_H
#define CONSUMERS_BASE_ERROR_H

#include <stdbool.h>

#include "consumers/base/compiler.h"

enum error_kind {
    ERROR_NONE,
    ERROR_REJECT, /* this input is bad: set it aside and go on */
    ERROR_RETRY,  /* the world is not ready: the same again later */
    ERROR_CONFIG, /* settings, rules or rights are wrong: stop, say so, keep trying slowly */
    ERROR_FATAL   /* this process cannot go on */
};

enum { ERROR_TEXT_BYTES = 512 };

struct error {
    enum error_kind kind;
    char text[ERROR_TEXT_BYTES];
};

/* clang-format off */
#define ERROR_INIT {ERROR_NONE, ""}
/* clang-format on */

/* Sets *err (unless it holds a failure already) and returns false. err may be NULL. */
bool error_fail(struct error *err, enum error_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "context: " in front of the text; keeps the kind. */
void error_wrap(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

void error_clear(struct error *err);

#endif
