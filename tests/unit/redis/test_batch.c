/* Several ops in one call of a script do what as many calls do, on a real server. */
#include "tests/unit/check_main.h"

#include <stdio.h>

#include <hiredis/hiredis.h>

#include "consumers/redis/flight.h"
#include "consumers/redis/scripts.h"
#include "tests/unit/redis/on_server.h"

enum { KEYS = 3 * SCRIPT_OPS_MAX + 4, ROUNDS = 6 };

static char names[2][KEYS][16];
static uint32_t seed;

static uint32_t chance(uint32_t of)
{
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 16) % of;
}

static void name_keys(void)
{
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(names[0][i], sizeof(names[0][i]), "a%d", i);
        (void)snprintf(names[1][i], sizeof(names[1][i]), "b%d", i);
    }
}

/* What stands there before: the same under both names of a key. */
static void prepare(int i)
{
    static const char *const values[] = {NULL, "new", "old", "5", "1795341600123", "abc"};
    static const char *const versions[] = {NULL, "e:4", "e:5", "e:6", "c:5", "rubbish"};
    const char *value = values[chance(6)], *version = versions[chance(6)];

    for (int side = 0; side < 2; side++) {
        const char *name = names[side][i];

        if (value != NULL)
            freeReplyObject(server_command(&server, "SET %s %s", name, value));
        if (version != NULL)
            freeReplyObject(server_command(&server, "SET {%s}:v %s", name, version));
    }
}

static struct op *add(int side, int i, uint32_t what)
{
    const char *name = names[side][i];

    switch (what) {
    case 0:
        return ops_bump(&ops, name, 2, 4000000000000);
    case 1:
        return ops_guard(ops_delete(&ops, name), OP_GUARD_EXPLICIT, 5);
    case 2:
        return ops_guard(ops_refresh(&ops, name, "new"), OP_GUARD_CLOCK, 5);
    default:
        return ops_guard(ops_refresh(&ops, name, "new"), OP_GUARD_EXPLICIT, 5);
    }
}

static void compare(int i, enum op_result alone)
{
    char of_one[64];

    ck_assert_msg(ops.ops[i].result == alone, "op %d: %d alone, %d in a call of several", i, alone,
                  ops.ops[i].result);
    for (int companion = 0; companion < 2; companion++) {
        const char *form = companion ? "GET {%s}:v" : "GET %s";

        (void)snprintf(of_one, sizeof(of_one), "%s", server_text(&server, form, names[0][i]));
        ck_assert_str_eq(server_text(&server, form, names[1][i]), of_one);
    }
}

START_TEST(many_do_what_each_does)
{
    uint32_t what[KEYS];
    enum op_result alone[KEYS];

    seed = (uint32_t)_i + 1;
    for (int i = 0; i < KEYS; i++) {
        prepare(i);
        what[i] = chance(4);
        ops_clear(&ops);
        (void)add(0, i, what[i]);
        ops_run(&ops, executor);
        alone[i] = ops.ops[0].result;
    }
    ops_clear(&ops);
    for (int i = 0; i < KEYS; i++)
        (void)add(1, i, what[i]);
    ops_run(&ops, executor);
    for (int i = 0; i < KEYS; i++)
        compare(i, alone[i]);
}
END_TEST

START_TEST(a_call_takes_no_more_than_it_may)
{
    for (int i = 0; i < KEYS; i++)
        (void)add(0, i, 3);
    ops_run(&ops, executor);
    ck_assert_uint_eq(counter_get(&stats.commands), 1 + KEYS / SCRIPT_OPS_MAX + 1);
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 2 * KEYS);
}
END_TEST

START_TEST(large_values_end_a_call)
{
    static char value[FLIGHT_SCRIPT_BYTES / 2];

    memset(value, 'x', sizeof(value) - 1);
    for (int i = 0; i < 8; i++)
        ops_guard(ops_refresh(&ops, names[0][i], value), OP_GUARD_EXPLICIT, 5);
    ops_run(&ops, executor);
    ck_assert_uint_eq(counter_get(&stats.commands), 1 + 4);
}
END_TEST

