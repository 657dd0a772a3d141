/*
 * instant - a point in time as RFC 3339 writes it, to milliseconds since 1970.
 *
 * `2026-11-25T02:06:31.123456+01:00`: date, `T` or a space, time, at most nine digits of a second
 * that matter, and `Z` or an offset, which must be there. What is finer than a millisecond is cut.
 * A 60th second counts as the next minute's first. Source: RFC 3339, section 5.6.
 */
#ifndef CONSUMERS_EVENT_INSTANT_H
#define CONSUMERS_EVENT_INSTANT_H

#include <stdint.h>

#include "consumers/base/compiler.h"
#include "consumers/base/slice.h"

/* False when the text is no such time. */
bool instant_parse(struct slice text, int64_t *ms) CHECKED;

#endif
