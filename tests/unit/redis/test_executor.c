#include "tests/unit/check_main.h"

#include <hiredis/hiredis.h>

#include "tests/unit/redis/ops.h"
#include "tests/unit/redis/server.h"

static struct server_process server;
static struct executor *executor;
static struct executor_stats stats;
static struct ops ops;

static void setup(void)
{
    server_start(&server, NULL);
    stats = (struct executor_stats){.up = 0};
    executor = executor_new(&server.target, 1, &stats);
    ops_clear(&ops);
}

static void teardown(void)
{
    executor_free(executor);
    server_stop(&server);
}

static void run(void)
{
    ops_run(&ops, executor);
    ops_clear(&ops);
}

START_TEST(deletes_are_grouped)
{
    char keys[130][16];

    for (int i = 0; i < 130; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k%d", i);
        freeReplyObject(server_command(&server, "SET %s 1", keys[i]));
        ops_delete(&ops, keys[i]);
    }
    run();
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 0);
    ck_assert_uint_eq(counter_get(&stats.keys_deleted), 130);
    ck_assert_uint_eq(counter_get(&stats.commands), 3);
}
END_TEST

START_TEST(ready_when_it_answers)
{
    enum executor_state state = executor_ready(executor, 5000);

    ck_assert_msg(state == EXECUTOR_DONE, "%d: %s", state, executor_trouble(executor));
    ck_assert_str_eq(executor_trouble(executor), "");
    ck_assert_uint_eq(counter_get(&stats.up), 1);
}
END_TEST

START_TEST(scripts_and_plain_writes_run)
{
    ops_refresh(&ops, "plain", "v");
    ops_guard(ops_refresh(&ops, "guarded", "w"), OP_GUARD_EXPLICIT, 7);
    ops_bump(&ops, "counter", 1, 4000000000000);
    run();
    ck_assert_str_eq(server_text(&server, "GET plain"), "v");
    ck_assert_str_eq(server_text(&server, "GET guarded"), "w");
    ck_assert_str_eq(server_text(&server, "GET {guarded}:v"), "e:7");
    ck_assert_str_eq(server_text(&server, "GET counter"), "4000000000000");
}
END_TEST

static Suite *executor_suite(void)
{
    Suite *suite = suite_create("executor");
    TCase *tcase = tcase_create("commands");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, deletes_are_grouped);
    tcase_add_test(tcase, ready_when_it_answers);
    tcase_add_test(tcase, scripts_and_plain_writes_run);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(executor_suite)
