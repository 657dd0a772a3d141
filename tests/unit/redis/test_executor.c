/* The executor on a real server. */
#include "tests/unit/check_main.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "consumers/base/clock.h"
#include "tests/unit/redis/ops.h"
#include "tests/unit/redis/server.h"

static struct server_process server;
static struct executor *executor;
static struct executor_stats stats;
static struct ops ops;

static void begin(const char *const *arguments)
{
    server_start(&server, arguments);
    executor = executor_new(&server.target, 1, &stats);
}

static void setup(void)
{
    stats = (struct executor_stats){.up = 0};
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
    char keys[130][24];

    begin(NULL);
    for (int i = 0; i < 130; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k%d", i);
        ops_delete(&ops, keys[i]);
    }
    server_fill(&server, "k", 130);
    run();
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 0);
    ck_assert_uint_eq(counter_get(&stats.keys_deleted), 130);
    ck_assert_uint_eq(counter_get(&stats.commands), 3);
}
END_TEST

START_TEST(ready_when_it_answers)
{
    begin(NULL);
    ck_assert_int_eq(executor_ready(executor, 5000), EXECUTOR_DONE);
    ck_assert_int_eq(executor_ready(executor, 5000), EXECUTOR_DONE);
    ck_assert_str_eq(executor_trouble(executor), "");
    ck_assert_uint_eq(counter_get(&stats.up), 1);
}
END_TEST

START_TEST(down_until_the_server_comes)
{
    begin(NULL);
    server_kill(&server);
    ck_assert_int_eq(executor_ready(executor, 100), EXECUTOR_DOWN);
    ck_assert_str_ne(executor_trouble(executor), "");
    ck_assert_uint_eq(counter_get(&stats.up), 0);
    server_restart(&server);
    ck_assert_int_eq(executor_ready(executor, 10000), EXECUTOR_DONE);
    ck_assert_uint_eq(counter_get(&stats.up), 1);
}
END_TEST

START_TEST(keys_and_values_are_bytes)
{
    static const char key[] = "k\0\r\n\xff", value[] = "v\0\r\n\xfe";
    redisReply *reply;
    struct op *op;

    begin(NULL);
    op = ops_refresh(&ops, "", "");
    op->key = (struct slice){key, sizeof(key) - 1};
    op->value = (struct slice){value, sizeof(value) - 1};
    run();
    reply = server_command(&server, "GET %b", key, sizeof(key) - 1);
    ck_assert_uint_eq(reply->len, sizeof(value) - 1);
    ck_assert_mem_eq(reply->str, value, sizeof(value) - 1);
    freeReplyObject(reply);
}
END_TEST

START_TEST(the_database_is_the_targets)
{
    begin(NULL);
    executor_free(executor);
    server.target.database = 5;
    executor = executor_new(&server.target, 1, &stats);
    ops_refresh(&ops, "k", "v");
    run();
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 0);
    freeReplyObject(server_command(&server, "SELECT 5"));
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 1);
}
END_TEST

/* At full memory: deletes go through, refreshes become deletes, bumps go through. */
START_TEST(full_memory_stops_no_delete)
{
    begin(NULL);
    server_fill(&server, "k", 3);
    freeReplyObject(server_command(&server, "SET counter 5"));
    freeReplyObject(server_command(&server, "CONFIG SET maxmemory 1"));
    ops_delete(&ops, "k0");
    ops_refresh(&ops, "k1", "new");
    ops_guard(ops_refresh(&ops, "k2", "new"), OP_GUARD_EXPLICIT, 7);
    ops_bump(&ops, "counter", 2, 9000);
    ops_bump(&ops, "fresh", 1, 4000000000000);
    run();
    freeReplyObject(server_command(&server, "CONFIG SET maxmemory 0"));
    ck_assert_int_eq(server_integer(&server, "EXISTS k0 k1 k2"), 0);
    ck_assert_str_eq(server_text(&server, "GET {k2}:v"), "e:7");
    ck_assert_str_eq(server_text(&server, "GET counter"), "9000");
    ck_assert_str_eq(server_text(&server, "GET fresh"), "4000000000000");
}
END_TEST

START_TEST(rights_may_come_back)
{
    int64_t until;

    begin(NULL);
    server_fill(&server, "k", 1);
    freeReplyObject(server_command(&server, "ACL SETUSER default -unlink"));
    ops_delete(&ops, "k0");
    executor_start(executor, 0, &ops.plan);
    for (until = clock_steady_ms() + 10000; executor_wait(executor, 0, 50) != EXECUTOR_CONFIG;)
        ck_assert_int_lt(clock_steady_ms(), until);
    ck_assert_int_eq(server_integer(&server, "EXISTS k0"), 1);
    freeReplyObject(server_command(&server, "ACL SETUSER default +unlink"));
    ops_await(executor, 0);
    ck_assert_int_eq(server_integer(&server, "EXISTS k0"), 0);
}
END_TEST

START_TEST(the_sample_of_rights_is_enough)
{
    char path[512];

    ck_assert_ptr_nonnull(getcwd(path, sizeof(path) - 32));
    strcat(path, "/config/redis-acl.conf");
    begin((const char *const[]){"--include", path, NULL});
    executor_free(executor);
    server.target.user = strdup("unstale");
    server.target.password = strdup("change-me");
    server.target.database = 1;
    executor = executor_new(&server.target, 1, &stats);
    ck_assert_int_eq(executor_ready(executor, 5000), EXECUTOR_DONE);
    ops_delete(&ops, "cache:1");
    ops_refresh(&ops, "cache:2", "v");
    ops_guard(ops_refresh(&ops, "cache:3", "v"), OP_GUARD_EXPLICIT, 7);
    ops_guard(ops_refresh(&ops, "cache:3", "w"), OP_GUARD_EXPLICIT, 7);
    ops_guard(ops_delete(&ops, "cache:4"), OP_GUARD_EXPLICIT, 7);
    ops_bump(&ops, "cache:5", 3, 4000000000000);
    ops_bump(&ops, "cache:5", 3, 5000000000000);
    ops_run(&ops, executor);
    for (size_t i = 0; i < ops.plan.ops_nr; i++)
        ck_assert_int_eq(ops.ops[i].result, OP_DONE);
    freeReplyObject(server_command(&server, "SELECT 1"));
    ck_assert_str_eq(server_text(&server, "GET cache:5"), "5000000000000");
}
END_TEST