/* Counters on both sides of two that are none: those alone are rejected, and no other moves twice. */
START_TEST(one_that_fails_fails_alone)
{
    for (int i = 0; i < SCRIPT_OPS_MAX; i++) {
        freeReplyObject(server_command(&server, "SET %s %s", names[0][i], i == 7 ? "abc" : "5"));
        ops_bump(&ops, names[0][i], 1, -1);
    }
    freeReplyObject(server_command(&server, "DEL %s", names[0][20]));
    freeReplyObject(server_command(&server, "RPUSH %s 1", names[0][20]));
    ops_run(&ops, executor);
    for (int i = 0; i < SCRIPT_OPS_MAX; i++) {
        bool is_none = i == 7 || i == 20;

        ck_assert_int_eq(ops.ops[i].result, is_none ? OP_REJECTED : OP_DONE);
        if (is_none)
            ck_assert(slice_starts_with(executor_rejection(executor, 0, (size_t)i),
                                        SLICE("NOTACOUNTER")));
        else
            ck_assert_str_eq(server_text(&server, "GET %s", names[0][i]), "6");
    }
}
END_TEST

START_TEST(full_memory_makes_all_of_them_deletes)
{
    for (int i = 0; i < 10; i++) {
        freeReplyObject(server_command(&server, "SET %s old", names[0][i]));
        (void)add(0, i, 3);
    }
    freeReplyObject(server_command(&server, "CONFIG SET maxmemory 1"));
    ops_run(&ops, executor);
    freeReplyObject(server_command(&server, "CONFIG SET maxmemory 0"));
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(server_integer(&server, "EXISTS %s", names[0][i]), 0);
        ck_assert_str_eq(server_text(&server, "GET {%s}:v", names[0][i]), "e:5");
    }
}
END_TEST

/* Ops of several kinds on one key, among others that may share their calls. */
START_TEST(order_on_a_key_is_kept)
{
    for (int i = 1; i <= 3; i++)
        ops_guard(ops_refresh(&ops, names[0][i], "v"), OP_GUARD_EXPLICIT, 1);
    ops_guard(ops_refresh(&ops, "k", "one"), OP_GUARD_EXPLICIT, 1);
    ops_guard(ops_refresh(&ops, "k", "two"), OP_GUARD_EXPLICIT, 2);
    ops_delete(&ops, names[0][1]);
    ops_delete(&ops, "k");
    ops_bump(&ops, "k", 1, 4000000000000);
    ops_bump(&ops, names[0][4], 1, 4000000000000);
    ops_bump(&ops, "k", 1, -1);
    ops_run(&ops, executor);
    ck_assert_str_eq(server_text(&server, "GET k"), "4000000000001");
    ck_assert_str_eq(server_text(&server, "GET {k}:v"), "e:2");
    ck_assert_int_eq(server_integer(&server, "EXISTS %s", names[0][1]), 0);
}
END_TEST

/* What stands for the answer of a call with 5 ops; the places it names, 0 where it names none. */
static const struct {
    const char *text;
    uint64_t sum;
    size_t nr;
} answers[] = {
    {"0 1", 0, 1},
    {"3 2 5", 3, 2},
    {"0 1 2 3 4 5", 0, 5},
    {"", 0, 0},
    {"3", 0, 0},
    {"6 1", 0, 0},
    {"3 0", 0, 0},
    {"3 6", 0, 0},
    {"3 2 2", 0, 0},
    {"3 5 2", 0, 0},
    {"3  2", 0, 0},
    {"x 2", 0, 0},
    {"3 2x", 0, 0},
    {"-1 2", 0, 0},
    {"3 -2", 0, 0},
    {"3 1 2 3 4 5 5", 0, 0},
    {"18446744073709551617 1", 0, 0},
    {"0 18446744073709551617", 0, 0},
};

START_TEST(what_failed_is_read)
{
    struct script_failures failures;
    bool is_one = script_failures_read(&failures, slice_of(answers[_i].text), 5);

    ck_assert_int_eq(is_one, answers[_i].nr > 0);
    if (!is_one)
        return;
    ck_assert_uint_eq(failures.sum, answers[_i].sum);
    ck_assert_uint_eq(failures.nr, answers[_i].nr);
}
END_TEST

#define NR(array) (int)(sizeof(array) / sizeof((array)[0]))

static Suite *batch_suite(void)
{
    Suite *suite = suite_create("batch");
    TCase *tcase = on_server_case();

    tcase_add_checked_fixture(tcase, name_keys, NULL);
    tcase_add_loop_test(tcase, many_do_what_each_does, 0, ROUNDS);
    tcase_add_test(tcase, a_call_takes_no_more_than_it_may);
    tcase_add_test(tcase, large_values_end_a_call);
    tcase_add_test(tcase, one_that_fails_fails_alone);
    tcase_add_test(tcase, full_memory_makes_all_of_them_deletes);
    tcase_add_test(tcase, order_on_a_key_is_kept);
    tcase_add_loop_test(tcase, what_failed_is_read, 0, NR(answers));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(batch_suite)
