#include <jansson.h>

#include "tests/unit/check_main.h"
#include "tests/unit/cli/verb_ran.h"

static const char rules[] =
    "{\"version\":1,\"caches\":{\"default\":{\"keys\":\"django\",\"prefix\":\"a\",\"version\":[1,2]"
    "}},"
    "\"rules\":[{\"name\":\"one\",\"when\":{\"model\":[\"s.P\",\"s.C\"]},"
    "\"do\":{\"delete\":[\"p:{pk|md5}\",\"say\\\"\\\\#\"],\"purge\":\"list:*\"}},"
    "{\"name\":\"two\",\"mode\":\"shadow\",\"when\":{\"op\":\"create\"},"
    "\"do\":{\"delete\":\"p:{pk|md5}\"}}]}";

static const struct {
    const char *form, *expected;
} drawings[] = {
    {"dot", "digraph unstale {\n  rankdir=LR;\n  node [shape=box];\n"
            "  m0 [shape=ellipse, label=\"s.p\"];\n  m1 [shape=ellipse, label=\"s.c\"];\n"
            "  m2 [shape=ellipse, label=\"any model\"];\n  r0 [style=bold, label=\"one\"];\n"
            "  r1 [style=dashed, label=\"two (shadow)\"];\n"
            "  k0 [shape=note, label=\"a:1:p:{pk|md5}\"];\n"
            "  k1 [shape=note, label=\"a:1:say\\\"\\\\#\"];\n"
            "  k2 [shape=folder, label=\"a:1:list:*\"];\n"
            "  m0 -> r0 [label=\"create, update, delete\"];\n"
            "  m1 -> r0 [label=\"create, update, delete\"];\n"
            "  m2 -> r1 [label=\"create\"];\n"
            "  r0 -> k0 [label=\"delete\"];\n  r0 -> k1 [label=\"delete\"];\n"
            "  r0 -> k2 [label=\"purge\"];\n  r1 -> k0 [label=\"delete\"];\n}\n"},
    {"mermaid", "flowchart LR\n"
                "  m0([\"s.p\"])\n  m1([\"s.c\"])\n  m2([\"any model\"])\n  r0[\"one\"]\n"
                "  r1[/\"two (shadow)\"/]\n  k0[\"a:1:p:{pk|md5}\"]\n"
                "  k1[\"a:1:say#34;\\#35;\"]\n  k2[[\"a:1:list:*\"]]\n"
                "  m0 -->|\"create, update, delete\"| r0\n"
                "  m1 -->|\"create, update, delete\"| r0\n  m2 -->|\"create\"| r1\n"
                "  r0 -->|\"delete\"| k0\n  r0 -->|\"delete\"| k1\n  r0 -->|\"purge\"| k2\n"
                "  r1 -->|\"delete\"| k0\n"},
};

START_TEST(drawn)
{
    const char *folder = scratch_folder();
    struct verb_ran ran;

    scratch_file(folder, "rules.json", rules);
    ran = verb_ran(&verb_graph, folder, "--format", drawings[_i].form, NULL);
    verb_ran_expect(&ran, EXIT_OK, drawings[_i].expected);
    verb_ran_release(&ran);
    scratch_remove(folder);
}
END_TEST

START_TEST(as_json)
{
    const char *folder = scratch_folder();
    struct verb_ran ran;
    json_t *graph, *first;

    scratch_file(folder, "rules.json", rules);
    ran = verb_ran(&verb_graph, folder, "--format=json", NULL);
    verb_ran_expect(&ran, EXIT_OK, NULL);
    graph = json_loads(ran.out.ptr, 0, NULL);
    ck_assert_ptr_nonnull(graph);
    ck_assert_uint_eq(json_array_size(json_object_get(graph, "rules")), 2);
    first = json_array_get(json_object_get(graph, "rules"), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(first, "models")), 2);
    ck_assert_uint_eq(json_array_size(json_object_get(first, "ops")), 3);
    ck_assert_uint_eq(json_array_size(json_object_get(first, "targets")), 3);
    json_decref(graph);
    verb_ran_release(&ran);
    scratch_remove(folder);
}
END_TEST

START_TEST(no_such_form)
{
    struct verb_ran ran = verb_ran(&verb_graph, "--format=svg", NULL);

    verb_ran_expect(&ran, EXIT_USAGE, "");
    verb_ran_release(&ran);
}
END_TEST

static Suite *graph_suite(void)
{
    Suite *suite = suite_create("cli/graph");
    TCase *tcase = tcase_create("graph");

    tcase_add_loop_test(tcase, drawn, 0, 2);
    tcase_add_test(tcase, as_json);
    tcase_add_test(tcase, no_such_form);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(graph_suite)
