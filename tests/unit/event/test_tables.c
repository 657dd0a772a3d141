/* Which table is which model, and what decode makes of it; formats by name; headers on demand. */
#include "consumers/event/tables.h"

#include <stdio.h>

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/event/seen.h"

#define NAMED(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct table entries[] = {
    {NAMED("public.shop_product"), NAMED("shop.Product")},
    {NAMED("shop_tag"), NAMED("shop.Tag")},
    {NAMED("Inv.Customers"), NAMED("crm.Customer")},
    {NAMED("customers"), NAMED("crm.Other")},
    {NAMED("SHOP_TAG"), NAMED("late.Entry")},
};

static const struct {
    const char *name;
    const char *model; /* NULL: none */
} lookups[] = {
    {"public.shop_product", "shop.Product"},
    {"PUBLIC.Shop_Product", "shop.Product"},
    {"other.shop_product", NULL},
    {"shop_product", NULL},
    {"tenant_1.shop_tag", "shop.Tag"},
    {"shop_tag", "shop.Tag"},
    {"inv.customers", "crm.Customer"},
    {"x.customers", "crm.Other"},
    {"", NULL},
    {".", NULL},
};

START_TEST(a_table_has_a_model)
{
    struct decoded decoded;
    const struct tables *tables;
    struct slice model;

    decoded_init(&decoded);
    tables = tables_build(entries, ARRAY_NR(entries), &decoded.arena);
    model = tables_model(tables, slice_of(lookups[_i].name));
    assert_slice_at(model, slice_of(lookups[_i].model), lookups[_i].name);
    ck_assert(slice_is_absent(tables_model(NULL, slice_of(lookups[_i].name))));
    tables = tables_build(NULL, 0, &decoded.arena);
    ck_assert(slice_is_absent(tables_model(tables, slice_of(lookups[_i].name))));
    decoded_release(&decoded);
}
END_TEST

START_TEST(many_tables)
{
    static struct table many[1000];
    static char names[1000][16];
    const struct tables *tables;
    struct decoded decoded;

    decoded_init(&decoded);
    for (size_t i = 0; i < ARRAY_NR(many); i++) {
        snprintf(names[i], sizeof(names[i]), "t.t%zu", i);
        many[i] = (struct table){slice_of(names[i]), slice_of(names[i])};
    }
    tables = tables_build(many, ARRAY_NR(many), &decoded.arena);
    for (size_t i = 0; i < ARRAY_NR(many); i++)
        assert_text(tables_model(tables, many[i].name), names[i]);
    ck_assert(slice_is_absent(tables_model(tables, SLICE("t.t1000"))));
    decoded_release(&decoded);
}
END_TEST

static const struct {
    const char *value;
    const char *seen;
} mapped[] = {
    {"{\"op\":\"t\",\"source\":{\"schema\":\"public\",\"table\":\"shop_product\"}}",
     "debezium: truncate shop.Product changed? ts=1795341600200"},
    {"{\"op\":\"t\",\"source\":{\"db\":\"inv\",\"table\":\"customers\"}}",
     "debezium: truncate crm.Customer changed? ts=1795341600200"},
    {"{\"op\":\"t\",\"source\":{\"db\":\"inv\",\"table\":\"nobody\"}}",
     "debezium: truncate inv.nobody changed? ts=1795341600200"},
    {"{\"database\":\"d\",\"table\":\"shop_tag\",\"type\":\"delete\",\"primary_key\":[1]}",
     "maxwell: delete shop.Tag 1 changed= ts=1795341600200"},
};

START_TEST(decode_names_the_model_of_the_table)
{
    struct decode_options options = {.max_bytes = 0};
    struct decoded decoded;

    decoded_init(&decoded);
    options.tables = tables_build(entries, ARRAY_NR(entries), &decoded.arena);
    seen_decode(&decoded, NULL, NULL, mapped[_i].value, &options);
    ck_assert_str_eq(seen_line(&decoded), mapped[_i].seen);
    decoded_release(&decoded);
}
END_TEST

START_TEST(formats_have_names)
{
    enum decode_format format = FORMAT_DETECT;

    for (unsigned i = FORMAT_NATIVE; i < FORMAT_NR; i++) {
        ck_assert(decode_format_parse(slice_of(decode_format_names[i]), &format));
        ck_assert_uint_eq(format, i);
    }
    ck_assert(!decode_format_parse(SLICE("Maxwell"), &format));
    ck_assert(!decode_format_parse(SLICE(""), &format));
}
END_TEST

static void count_call(void *context)
{
    ++*(int *)context;
}

static const struct {
    const char *value;
    enum decode_format format;
    int calls;
} asks[] = {
    {"{\"event\":\"e\",\"model\":\"a.B\",\"pk\":1}", FORMAT_DETECT, 0},
    {"{\"pk\":1,\"model\":\"a.B\",\"event\":\"e\"}", FORMAT_DETECT, 0},
    {"{\"event\":\"e\",\"model\":\"a.B\",\"pk\":1}", FORMAT_NATIVE, 0},
    {"{\"pk\":1}", FORMAT_NATIVE, 0},
    {"{\"pk\":1}", FORMAT_DETECT, 1},
    {"{\"event\":1,\"model\":\"a.B\"}", FORMAT_DETECT, 1},
    {"[]", FORMAT_DETECT, 1},
    {"{\"event\":\"e\",\"model\":\"a.B\",\"pk\":1}", FORMAT_CLOUDEVENTS, 1},
    {"{}", FORMAT_DEBEZIUM, 1},
};

START_TEST(headers_are_fetched_only_when_wanted)
{
    int calls = 0;
    struct decode_options options = {
        .format = asks[_i].format, .load_headers = count_call, .load_context = &calls};
    struct decoded decoded;

    decoded_init(&decoded);
    seen_decode(&decoded, NULL, NULL, asks[_i].value, &options);
    ck_assert_int_eq(calls, asks[_i].calls);
    decoded_release(&decoded);
}
END_TEST

static Suite *tables_suite(void)
{
    Suite *suite = suite_create("tables");
    TCase *tcase = tcase_create("tables");

    tcase_add_loop_test(tcase, a_table_has_a_model, 0, ARRAY_NR(lookups));
    tcase_add_test(tcase, many_tables);
    tcase_add_loop_test(tcase, decode_names_the_model_of_the_table, 0, ARRAY_NR(mapped));
    tcase_add_test(tcase, formats_have_names);
    tcase_add_loop_test(tcase, headers_are_fetched_only_when_wanted, 0, ARRAY_NR(asks));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(tables_suite)
