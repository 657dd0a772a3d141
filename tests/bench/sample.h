/*
 * sample - the event that the bench programs make: a product was saved, some 350 bytes; `pad` more of them.
 */
#ifndef TESTS_BENCH_SAMPLE_H
#define TESTS_BENCH_SAMPLE_H

#include <stdio.h>

#include "consumers/base/clock.h"
#include "consumers/base/slice.h"
#include "tests/bench/measure.h"

enum { SAMPLE_BYTES = 512 }; /* without pad */

/* Returns the length of the text, which ends with a zero byte. */
static inline size_t sample_event(char *out, size_t bytes, long id, long version, struct slice pad)
{
    int len = snprintf(
        out, bytes,
        "{\"event\":\"post_save\",\"model\":\"shop.Product\",\"pk\":%ld,\"created\":false,"
        "\"id\":\"01J9ZC7Q6W3M5T8B2N4K\",\"ts\":%lld,\"version\":%ld,"
        "\"changed\":[\"price\",\"category_id\"],\"before\":{\"price\":\"12.50\",\"category_id\":3}"
        ","
        "\"after\":{\"id\":%ld,\"name\":\"Caf\\u00e9 table%.*s\",\"slug\":\"cafe-table\","
        "\"price\":\"9.90\",\"category_id\":%ld,\"stock\":12,\"is_active\":true},\"tenant\":"
        "\"acme\"}",
        id, (long long)clock_wall_ms(), version, id, SLICE_ARG(pad), id % 100);

    if (len < 0 || (size_t)len >= bytes)
        give_up("event", "does not fit");
    return (size_t)len;
}

#endif
