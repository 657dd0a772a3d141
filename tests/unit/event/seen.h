/*
 * seen - an event in one line, for tables of what must come of a record.
 *
 * `OP MODEL PK before=... after=... changed=... ts=... version=...`, then name, id, source, tenant
 * and trace where there are any; several rows stand in turn. What is absent is left out.
 */
#ifndef TESTS_UNIT_EVENT_SEEN_H
#define TESTS_UNIT_EVENT_SEEN_H

#include "tests/unit/event/decoded.h"

/* The line, or "skipped: ..." or "bad: ..."; in the arena. */
const char *seen_line(struct decoded *decoded);

/* A record with a key and `headers` of the form "name=value|name=value"; any may be NULL. */
void seen_decode(struct decoded *decoded, const char *key, const char *headers, const char *value,
                 const struct decode_options *options);

#endif
