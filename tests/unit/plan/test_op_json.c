#include "consumers/plan/op_json.h"

#include "consumers/base/clock.h"
#include "consumers/base/hash.h"
#include "tests/unit/check_main.h"

static const struct cache cache = {.name = {"default", 7}, .redis = {"default", 7}};

#define ACTION(...)                                                                                \
    {                                                                                              \
        .cache = &cache, __VA_ARGS__                                                               \
    }

static const struct {
    struct action action;
    struct op op;
    const char *json, *text;
} rows[] = {
    {ACTION(.verb = VERB_DELETE, .again_after_ms = 2000),
     {.key = {"k\n", 2}},
     "{\"op\":\"delete\",\"cache\":\"default\",\"key\":\"k\\n\",\"again_after_ms\":2000}",
     "UNLINK k\\x0a again after 2s"},
    {ACTION(.verb = VERB_DELETE),
     {.key = {"\xff\0", 2}, .guard_source = OP_GUARD_CLOCK, .guard = 5},
     "{\"op\":\"delete\",\"cache\":\"default\",\"key\":{\"base64\":\"/wA=\"},\"guard\":5}",
     "UNLINK \\xff\\x00 version 5"},
    {ACTION(.verb = VERB_PURGE, .is_pattern = true, .coalesce_ms = 2000, .rate = 5,
            .slow_above = 9),
     {.key = {"k*", 2}},
     "{\"op\":\"purge\",\"cache\":\"default\",\"pattern\":\"k*\",\"coalesce_ms\":2000,\"rate\":5,"
     "\"slow_above\":9}",
     "SCAN+UNLINK k* coalesced 2s"},
    {ACTION(.verb = VERB_BUMP, .start = 1),
     {.key = {"k", 1}, .at_least = 12},
     "{\"op\":\"bump\",\"cache\":\"default\",\"key\":\"k\",\"start\":1,\"at_least\":12}",
     "BUMP k to at least 12"},
    {ACTION(.verb = VERB_BUMP, .start = 1),
     {.key = {"k", 1}, .at_least = -1},
     "{\"op\":\"bump\",\"cache\":\"default\",\"key\":\"k\",\"start\":1}",
     "BUMP k"},
    {ACTION(.verb = VERB_REFRESH, .ttl_ms = 1000, .condition = REFRESH_MISSING),
     {.key = {"k", 1}, .value = {"{\"id\":42}", 9}, .guard_source = OP_GUARD_EXPLICIT, .guard = 7},
     "{\"op\":\"refresh\",\"cache\":\"default\",\"key\":\"k\",\"value\":\"{\\\"id\\\":42}\","
     "\"ttl_ms\":1000,\"guard\":7,\"if\":\"missing\"}",
     "SET k {\"id\":42} PX 1000 version 7"},
    {ACTION(.verb = VERB_EXPIRE, .ttl_ms = 20000, .jitter_ms = 10000),
     {.key = {"k", 1}},
     "{\"op\":\"expire\",\"cache\":\"default\",\"key\":\"k\",\"ttl_ms\":20000,\"jitter_ms\":10000}",
     "EXPIRE k in 20s jitter 10s"},
    {ACTION(.verb = VERB_EXPIRE, .ttl_ms = 20000, .is_pattern = true),
     {.key = {"k*", 2}},
     "{\"op\":\"expire\",\"cache\":\"default\",\"pattern\":\"k*\",\"ttl_ms\":20000}",
     "SCAN+EXPIRE k* in 20s"},
    {ACTION(.verb = VERB_PURGE_TAG),
     {.key = {"k", 1}},
     "{\"op\":\"purge_tag\",\"cache\":\"default\",\"key\":\"k\"}",
     "PURGE TAG k"},
};

START_TEST(test_print)
{
    struct op op = rows[_i].op;
    struct buffer out;

    op.action = &rows[_i].action;
    op.verb = op.action->verb;
    op.cache = &cache;
    buffer_init(&out);
    op_print_json(&op, NULL, &out);
    ck_assert_str_eq(out.ptr, rows[_i].json);
    buffer_clear(&out);
    op_print_text(&op, &out);
    ck_assert_str_eq(out.ptr, rows[_i].text);
    buffer_release(&out);
}
END_TEST

