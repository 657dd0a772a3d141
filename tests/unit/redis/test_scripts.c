/* What the scripts do, on a real server, called as the executor calls them. */
#include "tests/unit/check_main.h"

#include <hiredis/hiredis.h>

#include "consumers/base/clock.h"
#include "tests/unit/redis/on_server.h"

#define BIG 9007199254740993 /* 2^53 + 1: a double cannot hold it */
#define TOP 9223372036854775807

static enum op_result run_one(void)
{
    enum op_result result;

    ops_run(&ops, executor);
    result = ops.ops[ops.plan.ops_nr - 1].result;
    return result;
}

static void set_or_not(const char *key, const char *value)
{
    if (value != NULL)
        freeReplyObject(server_command(&server, "SET %s %s PX 500000", key, value));
}

/* Key and companion before, the version of the op, both after; NULL: absent. */
static const struct guard_case {
    const char *key, *companion;
    enum verb verb;
    enum guard_source source;
    int64_t version;
    const char *key_after, *companion_after;
} guards[] = {
    /* greater: stored */
    {NULL, NULL, VERB_REFRESH, OP_GUARD_EXPLICIT, 5, "new", "e:5"},
    {"old", "e:4", VERB_REFRESH, OP_GUARD_EXPLICIT, 5, "new", "e:5"},
    {"old", "e:9", VERB_REFRESH, OP_GUARD_EXPLICIT, 10, "new", "e:10"},
    {"old", "c:4", VERB_REFRESH, OP_GUARD_CLOCK, 5, "new", "c:5"},
    {"old", "e:9007199254740992", VERB_REFRESH, OP_GUARD_EXPLICIT, BIG, "new",
     "e:9007199254740993"},
    {"old", "e:9223372036854775806", VERB_REFRESH, OP_GUARD_EXPLICIT, TOP, "new",
     "e:9223372036854775807"},
    {"old", "e:-3", VERB_REFRESH, OP_GUARD_EXPLICIT, -2, "new", "e:-2"},
    {"old", "e:-3", VERB_REFRESH, OP_GUARD_EXPLICIT, 1, "new", "e:1"},
    /* equal: the same value stays, another goes, none stays none */
    {"new", "e:5", VERB_REFRESH, OP_GUARD_EXPLICIT, 5, "new", "e:5"},
    {"old", "e:5", VERB_REFRESH, OP_GUARD_EXPLICIT, 5, NULL, "e:5"},
    {NULL, "e:5", VERB_REFRESH, OP_GUARD_EXPLICIT, 5, NULL, "e:5"},
    {"new", "c:5", VERB_REFRESH, OP_GUARD_CLOCK, 5, "new", "c:5"},
    {"old", "c:5", VERB_REFRESH, OP_GUARD_CLOCK, 5, NULL, "c:5"},
    {NULL, "c:5", VERB_REFRESH, OP_GUARD_CLOCK, 5, NULL, "c:5"},
    /* older: ignored where the version proves it, deleted where only the clock says so */
    {"old", "e:6", VERB_REFRESH, OP_GUARD_EXPLICIT, 5, "old", "e:6"},
    {"old", "e:10", VERB_REFRESH, OP_GUARD_EXPLICIT, 9, "old", "e:10"},
    {"old", "e:9007199254740993", VERB_REFRESH, OP_GUARD_EXPLICIT, BIG - 1, "old",
     "e:9007199254740993"},
    {"old", "c:6", VERB_REFRESH, OP_GUARD_CLOCK, 5, NULL, "c:6"},
    /* another kind of version, or something that is none: deleted, the new one remembered */
    {"old", "c:6", VERB_REFRESH, OP_GUARD_EXPLICIT, 5, NULL, "e:5"},
    {"old", "e:6", VERB_REFRESH, OP_GUARD_CLOCK, 99, NULL, "c:99"},
    {"old", "rubbish", VERB_REFRESH, OP_GUARD_EXPLICIT, 5, NULL, "e:5"},
    {"old", "e:5x", VERB_REFRESH, OP_GUARD_EXPLICIT, 6, NULL, "e:6"},
    /* guarded deletes */
    {"old", NULL, VERB_DELETE, OP_GUARD_EXPLICIT, 5, NULL, "e:5"},
    {"old", "e:4", VERB_DELETE, OP_GUARD_EXPLICIT, 5, NULL, "e:5"},
    {"old", "e:5", VERB_DELETE, OP_GUARD_EXPLICIT, 5, NULL, "e:5"},
    {"old", "e:6", VERB_DELETE, OP_GUARD_EXPLICIT, 5, "old", "e:6"},
    {"old", "c:6", VERB_DELETE, OP_GUARD_CLOCK, 5, NULL, "c:6"},
    {"old", "c:6", VERB_DELETE, OP_GUARD_EXPLICIT, 5, NULL, "e:5"},
    {NULL, NULL, VERB_DELETE, OP_GUARD_EXPLICIT, 5, NULL, "e:5"},
};

static void check_key(const char *key, const char *expected, int i)
{
    const char *is = server_text(&server, "GET %s", key);

    ck_assert_msg(strcmp(is, expected != NULL ? expected : "(nil)") == 0, "case %d: %s is %s", i,
                  key, is);
}

