/*
 * Every operator against each kind of value, worked out by hand: one that fits, one that does not, a
 * missing field, null, a value of another type. `unless` must always say the opposite of what `when`
 * says, for none of these events leaves anything unknown.
 */
#include "consumers/base/compiler.h"
#include "consumers/rules/match.h"
#include "tests/unit/check_main.h"
#include "tests/unit/rules/event_of.h"
#include "tests/unit/rules/loaded.h"

#define NONE "" /* the row has no such field */

/* Columns of values: two that fit, two that do not, missing, null, two of another type. */
enum { FIRST_MISSING = 4, NULL_VALUE, FIRST_OTHER, VALUES = 8 };

static const struct {
    const char *test; /* of after.x */
    const char *fits[2], *fails[2], *others[2];
    bool missing, null, other[2]; /* what must come of these */
} table[] = {
    /* exact */
    {"'tea'", {"'tea'", "['tea','mug']"}, {"'Tea'", "'teas'"}, {"5", "true"}, 0, 0, {0, 0}},
    {"5", {"5", "5.0"}, {"6", "5.01"}, {"'5'", "true"}, 0, 0, {0, 0}},
    {"-0.5", {"-0.50", "-5e-1"}, {"0.5", "-5"}, {"'-0.5'", "null"}, 0, 0, {0, 0}},
    {"true", {"true", "[false,true]"}, {"false", "[false]"}, {"1", "'true'"}, 0, 0, {0, 0}},
    {"false", {"false", "[false]"}, {"true", "[true]"}, {"0", "''"}, 0, 0, {0, 0}},
    {"null", {"null", "[null,1]"}, {"[1]", "'null'"}, {"0", "''"}, 0, 1, {0, 0}},
    {"''", {"''", "['']"}, {"' '", "'a'"}, {"0", "false"}, 0, 0, {0, 0}},
    {"['a','b']", {"'a'", "'b'"}, {"'c'", "['c','d']"}, {"1", "{}"}, 0, 0, {0, 0}},
    {"['a',5,null]", {"5", "null"}, {"'5'", "6"}, {"true", "{}"}, 0, 1, {0, 0}},
    /* prefix, suffix */
    {"{'prefix':'te'}", {"'tea'", "'te'"}, {"'ate'", "'Tea'"}, {"5", "{}"}, 0, 0, {0, 0}},
    {"{'prefix':''}", {"''", "'a'"}, {"[]", "[1]"}, {"5", "true"}, 0, 0, {0, 0}},
    {"{'suffix':'ea'}", {"'tea'", "'ea'"}, {"'eat'", "'teA'"}, {"5", "{}"}, 0, 0, {0, 0}},
    /* without case */
    {"{'equals-ignore-case':'Tea'}",
     {"'tea'", "'TEA'"},
     {"'teas'", "'te'"},
     {"5", "{}"},
     0,
     0,
     {0, 0}},
    {"{'equals-ignore-case':'maß'}",
     {"'MAß'", "'maß'"},
     {"'MASS'", "'mass'"},
     {"5", "{}"},
     0,
     0,
     {0, 0}},
    /* wildcard */
    {"{'wildcard':'a*c'}", {"'ac'", "'abbc'"}, {"'acd'", "'bac'"}, {"5", "{}"}, 0, 0, {0, 0}},
    {"{'wildcard':'*'}", {"''", "'a'"}, {"[]", "[1]"}, {"5", "true"}, 0, 0, {0, 0}},
    {"{'wildcard':'a\\\\*'}", {"'a*'", "['a*']"}, {"'ab'", "'a'"}, {"5", "{}"}, 0, 0, {0, 0}},
    {"{'wildcard':'a?[b]'}",
     {"'a?[b]'", "['a?[b]']"},
     {"'axb'", "'ab'"},
     {"5", "{}"},
     0,
     0,
     {0, 0}},
    /* numeric */
    {"{'numeric':['=',5]}", {"5.00", "'5'"}, {"6", "'5.1'"}, {"'five'", "true"}, 0, 0, {0, 0}},
    {"{'numeric':['<',5]}", {"4.9", "'-7'"}, {"5", "'5.0'"}, {"''", "{}"}, 0, 0, {0, 0}},
    {"{'numeric':['<=',5]}", {"5", "'4'"}, {"5.1", "'6'"}, {"'x'", "{}"}, 0, 0, {0, 0}},
    {"{'numeric':['>',5]}", {"5.1", "'9.50'"}, {"5", "'5'"}, {"'9a'", "{}"}, 0, 0, {0, 0}},
    {"{'numeric':['>=',5]}", {"5", "[1,5]"}, {"4", "[1,2]"}, {"' 5'", "{}"}, 0, 0, {0, 0}},
    {"{'numeric':['>',0,'<=',9007199254740993]}",
     {"9007199254740993", "1"},
     {"9007199254740994", "0"},
     {"'many'", "false"},
     0,
     0,
     {0, 0}},
    /* exists */
    {"{'exists':true}", {"1", "'a'"}, {NONE, NONE}, {"{}", "[]"}, 0, 1, {1, 1}},
    {"{'exists':false}", {NONE, NONE}, {"1", "'a'"}, {"{}", "[]"}, 1, 0, {0, 0}},
    /* anything-but: whatever is there and is none of those */
    {"{'anything-but':'a'}", {"'b'", "['a','b']"}, {"'a'", "['a']"}, {"5", "true"}, 0, 1, {1, 1}},
    {"{'anything-but':5}", {"6", "5.5"}, {"5", "5.0"}, {"'5'", "true"}, 0, 1, {1, 1}},
    {"{'anything-but':true}", {"false", "[false]"}, {"true", "[true]"}, {"1", "'a'"}, 0, 1, {1, 1}},
    {"{'anything-but':null}", {"1", "'a'"}, {"null", "[null]"}, {"true", "''"}, 0, 0, {1, 1}},
    {"{'anything-but':['a',5]}", {"'b'", "6"}, {"'a'", "5.0"}, {"'5'", "true"}, 0, 1, {1, 1}},
    {"{'anything-but':{'prefix':'a'}}",
     {"'ba'", "'A'"},
     {"'ab'", "'a'"},
     {"5", "true"},
     0,
     1,
     {1, 1}},
    {"{'anything-but':{'prefix':['a','b']}}",
     {"'ca'", "''"},
     {"'ab'", "'ba'"},
     {"5", "true"},
     0,
     1,
     {1, 1}},
    {"{'anything-but':{'suffix':'a'}}",
     {"'ab'", "''"},
     {"'ba'", "'a'"},
     {"5", "true"},
     0,
     1,
     {1, 1}},
    {"{'anything-but':{'suffix':['a','b']}}",
     {"'ac'", "'B'"},
     {"'ba'", "'ab'"},
     {"5", "true"},
     0,
     1,
     {1, 1}},
    {"{'anything-but':{'equals-ignore-case':'Tea'}}",
     {"'teas'", "'te'"},
     {"'TEA'", "'tea'"},
     {"5", "true"},
     0,
     1,
     {1, 1}},
    {"{'anything-but':{'equals-ignore-case':['a','b']}}",
     {"'c'", "'ab'"},
     {"'A'", "'B'"},
     {"5", "true"},
     0,
     1,
     {1, 1}},
    {"{'anything-but':{'wildcard':'a*c'}}",
     {"'acd'", "'b'"},
     {"'abc'", "'ac'"},
     {"5", "true"},
     0,
     1,
     {1, 1}},
    {"{'anything-but':{'wildcard':['a*','*z']}}",
     {"'ba'", "'zb'"},
     {"'ab'", "'bz'"},
     {"5", "true"},
     0,
     1,
     {1, 1}},
    /* an array of operators is a choice */
    {"[{'prefix':'a'},{'numeric':['>',5]}]",
     {"'ab'", "6"},
     {"'b'", "5"},
     {"true", "{}"},
     0,
     0,
     {0, 0}},
    {"[{'exists':false},'a']", {NONE, "'a'"}, {"'b'", "1"}, {"true", "{}"}, 1, 0, {0, 0}},
};

