/* What an event comes to in JSON, and as a key; and that memory may be short at any moment. */
#include <stdio.h>
#include <string.h>

#include "bus/unstale.h"
#include "tests/unit/bus/chaos.h"
#include "tests/unit/check_main.h"

#define NR(a) ((int)(sizeof(a) / sizeof((a)[0])))

static struct unstale_event *event;
static struct unstale_error err;

static void set_up(void)
{
    err = (struct unstale_error)UNSTALE_ERROR_INIT;
    event = unstale_event_new(&err);
    ck_assert_ptr_nonnull(event);
}

static void tear_down(void)
{
    unstale_event_free(event);
}

static void assert_text(const char *text, size_t length, const char *want)
{
    ck_assert_ptr_nonnull(text);
    ck_assert_msg(length == strlen(want) && memcmp(text, want, length) == 0, "have %.*s, want %s",
                  (int)length, text, want);
}

static void assert_json(const char *want)
{
    size_t length = 0;
    const char *json = unstale_event_json(event, &length, &err);

    ck_assert_msg(json != NULL, "%s", err.text);
    assert_text(json, length, want);
}

static void assert_key(const char *want)
{
    size_t length = 0;
    const char *key = unstale_event_key(event, &length, &err);

    ck_assert_msg(key != NULL, "%s", err.text);
    assert_text(key, length, want);
}

START_TEST(smallest_event)
{
    ck_assert(unstale_event_begin(event, "post_save", "shop.Product"));
    ck_assert(unstale_event_pk_int(event, UNSTALE_PK, 42));
    assert_json("{\"event\":\"post_save\",\"model\":\"shop.Product\",\"pk\":42}");
    assert_key("shop.Product:42");
    ck_assert_int_eq(err.kind, UNSTALE_OK);
}
END_TEST

static void build_everything(void)
{
    static const char *const changed[] = {"name", "price"};
    static const char *const parents[] = {"shop.Item"};

    unstale_event_begin(event, "post_save", "shop.Product");
    unstale_event_pk_int(event, UNSTALE_PK, 42);
    unstale_event_set_created(event, false);
    unstale_event_set_changed(event, changed, 2);
    unstale_event_add_string(event, UNSTALE_BEFORE, "name", "Lamp", 4);
    unstale_event_add_decimal(event, UNSTALE_BEFORE, "price", "9.50", 4);
    unstale_event_add_string(event, UNSTALE_AFTER, "name", "L\"a\nmp", 6);
    unstale_event_add_double(event, UNSTALE_AFTER, "weight", 1.25);
    unstale_event_add_int(event, UNSTALE_AFTER, "stock", -3);
    unstale_event_add_bool(event, UNSTALE_AFTER, "is_new", true);
    unstale_event_add_bool(event, UNSTALE_AFTER, "is_old", false);
    unstale_event_add_null(event, UNSTALE_AFTER, "note");
    unstale_event_add_json(event, UNSTALE_AFTER, "tags", "[ \"a\", 1 ]", 10);
    unstale_event_set_ts(event, 1795341600123);
    unstale_event_set_version(event, UNSTALE_VERSION_MAX);
    unstale_event_set_text(event, UNSTALE_ID, "e-1");
    unstale_event_set_text(event, UNSTALE_SOURCE, "shop");
    unstale_event_set_text(event, UNSTALE_TENANT, "acme");
    unstale_event_set_text(event, UNSTALE_TRACE, "00-ab-cd-01");
    unstale_event_set_text(event, UNSTALE_SENDER, "shop.ProxyProduct");
    unstale_event_set_parents(event, parents, 1);
    unstale_event_add_string(event, UNSTALE_META, "user", "ann", 3);
}

static const char everything[] =
    "{\"event\":\"post_save\",\"model\":\"shop.Product\",\"pk\":42,"
    "\"before\":{\"name\":\"Lamp\",\"price\":9.50},"
    "\"after\":{\"name\":\"L\\\"a\\nmp\",\"weight\":1.25,\"stock\":-3,\"is_new\":true,"
    "\"is_old\":false,\"note\":null,\"tags\":[\"a\",1]},"
    "\"created\":false,\"changed\":[\"name\",\"price\"],\"ts\":1795341600123,"
    "\"version\":9007199254740991,\"id\":\"e-1\",\"source\":\"shop\",\"tenant\":\"acme\","
    "\"trace\":\"00-ab-cd-01\",\"sender\":\"shop.ProxyProduct\",\"parents\":[\"shop.Item\"],"
    "\"meta\":{\"user\":\"ann\"}}";

START_TEST(every_member)
{
    build_everything();
    assert_json(everything);
}
END_TEST