static void run_guard(int i, bool as_delete)
{
    const struct guard_case *c = &guards[i];
    struct op *op = c->verb == VERB_REFRESH ? ops_refresh(&ops, "k", "new") : ops_delete(&ops, "k");

    set_or_not("k", c->key);
    set_or_not("{k}:v", c->companion);
    ops_guard(op, c->source, c->version)->as_delete = as_delete;
    ck_assert_int_eq(run_one(), OP_DONE);
}

START_TEST(a_guard_decides)
{
    run_guard(_i, false);
    check_key("k", guards[_i].key_after, _i);
    check_key("{k}:v", guards[_i].companion_after, _i);
}
END_TEST

START_TEST(a_refresh_as_delete_never_writes)
{
    run_guard(_i, true);
    ck_assert_str_ne(server_text(&server, "GET k"), "new");
    ck_assert_str_ne(server_text(&server, "GET {k}:v"), "(nil)");
}
END_TEST

static void check_life(const char *key, long long least, long long most)
{
    long long life = server_integer(&server, "PTTL %s", key);

    ck_assert_msg(life > least && life <= most, "%s lives %lld ms", key, life);
}

START_TEST(values_and_companions_end)
{
    struct action *day = ops_action(&ops);

    day->ttl_ms = 86400000;
    ops_guard(ops_refresh(&ops, "short", "v"), OP_GUARD_EXPLICIT, 1);
    ops_guard(ops_refresh(&ops, "long", "v"), OP_GUARD_EXPLICIT, 1)->action = day;
    ops_guard(ops_delete(&ops, "gone"), OP_GUARD_EXPLICIT, 1);
    ops_refresh(&ops, "plain", "v");
    ops_run(&ops, executor);
    check_life("short", 50000, 60000);
    check_life("{short}:v", 3590000, 3600000);
    check_life("long", 86000000, 86400000);
    check_life("{long}:v", 172700000, 172800000);
    check_life("{gone}:v", 3590000, 3600000);
    check_life("plain", 50000, 60000);
}
END_TEST

/* The condition, whether guarded; the key before and after. */
static const struct {
    enum refresh_if condition;
    bool is_guarded;
    const char *before, *after;
} conditions[] = {
    {REFRESH_EXISTS, false, NULL, NULL},   {REFRESH_EXISTS, false, "old", "new"},
    {REFRESH_MISSING, false, NULL, "new"}, {REFRESH_MISSING, false, "old", "old"},
    {REFRESH_EXISTS, true, NULL, NULL},    {REFRESH_EXISTS, true, "old", "new"},
    {REFRESH_MISSING, true, NULL, "new"},  {REFRESH_MISSING, true, "old", "old"},
};

START_TEST(a_condition_decides)
{
    struct action *action = ops_action(&ops);
    struct op *op = ops_refresh(&ops, "k", "new");

    set_or_not("k", conditions[_i].before);
    action->condition = conditions[_i].condition;
    op->action = action;
    if (conditions[_i].is_guarded)
        ops_guard(op, OP_GUARD_EXPLICIT, 5);
    ck_assert_int_eq(run_one(), OP_DONE);
    check_key("k", conditions[_i].after, _i);
    check_key("{k}:v", conditions[_i].is_guarded ? "e:5" : NULL, _i);
}
END_TEST

START_TEST(a_tagged_key_has_a_tagged_companion)
{
    ops_guard(ops_refresh(&ops, "{t}:k", "new"), OP_GUARD_EXPLICIT, 5);
    ck_assert_int_eq(run_one(), OP_DONE);
    ck_assert_str_eq(server_text(&server, "GET {t}:unstale:v:{t}:k"), "e:5");
}
END_TEST

START_TEST(a_key_that_cannot_be_guarded_is_rejected)
{
    ops_guard(ops_refresh(&ops, "a{b", "new"), OP_GUARD_EXPLICIT, 5);
    ck_assert_int_eq(run_one(), OP_REJECTED);
    ck_assert_uint_gt(executor_rejection(executor, 0, 0).len, 0);
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 0);
}
END_TEST

/* A counter before and after; `times` bumps, an event's time (-1: none), by time or by increment. */
static const struct {
    const char *before;
    uint32_t times;
    int64_t at_least;
    bool to_increment;
    const char *after; /* NULL: not a counter */
} bumps[] = {
    {"5", 1, -1, false, "6"},
    {"5", 3, -1, false, "8"},
    {"5", 1, 1795341600123, false, "1795341600123"},
    {"1795341600123", 1, 1795341600123, false, "1795341600124"},
    {"1795341600123", 4, 1795341600000, false, "1795341600127"},
    {"9007199254740992", 1, -1, false, "9007199254740993"},
    {"9007199254740993", 2, 9007199254740993, false, "9007199254740995"},
    {"9223372036854775806", 1, -1, false, "9223372036854775807"},
    {"-5", 1, -1, false, "-4"},
    {"-5", 1, 7, false, "7"},
    {"0", 1, 0, false, "1"},
    {NULL, 1, 4000000000000, false, "4000000000000"},
    {NULL, 3, 4000000000000, false, "4000000000002"},
    {"5", 2, 1795341600123, true, "7"},
    {NULL, 1, 1795341600123, true, "2"},
    {NULL, 3, -1, true, "4"},
    {"9223372036854775807", 1, -1, false, NULL},
    {"99999999999999999999", 1, -1, false, NULL},
    {"abc", 1, -1, false, NULL},
    {"", 1, -1, false, NULL},
    {"5.5", 1, -1, false, NULL},
    {"007", 1, -1, false, NULL},
    {"-0", 1, -1, false, NULL},
    {" 5", 1, -1, false, NULL},
};

