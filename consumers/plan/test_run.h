/*
 * test_run - a test of rules carried out: its events through the rules, the operations on keys in
 * memory, and what came compared with what was expected.
 *
 * Time is the test's own: it starts at the `ts` of its first event that has one, else at
 * TEST_START_MS, moves by the steps' "at", and goes on behind the last one until every second delete
 * and every purge that was held back by `coalesce` has run. An event without `ts` has that time, as
 * a record has one in Kafka. Each event is a batch of its own.
 *
 * An expected command is one as `explain` prints it, whole ("UNLINK k again after 2s version 7"),
 * without version and least value ("UNLINK k again after 2s"), or by its word and key ("UNLINK k").
 * Pure: no I/O, no clock.
 */
#ifndef CONSUMERS_PLAN_TEST_RUN_H
#define CONSUMERS_PLAN_TEST_RUN_H

#include "consumers/plan/render.h"
#include "consumers/rules/diagnostics.h"
#include "consumers/rules/rule_test.h"

#define TEST_START_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

/* One line of what differs. */
struct test_problem {
    char sign;               /* '-': expected and not so; '+': so and not expected */
    bool is_hint;            /* no failure in itself: tells what came instead */
    struct slice text, note; /* printable */
    const struct rule *rule; /* that did it, or NULL */
};

struct test_command {
    const struct op *op;
    struct slice bare, plain, full;
    int64_t times;
};

struct test_outcome {
    const struct rule_test *test;
    bool is_passed;
    const struct test_problem *problems;
    size_t problems_nr;
    const struct test_command *commands; /* that were sent, each once, in order */
    size_t commands_nr;
};

/* True for each of the three ways to write it. */
bool test_command_is(const struct test_command *command, struct slice text);

/* Everything in *out lives in the arena. `matched` gains true at the index of rules that matched. */
void test_run(const struct ruleset *ruleset, const struct rule_test *test, bool *matched,
              struct arena *arena, struct test_outcome *out);

/* Runs the tests that stand in the rule files: each that fails is an E310. */
bool test_run_own(const struct ruleset *ruleset, struct diagnostics *found);

#endif
