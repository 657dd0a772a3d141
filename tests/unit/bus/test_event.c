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

static void assert_refused(const char *why)
{
    size_t length = 0;

    ck_assert(!unstale_event_check(event, &err));
    ck_assert_int_eq(err.kind, UNSTALE_REJECT);
    ck_assert_str_eq(err.text, why);
    ck_assert_ptr_null(unstale_event_json(event, &length, &err));
    ck_assert_ptr_null(unstale_event_key(event, &length, &err));
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

/* ---- What is refused ---- */

static void one_pk(void)
{
    unstale_event_begin(event, "post_save", "a.B");
    unstale_event_pk_int(event, UNSTALE_PK, 1);
}

static void not_begun(void)
{
    unstale_event_pk_int(event, UNSTALE_PK, 1);
}

static void nothing_at_all(void)
{
}

static void no_pk(void)
{
    unstale_event_begin(event, "post_save", "a.B");
}

static void pk_and_pks(void)
{
    one_pk();
    unstale_event_pk_int(event, UNSTALE_PKS, 2);
}

static void truncate_with_pk(void)
{
    unstale_event_begin(event, "truncate", "a.B");
    unstale_event_pk_int(event, UNSTALE_PK, 1);
}

static void row_without_pk(void)
{
    unstale_event_begin(event, "bulk_update", "a.B");
    unstale_event_row(event);
    unstale_event_row(event);
}

static void last_row_without_pk(void)
{
    unstale_event_begin(event, "bulk_update", "a.B");
    unstale_event_row(event);
    unstale_event_pk_int(event, UNSTALE_PK, 1);
    unstale_event_row(event);
}

static void row_after_pk(void)
{
    one_pk();
    unstale_event_row(event);
}

static void empty_name(void)
{
    unstale_event_begin(event, "", "a.B");
}

static void empty_model(void)
{
    unstale_event_begin(event, "post_save", "");
}

static void null_model(void)
{
    unstale_event_begin(event, "post_save", NULL);
}

static void bad_model(void)
{
    unstale_event_begin(event, "post_save", "a.\xff");
}

static void negative_ts(void)
{
    one_pk();
    unstale_event_set_ts(event, -1);
}

static void negative_version(void)
{
    one_pk();
    unstale_event_set_version(event, -1);
}

static void large_version(void)
{
    one_pk();
    unstale_event_set_version(event, UNSTALE_VERSION_MAX + 1);
}

static void ts_twice(void)
{
    one_pk();
    unstale_event_set_ts(event, 1);
    unstale_event_set_ts(event, 1);
}

static void source_twice(void)
{
    one_pk();
    unstale_event_set_text(event, UNSTALE_SOURCE, "a");
    unstale_event_set_text(event, UNSTALE_SOURCE, "a");
}

static void m2m_twice(void)
{
    one_pk();
    unstale_event_set_m2m(event, "tags", UNSTALE_M2M_ADD);
    unstale_event_set_m2m(event, "tags", UNSTALE_M2M_ADD);
}

static void m2m_pks_alone(void)
{
    one_pk();
    unstale_event_pk_int(event, UNSTALE_M2M_PKS, 1);
}

static void null_text(void)
{
    one_pk();
    unstale_event_set_text(event, UNSTALE_TENANT, NULL);
}

static void null_changed(void)
{
    static const char *const names[] = {"a", NULL};

    one_pk();
    unstale_event_set_changed(event, names, 2);
}

static void bad_parents(void)
{
    static const char *const labels[] = {"\xc3"};

    one_pk();
    unstale_event_set_parents(event, labels, 1);
}

static void field_twice(void)
{
    one_pk();
    unstale_event_add_int(event, UNSTALE_AFTER, "a\"", 1);
    unstale_event_add_int(event, UNSTALE_BEFORE, "a\"", 1);
    unstale_event_add_int(event, UNSTALE_AFTER, "b", 1);
    unstale_event_add_int(event, UNSTALE_AFTER, "a\"", 1);
}

static void bad_field_name(void)
{
    one_pk();
    unstale_event_add_int(event, UNSTALE_AFTER, "a\xff", 1);
}

static void null_field_name(void)
{
    one_pk();
    unstale_event_add_int(event, UNSTALE_AFTER, NULL, 1);
}

static void bad_field(void)
{
    one_pk();
    unstale_event_add_string(event, UNSTALE_AFTER, "name", "abc\xff", 4);
}

static void bad_decimal(void)
{
    one_pk();
    unstale_event_add_decimal(event, UNSTALE_AFTER, "price", "9,50", 4);
}

static void bad_json(void)
{
    one_pk();
    unstale_event_add_json(event, UNSTALE_META, "tags", "[1,]", 4);
}

static void bad_pk(void)
{
    unstale_event_begin(event, "post_save", "a.B");
    unstale_event_pk_string(event, UNSTALE_PK, "\xff", 1);
}

static void pk_array_of_fraction(void)
{
    unstale_event_begin(event, "bulk_delete", "a.B");
    unstale_event_pk_array(event, UNSTALE_PKS, "[1.5]", 5);
}

static void pk_array_of_array(void)
{
    unstale_event_begin(event, "bulk_delete", "a.B");
    unstale_event_pk_array(event, UNSTALE_PKS, "[[1]]", 5);
}

static void pk_array_of_nothing(void)
{
    unstale_event_begin(event, "bulk_delete", "a.B");
    unstale_event_pk_array(event, UNSTALE_PKS, "[]", 2);
}

static void pk_array_of_text(void)
{
    unstale_event_begin(event, "bulk_delete", "a.B");
    unstale_event_pk_array(event, UNSTALE_PKS, "[1", 2);
}

static void pk_array_for_pk(void)
{
    unstale_event_begin(event, "post_save", "a.B");
    unstale_event_pk_array(event, UNSTALE_PK, "[1]", 3);
}

static const struct {
    void (*build)(void);
    const char *why;
} refusals[] = {
    {nothing_at_all, "the event was not begun"},
    {not_begun, "the event was not begun"},
    {no_pk, "one of pk, pks and rows is needed"},
    {pk_and_pks, "one of pk, pks and rows is needed, and only one"},
    {truncate_with_pk, "a truncate has no pk, pks or rows"},
    {row_without_pk, "row 1 has no pk"},
    {last_row_without_pk, "row 2 has no pk"},
    {row_after_pk, "rows begin before any pk, before and after"},
    {empty_name, "event is empty"},
    {empty_model, "model is empty"},
    {null_model, "model is NULL"},
    {bad_model, "model: not UTF-8 at byte 2"},
    {negative_ts, "ts is below 0"},
    {negative_version, "version is outside 0 .. 2^53-1"},
    {large_version, "version is outside 0 .. 2^53-1"},
    {ts_twice, "ts is set already"},
    {source_twice, "source is set already"},
    {m2m_twice, "m2m is set already"},
    {m2m_pks_alone, "m2m pks without the m2m's field and action"},
    {null_text, "tenant is NULL"},
    {null_changed, "changed: an element is NULL"},
    {bad_parents, "parents: not UTF-8 at byte 0"},
    {field_twice, "field a\": this name is there already"},
    {bad_field_name, "a field's name: not UTF-8 at byte 1"},
    {null_field_name, "a field's name is NULL"},
    {bad_field, "field name: not UTF-8 at byte 3"},
    {bad_decimal, "field price: not a decimal number"},
    {bad_json, "field tags: not JSON at byte 3: a number that is none"},
    {bad_pk, "pk: not UTF-8 at byte 0"},
    {pk_array_of_fraction, "a pk array holds strings and integers, at least one"},
    {pk_array_of_array, "a pk array holds strings and integers, at least one"},
    {pk_array_of_nothing, "a pk array holds strings and integers, at least one"},
    {pk_array_of_text, "pk: not JSON at byte 2: ',' or ']' was expected"},
    {pk_array_for_pk, "a pk of several columns is given a column a call"},
};

START_TEST(refused)
{
    refusals[_i].build();
    assert_refused(refusals[_i].why);
}
END_TEST

START_TEST(failure_stays_until_begun_anew)
{
    bad_decimal();
    ck_assert(!unstale_event_set_created(event, true));
    ck_assert(!unstale_event_add_null(event, UNSTALE_AFTER, "x"));
    ck_assert(!unstale_event_row(event));
    assert_refused("field price: not a decimal number");
    err.kind = UNSTALE_OK;
    one_pk();
    assert_json("{\"event\":\"post_save\",\"model\":\"a.B\",\"pk\":1}");
}
END_TEST

/* A hundred names: more than the bits that tell most of them apart at once. */
START_TEST(many_fields_and_the_last_twice)
{
    char name[16];

    one_pk();
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "field_%d", i);
        ck_assert(unstale_event_add_int(event, UNSTALE_AFTER, name, i));
    }
    ck_assert(unstale_event_check(event, &err));
    ck_assert(!unstale_event_add_int(event, UNSTALE_AFTER, "field_57", 1));
    assert_refused("field field_57: this name is there already");
}
END_TEST

