#include "consumers/event/event.h"

#include <stdio.h>

#include "consumers/base/clock.h"
#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/event/decoded.h"

/* What changed, as "all: a b", "names: a b" or "unknown". */
static const struct {
    const char *members; /* without model and pk */
    const char *changed;
} cases[] = {
    /* Sent: wins over everything, for every op. */
    {"\"event\":\"post_save\",\"changed\":[\"a\",\"b\"]", "names: a b"},
    {"\"event\":\"post_save\",\"changed\":[]", "names:"},
    {"\"event\":\"post_save\",\"changed\":[\"z\"],\"before\":{\"a\":1},\"after\":{\"a\":2}",
     "names: z"},
    {"\"event\":\"post_save\",\"created\":true,\"changed\":[\"a\"],\"after\":{\"b\":1}",
     "names: a"},
    {"\"event\":\"post_delete\",\"changed\":[],\"before\":{\"b\":1}", "names:"},
    {"\"event\":\"m2m_changed\",\"changed\":[\"x\"],\"m2m\":{\"field\":\"tags\"}", "names: x"},
    {"\"event\":\"truncate\",\"changed\":[\"x\"]", "names: x"},
    /* Create and delete: everything. */
    {"\"event\":\"post_save\",\"created\":true,\"after\":{\"a\":1,\"b\":null}", "all: a b"},
    {"\"event\":\"post_save\",\"created\":true", "all:"},
    {"\"event\":\"post_delete\",\"before\":{\"a\":1,\"b\":2}", "all: a b"},
    {"\"event\":\"post_delete\",\"after\":{\"c\":1}", "all: c"},
    {"\"event\":\"post_delete\",\"before\":{\"a\":1},\"after\":{\"c\":1}", "all: a"},
    {"\"event\":\"post_delete\"", "all:"},
    /* Update: fields of before that differ or are gone. */
    {"\"event\":\"post_save\",\"before\":{\"a\":1},\"after\":{\"a\":2,\"b\":3}", "names: a"},
    {"\"event\":\"post_save\",\"before\":{\"a\":1,\"b\":3},\"after\":{\"b\":3,\"a\":2}",
     "names: a"},
    {"\"event\":\"post_save\",\"before\":{\"a\":1,\"b\":3,\"c\":4},\"after\":{\"c\":4,\"b\":3,"
     "\"a\":1}",
     "names:"},
    {"\"event\":\"post_save\",\"before\":{\"a\":1,\"gone\":2},\"after\":{\"a\":1}", "names: gone"},
    {"\"event\":\"post_save\",\"before\":{\"a\":null},\"after\":{\"b\":1}", "names: a"},
    {"\"event\":\"post_save\",\"before\":{\"a\":null},\"after\":{\"a\":null}", "names:"},
    {"\"event\":\"post_save\",\"before\":{\"a\":5},\"after\":{\"a\":5.0}", "names:"},
    {"\"event\":\"post_save\",\"before\":{\"a\":5},\"after\":{\"a\":\"5\"}", "names: a"},
    {"\"event\":\"post_save\",\"before\":{\"a\":{\"x\":1,\"y\":2}},\"after\":{\"a\":{\"y\":2,\"x\":"
     "1}}",
     "names:"},
    {"\"event\":\"post_save\",\"before\":{\"a\":[1,2]},\"after\":{\"a\":[2,1]}", "names: a"},
    {"\"event\":\"post_save\",\"before\":{},\"after\":{\"a\":1}", "names:"},
    {"\"event\":\"own_event\",\"before\":{\"a\":1},\"after\":{\"a\":2}", "names: a"},
    /* Not derivable. */
    {"\"event\":\"post_save\"", "unknown"},
    {"\"event\":\"post_save\",\"after\":{\"a\":1}", "unknown"},
    {"\"event\":\"post_save\",\"before\":{\"a\":1}", "unknown"},
    {"\"event\":\"post_save\",\"before\":null,\"after\":{\"a\":1}", "unknown"},
    {"\"event\":\"post_save\",\"created\":false,\"before\":{\"a\":1},\"after\":null", "unknown"},
    {"\"event\":\"own_event\"", "unknown"},
    {"\"event\":\"truncate\"", "unknown"},
    {"\"event\":\"read\",\"after\":{\"a\":1}", "unknown"},
    /* m2m: the relation. */
    {"\"event\":\"m2m_changed\",\"m2m\":{\"field\":\"tags\",\"pks\":[1]}", "names: tags"},
    {"\"event\":\"m2m_changed\",\"m2m\":{}", "unknown"},
    {"\"event\":\"m2m_changed\"", "unknown"},
};

static void print_changed(const struct changed *changed, char *out, size_t bytes)
{
    static const char *const states[] = {"not looked at", "unknown", "all:", "names:"};
    int len = snprintf(out, bytes, "%s", states[changed->state]);

    for (size_t i = 0; i < changed->nr; i++)
        len += snprintf(out + len, bytes - (size_t)len, " %.*s", SLICE_ARG(changed->names[i]));
}

