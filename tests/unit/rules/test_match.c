#include "consumers/rules/match.h"

#include <stdio.h>

#include "consumers/rules/load.h"
#include "tests/unit/check_main.h"
#include "tests/unit/rules/event_of.h"

static struct arena arena;
static struct ruleset *ruleset;
static struct diagnostics found;

static void setup(void)
{
    arena_init(&arena, 1 << 16);
    diagnostics_init(&found);
    ruleset = NULL;
}

static void teardown(void)
{
    if (ruleset)
        ruleset_free(ruleset);
    diagnostics_release(&found);
    arena_release(&arena);
}

static const struct rule *rule_of(const char *when, const char *unless)
{
    static char text[4096];
    struct rule_source source = {SLICE("rules.json"), {text, 0}};

    source.text.len = (size_t)snprintf(
        text, sizeof(text),
        "{\"version\":1,\"caches\":{\"default\":{\"keys\":\"raw\"}},"
        "\"models\":{\"m.Child\":{\"parents\":[\"m.Base\"]}},"
        "\"rules\":[{\"name\":\"r\",\"when\":%s,%s%s\"do\":{\"delete\":\"kkkk\"}}]}",
        when, unless ? "\"unless\":" : "", unless ? unless : "");
    ruleset = load_sources(&source, 1, &found);
    ck_assert_msg(ruleset != NULL, "%s: %.*s", when,
                  SLICE_ARG(found.nr ? found.items[0].message : SLICE("?")));
    return &ruleset->rules[0];
}

#define M "\"model\":\"m.M\""
#define UPDATE "{\"event\":\"post_save\",\"created\":false," M ",\"pk\":1,"
#define AFTER(members) UPDATE "\"before\":{},\"after\":{" members "}}"

