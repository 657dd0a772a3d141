/* The tables that the models of rule files declare. */
#include "consumers/event/tables.h"

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/rules/loaded.h"

static const char file[] =
    "{'version':1,'models':{'shop.Product':{'table':'public.shop_product','fields':{'a':'int'}},"
    "'shop.Tag':{'table':'Shop_Tag'},'shop.Lone':{},'shop.Empty':{'table':''}},'rules':["
    "{'name':'a','when':{'model':'shop.Product'},'do':{'delete':'k'}}]}";

static const struct {
    const char *table;
    const char *model; /* NULL: none */
} cases[] = {
    {"public.shop_product", "shop.Product"},
    {"PUBLIC.SHOP_PRODUCT", "shop.Product"},
    {"other.shop_product", NULL},
    {"any.shop_tag", "shop.Tag"},
    {"shop.Lone", NULL},
    {"", NULL},
};

START_TEST(a_table_has_the_model_that_declares_it)
{
    struct loaded loaded;
    struct slice model;

    loaded_init(&loaded);
    loaded_need(&loaded, file);
    model = tables_model(loaded.set->tables, slice_of(cases[_i].table));
    ck_assert_msg(slice_equals(model, slice_of(cases[_i].model)), "%s: got '%.*s'", cases[_i].table,
                  SLICE_ARG(model));
    loaded_release(&loaded);
}
END_TEST

START_TEST(no_models_no_tables)
{
    struct loaded loaded;

    loaded_init(&loaded);
    loaded_need(&loaded, "{'version':1,'rules':[{'name':'a','when':{'model':'shop.Product'},"
                         "'do':{'delete':'k'}}]}");
    ck_assert(slice_is_absent(tables_model(loaded.set->tables, SLICE("public.shop_product"))));
    loaded_release(&loaded);
}
END_TEST

static Suite *tables_suite(void)
{
    Suite *suite = suite_create("tables of models");
    TCase *tcase = tcase_create("tables of models");

    tcase_add_loop_test(tcase, a_table_has_the_model_that_declares_it, 0, ARRAY_NR(cases));
    tcase_add_test(tcase, no_models_no_tables);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(tables_suite)
