#include "consumers/plan/test_run.h"

#include "consumers/rules/codes.h"
#include "consumers/rules/load.h"
#include "tests/unit/check_main.h"

/* cache default: django keys under p:1:, serializer json; raw: keys as they are. */
#define RULES                                                                                      \
    "{\"version\":1,\"caches\":{\"default\":{\"keys\":\"django\",\"prefix\":\"p\","                \
    "\"serializer\":\"json\"},\"raw\":{\"keys\":\"raw\",\"serializer\":\"raw\"}},\"rules\":["      \
    "{\"name\":\"lists\",\"when\":{\"model\":\"m.P\"},\"do\":{\"delete\":[\"p:{pk}\","             \
    "\"c:{c|default:0}\"]}},"                                                                      \
    "{\"name\":\"missing\",\"when\":{\"model\":\"m.M\"},\"do\":{\"delete\":\"m:{x}\"}},"           \
    "{\"name\":\"purge\",\"when\":{\"model\":\"m.C\"},\"do\":{\"purge\":{\"pattern\":\"list:*\","  \
    "\"coalesce\":\"2s\"}}},"                                                                      \
    "{\"name\":\"again\",\"when\":{\"model\":\"m.A\"},\"do\":{\"delete\":{\"key\":\"a:{pk}\","     \
    "\"again_after\":\"2s\"}}},"                                                                   \
    "{\"name\":\"bump\",\"when\":{\"model\":\"m.B\"},\"do\":{\"bump\":{\"key\":\"n\","             \
    "\"start\":1,\"to\":\"increment\"}}},"                                                         \
    "{\"name\":\"refresh\",\"when\":{\"model\":\"m.R\",\"op\":\"update\"},\"do\":{\"refresh\":{"   \
    "\"key\":\"r:{pk}\",\"value\":{\"v\":\"{after.v}\"},\"ttl\":\"1m\"}}},"                        \
    "{\"name\":\"tomb\",\"when\":{\"model\":\"m.R\",\"op\":\"delete\"},\"do\":{\"delete\":{"       \
    "\"key\":\"r:{pk}\",\"guard\":\"{version}\"}}},"                                               \
    "{\"name\":\"soon\",\"when\":{\"model\":\"m.E\"},\"do\":{\"expire\":{\"key\":\"e:{pk}\","      \
    "\"ttl\":\"20s\"}}},"                                                                          \
    "{\"name\":\"tags\",\"when\":{\"model\":\"m.T\"},\"do\":{\"purge_tag\":\"t:{pk}\"}},"          \
    "{\"name\":\"shadow\",\"mode\":\"shadow\",\"when\":{\"model\":\"m.S\"},\"do\":{\"delete\":"    \
    "\"s:{pk}\"}}],\"tests\":[{\"name\":\"t\",%s}]}"

#define E(model, more) "\"event\":\"post_save\",\"model\":\"" model "\",\"pk\":1" more
#define ONE(model) "\"event\":{" E(model, "") "}"
#define UPDATE(version, v)                                                                         \
    "{" E("m.R", ",\"created\":false,\"version\":" version ",\"after\":{\"v\":" v "}") "}"

static struct ruleset *set;
static struct arena arena;
static struct diagnostics found;
static struct test_outcome result;
static bool matched[32];

static void setup(void)
{
    arena_init(&arena, 1 << 14);
    diagnostics_init(&found);
    memset(matched, 0, sizeof(matched));
    set = NULL;
}

static void teardown(void)
{
    ruleset_free(set);
    diagnostics_release(&found);
    arena_release(&arena);
}

static void run(const char *members)
{
    struct rule_source source = {SLICE("rules.json"), arena_printf(&arena, RULES, members)};

    set = load_sources(&source, 1, &found);
    ck_assert_msg(set != NULL, "%s: %.*s", members,
                  SLICE_ARG(found.nr ? found.items[0].message : SLICE("?")));
    test_run(set, &set->tests[0], matched, &arena, &result);
}