/* ---- Limits: the largest that passes, and one more ---- */

/* Lengths are in characters: these have two bytes each. */
static const char *long_text(size_t characters)
{
    static char text[1024];

    for (size_t i = 0; i < characters; i++)
        memcpy(text + 2 * i, "\xc3\xa9", 3);
    return text;
}

START_TEST(model_length)
{
    ck_assert(unstale_event_begin(event, "truncate", long_text(UNSTALE_MODEL_MAX)));
    ck_assert(unstale_event_check(event, &err));
    ck_assert(!unstale_event_begin(event, "truncate", long_text(UNSTALE_MODEL_MAX + 1)));
    assert_refused("model is longer than 200 characters");
}
END_TEST

START_TEST(id_length)
{
    one_pk();
    ck_assert(unstale_event_set_text(event, UNSTALE_ID, long_text(UNSTALE_ID_MAX)));
    one_pk();
    ck_assert(!unstale_event_set_text(event, UNSTALE_ID, long_text(UNSTALE_ID_MAX + 1)));
    assert_refused("id is longer than 128 characters");
}
END_TEST

START_TEST(pks_number)
{
    unstale_event_begin(event, "bulk_delete", "a.B");
    for (int i = 0; i < UNSTALE_PKS_MAX; i++)
        ck_assert(unstale_event_pk_int(event, UNSTALE_PKS, i));
    ck_assert(unstale_event_check(event, &err));
    ck_assert(!unstale_event_pk_int(event, UNSTALE_PKS, 0));
    assert_refused("more than 10000 pks");
}
END_TEST

START_TEST(rows_number)
{
    unstale_event_begin(event, "bulk_update", "a.B");
    for (int i = 0; i < UNSTALE_ROWS_MAX; i++) {
        ck_assert(unstale_event_row(event));
        ck_assert(unstale_event_pk_int(event, UNSTALE_PK, i));
    }
    ck_assert(unstale_event_check(event, &err));
    ck_assert(!unstale_event_row(event));
    assert_refused("more than 1000 rows");
}
END_TEST

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
    tcase_add_loop_test(c, refused, 0, NR(refusals));
    tcase_add_test(c, failure_stays_until_begun_anew);
    tcase_add_test(c, many_fields_and_the_last_twice);
    tcase_add_test(c, model_length);
    tcase_add_test(c, id_length);
    tcase_add_test(c, pks_number);
    tcase_add_test(c, rows_number);
    tcase_add_loop_test(c, each_allocation_failing_in_turn, 0, NR(builders));
    tcase_add_test(c, event_works_after_memory_was_short);
    suite_add_tcase(suite, c);
    return suite;
}

CHECK_MAIN(event_suite)
