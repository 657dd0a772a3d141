/*
 * api_status - GET /api/status: what the console shows, as JSON, without keys or values of rows.
 *
 *   {"version":"0.1.0","now_ms":...,"health":{"ready":true},
 *    "rules":{"hash":"...","count":25,"live":24,"files":3,"accepted":true,"accepted_at_ms":...,"refused":0},
 *    "totals":{"records":...,"events":...,"operations":...,"keys_deleted":...,"coalesced":...,"held":...,"rewinds":...,
 *              "reconnects":...},
 *    "staleness":[[0.001,12],...,[null,40]],
 *    "dead_letters":{"missing_field":3},
 *    "partitions":[{"topic":"model-events","partition":0,"lag":0,"committed":41,"end":41,"gap":false}],
 *    "redis":{"up":true,"targets":["default"]},"purges_pending":0,
 *    "by_rule":[{"name":"objects","mode":"live","matches":12,"operations":30}]}
 *
 * Totals count since the start; rates are for the reader to make of two looks. `health` is what /readyz
 * answers. `staleness`: as many events were at most so many seconds old when Redis had answered (null:
 * however old). What is not known is null.
 */
#ifndef CONSUMERS_SERVICE_API_STATUS_H
#define CONSUMERS_SERVICE_API_STATUS_H

#include "consumers/service/metrics.h"

void api_status_print(const struct metrics_view *view, struct buffer *out);

#endif
