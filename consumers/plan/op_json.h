/*
 * op_json - an operation as JSON for machines and as redis-cli text for people.
 *
 *   {"op":"delete","cache":"default","key":"myapp:1:product:42","again_after_ms":2000}
 *
 * Optional members are left out when not set; bytes that are not UTF-8 are {"base64":"..."}.
 */
#ifndef CONSUMERS_PLAN_OP_JSON_H
#define CONSUMERS_PLAN_OP_JSON_H

#include "consumers/base/buffer.h"
#include "consumers/plan/plan.h"

/* `plan` gives the merged contributors (again_after); NULL: the op on its own. */
void op_print_json(const struct op *op, const struct plan *plan, struct buffer *out);

/* Its first members alone, without braces: "op":"delete","cache":"default","key":"..." */
void op_print_name_json(const struct op *op, struct buffer *out);

/* "UNLINK key", "SCAN+UNLINK pattern", "BUMP key", "SET key value PX ttl"; printable, one line. */
void op_print_text(const struct op *op, struct buffer *out);

/* {"reason":...,"rule":...,"action":...,"field":...,"error":...,"more":N} of n failures; null if 0. */
void failures_print_json(const struct failure *failures, size_t nr, struct buffer *out);

#endif