static struct loaded loaded;
static struct arena arena;

static void setup(void)
{
    loaded_init(&loaded);
    arena_init(&arena, 1 << 14);
}

static void teardown(void)
{
    arena_release(&arena);
    loaded_release(&loaded);
}

/* The field's text in column `at`, and what must come of it. */
static const char *column(int row, int at, bool *want)
{
    *want = at < 2;
    if (at < 2)
        return table[row].fits[at];
    if (at < FIRST_MISSING)
        return table[row].fails[at - 2];
    if (at < FIRST_OTHER) {
        *want = at == NULL_VALUE ? table[row].null : table[row].missing;
        return at == NULL_VALUE ? "null" : NONE;
    }
    *want = table[row].other[at - FIRST_OTHER];
    return table[row].others[at - FIRST_OTHER];
}

static struct event *event_with(const char *value)
{
    bool has = value[0] != '\0';
    struct slice text = arena_printf(&arena,
                                     "{'event':'post_save','model':'m.M','pk':1,'created':false,'"
                                     "before':{},'after':{'y':1%s%s}}",
                                     has ? ",'x':" : "", value);

    return event_of(loaded_quoted(&loaded, arena_text(&arena, text)).ptr, &arena);
}

static void check_row(int row, const char *members, bool is_opposite)
{
    struct slice file = arena_printf(
        &arena, "{'version':1,'rules':[{'name':'r',%s,'do':{'delete':'kkkk'}}]}", members);

    loaded_need(&loaded, arena_text(&arena, file));
    for (int at = 0; at < VALUES; at++) {
        bool want;
        const char *value = column(row, at, &want);
        struct event *event = event_with(value);
        const struct rule *rule = &loaded.set->rules[0];

        ck_assert_msg(match_rule(rule, event, &event->rows[0], &arena) == (want != is_opposite),
                      "%s on after.x = %s", members, value[0] ? value : "(missing)");
    }
}

static void check_in(int row, const char *before, const char *after, bool is_opposite)
{
    struct slice members = arena_printf(&arena, "%s%s%s", before, table[row].test, after);

    check_row(row, arena_text(&arena, members), is_opposite);
}

START_TEST(when_holds)
{
    check_in(_i, "'when':{'model':'m.M','after.x':", "}", false);
}
END_TEST

START_TEST(unless_is_the_opposite)
{
    check_in(_i, "'when':{'model':'m.M'},'unless':{'after.x':", "}", true);
}
END_TEST

/* In a branch beside one that never holds, and nested below the row. */
START_TEST(or_and_nesting_change_nothing)
{
    check_in(_i, "'when':{'model':'m.M','$or':[{'after.y':2},{'after':{'x':", "}}]}", false);
}
END_TEST

static Suite *predicates_suite(void)
{
    Suite *suite = suite_create("rules/predicates");
    TCase *tcase = tcase_create("predicates");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, when_holds, 0, ARRAY_NR(table));
    tcase_add_loop_test(tcase, unless_is_the_opposite, 0, ARRAY_NR(table));
    tcase_add_loop_test(tcase, or_and_nesting_change_nothing, 0, ARRAY_NR(table));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(predicates_suite)
