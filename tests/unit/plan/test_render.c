#include "consumers/plan/render.h"

#include <stdio.h>

#include "tests/unit/check_main.h"
#include "tests/unit/plan/scene.h"

static struct scene scene;

static void teardown(void)
{
    scene_release(&scene);
}

#define M "\"model\":\"m.M\""
#define RULE(body) "{\"name\":\"r\",\"when\":{" M "}," body "}"
#define RAW_RULE(body) RULE("\"cache\":\"raw\"," body)
#define MOVED                                                                                      \
    "{\"event\":\"post_save\",\"created\":false," M ",\"pk\":4,\"version\":7,\"ts\":1000,"         \
    "\"before\":{\"c\":1},\"after\":{\"c\":2,\"n\":null,\"s\":\"x\",\"b\":\"{q}{r}\"}}"
#define DEL(key) "{\"op\":\"delete\",\"cache\":\"default\",\"key\":\"p:1:" key "\"}\n"
#define EXPIRE(what, key, ttl)                                                                     \
    "{\"op\":\"expire\",\"cache\":\"default\",\"" what "\":\"p:1:" key "\",\"ttl_ms\":" ttl "}\n"
#define PURGE(pattern) "{\"op\":\"purge\",\"cache\":\"default\",\"pattern\":\"p:1:" pattern "\"}\n"
#define RAWDEL(key) "{\"op\":\"delete\",\"cache\":\"raw\",\"key\":\"" key "\"}\n"

