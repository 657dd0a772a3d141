#include <stdio.h>

#include "consumers/base/compiler.h"
#include "tests/unit/allocations.h"
#include "tests/unit/check_main.h"
#include "tests/unit/event/decoded.h"

enum { EVENTS = 10000, BATCH = 256 };

#ifndef SANITIZED
static const char *const texts[] = {
    "{\"event\":\"post_save\",\"model\":\"shop.Product\",\"pk\":42,\"created\":false,\"id\":\"e\","
    "\"ts\":1795341600123,\"version\":7,\"before\":{\"category_id\":3},"
    "\"after\":{\"category_id\":7,\"name\":\"Caf\\u00e9\",\"tags\":[1,2,3],\"price\":12.50}}",
    "{\"event\":\"bulk_update\",\"model\":\"shop.Product\",\"pks\":[1,2,3,4,5,6,7,8,9]}",
    "{\"event\":\"bulk_update\",\"model\":\"shop.Product\",\"rows\":[{\"pk\":1,\"before\":{\"a\":1}"
    ","
    "\"after\":{\"a\":2}},{\"pk\":2,\"changed\":[\"a\"]}]}",
    "{\"event\":\"m2m_changed\",\"model\":\"shop.Product\",\"pk\":1,\"m2m\":{\"field\":\"tags\"}}",
};

static char wide_text[4096];

/* More members than the filter of names serves, so that the sorted way is taken too. */
static void write_wide_text(void)
{
    int len = sprintf(wide_text, "{\"event\":\"e\",\"model\":\"a.B\",\"pk\":1,\"after\":{\"m\":0");

    for (int i = 0; i < 100; i++)
        len += sprintf(wide_text + len, ",\"member_%d\":%d", i, i);
    sprintf(wide_text + len, "}}");
}

static void decode_one(struct decoded *decoded, const char *text)
{
    static const struct field_part part = {{"category_id", 11}, 0};
    static const struct field_path paths[] = {
        {.root = FIELD_TS}, {.root = FIELD_VERSION}, {FIELD_ROW, &part, 1, {NULL, 0}}};

    /* Not an assertion for each: libcheck's allocate. */
    if (decoded_read(decoded, text) != DECODE_EVENT)
        ck_abort_msg("%s", decoded->err.text);
    for (size_t i = 0; i < decoded->event.rows_nr; i++) {
        struct row *row = &decoded->event.rows[i];

        event_changed(&decoded->event, row, &decoded->arena);
        for (size_t j = 0; j < ARRAY_NR(paths); j++)
            field_get(&decoded->event, row, SIDE_OLD, &paths[j], &decoded->arena);
    }
}

static void decode_batches(struct decoded *decoded)
{
    for (size_t i = 0; i < EVENTS; i++) {
        size_t which = i % (ARRAY_NR(texts) + 1);

        if (i % BATCH == 0)
            arena_reset(&decoded->arena, 0);
        decode_one(decoded, which < ARRAY_NR(texts) ? texts[which] : wide_text);
    }
}

START_TEST(steady_state_costs_no_malloc)
{
    struct decoded decoded;
    unsigned long before;
    unsigned long after;

    write_wide_text();
    decoded_init(&decoded);
    decode_batches(&decoded);
    before = atomic_load(&allocations);
    decode_batches(&decoded);
    after = atomic_load(&allocations);
    ck_assert_uint_gt(before, 0);
    ck_assert_uint_eq(after, before);
    decoded_release(&decoded);
}
END_TEST
#endif

static Suite *memory_suite(void)
{
    Suite *suite = suite_create("memory");
    TCase *tcase = tcase_create("memory");

#ifndef SANITIZED
    tcase_add_test(tcase, steady_state_costs_no_malloc);
#endif
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(memory_suite)