static void assert_changed(struct decoded *decoded, size_t row, const char *expected)
{
    char got[256];

    print_changed(event_changed(&decoded->event, &decoded->event.rows[row], &decoded->arena), got,
                  sizeof(got));
    ck_assert_str_eq(got, expected);
}

START_TEST(what_changed)
{
    struct decoded decoded;
    char text[512];

    decoded_init(&decoded);
    snprintf(text, sizeof(text), "{\"model\":\"a.B\",\"pk\":1,%s}", cases[_i].members);
    decoded_need(&decoded, text);
    assert_changed(&decoded, 0, cases[_i].changed);
    assert_changed(&decoded, 0, cases[_i].changed);
    decoded_release(&decoded);
}
END_TEST

START_TEST(rows_have_their_own)
{
    struct decoded decoded;

    decoded_init(&decoded);
    decoded_need(&decoded, "{\"event\":\"bulk_update\",\"model\":\"a.B\",\"changed\":[\"s\",\"t\"],"
                           "\"rows\":[{\"pk\":1,\"changed\":[\"own\"]},"
                           "{\"pk\":2,\"before\":{\"a\":1},\"after\":{\"a\":2}}],\"pks\":[3]}");
    assert_changed(&decoded, 0, "names: own");
    assert_changed(&decoded, 1, "names: s t");
    assert_changed(&decoded, 2, "names: s t");
    decoded_need(&decoded, "{\"event\":\"bulk_update\",\"model\":\"a.B\","
                           "\"rows\":[{\"pk\":1,\"changed\":[\"own\"]},"
                           "{\"pk\":2,\"before\":{\"a\":1},\"after\":{\"a\":2}}],\"pks\":[3]}");
    assert_changed(&decoded, 0, "names: own");
    assert_changed(&decoded, 1, "names: a");
    assert_changed(&decoded, 2, "unknown");
    decoded_release(&decoded);
}
END_TEST

/* A long list that was sent is shared: many rows must not multiply it. */
START_TEST(a_sent_list_is_stored_once)
{
    enum { NAMES = 2000, PKS = 10000 };
    static char text[128 * 1024];
    struct decoded decoded;
    int len = sprintf(text, "{\"event\":\"bulk_update\",\"model\":\"a.B\",\"changed\":[\"a\"");

    for (int i = 1; i < NAMES; i++)
        len += sprintf(text + len, ",\"a\"");
    len += sprintf(text + len, "],\"pks\":[1");
    for (int i = 1; i < PKS; i++)
        len += sprintf(text + len, ",1");
    sprintf(text + len, "]}");
    decoded_init(&decoded);
    decoded_need(&decoded, text);
    for (size_t i = 0; i < PKS; i++)
        ck_assert_uint_eq(event_changed(&decoded.event, &decoded.event.rows[i], &decoded.arena)->nr,
                          NAMES);
    ck_assert_uint_lt(arena_used(&decoded.arena), 4 * 1024 * 1024);
    decoded_release(&decoded);
}
END_TEST

enum { WIDE_MEMBERS = 20000 };

/* An image of columns first, first + step, ...; every third has another value than its number. */
static int print_wide(char *out, const char *name, int first, int step, int odd)
{
    int len = sprintf(out, ",\"%s\":{", name);

    for (int i = 0, column = first; i < WIDE_MEMBERS; i++, column += step)
        len += sprintf(out + len, "%s\"c%d\":%d", i ? "," : "", column,
                       column % 3 ? column : column + odd);
    return len + sprintf(out + len, "}");
}

/* Pair by pair it would take many seconds: whoever writes events could hold up all that follow. */
static void compare_wide(int first, int step, size_t changed)
{
    static char text[1 << 20];
    int64_t start_ms = clock_steady_ms();
    struct decoded decoded;
    int len =
        sprintf(text, "{\"event\":\"post_save\",\"created\":false,\"model\":\"a.B\",\"pk\":1");

    len += print_wide(text + len, "before", 0, 1, 0);
    len += print_wide(text + len, "after", first, step, 1);
    sprintf(text + len, "}");
    decoded_init(&decoded);
    decoded_need(&decoded, text);
    ck_assert_uint_eq(event_changed(&decoded.event, &decoded.event.rows[0], &decoded.arena)->nr,
                      changed);
    decoded_release(&decoded);
    ck_assert_int_lt(clock_steady_ms() - start_ms, 1500);
}

START_TEST(wide_images_cost_little_in_any_order)
{
    compare_wide(0, 1, WIDE_MEMBERS / 3 + 1);
    compare_wide(WIDE_MEMBERS - 1, -1, WIDE_MEMBERS / 3 + 1);
    compare_wide(-1, -1, WIDE_MEMBERS);
}
END_TEST

static Suite *event_suite(void)
{
    Suite *suite = suite_create("event");
    TCase *tcase = tcase_create("event");

    tcase_add_loop_test(tcase, what_changed, 0, ARRAY_NR(cases));
    tcase_add_test(tcase, rows_have_their_own);
    tcase_add_test(tcase, a_sent_list_is_stored_once);
    tcase_add_test(tcase, wide_images_cost_little_in_any_order);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(event_suite)