static const struct {
    const char *rules, *event, *ops, *failures;
} rows[] = {
    /* old and new row, once each */
    {RULE("\"do\":{\"delete\":\"k:{c}\"}"), MOVED, DEL("k:1") DEL("k:2"), "null"},
    {RULE("\"do\":{\"delete\":\"k:{s}\"}"), MOVED, DEL("k:x"), "null"},
    {RULE("\"do\":{\"delete\":[\"k:{c}\",\"k:2\",\"k:{pk}:{c}\"]}"), MOVED,
     DEL("k:1") DEL("k:2") DEL("k:4:1") DEL("k:4:2"), "null"},
    {RULE("\"do\":{\"delete\":\"k:{before.c}:{after.c}\"}"), MOVED, DEL("k:1:2"), "null"},
    {RULE("\"do\":{\"delete\":\"k:{c}\"}"),
     "{\"event\":\"post_save\",\"created\":true," M ",\"pk\":4,\"after\":{\"c\":2}}", DEL("k:2"),
     "null"},
    {RULE("\"do\":{\"delete\":\"k:{c}\"}"),
     "{\"event\":\"post_delete\"," M ",\"pk\":4,\"after\":{\"c\":2}}", DEL("k:2"), "null"},
    {RULE("\"do\":{\"delete\":\"k:{c}\"}"),
     "{\"event\":\"post_delete\"," M ",\"pk\":4,\"before\":{\"c\":1}}", DEL("k:1"), "null"},
    /* fan-out */
    {RULE("\"do\":{\"delete\":\"k:{pk}\"}"), "{\"event\":\"bulk_update\"," M ",\"pks\":[1,2]}",
     DEL("k:1") DEL("k:2"), "null"},
    {RULE("\"do\":{\"delete\":\"k:{c}\"}"),
     "{\"event\":\"bulk_update\"," M
     ",\"rows\":[{\"pk\":1,\"before\":{\"c\":1},\"after\":{\"c\":2}},"
     "{\"pk\":2,\"after\":{\"c\":3}}]}",
     DEL("k:1") DEL("k:2") DEL("k:3"), "null"},
    /* a failing key leaves the others standing */
    {RULE("\"do\":{\"delete\":[\"a:{lost}\",\"b:{pk}\"]}"), MOVED, DEL("b:4"),
     "{\"reason\":\"missing_field\",\"rule\":\"r\",\"action\":\"delete\",\"field\":\"lost\","
     "\"error\":\"field \\\"lost\\\" is missing from the event\"}"},
    {RULE("\"do\":{\"delete\":[\"a:{lost}\",\"a:{gone}\"]}"), MOVED, "",
     "{\"reason\":\"missing_field\",\"rule\":\"r\",\"action\":\"delete\",\"field\":\"lost\","
     "\"error\":\"field \\\"lost\\\" is missing from the event\",\"more\":1}"},
    {RULE("\"on_missing\":\"skip\",\"do\":{\"delete\":[\"a:{lost}\",\"b:{pk}\"]}"), MOVED,
     DEL("b:4"), "null"},
    {RULE("\"do\":{\"delete\":\"k:{c}\"}"),
     "{\"event\":\"post_save\",\"created\":false," M ",\"pk\":4}", "",
     "{\"reason\":\"missing_field\",\"rule\":\"r\",\"action\":\"delete\",\"field\":\"c\","
     "\"error\":\"field \\\"c\\\" is missing from the event\"}"},
    /* null */
    {RULE("\"do\":{\"delete\":\"k:{n}\"}"), MOVED, DEL("k:None"), "null"},
    {RAW_RULE("\"do\":{\"delete\":\"k:{n}\"}"), MOVED, "",
     "{\"reason\":\"null_field\",\"rule\":\"r\",\"action\":\"delete\",\"field\":\"n\","
     "\"error\":\"null leaves no key at all in a raw cache\"}"},
    {RAW_RULE("\"do\":{\"delete\":\"k:{o}\"}"),
     "{\"event\":\"post_save\",\"created\":false," M
     ",\"pk\":4,\"before\":{\"o\":null},\"after\":{\"o\":1}}",
     RAWDEL("k:1"), "null"},
    {RULE("\"do\":{\"purge\":\"kkk:{n}:*\"}"), MOVED, "",
     "{\"reason\":\"null_field\",\"rule\":\"r\",\"action\":\"purge\",\"field\":\"n\","
     "\"error\":\"field \\\"n\\\" is null\"}"},
    /* guards */
    {RULE("\"do\":{\"delete\":{\"key\":\"k\",\"guard\":\"{version}\",\"again_after\":\"2s\"}}"),
     MOVED,
     "{\"op\":\"delete\",\"cache\":\"default\",\"key\":\"p:1:k\",\"again_after_ms\":2000,\"guard\":"
     "7}\n",
     "null"},
    {RULE("\"do\":{\"delete\":{\"key\":\"k\",\"guard\":\"{version}\"}}"),
     "{\"event\":\"post_delete\"," M ",\"pk\":4,\"ts\":1000}",
     "{\"op\":\"delete\",\"cache\":\"default\",\"key\":\"p:1:k\",\"guard\":1000000}\n", "null"},
    {RULE("\"do\":{\"delete\":{\"key\":\"k\",\"guard\":\"{version}\"}}"),
     "{\"event\":\"post_delete\"," M ",\"pk\":4}", DEL("k"), "null"},
    {RULE("\"do\":{\"delete\":{\"key\":\"k\",\"guard\":\"{after.s}\"}}"), MOVED, DEL("k"),
     "{\"reason\":\"bad_value\",\"rule\":\"r\",\"action\":\"delete\",\"field\":\"after.s\","
     "\"error\":\"a guard must be an integer from 0 to 2^63-1\"}"},
    {RULE("\"do\":{\"delete\":{\"key\":\"{b}\",\"guard\":\"{version}\"}}"), MOVED, DEL("{q}{r}"),
     "{\"reason\":\"bad_value\",\"rule\":\"r\",\"action\":\"delete\","
     "\"error\":\"a guarded key may hold one hash tag only\"}"},
    /* refresh: the new row only, and nothing on a delete */
    {RULE("\"do\":{\"refresh\":{\"key\":\"k:{pk}:{c}\",\"value\":\"{c}\",\"ttl\":\"1h\"}}"), MOVED,
     "{\"op\":\"refresh\",\"cache\":\"default\",\"key\":\"p:1:k:4:2\",\"value\":\"2\",\"ttl_ms\":"
     "3600000,"
     "\"guard\":7,\"if\":\"always\"}\n",
     "null"},
    {RULE("\"do\":{\"refresh\":{\"key\":\"k:{pk}\",\"value\":\"{c}\",\"ttl\":\"1h\"}}"),
     "{\"event\":\"post_delete\"," M ",\"pk\":4}", "", "null"},
    {RULE("\"do\":{\"refresh\":{\"key\":\"k:{pk}\",\"value\":\"{lost}\",\"ttl\":\"1h\"},\"delete\":"
          "\"l\"}"),
     MOVED, DEL("l"),
     "{\"reason\":\"missing_field\",\"rule\":\"r\",\"action\":\"refresh\",\"field\":\"lost\","
     "\"error\":\"field \\\"lost\\\" is missing from the event\"}"},
    /* bump */
    {RULE("\"do\":{\"bump\":{\"key\":\"k\",\"start\":5}}"), MOVED,
     "{\"op\":\"bump\",\"cache\":\"default\",\"key\":\"p:1:k\",\"start\":5,\"at_least\":1000}\n",
     "null"},
    {RULE("\"do\":{\"bump\":{\"key\":\"k\",\"to\":\"increment\"}}"), MOVED,
     "{\"op\":\"bump\",\"cache\":\"default\",\"key\":\"p:1:k\",\"start\":1}\n", "null"},
    {RULE("\"do\":{\"bump\":\"k\"}"), "{\"event\":\"post_delete\"," M ",\"pk\":4}",
     "{\"op\":\"bump\",\"cache\":\"default\",\"key\":\"p:1:k\",\"start\":1}\n", "null"},
    /* expire, and tag sets */
    {RULE(
         "\"do\":{\"expire\":[{\"key\":[\"k:{c}\",\"k:2\"],\"ttl\":\"20s\",\"jitter\":\"10s\"},"
         "{\"key\":\"k:1\",\"ttl\":\"20s\",\"jitter\":\"10s\"},{\"key\":\"k:1\",\"ttl\":\"5s\"}]}"),
     MOVED,
     EXPIRE("key", "k:1", "20000,\"jitter_ms\":10000")
         EXPIRE("key", "k:2", "20000,\"jitter_ms\":10000") EXPIRE("key", "k:1", "5000"),
     "null"},
    {RULE("\"do\":{\"expire\":{\"key\":\"k:{n}\",\"ttl\":\"20s\"}}"), MOVED,
     EXPIRE("key", "k:None", "20000"), "null"},
    {RULE("\"do\":{\"expire\":{\"pattern\":\"kkk:{c}:*\",\"ttl\":\"1m\"}}"), MOVED,
     EXPIRE("pattern", "kkk:1:*", "60000") EXPIRE("pattern", "kkk:2:*", "60000"), "null"},
    {RULE("\"do\":{\"expire\":{\"pattern\":\"kkk:{n}:*\",\"ttl\":\"1m\"}}"), MOVED, "",
     "{\"reason\":\"null_field\",\"rule\":\"r\",\"action\":\"expire\",\"field\":\"n\","
     "\"error\":\"field \\\"n\\\" is null\"}"},
    {RULE("\"do\":{\"purge_tag\":[\"t:{c}\",\"t:{c}\"]}"), MOVED,
     "{\"op\":\"purge_tag\",\"cache\":\"default\",\"key\":\"p:1:t:1\"}\n"
     "{\"op\":\"purge_tag\",\"cache\":\"default\",\"key\":\"p:1:t:2\"}\n",
     "null"},
    {RULE("\"do\":{\"purge_tag\":\"t:{n}\"}"), MOVED, "",
     "{\"reason\":\"null_field\",\"rule\":\"r\",\"action\":\"purge_tag\",\"field\":\"n\","
     "\"error\":\"field \\\"n\\\" is null\"}"},
    /* what Django hashes: every side and element on its own, None as Python prints it */
    {RULE("\"do\":{\"delete\":{\"fragment\":\"f\",\"vary\":[\"{c}\"]}}"),
     "{\"event\":\"post_save\",\"created\":false," M
     ",\"pk\":4,\"before\":{\"c\":5},\"after\":{\"c\":null}}",
     DEL("template.cache.f.016ce7cd3f0850d6c33696df9f9440d5")
         DEL("template.cache.f.6846ba559f7f55c20a67d890d03d20e0")
             DEL("template.cache.f.ec3f2d6f4a3a053c76ffd2aef1edd2e2")
                 DEL("template.cache.f.a5c57ddc29f860a42d6b4a59908f9554"),
     "null"},
    {RAW_RULE("\"do\":{\"delete\":{\"fragment\":\"f\",\"vary\":[\"{meta.l[]}\",\"{meta.u|default:}"
              "\"]}}"),
     "{\"event\":\"post_delete\"," M ",\"pk\":4,\"meta\":{\"l\":[true,\"a\"]}}",
     RAWDEL("template.cache.f.ba5da8aaf6d6d26b85dcd55e79d88ff6")
         RAWDEL("template.cache.f.6aa1dc4857e582a28fc068bcc0172950")
             RAWDEL("template.cache.f.cd2d171befd8b0c61189b4038ec7687a")
                 RAWDEL("template.cache.f.b49ccc452bb44ae316e88de0de6870db"),
     "null"},
    {RULE("\"do\":{\"delete\":[{\"fragment\":\"f\",\"vary\":[\"{lost}\"]},{\"fragment\":\"f\","
          "\"vary\":[\"{lost?}\"]}]}"),
     MOVED, "",
     "{\"reason\":\"missing_field\",\"rule\":\"r\",\"action\":\"delete\",\"field\":\"lost\","
     "\"error\":\"field \\\"lost\\\" is missing from the event\"}"},
    {RULE("\"do\":{\"delete\":{\"page\":\"http://h/{meta.l[]|slug}/\",\"vary\":true}}"),
     "{\"event\":\"post_delete\"," M ",\"pk\":4,\"meta\":{\"l\":[\"B\"]}}",
     DEL("views.decorators.cache.cache_header..943af2b82ae5d9f45f0dd2cba13dac96")
         PURGE("views.decorators.cache.cache_page..GET.943af2b82ae5d9f45f0dd2cba13dac96.*")
             PURGE("views.decorators.cache.cache_page..HEAD.943af2b82ae5d9f45f0dd2cba13dac96.*"),
     "null"},
    /* verbs stand in their own order; patterns hold escaped values */
    {RULE("\"do\":{\"purge\":{\"pattern\":\"kkk:{s}*\",\"coalesce\":\"2s\",\"rate\":5},\"delete\":"
          "\"k\","
          "\"bump\":\"v\"}"),
     "{\"event\":\"post_save\",\"created\":true," M ",\"pk\":4,\"after\":{\"s\":\"*\"}}",
     "{\"op\":\"bump\",\"cache\":\"default\",\"key\":\"p:1:v\",\"start\":1}\n" DEL(
         "k") "{\"op\":\"purge\",\"cache\":\"default\",\"pattern\":\"p:1:kkk:\\\\**\",\"coalesce_"
              "ms\":2000,\"rate\":5}\n",
     "null"},
    /* caps: what fits is executed */
    {RULE("\"max_keys\":2,\"do\":{\"delete\":[\"k:{c}\",\"l\",\"m\"]}"), MOVED,
     DEL("k:1") DEL("k:2"),
     "{\"reason\":\"max_keys\",\"rule\":\"r\",\"action\":\"delete\","
     "\"error\":\"more than 2 keys (max_keys) for one row\"}"},
    {RULE("\"max_keys\":1,\"do\":{\"delete\":[\"k\",\"k\"]}"), MOVED, DEL("k"), "null"},
    /* shadow rules do nothing and never fail */
    {RULE("\"mode\":\"shadow\",\"do\":{\"delete\":[\"k\",\"l:{lost}\"]}"), MOVED, "", "null"},
    {RULE("\"enabled\":false,\"do\":{\"delete\":\"k\"}") ","
                                                         "{\"name\":\"s\",\"when\":{" M
                                                         "},\"do\":{\"delete\":\"t\"}}",
     MOVED, DEL("t"), "null"},
};

