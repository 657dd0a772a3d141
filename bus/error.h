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

/* Called when something failed: branches that lead there are laid out of the way of the others. */
#define BUS_COLD __attribute__((cold))

/* Seldom called: inlined, it would cost its caller registers on the way that is taken mostly. */
#define BUS_SELDOM __attribute__((noinline))

/* Always returns false, so that a failing function can end in it. err may be NULL. */
bool bus_fail(struct unstale_error *err, enum unstale_error_kind kind, const char *format, ...)
    BUS_PRINTF_LIKE(3, 4) BUS_COLD;

/* Memory is short. UNSTALE_RETRY. */
bool bus_fail_memory(struct unstale_error *err) BUS_COLD;

/* Puts "context: " in front of the text; keeps the kind. */
void bus_error_wrap(struct unstale_error *err, const char *format, ...)
    BUS_PRINTF_LIKE(2, 3) BUS_COLD;

/* Hands a remembered failure on to *err; always returns false. */
bool bus_error_copy(struct unstale_error *err, const struct unstale_error *from) BUS_COLD;

#endif
