/*
 * error - how the library fails: a kind and one line, kept in the caller's struct.
 *
 * The first failure stands. Text taken from the caller may stand in a message; control characters
 * in it become '?', and a message that is too long is cut between characters.
 */
#ifndef BUS_ERROR_H
#define BUS_ERROR_H

#include "bus/unstale.h"

#define BUS_PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Always returns false, so that a failing function can end in it. err may be NULL. */
bool bus_fail(struct unstale_error *err, enum unstale_error_kind kind, const char *format, ...)
    BUS_PRINTF_LIKE(3, 4);

/* Memory is short. UNSTALE_RETRY. */
bool bus_fail_memory(struct unstale_error *err);

/* Puts "context: " in front of the text; keeps the kind. */
void bus_error_wrap(struct unstale_error *err, const char *format, ...) BUS_PRINTF_LIKE(2, 3);

/* Hands a remembered failure on to *err; always returns false. */
bool bus_error_copy(struct unstale_error *err, const struct unstale_error *from);

#endif