START_TEST(event_is_used_again)
{
    build_everything();
    assert_json(everything);
    ck_assert(unstale_event_begin(event, "post_delete", "shop.Tag"));
    ck_assert(unstale_event_pk_string(event, UNSTALE_PK, "x", 1));
    assert_json("{\"event\":\"post_delete\",\"model\":\"shop.Tag\",\"pk\":\"x\"}");
    assert_key("shop.Tag:x");
    build_everything();
    assert_json(everything);
}
END_TEST

START_TEST(changed_can_be_empty)
{
    ck_assert(unstale_event_begin(event, "post_save", "a.B"));
    ck_assert(unstale_event_pk_int(event, UNSTALE_PK, 1));
    ck_assert(unstale_event_set_changed(event, NULL, 0));
    assert_json("{\"event\":\"post_save\",\"model\":\"a.B\",\"pk\":1,\"changed\":[]}");
}
END_TEST

START_TEST(key_of_a_string_is_its_bytes)
{
    ck_assert(unstale_event_begin(event, "post_save", "a.B"));
    ck_assert(unstale_event_pk_string(event, UNSTALE_PK, "x \"y\"\tñ", 8));
    assert_json("{\"event\":\"post_save\",\"model\":\"a.B\",\"pk\":\"x \\\"y\\\"\\tñ\"}");
    assert_key("a.B:x \"y\"\tñ");
}
END_TEST

START_TEST(key_of_several_columns_is_their_json)
{
    ck_assert(unstale_event_begin(event, "post_save", "a.B"));
    ck_assert(unstale_event_pk_int(event, UNSTALE_PK, -3));
    ck_assert(unstale_event_pk_string(event, UNSTALE_PK, "x\"", 2));
    assert_json("{\"event\":\"post_save\",\"model\":\"a.B\",\"pk\":[-3,\"x\\\"\"]}");
    assert_key("a.B:[-3,\"x\\\"\"]");
}
END_TEST

START_TEST(many_keys)
{
    ck_assert(unstale_event_begin(event, "bulk_delete", "a.B"));
    ck_assert(unstale_event_pk_int(event, UNSTALE_PKS, 1));
    ck_assert(unstale_event_pk_string(event, UNSTALE_PKS, "two", 3));
    ck_assert(unstale_event_pk_array(event, UNSTALE_PKS, "[3, \"a,b\\\"]\"]", 13));
    assert_json(
        "{\"event\":\"bulk_delete\",\"model\":\"a.B\",\"pks\":[1,\"two\",[3,\"a,b\\\"]\"]]}");
    assert_key("a.B");
}
END_TEST

START_TEST(many_rows)
{
    ck_assert(unstale_event_begin(event, "bulk_update", "a.B"));
    ck_assert(unstale_event_row(event));
    ck_assert(unstale_event_pk_int(event, UNSTALE_PK, 1));
    ck_assert(unstale_event_add_int(event, UNSTALE_BEFORE, "n", 1));
    ck_assert(unstale_event_add_int(event, UNSTALE_AFTER, "n", 2));
    assert_json("{\"event\":\"bulk_update\",\"model\":\"a.B\",\"rows\":["
                "{\"pk\":1,\"before\":{\"n\":1},\"after\":{\"n\":2}}]}");
    ck_assert(unstale_event_row(event));
    ck_assert(unstale_event_pk_int(event, UNSTALE_PK, 2));
    ck_assert(unstale_event_pk_int(event, UNSTALE_PK, 3));
    ck_assert(unstale_event_add_int(event, UNSTALE_AFTER, "n", 5));
    ck_assert(unstale_event_row(event));
    ck_assert(unstale_event_pk_string(event, UNSTALE_PK, "x", 1));
    assert_json("{\"event\":\"bulk_update\",\"model\":\"a.B\",\"rows\":["
                "{\"pk\":1,\"before\":{\"n\":1},\"after\":{\"n\":2}},"
                "{\"pk\":[2,3],\"after\":{\"n\":5}},{\"pk\":\"x\"}]}");
    assert_key("a.B");
}
END_TEST

START_TEST(truncate_needs_no_key)
{
    ck_assert(unstale_event_begin(event, "truncate", "a.B"));
    assert_json("{\"event\":\"truncate\",\"model\":\"a.B\"}");
    assert_key("a.B");
}
END_TEST