static const char *problems(void)
{
    struct slice all = SLICE("");

    for (size_t i = 0; i < result.problems_nr; i++)
        all = arena_printf(&arena, "%.*s%c%.*s|%.*s%s\n", SLICE_ARG(all), result.problems[i].sign,
                           SLICE_ARG(result.problems[i].text), SLICE_ARG(result.problems[i].note),
                           result.problems[i].is_hint ? "?" : "");
    return arena_text(&arena, all);
}

/* said: what is told when it fails; NULL: it passes. */
static const struct {
    const char *members, *said;
} rows[] = {
    /* commands, in their three forms */
    {ONE("m.P") ",\"expect\":{\"includes\":[\"UNLINK p:1:p:1\"]}", NULL},
    {ONE("m.P") ",\"expect\":{\"exactly\":[\"UNLINK p:1:c:0\",\"UNLINK p:1:p:1\"]}", NULL},
    {ONE("m.A") ",\"expect\":{\"exactly\":[\"UNLINK p:1:a:1\"]}", NULL},
    {ONE("m.A") ",\"expect\":{\"exactly\":[\"UNLINK p:1:a:1 again after 2s\"]}", NULL},
    {"\"event\":" UPDATE("7", "1") ",\"expect\":{\"includes\":[\"SET p:1:r:1\","
                                   "\"SET p:1:r:1 {\\\"v\\\":1} PX 60000\","
                                   "\"SET p:1:r:1 {\\\"v\\\":1} PX 60000 version 7\"]}",
     NULL},
    {ONE("m.T") ",\"expect\":{\"exactly\":[\"PURGE TAG p:1:t:1\"]}", NULL},
    {ONE("m.P") ",\"expect\":{\"includes\":[\"UNLINK p:1:p\"]}",
     "-UNLINK p:1:p|expected, not sent\n+UNLINK p:1:p:1|sent?\n+UNLINK p:1:c:0|sent?\n"},
    {ONE("m.P") ",\"expect\":{\"exactly\":[\"UNLINK p:1:p:1\"]}", "+UNLINK p:1:c:0|sent\n"},
    {ONE("m.X") ",\"expect\":{\"exactly\":[]}", NULL},
    /* keys */
    {"\"given\":{\"p:1:p:1\":\"x\",\"p:1:p:2\":\"y\"}," ONE(
         "m.P") ",\"expect\":{\"deleted\":\"p:1:p:1\",\"kept\":\"p:1:p:2\"}",
     NULL},
    {"\"given\":{\"p:1:p:2\":\"y\"}," ONE("m.P") ",\"expect\":{\"deleted\":\"p:1:p:2\"}",
     "-p:1:p:2|expected to be deleted, still there\n"},
    {"\"given\":{\"p:1:list:1\":\"x\",\"p:1:celery-x\":\"q\"}," ONE(
         "m.C") ",\"expect\":{\"deleted\":\"p:1:list:1\",\"kept\":\"p:1:celery-x\"}",
     NULL},
    {"\"given\":{\"p:1:list:1\":\"x\"}," ONE("m.C") ",\"expect\":{\"kept\":\"p:1:list:1\"}",
     "-p:1:list:1|expected to be kept\n+p:1:list:1|deleted by SCAN+UNLINK p:1:list:* coalesced "
     "2s\n"},
    {"\"given\":{\"p:1:p:1\":{\"value\":\"x\",\"redis\":\"other\"}}," ONE(
         "m.P") ",\"expect\":{\"kept\":\"p:1:p:1\"}",
     NULL},
    {"\"given\":{\"p:1:t:1\":[\"a\",\"b\"],\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}," ONE(
         "m.T") ",\"expect\":{\"deleted\":[\"a\",\"b\",\"p:1:t:1\"],\"kept\":\"c\"}",
     NULL},
    {"\"given\":{\"p:1:e:1\":\"x\"},\"events\":[{" E(
         "m.E", "") "},{\"at\":\"19s\"}],\"expect\":{\"values\":{\"p:1:e:1\":\"x\"}}",
     NULL},
    {"\"given\":{\"p:1:e:1\":\"x\"},\"events\":[{" E(
         "m.E", "") "},{\"at\":\"20s\"}],\"expect\":{\"deleted\":\"p:1:e:1\"}",
     NULL},
    {"\"given\":{\"p:1:e:1\":\"x\"}," ONE("m.E") ",\"expect\":{\"kept\":\"p:1:e:1\"}",
     "-p:1:e:1|expected to be kept\n+p:1:e:1|left less time by EXPIRE p:1:e:1 in 20s\n"},
    {"\"given\":{\"p:1:e:1\":{\"value\":\"x\",\"ttl\":\"5s\"}}," ONE(
         "m.E") ",\"expect\":{\"kept\":\"p:1:e:1\"}",
     NULL},
    /* counters */
    {"\"given\":{\"p:1:n\":41}," ONE("m.B") ",\"expect\":{\"values\":{\"p:1:n\":42}}", NULL},
    {ONE("m.B") ",\"expect\":{\"values\":{\"p:1:n\":\"2\"}}", NULL},
    {"\"given\":{\"p:1:n\":\"x\"}," ONE("m.B") ",\"expect\":{\"dlq\":1,\"kept\":\"p:1:n\"}", NULL},
    {"\"given\":{\"p:1:n\":41}," ONE("m.B") ",\"expect\":{\"values\":{\"p:1:n\":41}}",
     "-p:1:n|expected to be 41\n+p:1:n|is 42\n"},
    /* versions */
    {"\"events\":[" UPDATE("7", "1") "," UPDATE(
         "6", "2") "],\"expect\":{\"values\":{\"p:1:r:1\":\"{\\\"v\\\":1}\"}}",
     NULL},
    {"\"events\":[" UPDATE("7", "1") "," UPDATE(
         "8", "2") "],\"expect\":{\"values\":{\"p:1:r:1\":\"{\\\"v\\\":2}\"}}",
     NULL},
    {"\"events\":[" UPDATE("7", "1") "," UPDATE("7",
                                                "2") "],\"expect\":{\"values\":{\"p:1:r:1\":null}}",
     NULL},
    {"\"events\":[{\"event\":\"post_delete\",\"model\":\"m.R\",\"pk\":1,\"version\":9}," UPDATE(
         "8", "2") "],\"expect\":{\"values\":{\"p:1:r:1\":null}}",
     NULL},
    {"\"events\":[" UPDATE("7", "1") ",{\"at\":\"1m\"}],\"expect\":{\"values\":{\"p:1:r:1\":null}}",
     NULL},
    /* time */
    {"\"given\":{\"p:1:a:1\":\"x\"},\"events\":[{" E(
         "m.A", "") "},{\"at\":\"1s\",\"set\":{\"p:1:a:1\":\"stale\"}}],\"expect\":{\"deleted\":"
                    "\"p:1:a:1\",\"sent\":{\"UNLINK p:1:a:1\":2}}",
     NULL},
    {"\"given\":{\"p:1:a:1\":\"x\"},\"events\":[{" E(
         "m.A", "") "},{\"at\":\"3s\",\"set\":{\"p:1:a:1\":\"new\"}}],\"expect\":{\"values\":{"
                    "\"p:1:a:1\":\"new\"}}",
     NULL},
    {"\"events\":[{" E("m.C", "") "},{\"at\":\"1s\"," E("m.C", "") "},{\"at\":\"1s\"," E(
         "m.C", "") "}],\"expect\":{\"sent\":{\"SCAN+UNLINK p:1:list:*\":2}}",
     NULL},
    {"\"events\":[{" E("m.C", "") "},{\"at\":\"2s\"," E(
         "m.C", "") "}],\"expect\":{\"sent\":{\"SCAN+UNLINK p:1:list:*\":3}}",
     "-SCAN+UNLINK p:1:list:*|expected 3 times, sent 2\n"},
    /* rules and dead letters */
    {ONE("m.P") ",\"expect\":{\"rules\":\"lists\"}", NULL},
    {ONE("m.S") ",\"expect\":{\"rules\":\"shadow\",\"exactly\":[]}", NULL},
    {ONE("m.P") ",\"expect\":{\"rules\":[\"purge\"]}", "-purge|expected to match, did not\n"},
    {ONE("m.P") ",\"expect\":{\"rules\":[\"list\"]}",
     "-list|there is no such rule, did you mean \"lists\"?\n"},
    {"\"event\":{" E("m.M", ",\"after\":{}") "},\"expect\":{\"dlq\":1}", NULL},
    {"\"event\":{\"modle\":\"m.P\"},\"expect\":{\"dlq\":1}", NULL},
    {"\"event\":{\"record\":true,\"value\":null},\"expect\":{\"exactly\":[]}", NULL},
    {"\"event\":{\"record\":true,\"key\":\"k\",\"value\":{" E(
         "m.P", "") "}},\"expect\":{\"rules\":\"lists\"}",
     NULL},
};