START_TEST(test_render)
{
    scene_init(&scene, rows[_i].rules);
    scene_event(&scene, rows[_i].event, 3);
    ck_assert_str_eq(scene_ops(&scene), rows[_i].ops);
    ck_assert_str_eq(scene_failures(&scene), rows[_i].failures);
    for (size_t i = 0; i < scene.plan.ops_nr; i++)
        ck_assert_uint_eq(scene.plan.ops[i].record, 3);
}
END_TEST

START_TEST(test_counts)
{
    scene_init(
        &scene,
        RULE("\"do\":{\"delete\":[\"k:{pk}\",\"l\"],\"bump\":\"v\"}") ","
                                                                      "{\"name\":\"s\",\"mode\":"
                                                                      "\"shadow\",\"when\":{" M
                                                                      "},\"do\":{\"delete\":\"k:{"
                                                                      "pk}\"}}");
    scene_event(&scene, "{\"event\":\"bulk_update\"," M ",\"pks\":[1,2]}", 0);
    ck_assert_uint_eq(scene.counts[0].matches, 1);
    ck_assert_uint_eq(scene.counts[0].ops[VERB_DELETE], 4);
    ck_assert_uint_eq(scene.counts[0].ops[VERB_BUMP], 2);
    ck_assert_uint_eq(scene.counts[1].matches, 1);
    ck_assert_uint_eq(scene.counts[1].ops[VERB_DELETE], 2);
    ck_assert_uint_eq(scene.plan.ops_nr, 6);
}
END_TEST