static const struct {
    const char *when, *event;
    bool want;
} rows[] = {
    /* exact values keep their types; numbers go by value */
    {"{" M ",\"after.x\":\"a\"}", AFTER("\"x\":\"a\""), true},
    {"{" M ",\"after.x\":[\"b\",\"a\"]}", AFTER("\"x\":\"a\""), true},
    {"{" M ",\"after.x\":\"A\"}", AFTER("\"x\":\"a\""), false},
    {"{" M ",\"after.x\":5}", AFTER("\"x\":5.0"), true},
    {"{" M ",\"after.x\":5}", AFTER("\"x\":\"5\""), false},
    {"{" M ",\"after.x\":9007199254740993}", AFTER("\"x\":9007199254740992"), false},
    {"{" M ",\"after.x\":null}", AFTER("\"x\":null"), true},
    {"{" M ",\"after.x\":null}", AFTER(""), false},
    {"{" M ",\"after.x\":true}", AFTER("\"x\":true"), true},
    {"{" M ",\"after\":{\"x\":\"a\",\"y\":1}}", AFTER("\"x\":\"a\",\"y\":1"), true},
    {"{" M ",\"after\":{\"x\":\"a\",\"y\":1}}", AFTER("\"x\":\"a\",\"y\":2"), false},
    /* an array holds when an element does */
    {"{" M ",\"after.x\":2}", AFTER("\"x\":[1,2]"), true},
    {"{" M ",\"after.x\":2}", AFTER("\"x\":[]"), false},
    {"{" M ",\"after.x.y\":2}", AFTER("\"x\":[{\"y\":1},{\"y\":2}]"), true},
    {"{" M ",\"after.x.y\":3}", AFTER("\"x\":[{\"y\":1},{\"y\":2}]"), false},
    {"{" M ",\"after.x.y\":2}", AFTER("\"x\":[{\"y\":[1,2]}]"), true},
    {"{" M ",\"after.x.y\":1,\"after.x.z\":2}", AFTER("\"x\":[{\"y\":1},{\"z\":2}]"), true},
    {"{" M ",\"after.x.y\":{\"exists\":true}}", AFTER("\"x\":[{},{\"y\":2}]"), true},
    {"{" M ",\"after.x.y\":{\"exists\":false}}", AFTER("\"x\":[{},{}]"), true},
    /* operators */
    {"{" M ",\"after.x\":{\"prefix\":\"ab\"}}", AFTER("\"x\":\"abc\""), true},
    {"{" M ",\"after.x\":{\"prefix\":\"bc\"}}", AFTER("\"x\":\"abc\""), false},
    {"{" M ",\"after.x\":{\"suffix\":\"bc\"}}", AFTER("\"x\":\"abc\""), true},
    {"{" M ",\"after.x\":{\"equals-ignore-case\":\"ABC\"}}", AFTER("\"x\":\"aBc\""), true},
    {"{" M ",\"after.x\":{\"wildcard\":\"a*c\"}}", AFTER("\"x\":\"abbc\""), true},
    {"{" M ",\"after.x\":{\"wildcard\":\"a*c\"}}", AFTER("\"x\":\"abcd\""), false},
    {"{" M ",\"after.x\":{\"wildcard\":\"*b*\"}}", AFTER("\"x\":\"abc\""), true},
    {"{" M ",\"after.x\":{\"wildcard\":\"a\\\\*c\"}}", AFTER("\"x\":\"a*c\""), true},
    {"{" M ",\"after.x\":{\"wildcard\":\"a\\\\*c\"}}", AFTER("\"x\":\"abc\""), false},
    {"{" M ",\"after.x\":{\"numeric\":[\">\",1,\"<=\",5]}}", AFTER("\"x\":5.0"), true},
    {"{" M ",\"after.x\":{\"numeric\":[\">\",1,\"<=\",5]}}", AFTER("\"x\":1"), false},
    {"{" M ",\"after.x\":{\"numeric\":[\"=\",0.1]}}", AFTER("\"x\":\"0.10\""), true},
    {"{" M ",\"after.x\":{\"numeric\":[\">\",1]}}", AFTER("\"x\":\"many\""), false},
    {"{" M ",\"after.x\":{\"anything-but\":\"a\"}}", AFTER("\"x\":\"b\""), true},
    {"{" M ",\"after.x\":{\"anything-but\":[\"a\",\"b\"]}}", AFTER("\"x\":\"b\""), false},
    {"{" M ",\"after.x\":{\"anything-but\":\"a\"}}", AFTER("\"x\":null"), true},
    {"{" M ",\"after.x\":{\"anything-but\":\"a\"}}", AFTER("\"x\":5"), true},
    {"{" M ",\"after.x\":{\"anything-but\":\"a\"}}", AFTER(""), false},
    {"{" M ",\"after.x\":{\"anything-but\":{\"prefix\":\"a\"}}}", AFTER("\"x\":\"ab\""), false},
    {"{" M ",\"after.x\":{\"anything-but\":\"a\"}}", AFTER("\"x\":[\"a\",\"b\"]"), true},
    {"{" M ",\"after.x\":{\"exists\":true}}", AFTER("\"x\":{}"), true},
    {"{" M ",\"after.x\":{\"exists\":true}}", AFTER("\"x\":[]"), true},
    {"{" M ",\"after.x\":{\"exists\":true}}", AFTER("\"x\":null"), true},
    {"{" M ",\"after.x\":{\"exists\":false}}", AFTER(""), true},
    {"{" M ",\"after.x\":[{\"exists\":false},\"a\"]}", AFTER("\"x\":\"a\""), true},
    /* $or */
    {"{" M ",\"$or\":[{\"after.x\":1},{\"after.y\":1}]}", AFTER("\"y\":1"), true},
    {"{" M ",\"$or\":[{\"after.x\":1},{\"after.y\":1}]}", AFTER("\"y\":2"), false},
    {"{" M ",\"$or\":[{\"after.x\":1},{\"$or\":[{\"after.y\":1},{\"after.y\":2}]}]}",
     AFTER("\"y\":2"), true},
    /* models go without case; parents, sent or of the catalogue, count */
    {"{\"model\":\"M.m\"}", AFTER(""), true},
    {"{\"model\":\"m.N\"}", AFTER(""), false},
    {"{\"model\":\"m.Base\"}",
     "{\"event\":\"post_delete\",\"model\":\"m.X\",\"pk\":1,\"parents\":[\"M.BASE\"]}", true},
    {"{\"model\":\"m.Base\"}", "{\"event\":\"post_delete\",\"model\":\"M.child\",\"pk\":1}", true},
    /* ops: the default ones, a save that may be either */
    {"{" M "}", UPDATE "\"after\":{}}", true},
    {"{" M "}", "{\"event\":\"truncate\"," M "}", false},
    {"{" M ",\"op\":\"truncate\"}", "{\"event\":\"truncate\"," M "}", true},
    {"{" M ",\"op\":\"create\"}", "{\"event\":\"post_save\"," M ",\"pk\":1}", true},
    {"{" M ",\"op\":\"update\"}", "{\"event\":\"post_save\"," M ",\"pk\":1}", true},
    {"{" M ",\"op\":\"delete\"}", "{\"event\":\"post_save\"," M ",\"pk\":1}", false},
    {"{" M ",\"op\":\"create\"}", UPDATE "\"after\":{}}", false},
    {"{" M ",\"op\":\"price_list_sent\"}", "{\"event\":\"price_list_sent\"," M ",\"pk\":1}", true},
    {"{" M ",\"op\":{\"anything-but\":\"delete\"}}", UPDATE "\"after\":{}}", true},
    {"{" M ",\"op\":{\"anything-but\":\"update\"}}", UPDATE "\"after\":{}}", false},
    {"{" M ",\"op\":{\"anything-but\":\"update\"}}", "{\"event\":\"post_save\"," M ",\"pk\":1}",
     true},
    {"{" M ",\"op\":{\"prefix\":\"up\"}}", UPDATE "\"after\":{}}", true},
    {"{" M ",\"op\":{\"prefix\":\"up\"}}", "{\"event\":\"up_and_away\"," M ",\"pk\":1}", true},
    {"{" M ",\"op\":{\"prefix\":\"cr\"}}", UPDATE "\"after\":{}}", false},
    {"{" M ",\"op\":{\"exists\":true}}", "{\"event\":\"truncate\"," M "}", true},
    {"{" M ",\"$or\":[{\"op\":\"m2m\"},{\"changed\":\"x\"}]}",
     "{\"event\":\"m2m_changed\"," M ",\"pk\":1,\"m2m\":{\"field\":\"t\"}}", true},
    {"{" M ",\"created\":true}", "{\"event\":\"post_save\"," M ",\"pk\":1}", true},
    {"{" M ",\"created\":true}", UPDATE "\"after\":{}}", false},
    /* changed */
    {"{" M ",\"changed\":[\"x\",\"y\"]}", UPDATE "\"changed\":[\"y\"]}", true},
    {"{" M ",\"changed\":[\"x\",\"y\"]}", UPDATE "\"changed\":[\"z\"]}", false},
    {"{" M ",\"changed\":[\"x\"]}", UPDATE "\"changed\":[]}", false},
    {"{" M ",\"changed\":[\"x\"]}", UPDATE "\"after\":{\"z\":1}}", true},
    {"{" M ",\"changed\":[\"x\"]}", UPDATE "\"before\":{\"x\":1},\"after\":{\"x\":2}}", true},
    {"{" M ",\"changed\":[\"x\"]}", UPDATE "\"before\":{\"x\":1},\"after\":{\"x\":1}}", false},
    {"{" M ",\"changed\":[\"x\"]}", "{\"event\":\"post_delete\"," M ",\"pk\":1}", true},
    {"{" M ",\"changed\":[\"x\"]}",
     "{\"event\":\"post_save\",\"created\":true," M ",\"pk\":1,\"after\":{\"y\":1}}", true},
    {"{" M ",\"changed\":{\"anything-but\":[\"seen\"]}}", UPDATE "\"changed\":[\"seen\"]}", false},
    {"{" M ",\"changed\":{\"anything-but\":[\"seen\"]}}", UPDATE "\"changed\":[\"seen\",\"x\"]}",
     true},
    /* an image that was not sent is unknown, except to exists */
    {"{" M ",\"before.x\":1}", UPDATE "\"after\":{\"x\":2}}", true},
    {"{" M ",\"before.x\":{\"exists\":true}}", UPDATE "\"after\":{\"x\":2}}", false},
    {"{" M ",\"before.x\":{\"exists\":false}}", UPDATE "\"after\":{\"x\":2}}", true},
    {"{" M ",\"after.x\":1}", UPDATE "\"changed\":[\"x\"]}", true},
    {"{" M ",\"before.x\":1}", UPDATE "\"before\":{\"y\":1},\"after\":{\"x\":1}}", true},
    {"{" M ",\"before.x\":1}", UPDATE "\"before\":{\"y\":1},\"after\":{\"x\":2}}", false},
    {"{" M ",\"before.x\":1}",
     "{\"event\":\"post_save\",\"created\":true," M ",\"pk\":1,\"after\":{}}", false},
    /* other roots */
    {"{" M ",\"pk\":1}", AFTER(""), true},
    {"{" M ",\"pk\":\"1\"}", AFTER(""), false},
    {"{" M ",\"tenant\":{\"exists\":true}}", AFTER(""), false},
    {"{" M ",\"meta.a\":\"b\"}", UPDATE "\"meta\":{\"a\":\"b\"}}", true},
    {"{" M ",\"version\":{\"numeric\":[\">\",6]}}", UPDATE "\"version\":7}", true},
};