START_TEST(many_to_many)
{
    ck_assert(unstale_event_begin(event, "m2m_changed", "a.B"));
    ck_assert(unstale_event_pk_int(event, UNSTALE_PK, 1));
    ck_assert(unstale_event_set_m2m(event, "tags", UNSTALE_M2M_REMOVE));
    ck_assert(unstale_event_pk_int(event, UNSTALE_M2M_PKS, 7));
    ck_assert(unstale_event_pk_int(event, UNSTALE_M2M_PKS, 8));
    assert_json("{\"event\":\"m2m_changed\",\"model\":\"a.B\",\"pk\":1,"
                "\"m2m\":{\"field\":\"tags\",\"action\":\"remove\",\"pks\":[7,8]}}");
    assert_key("a.B:1");
}
END_TEST

static void one_pk(void)
{
    unstale_event_begin(event, "post_save", "a.B");
    unstale_event_pk_int(event, UNSTALE_PK, 1);
}

/* ---- Memory ---- */

/* Whatever fails on the way: out of memory is what the check says, and nothing is left behind. */
static bool survives(struct chaos *chaos, void (*build)(void), size_t *length)
{
    bool done;

    err = (struct unstale_error)UNSTALE_ERROR_INIT;
    event = bus_event_new(&chaos->allocator, &err);
    if (event)
        build();
    done = event && unstale_event_json(event, length, &err) != NULL;
    unstale_event_free(event);
    event = NULL;
    ck_assert_int_eq(chaos->live, 0);
    ck_assert_int_eq(err.kind, done ? UNSTALE_OK : UNSTALE_RETRY);
    ck_assert_msg(done || strstr(err.text, "out of memory"), "%s", err.text);
    return done;
}

static void build_rows_and_m2m(void)
{
    char name[32];

    unstale_event_begin(event, "bulk_update", "a.B");
    unstale_event_set_m2m(event, "tags", UNSTALE_M2M_CLEAR);
    unstale_event_pk_int(event, UNSTALE_M2M_PKS, 1);
    for (int row = 0; row < 3; row++) {
        unstale_event_row(event);
        unstale_event_pk_string(event, UNSTALE_PK, "key\n", 4);
        unstale_event_pk_int(event, UNSTALE_PK, row);
        for (int i = 0; i < 20; i++) {
            snprintf(name, sizeof(name), "field_%d\t", i);
            unstale_event_add_string(event, UNSTALE_BEFORE, name, "\x01\x02\x03", 3);
            unstale_event_add_json(event, UNSTALE_AFTER, name, "{\"a\":[1,2]}", 11);
        }
    }
}

static void build_pks(void)
{
    unstale_event_begin(event, "bulk_delete", "a.B");
    for (int i = 0; i < 100; i++)
        unstale_event_pk_array(event, UNSTALE_PKS, "[1, \"two\"]", 10);
}

static void (*const builders[])(void) = {one_pk, build_everything, build_rows_and_m2m, build_pks};

START_TEST(each_allocation_failing_in_turn)
{
    struct chaos chaos;
    size_t length;
    long fail_at = 0;

    tear_down();
    do
        chaos_init(&chaos, fail_at++);
    while (!survives(&chaos, builders[_i], &length));
    ck_assert_int_gt(fail_at, 5);
    ck_assert_int_eq(chaos.calls, fail_at - 1);
}
END_TEST

START_TEST(event_works_after_memory_was_short)
{
    static struct chaos chaos; /* outlives the test: the event is freed after it */
    size_t length;

    tear_down();
    chaos_init(&chaos, 3);
    event = bus_event_new(&chaos.allocator, &err);
    build_everything();
    ck_assert(!unstale_event_check(event, &err));
    ck_assert_int_eq(err.kind, UNSTALE_RETRY);
    err.kind = UNSTALE_OK;
    build_everything();
    assert_json(everything);
    chaos.calls = 0;
    build_everything();
    ck_assert_ptr_nonnull(unstale_event_json(event, &length, &err));
    ck_assert_int_eq(chaos.calls, 0);
}
END_TEST

static Suite *event_suite(void)
{
    Suite *suite = suite_create("bus/event");
    TCase *c = tcase_create("event");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, smallest_event);
    tcase_add_test(c, every_member);
    tcase_add_test(c, event_is_used_again);
    tcase_add_test(c, changed_can_be_empty);
    tcase_add_test(c, key_of_a_string_is_its_bytes);
    tcase_add_test(c, key_of_several_columns_is_their_json);
    tcase_add_test(c, many_keys);
    tcase_add_test(c, many_rows);
    tcase_add_test(c, truncate_needs_no_key);
    tcase_add_test(c, many_to_many);
    tcase_add_loop_test(c, each_allocation_failing_in_turn, 0, NR(builders));
    tcase_add_test(c, event_works_after_memory_was_short);
    suite_add_tcase(suite, c);
    return suite;
}

CHECK_MAIN(event_suite)
