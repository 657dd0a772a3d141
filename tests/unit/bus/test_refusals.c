/* What is not an event: told by the call that finds it and by the check, with one line of why. */
#include <stdio.h>
#include <string.h>

#include "bus/unstale.h"
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

static void assert_refused(const char *why)
{
    size_t length = 0;

    ck_assert(!unstale_event_check(event, &err));
    ck_assert_int_eq(err.kind, UNSTALE_REJECT);
    ck_assert_str_eq(err.text, why);
    ck_assert_ptr_null(unstale_event_json(event, &length, &err));
    ck_assert_ptr_null(unstale_event_key(event, &length, &err));
}

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
    ck_assert(unstale_event_check(event, &err));
}
END_TEST

/* A hundred names: more than the bits that tell most of them apart at once. */
START_TEST(many_fields_and_the_last_twice)
{
    char name[32];

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

static Suite *refusals_suite(void)
{
    Suite *suite = suite_create("bus/refusals");
    TCase *c = tcase_create("refusals");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, refused, 0, NR(refusals));
    tcase_add_test(c, failure_stays_until_begun_anew);
    tcase_add_test(c, many_fields_and_the_last_twice);
    tcase_add_test(c, model_length);
    tcase_add_test(c, id_length);
    tcase_add_test(c, pks_number);
    tcase_add_test(c, rows_number);
    suite_add_tcase(suite, c);
    return suite;
}

CHECK_MAIN(refusals_suite)
