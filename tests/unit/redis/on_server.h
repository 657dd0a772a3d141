/*
 * on_server - what tests need that run plans on one real server.
 *
 * The server lives as long as the test case, flushed before each test; executor, statistics and ops
 * are new to each.
 */
#ifndef TESTS_UNIT_REDIS_ON_SERVER_H
#define TESTS_UNIT_REDIS_ON_SERVER_H

#include <check.h>

#include "tests/unit/redis/ops.h"
#include "tests/unit/redis/server.h"

extern struct server_process server;
extern struct executor *executor;
extern struct executor_stats stats;
extern struct ops ops;

/* A test case with all of that before and after its tests. */
TCase *on_server_case(void);

#endif
