/*
 * test_suite - sets of rules, their tests, and what came of them; private to `unstale test`.
 *
 * A set of rules is loaded once, whatever number of test files names it, so that a rule counts as
 * covered when any test of any file made it match. Everything lives until the suite is released.
 */
#ifndef CONSUMERS_CLI_TEST_SUITE_H
#define CONSUMERS_CLI_TEST_SUITE_H

#include <regex.h>

#include "consumers/plan/test_run.h"

struct test_set {
    struct slice key;        /* its paths, one a line */
    struct ruleset *ruleset; /* NULL: does not load; said once */
    bool *matched;           /* by rule */
};

struct test_cover {
    const struct rule *rule;
    bool is_hit;
};

struct test_suite {
    struct arena arena;
    const regex_t *wanted; /* names of tests; NULL: all */
    bool is_json, is_coloured;
    struct test_set *sets;
    size_t sets_nr, sets_capacity;
    struct test_file **files;
    size_t files_nr, files_capacity;
    struct test_outcome *results;
    size_t results_nr, results_capacity;
    size_t passed, failed;
    unsigned errors; /* in files */
};

void test_suite_init(struct test_suite *suite);
void test_suite_release(struct test_suite *suite);

/*
 * Tests of these rules: those in the rule files, then those of the *_test.json in each folder among
 * them and beside each file. Prints each as it ends.
 */
void test_suite_add_rules(struct test_suite *suite, const char *const *paths, size_t nr);

/* The tests of one *_test.json; rules: those of files that name none, nr 0: the file's folder. */
void test_suite_add_file(struct test_suite *suite, const char *path, const char *const *rules,
                         size_t nr);

/* Enabled rules of all sets, each once, in the arena. */
const struct test_cover *test_suite_cover(struct test_suite *suite, size_t *nr, size_t *hit);

/* ---- forms (test_print.c) ---- */

void test_print_result(const struct test_suite *suite, const struct test_outcome *result,
                       struct buffer *out);
void test_print_summary(struct test_suite *suite, bool with_coverage, struct buffer *out);
void test_print_junit(const struct test_suite *suite, struct buffer *out);

/* Writes what was sent into "includes" and "exactly" of the tests where that differs. */
void test_update(const struct test_suite *suite);

#endif