START_TEST(test_when)
{
    const struct rule *rule = rule_of(rows[_i].when, NULL);
    struct event *event = event_of(rows[_i].event, &arena);
    struct findings findings = {NULL, 0, 0};

    ck_assert_msg(match_rule(rule, event, &event->rows[0], &arena) == rows[_i].want, "%s on %s",
                  rows[_i].when, rows[_i].event);
    ck_assert(match_explain(rule, event, &event->rows[0], &arena, &findings) == rows[_i].want);
    ck_assert_uint_ge(findings.nr, 1);
}
END_TEST

/* What matches must be a candidate, or it would never be tried. */
START_TEST(test_candidates)
{
    const struct rule *rule = rule_of(rows[_i].when, NULL);
    struct event *event = event_of(rows[_i].event, &arena);
    struct rule_list list = ruleset_candidates(ruleset, event, &arena);

    if (!rows[_i].want)
        return;
    ck_assert_msg(list.nr == 1, "%s on %s", rows[_i].when, rows[_i].event);
    ck_assert_ptr_eq(list.rules[0], rule);
    ck_assert(match_concerns(rule, event));
}
END_TEST

/* Whether it matches or not, whatever its op. */
START_TEST(test_concerned)
{
    const struct rule *rule = rule_of(rows[_i].when, NULL);
    struct event *event = event_of(rows[_i].event, &arena);
    struct rule_list list = ruleset_concerned(ruleset, event, &arena);

    ck_assert_msg(list.nr == (match_concerns(rule, event) ? 1 : 0), "%s on %s", rows[_i].when,
                  rows[_i].event);
}
END_TEST

