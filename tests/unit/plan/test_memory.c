#include "consumers/event/decode.h"
#include "tests/unit/allocations.h"
#include "tests/unit/check_main.h"
#include "tests/unit/plan/scene.h"

#ifndef SANITIZED
enum { BATCHES = 20, BATCH = 256 };

/* Every verb, most filters (libcrypto takes memory for md5), fan-out, a failure, covered purges. */
static const char rules[] =
    "{\"name\":\"all\",\"when\":{\"model\":\"m.M\",\"changed\":[\"c\"],\"$or\":[{\"after.c\":1},"
    "{\"after.s\":{\"wildcard\":\"*u*\"}}]},\"do\":{"
    "\"bump\":\"v:{c}\","
    "\"refresh\":{\"key\":\"r:{pk}\",\"value\":{\"id\":\"{pk}\",\"o\":\"{o}\",\"t\":\"{s}-{c}\"},"
    "\"ttl\":\"1h\"},"
    "\"delete\":[\"a\",\"b:{pk}\",\"c:{c}\",\"t:{t[]}\",\"l:{lost}\",\"m:{s|upper}\","
    "\"d:{at|date:%Y-%m}:{at|timestamp}:{at|str}\",\"j:{o|json}\",{\"key\":\"g:{pk}\",\"guard\":\"{"
    "version}\"}],"
    "\"purge\":[\"ppp:{c}:*\",\"ppp:*\",\"ppp:{s}:{c}:*\"]}}";

static const char event[] =
    "{\"event\":\"post_save\",\"model\":\"m.M\",\"pk\":42,\"created\":false,\"version\":7,\"ts\":1,"
    "\"before\":{\"c\":3},\"after\":{\"c\":7,\"s\":\"Mug\",\"o\":{\"a\":[1,2,\"x\"]},\"t\":[1,2,3,"
    "4,5,"
    "6,7,8,9,10,11,12,13,14,15,16,17,18,19,20],\"at\":\"2026-11-21T09:00:00.5Z\"}}";

static void run_batch(struct scene *scene)
{
    arena_reset(&scene->arena, 0);
    plan_clear(&scene->plan, &scene->arena);
    for (uint32_t i = 0; i < BATCH; i++)
        scene_event(scene, event, i);
    plan_coalesce(&scene->plan);
}

START_TEST(steady_state_costs_no_malloc)
{
    struct scene scene;
    unsigned long before;

    scene_init(&scene, rules);
    run_batch(&scene);
    run_batch(&scene);
    ck_assert_uint_gt(scene.plan.ops_nr, BATCH * 30);
    ck_assert_uint_gt(scene.plan.coalesced_nr, BATCH * 20);
    ck_assert_uint_eq(scene.plan.failures_nr, BATCH);
    before = atomic_load(&allocations);
    for (int i = 0; i < BATCHES; i++)
        run_batch(&scene);
    before = atomic_load(&allocations) - before;
    ck_assert_uint_eq(before, 0);
    scene_release(&scene);
}
END_TEST
#endif

static Suite *memory_suite(void)
{
    Suite *suite = suite_create("memory");
    TCase *cases = tcase_create("memory");

#ifndef SANITIZED
    tcase_add_test(cases, steady_state_costs_no_malloc);
#endif
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(memory_suite)
