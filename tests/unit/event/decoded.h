/*
 * decoded - texts decoded for a test, in one arena a test; a test that fails says which text it was.
 */
#ifndef TESTS_UNIT_EVENT_DECODED_H
#define TESTS_UNIT_EVENT_DECODED_H

#include <check.h>

#include "consumers/event/decode.h"
#include "consumers/event/field.h"

/* Milliseconds since 1970 of the record that every event here came in. */
#define RECORD_MS INT64_C(1795341600200)

#define DAY_MS INT64_C(86400000)

struct decoded {
    struct arena arena;
    struct event event;
    struct error err;
    const char *skipped;
    enum decode_result result;
};

static inline void decoded_init(struct decoded *decoded)
{
    memset(decoded, 0, sizeof(*decoded));
    arena_init(&decoded->arena, 1 << 14);
}

static inline void decoded_release(struct decoded *decoded)
{
    arena_release(&decoded->arena);
}

static inline enum decode_result decoded_read_at(struct decoded *decoded, struct slice text,
                                                 int64_t record_ms)
{
    struct record record = {.timestamp_ms = record_ms, .value = text};

    error_clear(&decoded->err);
    decoded->skipped = NULL;
    decoded->result = decode_record(&record, NULL, &decoded->arena, &decoded->event,
                                    &decoded->skipped, &decoded->err);
    return decoded->result;
}

static inline enum decode_result decoded_read(struct decoded *decoded, const char *text)
{
    return decoded_read_at(decoded, slice_of(text), RECORD_MS);
}

/* An event that must be good. */
static inline void decoded_need(struct decoded *decoded, const char *text)
{
    decoded_read(decoded, text);
    ck_assert_msg(decoded->result == DECODE_EVENT, "%s: %s", text, decoded->err.text);
}

/* JSON that must be good. */
static inline const struct value *decoded_json(struct decoded *decoded, const char *text)
{
    size_t position;
    const struct value *root;

    error_clear(&decoded->err);
    root = decode_json(slice_of(text), &decoded->arena, &position, &decoded->err);
    ck_assert_msg(root != NULL, "%s: %s", text, decoded->err.text);
    return root;
}

static inline void assert_slice_at(struct slice actual, struct slice expected, const char *where)
{
    ck_assert_msg(slice_equals(actual, expected), "%s: got '%.*s', expected '%.*s'", where,
                  SLICE_ARG(actual), SLICE_ARG(expected));
}

#define assert_text(actual, expected) assert_slice_at((actual), slice_of(expected), (expected))

/* A small generator with a fixed start, so that a failure comes again. */
static inline uint32_t random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

#endif
