/*
 * test_world - the course of one test: its clock, its keys, what was sent; private to this room.
 */
#ifndef CONSUMERS_PLAN_TEST_WORLD_H
#define CONSUMERS_PLAN_TEST_WORLD_H

#include "consumers/plan/keyspace.h"
#include "consumers/plan/test_run.h"

/* A record that was set aside. */
struct test_aside {
    const struct rule *rule; /* NULL: the event itself is bad */
    struct slice reason, detail;
    unsigned line;
};

struct test_world {
    const struct ruleset *ruleset;
    struct arena *arena;
    struct keyspace keys;
    struct plan plan;
    struct rule_count *counts; /* by rule */
    int64_t start_ms, now_ms;  /* since the epoch */
    struct test_command *commands;
    size_t commands_nr, commands_capacity;
    struct test_aside *asides;
    size_t asides_nr, asides_capacity;
    struct test_due *dues; /* deletes and purges to come */
    size_t dues_nr, dues_capacity;
    struct test_started *started; /* purges, for coalesce */
    size_t started_nr, started_capacity;
};

void test_world_run(struct test_world *world, const struct ruleset *ruleset,
                    const struct rule_test *test, struct arena *arena);
void test_world_release(struct test_world *world);

#endif
