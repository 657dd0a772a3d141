/*
 * tail_print - events as GET /api/tail tells them, one line each, for people.
 *
 *   12:00:01.123 update shop.Product pk=42 changed=price  objects, lists  UNLINK myapp:1:product:42 (deleted)
 *
 * Whatever came from an event or a rule is printed so that it cannot steer a terminal.
 */
#ifndef CONSUMERS_CLI_TAIL_PRINT_H
#define CONSUMERS_CLI_TAIL_PRINT_H

#include <jansson.h>
#include <stdbool.h>

#include "consumers/base/buffer.h"

enum { TAIL_OPS_PRINTED = 8 };

void tail_print_event(const json_t *event, bool coloured, struct buffer *out);

#endif
