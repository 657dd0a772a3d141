/*
 * assert_slice - libcheck assertions and random numbers for the tests of base.
 */
#ifndef TESTS_UNIT_BASE_ASSERT_SLICE_H
#define TESTS_UNIT_BASE_ASSERT_SLICE_H

#include <stdint.h>

#include <check.h>

#include "consumers/base/slice.h"

#define assert_slice(actual, expected) assert_slices((actual), (expected), __LINE__)
#define assert_text(actual, literal) assert_slices((actual), SLICE(literal), __LINE__)

static inline void assert_slices(struct slice actual, struct slice expected, int line)
{
    ck_assert_msg(slice_equals(actual, expected), "line %d: got '%.*s', expected '%.*s'", line,
                  SLICE_ARG(actual), SLICE_ARG(expected));
}

/* A small generator with a fixed start, so that a failure comes again. */
static inline uint32_t random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

#endif