START_TEST(test_old_refresh_runs_as_delete)
{
    scene_init(
        &scene,
        RULE("\"do\":{\"refresh\":{\"key\":\"k:{pk}\",\"value\":\"{lost}\",\"ttl\":\"1h\"}}"));
    scene.context.refresh_as_delete = true;
    scene_event(&scene, MOVED, 0);
    ck_assert_uint_eq(scene.plan.ops_nr, 1);
    ck_assert(scene.plan.ops[0].as_delete && scene.plan.ops[0].verb == VERB_REFRESH);
    ck_assert_int_eq(scene.plan.ops[0].guard_source, OP_GUARD_EXPLICIT);
    ck_assert_str_eq(scene_failures(&scene), "null");
    ck_assert_str_eq(scene_ops(&scene),
                     "{\"op\":\"delete\",\"cache\":\"default\",\"key\":\"p:1:k:4\",\"guard\":7}\n");
}
END_TEST

/* What `protect` is tried after: the cache's part of the key, without the pattern's escapes. */
START_TEST(test_purge_knows_the_prefix_of_its_cache)
{
    scene_init(
        &scene,
        RULE("\"do\":{\"purge\":\"kkk:{c}:*\"}") "," //
                                                 "{\"name\":\"s\",\"cache\":\"tenant\",\"when\":{" M
                                                 "},\"do\":{\"purge\":\"all:*\"}}");
    scene_event(&scene,
                "{\"event\":\"post_save\",\"created\":true," M
                ",\"pk\":1,\"tenant\":\"a*b\",\"after\":{\"c\":1}}",
                0);
    ck_assert_uint_eq(scene.plan.ops_nr, 2);
    ck_assert_uint_eq(scene.plan.ops[0].prefix_bytes, strlen("p:1:"));
    ck_assert_uint_eq(scene.plan.ops[1].prefix_bytes, strlen("a*b:"));
    ck_assert(slice_equals(scene.plan.ops[1].key, SLICE("a\\*b:all:*")));
}
END_TEST

