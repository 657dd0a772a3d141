/*
 * check_main - the main() of a unit test program.
 *
 * A test file builds one Suite and ends with CHECK_MAIN(its_suite_function). The program runs the
 * suite and exits 1 if a test failed. It prints libcheck's closing line and each failure;
 * CK_VERBOSITY=verbose names every test. CK_FORK=no, which sanitizers need, runs all tests in this
 * process (libcheck's manual, "No Fork Mode"), CK_RUN_CASE=name runs one case.
 */
#ifndef TESTS_UNIT_CHECK_MAIN_H
#define TESTS_UNIT_CHECK_MAIN_H

#include <stdlib.h>

#include <check.h>

#define CHECK_MAIN(suite_function)                                                                 \
    int main(void)                                                                                 \
    {                                                                                              \
        SRunner *runner = srunner_create(suite_function());                                        \
        int failed;                                                                                \
                                                                                                   \
        srunner_run_all(runner, CK_ENV);                                                           \
        failed = srunner_ntests_failed(runner);                                                    \
        srunner_free(runner);                                                                      \
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                                          \
    }

#endif