START_TEST(test_delays_of_all_contributors)
{
    static const struct action actions[] = {ACTION(.verb = VERB_DELETE, .again_after_ms = 5000),
                                            ACTION(.verb = VERB_DELETE),
                                            ACTION(.verb = VERB_DELETE, .again_after_ms = 2000),
                                            ACTION(.verb = VERB_DELETE, .again_after_ms = 5000)};
    struct plan plan;
    struct buffer out;

    plan_init(&plan);
    plan_clear(&plan, NULL);
    for (size_t i = 0; i < ARRAY_NR(actions); i++) {
        struct op *op = plan_add(&plan);

        op->verb = VERB_DELETE;
        op->action = &actions[i];
        op->cache = &cache;
        op->key = SLICE("k");
    }
    plan_coalesce(&plan);
    buffer_init(&out);
    op_print_json(&plan.ops[3], &plan, &out);
    ck_assert_str_eq(out.ptr, "{\"op\":\"delete\",\"cache\":\"default\",\"key\":\"k\","
                              "\"again_after_ms\":[2000,5000]}");
    buffer_release(&out);
    plan_release(&plan);
}
END_TEST

/* Of an event with as many keys as one may have: quadratic, it would take minutes. */
START_TEST(test_many_cost_their_number)
{
    static const struct action actions[] = {ACTION(.verb = VERB_DELETE),
                                            ACTION(.verb = VERB_DELETE, .again_after_ms = 10)};
    int64_t start_ms = clock_steady_ms();
    struct arena arena;
    struct buffer out;
    struct plan plan;

    arena_init(&arena, 1 << 16);
    plan_init(&plan);
    plan_clear(&plan, &arena);
    buffer_init(&out);
    for (size_t i = 0; i < EVENT_MAX_KEYS; i++) {
        struct op *op = plan_add(&plan);

        op->verb = VERB_DELETE;
        op->action = &actions[i == 0];
        op->cache = &cache;
        op->key = arena_printf(&arena, "k%zu", i / 2);
        op->hash = hash_slice(op->key);
    }
    plan_coalesce(&plan);
    ck_assert_uint_eq(plan.coalesced_nr, EVENT_MAX_KEYS / 2);
    for (size_t i = 1; i < plan.ops_nr; i += 2) {
        buffer_clear(&out);
        op_print_json(&plan.ops[i], &plan, &out);
        ck_assert_msg((strstr(out.ptr, "again_after_ms\":10") != NULL) == (i == 1), "%s", out.ptr);
    }
    ck_assert_int_lt(clock_steady_ms() - start_ms, 3000);
    buffer_release(&out);
    plan_release(&plan);
    arena_release(&arena);
}
END_TEST

START_TEST(test_failures)
{
    static const struct rule rule = {.name = {"r", 1}};
    const struct failure failures[] = {
        {REASON_MISSING_FIELD, &rule, VERB_DELETE, SLICE("before.n"), SLICE("gone"), 0},
        {REASON_BAD_EVENT, NULL, VERB_DELETE, SLICE_ABSENT, SLICE("no \"model\""), 0},
    };
    struct buffer out;

    buffer_init(&out);
    failures_print_json(failures, 0, &out);
    buffer_add_char(&out, ' ');
    failures_print_json(failures, 2, &out);
    buffer_add_char(&out, ' ');
    failures_print_json(failures + 1, 1, &out);
    ck_assert_str_eq(out.ptr,
                     "null {\"reason\":\"missing_field\",\"rule\":\"r\",\"action\":\"delete\","
                     "\"field\":\"before.n\",\"error\":\"gone\",\"more\":1} "
                     "{\"reason\":\"bad_event\",\"error\":\"no \\\"model\\\"\"}");
    buffer_release(&out);
}
END_TEST

static Suite *op_json_suite(void)
{
    Suite *suite = suite_create("op_json");
    TCase *cases = tcase_create("op_json");

    tcase_add_loop_test(cases, test_print, 0, (int)ARRAY_NR(rows));
    tcase_add_test(cases, test_delays_of_all_contributors);
    tcase_add_test(cases, test_many_cost_their_number);
    tcase_add_test(cases, test_failures);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(op_json_suite)