static const struct {
    const char *unless, *event;
    bool want;
} unless_rows[] = {
    {"{\"source\":{\"prefix\":\"backfill\"}}", UPDATE "\"source\":\"backfill-7\"}", false},
    {"{\"source\":{\"prefix\":\"backfill\"}}", UPDATE "\"source\":\"shop\"}", true},
    {"{\"source\":{\"prefix\":\"backfill\"}}", UPDATE "\"after\":{}}", true},
    {"{\"source\":\"a\",\"tenant\":\"b\"}", UPDATE "\"source\":\"a\"}", true},
    {"{\"source\":\"a\",\"tenant\":\"b\"}", UPDATE "\"source\":\"a\",\"tenant\":\"b\"}", false},
    {"{\"changed\":[\"seen\"]}", UPDATE "\"after\":{}}", true},
    {"{\"changed\":[\"seen\"]}", UPDATE "\"changed\":[\"seen\"]}", false},
    {"{\"before.x\":1}", UPDATE "\"after\":{\"x\":1}}", true},
    {"{\"op\":\"update\"}", "{\"event\":\"post_save\"," M ",\"pk\":1}", true},
    {"{\"op\":\"update\"}", UPDATE "\"after\":{}}", false},
    {"{\"created\":true}", "{\"event\":\"post_save\"," M ",\"pk\":1}", true},
};

START_TEST(test_unless)
{
    char unless[256];
    const struct rule *rule;
    struct event *event = event_of(unless_rows[_i].event, &arena);

    snprintf(unless, sizeof(unless), "%s,", unless_rows[_i].unless);
    rule = rule_of("{" M "}", unless);
    ck_assert_msg(match_rule(rule, event, &event->rows[0], &arena) == unless_rows[_i].want,
                  "unless %s on %s", unless_rows[_i].unless, unless_rows[_i].event);
}
END_TEST

static const struct finding *finding_of(const struct findings *findings, const char *path)
{
    for (size_t i = 0; i < findings->nr; i++) {
        if (slice_equals(findings->items[i].predicate->path.text, slice_of(path)))
            return &findings->items[i];
    }
    return NULL;
}

START_TEST(test_findings)
{
    const struct rule *rule = rule_of("{" M ",\"after.price\":{\"numeric\":[\">=\",100]},"
                                      "\"before.x\":1,\"after.lost\":2,"
                                      "\"$or\":[{\"after.a\":1},{\"after.b\":1}]}",
                                      NULL);
    struct event *event = event_of(UPDATE "\"after\":{\"price\":\"9.50\",\"b\":1}}", &arena);
    struct findings findings = {NULL, 0, 0};

    ck_assert(!match_explain(rule, event, &event->rows[0], &arena, &findings));
    ck_assert_int_eq(finding_of(&findings, "after.price")->verdict, VERDICT_NO);
    ck_assert(slice_equals(finding_of(&findings, "after.price")->have, SLICE("\"9.50\"")));
    ck_assert_int_eq(finding_of(&findings, "before.x")->verdict, VERDICT_UNKNOWN);
    ck_assert_int_eq(finding_of(&findings, "after.lost")->verdict, VERDICT_NO);
    ck_assert(slice_is_absent(finding_of(&findings, "after.lost")->have));
    ck_assert_ptr_null(finding_of(&findings, "after.a"));
    ck_assert_int_eq(finding_of(&findings, "after.b")->verdict, VERDICT_YES);
}
END_TEST

static Suite *match_suite(void)
{
    Suite *suite = suite_create("match");
    TCase *cases = tcase_create("match");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, test_when, 0, (int)ARRAY_NR(rows));
    tcase_add_loop_test(cases, test_candidates, 0, (int)ARRAY_NR(rows));
    tcase_add_loop_test(cases, test_concerned, 0, (int)ARRAY_NR(rows));
    tcase_add_loop_test(cases, test_unless, 0, (int)ARRAY_NR(unless_rows));
    tcase_add_test(cases, test_findings);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(match_suite)