/* Random plans of deletes, writes and bumps over few keys, against the same in memory. */
enum { KEYS = 150, PLANS = 60, PLAN_OPS = 400 };

struct memory {
    long long counters[KEYS]; /* -1: absent */
    int values[KEYS];         /* -1: absent */
};

static char counter_names[KEYS][24], value_names[KEYS][24], value_texts[KEYS][24];

static void add_random(struct memory *memory)
{
    int key = rand() % KEYS, kind = rand() % 8;
    struct action *action = &ops.actions[0];

    if (kind == 0) {
        ops_bump(&ops, counter_names[key], (uint32_t)(key % 3 + 1), -1)->action = action;
        memory->counters[key] =
            (memory->counters[key] < 0 ? 1 : memory->counters[key]) + (key % 3 + 1);
    } else if (kind == 1) {
        memory->values[key] = rand() % KEYS;
        ops_refresh(&ops, value_names[key], value_texts[memory->values[key]]);
    } else if (kind < 5) {
        ops_delete(&ops, counter_names[key]);
        memory->counters[key] = -1;
    } else {
        ops_delete(&ops, value_names[key]);
        memory->values[key] = -1;
    }
}

static void check_memory(const struct memory *memory)
{
    char number[24];

    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(number, sizeof(number), "%lld", memory->counters[i]);
        ck_assert_str_eq(server_text(&server, "GET %s", counter_names[i]),
                         memory->counters[i] < 0 ? "(nil)" : number);
        ck_assert_str_eq(server_text(&server, "GET %s", value_names[i]),
                         memory->values[i] < 0 ? "(nil)" : value_texts[memory->values[i]]);
    }
}

START_TEST(order_on_a_key_is_kept)
{
    struct memory memory;

    begin(NULL);
    srand(7);
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(counter_names[i], sizeof(counter_names[i]), "counter%d", i);
        (void)snprintf(value_names[i], sizeof(value_names[i]), "value%d", i);
        (void)snprintf(value_texts[i], sizeof(value_texts[i]), "v%d", i);
        memory.counters[i] = memory.values[i] = -1;
    }
    for (int plan = 0; plan < PLANS; plan++) {
        ops_action(&ops)->to_increment = true;
        for (int i = 0; i < PLAN_OPS; i++)
            add_random(&memory);
        run();
        check_memory(&memory);
    }
}
END_TEST

/* Two flights at a time while the server is killed and comes back: no key is left over. */
enum { ROUNDS = 12, ROUND_KEYS = 2000 };

static char round_keys[ROUND_KEYS][24];
static struct ops second;

static void add_round(void)
{
    ops_clear(&ops);
    ops_clear(&second);
    for (int i = 0; i < ROUND_KEYS; i++) {
        struct ops *half = i % 2 == 0 ? &ops : &second;
        struct op *op = ops_add(half, VERB_DELETE, round_keys[i]);

        op->previous = OP_NONE;
        if (i % 5 == 0)
            ops_guard(op, OP_GUARD_CLOCK, i);
    }
}

static void kill_at_a_random_moment(void)
{
    const struct timespec pause = {0, rand() % 3000000};

    executor_start(executor, 0, &ops.plan);
    executor_start(executor, 1, &second.plan);
    (void)nanosleep(&pause, NULL);
    server_kill(&server);
    (void)executor_wait(executor, 0, 1);
    server_restart(&server);
    ops_await(executor, 0);
    ops_await(executor, 1);
}

START_TEST(a_killed_server_leaves_no_key)
{
    begin((const char *const[]){"--appendonly", "yes", "--appendfsync", "always", NULL});
    for (int i = 0; i < ROUND_KEYS; i++)
        (void)snprintf(round_keys[i], sizeof(round_keys[i]), "k%d", i);
    for (int round = 0; round < ROUNDS; round++) {
        server_fill(&server, "k", ROUND_KEYS);
        add_round();
        kill_at_a_random_moment();
        for (int i = 0; i < ROUND_KEYS; i++)
            ck_assert_int_eq(server_integer(&server, "EXISTS %s", round_keys[i]), 0);
    }
    ck_assert_uint_gt(counter_get(&stats.reconnects), 0);
}
END_TEST

static Suite *executor_suite(void)
{
    Suite *suite = suite_create("executor");
    TCase *tcase = tcase_create("on a server");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, deletes_are_grouped);
    tcase_add_test(tcase, ready_when_it_answers);
    tcase_add_test(tcase, down_until_the_server_comes);
    tcase_add_test(tcase, keys_and_values_are_bytes);
    tcase_add_test(tcase, the_database_is_the_targets);
    tcase_add_test(tcase, full_memory_stops_no_delete);
    tcase_add_test(tcase, rights_may_come_back);
    tcase_add_test(tcase, the_sample_of_rights_is_enough);
    tcase_add_test(tcase, order_on_a_key_is_kept);
    tcase_add_test(tcase, a_killed_server_leaves_no_key);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(executor_suite)
