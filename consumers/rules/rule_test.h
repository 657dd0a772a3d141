/*
 * rule_test - tests of rules as they are written: events, the keys that are there, what must come.
 *
 *   {"name": "...", "given": {KEY: VALUE}, "event": {...} | "events": [...], "expect": {...}}
 *
 * They stand in a rule file ("tests") or in a file of their own: {"rules": PATHS, "tests": [...]}.
 * Here they are read, with the same diagnostics as rules; plan/test_run.h carries them out. Everything
 * lives in the arena it was loaded into.
 */
#ifndef CONSUMERS_RULES_RULE_TEST_H
#define CONSUMERS_RULES_RULE_TEST_H

#include "consumers/base/arena.h"

struct slice_list {
    const struct slice *items;
    size_t nr;
};

/* A key that is there at the start, or that the application writes meanwhile. */
struct test_key {
    struct slice key;
    struct slice redis; /* name of its target */
    bool is_set;        /* a set of strings, for purge_tag */
    struct slice value;
    struct slice_list members;
    int64_t ttl_ms; /* -1: none */
};

struct test_keys {
    const struct test_key *items;
    size_t nr;
};

enum test_step_kind { TEST_EVENT, TEST_WRITE, TEST_WAIT };

/* Steps stand in order of time. */
struct test_step {
    enum test_step_kind kind;
    int64_t at_ms;          /* since the test's start */
    struct slice event;     /* TEST_EVENT: JSON as written */
    struct test_keys write; /* TEST_WRITE */
    unsigned line;
};

/* A key or command and what is expected of it. */
struct test_value {
    struct slice name;
    struct slice value; /* values: absent: no such key */
    int64_t times;      /* sent */
};

struct test_values {
    const struct test_value *items;
    size_t nr;
};

/* Bytes of the file from the bracket to past its end; end 0: not written. */
struct test_span {
    size_t start, end;
};

struct test_expect {
    bool has_includes, has_exactly;
    struct slice_list includes, exactly; /* commands */
    struct slice_list deleted, kept;     /* keys */
    struct slice_list rules;             /* that must match */
    struct test_values values, sent;
    int64_t dead_letters;
    struct test_span includes_span, exactly_span;
};

struct rule_test {
    struct slice name;
    struct slice file;
    unsigned line; /* of its name */
    struct test_keys given;
    const struct test_step *steps;
    size_t steps_nr;
    struct test_expect expect;
};

/* A file of tests on its own. */
struct test_file {
    struct arena arena;
    struct slice_list rules; /* paths, as written: relative to the file; none: its folder */
    const struct rule_test *tests;
    size_t tests_nr;
};

#endif