START_TEST(a_counter_is_bumped)
{
    struct action *action = ops_action(&ops);
    struct op *op = ops_bump(&ops, "k", bumps[_i].times, bumps[_i].at_least);

    set_or_not("k", bumps[_i].before);
    action->to_increment = bumps[_i].to_increment;
    op->action = action;
    if (bumps[_i].after == NULL) {
        ck_assert_int_eq(run_one(), OP_REJECTED);
        ck_assert(slice_starts_with(executor_rejection(executor, 0, 0), SLICE("NOTACOUNTER")));
        check_key("k", bumps[_i].before, _i);
        return;
    }
    ck_assert_int_eq(run_one(), OP_DONE);
    check_key("k", bumps[_i].after, _i);
    ck_assert_int_eq(server_integer(&server, "PTTL k"), -1);
}
END_TEST

START_TEST(a_lost_counter_starts_at_the_clock)
{
    int64_t before = clock_wall_ms();
    long long is;

    ops_bump(&ops, "k", 1, 1000);
    ck_assert_int_eq(run_one(), OP_DONE);
    is = strtoll(server_text(&server, "GET k"), NULL, 10);
    ck_assert_int_ge(is, before);
    ck_assert_int_le(is, clock_wall_ms());
}
END_TEST

START_TEST(a_start_beyond_the_clock_counts)
{
    struct action *action = ops_action(&ops);

    action->start = 5000000000000;
    ops_bump(&ops, "k", 1, 1000)->action = action;
    ck_assert_int_eq(run_one(), OP_DONE);
    ck_assert_str_eq(server_text(&server, "GET k"), "5000000000001");
}
END_TEST

START_TEST(a_list_is_no_counter)
{
    freeReplyObject(server_command(&server, "RPUSH k 1"));
    ops_bump(&ops, "k", 1, -1);
    ck_assert_int_eq(run_one(), OP_REJECTED);
    ck_assert(slice_starts_with(executor_rejection(executor, 0, 0), SLICE("NOTACOUNTER")));
}
END_TEST

START_TEST(a_list_is_replaced_by_a_refresh)
{
    freeReplyObject(server_command(&server, "RPUSH k 1"));
    set_or_not("{k}:v", "e:5");
    ops_guard(ops_refresh(&ops, "k", "v"), OP_GUARD_EXPLICIT, 5);
    ck_assert_int_eq(run_one(), OP_DONE);
    ck_assert_int_eq(server_integer(&server, "EXISTS k"), 0);
}
END_TEST

START_TEST(flushed_scripts_are_loaded_again)
{
    for (int i = 0; i < 3; i++) {
        ops_clear(&ops);
        freeReplyObject(server_command(&server, "SCRIPT FLUSH"));
        ops_bump(&ops, "k", 1, 4000000000000);
        ops_delete(&ops, "other");
        ops_guard(ops_refresh(&ops, "g", "v"), OP_GUARD_EXPLICIT, i);
        ops_run(&ops, executor);
    }
    ck_assert_str_eq(server_text(&server, "GET {g}:v"), "e:2");
}
END_TEST

#define NR(array) (int)(sizeof(array) / sizeof((array)[0]))

static int refresh_cases(void)
{
    int nr = 0;

    while (guards[nr].verb == VERB_REFRESH)
        nr++;
    return nr;
}

static Suite *scripts_suite(void)
{
    Suite *suite = suite_create("scripts");
    TCase *tcase = on_server_case();

    tcase_add_loop_test(tcase, a_guard_decides, 0, NR(guards));
    tcase_add_loop_test(tcase, a_refresh_as_delete_never_writes, 0, refresh_cases());
    tcase_add_loop_test(tcase, a_condition_decides, 0, NR(conditions));
    tcase_add_loop_test(tcase, a_counter_is_bumped, 0, NR(bumps));
    tcase_add_test(tcase, values_and_companions_end);
    tcase_add_test(tcase, a_tagged_key_has_a_tagged_companion);
    tcase_add_test(tcase, a_key_that_cannot_be_guarded_is_rejected);
    tcase_add_test(tcase, a_lost_counter_starts_at_the_clock);
    tcase_add_test(tcase, a_start_beyond_the_clock_counts);
    tcase_add_test(tcase, a_list_is_no_counter);
    tcase_add_test(tcase, a_list_is_replaced_by_a_refresh);
    tcase_add_test(tcase, flushed_scripts_are_loaded_again);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(scripts_suite)