/* Many elements, each twice: the path with a table. */
START_TEST(test_many_keys)
{
    char event[8000];
    size_t at = (size_t)snprintf(event, sizeof(event),
                                 "{\"event\":\"post_save\",\"created\":true," M
                                 ",\"pk\":1,\"after\":{\"t\":[0");

    for (unsigned i = 1; i < 1000; i++)
        at += (size_t)snprintf(event + at, sizeof(event) - at, ",%u", i / 2);
    snprintf(event + at, sizeof(event) - at, "]}}");
    scene_init(&scene, RULE("\"do\":{\"delete\":\"t:{t[]}\"}"));
    scene_event(&scene, event, 0);
    ck_assert_uint_eq(scene.plan.ops_nr, 500);
    for (unsigned i = 0; i < 500; i++) {
        char key[32];

        snprintf(key, sizeof(key), "p:1:t:%u", i);
        ck_assert(slice_equals(scene.plan.ops[i].key, slice_of(key)));
    }
}
END_TEST

static Suite *render_suite(void)
{
    Suite *suite = suite_create("render");
    TCase *cases = tcase_create("render");

    tcase_add_checked_fixture(cases, NULL, teardown);
    tcase_add_loop_test(cases, test_render, 0, (int)ARRAY_NR(rows));
    tcase_add_test(cases, test_counts);
    tcase_add_test(cases, test_old_refresh_runs_as_delete);
    tcase_add_test(cases, test_purge_knows_the_prefix_of_its_cache);
    tcase_add_test(cases, test_many_keys);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(render_suite)