START_TEST(is_judged)
{
    run(rows[_i].members);
    ck_assert_str_eq(problems(), rows[_i].said ? rows[_i].said : "");
    ck_assert_int_eq(result.is_passed, rows[_i].said == NULL);
}
END_TEST

START_TEST(test_an_unexpected_dead_letter_fails)
{
    run("\"event\":{" E("m.M", ",\"after\":{}") "},\"expect\":{\"rules\":\"missing\"}");
    ck_assert(!result.is_passed);
    ck_assert_ptr_nonnull(strstr(problems(), "expected 0 events set aside, there are 1"));
    ck_assert_ptr_nonnull(strstr(problems(), "missing_field x"));
}
END_TEST

START_TEST(test_rules_that_matched_are_told)
{
    run(ONE("m.C") ",\"expect\":{\"dlq\":0}");
    for (size_t i = 0; i < set->rules_nr; i++)
        ck_assert_int_eq(matched[i], slice_equals(set->rules[i].name, SLICE("purge")));
}
END_TEST

START_TEST(test_own_tests_are_diagnostics)
{
    run(ONE("m.P") ",\"expect\":{\"includes\":[\"UNLINK p:1:p:1\"]}");
    ck_assert(test_run_own(set, &found));
    ck_assert_uint_eq(found.nr, 0);
    ruleset_free(set);
    run(ONE("m.P") ",\"expect\":{\"includes\":[\"UNLINK q\"]}");
    ck_assert(!test_run_own(set, &found));
    ck_assert_uint_eq(found.errors, 1);
    ck_assert_str_eq(found.items[0].code, "E310");
    ck_assert_uint_eq(found.items[0].line, 1);
    ck_assert(slice_equals(found.items[0].message,
                           SLICE("test \"t\" fails: UNLINK q: expected, not sent")));
}
END_TEST

START_TEST(test_the_examples_of_the_code_are_true)
{
    const struct code *code = code_find(SLICE("E310"));
    const char *texts[] = {code->wrong, code->right};
    struct rule_source source = {SLICE("rules.json"), code_example(texts[_i], &arena)};

    set = load_sources(&source, 1, &found);
    ck_assert_ptr_nonnull(set);
    ck_assert_uint_gt(set->tests_nr, 0);
    ck_assert_int_eq(test_run_own(set, &found), _i == 1);
    ck_assert_uint_eq(found.nr, _i == 1 ? 0 : 1);
}
END_TEST

static Suite *test_run_suite(void)
{
    Suite *suite = suite_create("test_run");
    TCase *cases = tcase_create("run");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, is_judged, 0, (int)ARRAY_NR(rows));
    tcase_add_test(cases, test_an_unexpected_dead_letter_fails);
    tcase_add_test(cases, test_rules_that_matched_are_told);
    tcase_add_test(cases, test_own_tests_are_diagnostics);
    tcase_add_loop_test(cases, test_the_examples_of_the_code_are_true, 0, 2);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(test_run_suite)
