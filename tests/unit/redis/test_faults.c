/* What the executor makes of every kind of failure, against a server that fails as told. */
#include "tests/unit/check_main.h"

#include "consumers/base/clock.h"
#include "tests/unit/redis/fake.h"
#include "tests/unit/redis/ops.h"

static struct fake fake;
static struct executor *executor;
static struct executor_stats stats;
static struct ops ops;

static void begin(const char *const *replies)
{
    fake.replies = replies;
    fake_start(&fake);
    executor = executor_new(&fake.target, 1, &stats);
}

static void setup(void)
{
    memset(&fake, 0, sizeof(fake));
    stats = (struct executor_stats){.up = 0};
    executor = NULL;
    ops_clear(&ops);
}

static void teardown(void)
{
    executor_free(executor);
    fake_stop(&fake);
}

static void add_usual(void)
{
    ops_refresh(&ops, "a", "1");
    ops_delete(&ops, "b");
    ops_guard(ops_delete(&ops, "c"), OP_GUARD_EXPLICIT, 5);
}

/* Until it says so, or the test fails. */
static void await_state(enum executor_state state)
{
    int64_t until = clock_steady_ms() + 20000;

    while (executor_wait(executor, 0, 20) != state)
        ck_assert_msg(clock_steady_ms() < until, "it never says %d", state);
}

#define SENT "SET a 1 PX 60000|SCRIPT LOAD TEXT|EVALSHA SHA 2 c {c}:v e:5 3600000|UNLINK b|"

START_TEST(what_is_sent)
{
    begin((const char *const[]){NULL});
    add_usual();
    ops_run(&ops, executor);
    ck_assert_str_eq(fake_log(&fake), SENT);
    ck_assert_str_eq(fake_greetings(&fake), "CLIENT SETNAME unstale|INFO server|");
}
END_TEST

/* The refresh may have been carried out, so it comes again as a delete; the order stays. */
#define AGAIN SENT "UNLINK a|EVALSHA SHA 2 c {c}:v e:5 3600000|UNLINK b|"

static const char *const transient[] = {
    "-LOADING Redis is loading the dataset in memory",
    "-BUSY Redis is busy running a script",
    "-MISCONF Redis is configured to save RDB snapshots",
    "-MASTERDOWN Link with MASTER is down",
};

START_TEST(a_transient_error_sends_all_again_in_order)
{
    begin((const char *const[]){transient[_i], NULL});
    add_usual();
    executor_start(executor, 0, &ops.plan);
    await_state(EXECUTOR_DOWN);
    ck_assert_ptr_nonnull(strstr(executor_trouble(executor), transient[_i] + 1));
    ops_await(executor, 0);
    ck_assert_str_eq(fake_log(&fake), AGAIN);
    ck_assert_uint_eq(fake_connections(&fake), 1);
    ck_assert_str_eq(executor_trouble(executor), "");
}
END_TEST

START_TEST(a_later_error_leaves_the_answered_alone)
{
    begin((const char *const[]){FAKE_WELL, FAKE_WELL, FAKE_WELL, transient[0], NULL});
    add_usual();
    ops_run(&ops, executor);
    ck_assert_str_eq(fake_log(&fake), SENT "UNLINK b|");
}
END_TEST

/* By the command they stand for: SET, SCRIPT LOAD, EVALSHA, UNLINK of the usual. */
static const struct lie {
    const char *replies[5];
    const char *names; /* what it says of it */
} lies[] = {
    {{":1"}, "SET"},
    {{"+QUEUED"}, "SET"},
    {{"$2\r\nno"}, "SET"},
    {{"$-1"}, "SET"},
    {{"*0"}, "SET"},
    {{FAKE_WELL, ":1"}, "SCRIPT LOAD"},
    {{FAKE_WELL, "+sha"}, "SCRIPT LOAD"},
    {{FAKE_WELL, FAKE_WELL, "+OK"}, "EVALSHA"},
    {{FAKE_WELL, FAKE_WELL, ":2"}, "EVALSHA"},
    {{FAKE_WELL, FAKE_WELL, FAKE_WELL, "+OK"}, "UNLINK"},
    {{FAKE_WELL, FAKE_WELL, FAKE_WELL, "$-1"}, "UNLINK"},
    {{FAKE_WELL, FAKE_WELL, FAKE_WELL, ":-1"}, "UNLINK"},
    {{FAKE_WELL, FAKE_WELL, FAKE_WELL, ":2"}, "UNLINK"},
    {{FAKE_WELL, FAKE_WELL, FAKE_WELL, "*1\r\n:1"}, "UNLINK"},
    {{">2\r\n+invalidate\r\n*0"}, "not in the Redis protocol"},
    {{"#t"}, "not in the Redis protocol"},
    {{"(1"}, "not in the Redis protocol"},
    {{",1.5"}, "not in the Redis protocol"},
    {{"%1\r\n+a\r\n+b"}, "not in the Redis protocol"},
    {{"!!!"}, "not in the Redis protocol"},
    {{"+OK\r\n+OK\r\n:1\r\n:1\r\n:1"}, "SCRIPT LOAD"},
};

/* What is no answer of its command counts for nothing: a new connection, and all that is unanswered again. */
START_TEST(a_lie_is_not_believed)
{
    begin(lies[_i].replies);
    add_usual();
    executor_start(executor, 0, &ops.plan);
    await_state(EXECUTOR_DOWN);
    ck_assert_ptr_nonnull(strstr(executor_trouble(executor), lies[_i].names));
    ops_await(executor, 0);
    ck_assert_uint_eq(fake_connections(&fake), 2);
    ck_assert_ptr_nonnull(strstr(fake_log(&fake) + strlen(SENT) / 2, "UNLINK b|"));
    ck_assert_uint_le(counter_get(&stats.keys_deleted), 3);
}
END_TEST

START_TEST(a_lost_connection_sends_the_unanswered_again)
{
    begin((const char *const[]){FAKE_CLOSE, NULL});
    add_usual();
    ops_run(&ops, executor);
    ck_assert_str_eq(fake_log(&fake), "SET a 1 PX 60000|UNLINK a|SCRIPT LOAD TEXT|"
                                      "EVALSHA SHA 2 c {c}:v e:5 3600000|UNLINK b|");
    ck_assert_uint_eq(counter_get(&stats.reconnects), 1);
    ck_assert_uint_eq(counter_get(&stats.reissued), 3);
}
END_TEST

START_TEST(a_replica_is_left)
{
    begin((const char *const[]){"-READONLY You can't write against a read only replica.", NULL});
    ops_delete(&ops, "b");
    ops_run(&ops, executor);
    ck_assert_uint_eq(fake_connections(&fake), 2);
    ck_assert_str_eq(fake_log(&fake), "UNLINK b|UNLINK b|");
}
END_TEST

START_TEST(silence_is_a_lost_connection)
{
    int64_t started = clock_steady_ms();

    begin((const char *const[]){FAKE_HANG, NULL});
    ops_delete(&ops, "b");
    executor_start(executor, 0, &ops.plan);
    ck_assert_int_eq(executor_wait(executor, 0, 50), EXECUTOR_PENDING);
    ck_assert_int_lt(clock_steady_ms() - started, 1000);
    ops_await(executor, 0);
    ck_assert_uint_eq(fake_connections(&fake), 2);
    ck_assert_int_ge(clock_steady_ms() - started, 4900);
}
END_TEST

START_TEST(an_answer_that_is_none_is_a_lost_connection)
{
    begin((const char *const[]){"HTTP/1.1 400 Bad Request", NULL});
    ops_delete(&ops, "b");
    ops_run(&ops, executor);
    ck_assert_uint_eq(fake_connections(&fake), 2);
}
END_TEST

static const char *const config[] = {
    "-NOPERM this user has no permissions to run the 'unlink' command",
    "-NOAUTH Authentication required.",
    "-ERR unknown command 'UNLINK', with args beginning with: 'b' ",
    "-MOVED 3999 127.0.0.1:6381",
};

START_TEST(a_config_error_is_tried_again_slowly)
{
    int64_t started;

    begin((const char *const[]){config[_i], NULL});
    ops_delete(&ops, "b");
    executor_start(executor, 0, &ops.plan);
    await_state(EXECUTOR_CONFIG);
    started = clock_steady_ms();
    ops_await(executor, 0);
    ck_assert_int_ge(clock_steady_ms() - started, 300);
    ck_assert_str_eq(fake_log(&fake), "UNLINK b|UNLINK b|");
}
END_TEST

START_TEST(no_right_to_load_scripts_is_a_config_error)
{
    begin((const char *const[]){config[0], "-NOSCRIPT No matching script.", NULL});
    ops_bump(&ops, "n", 1, -1);
    executor_start(executor, 0, &ops.plan);
    await_state(EXECUTOR_CONFIG);
    ops_await(executor, 0);
}
END_TEST

START_TEST(a_poison_reply_rejects_its_op_alone)
{
    begin((const char *const[]){"-WRONGTYPE Operation against a key", NULL});
    add_usual();
    ops_run(&ops, executor);
    ck_assert_int_eq(ops.ops[0].result, OP_REJECTED);
    ck_assert_int_eq(ops.ops[1].result, OP_DONE);
    ck_assert_int_eq(ops.ops[2].result, OP_DONE);
    ck_assert(slice_starts_with(executor_rejection(executor, 0, 0), SLICE("WRONGTYPE")));
    ck_assert(slice_is_absent(executor_rejection(executor, 0, 1)));
}
END_TEST

START_TEST(merged_ops_share_the_fate)
{
    begin((const char *const[]){"-WRONGTYPE Operation against a key", NULL});
    ops_refresh(&ops, "a", "1");
    ops_refresh(&ops, "a", "2");
    ops_delete(&ops, "b");
    ops_delete(&ops, "b");
    ops.ops[0].merged_into = 1;
    ops.ops[1].previous = OP_NONE;
    ops.ops[2].merged_into = 3;
    ops.ops[3].previous = OP_NONE;
    ops_run(&ops, executor);
    ck_assert_int_eq(ops.ops[0].result, OP_REJECTED);
    ck_assert(slice_starts_with(executor_rejection(executor, 0, 0), SLICE("WRONGTYPE")));
    ck_assert_int_eq(ops.ops[2].result, OP_DONE);
    ck_assert_str_eq(fake_log(&fake), "SET a 2 PX 60000|UNLINK b|");
}
END_TEST

START_TEST(purges_are_not_the_executors)
{
    begin((const char *const[]){NULL});
    ops_add(&ops, VERB_PURGE, "a*");
    ops_delete(&ops, "b");
    ops_run(&ops, executor);
    ck_assert_int_eq(ops.ops[0].result, OP_PENDING);
    ck_assert_str_eq(fake_log(&fake), "UNLINK b|");
}
END_TEST

START_TEST(an_empty_plan_is_done_at_once)
{
    begin((const char *const[]){NULL});
    executor_start(executor, 0, &ops.plan);
    ck_assert_int_eq(executor_wait(executor, 0, 0), EXECUTOR_DONE);
}
END_TEST

START_TEST(an_unknown_error_is_tried_three_times)
{
    begin((const char *const[]){"-ODD a", "-ODD b", "-ODD c", NULL});
    ops_delete(&ops, "b");
    ops_run(&ops, executor);
    ck_assert_int_eq(ops.ops[0].result, OP_REJECTED);
    ck_assert_str_eq(fake_log(&fake), "UNLINK b|UNLINK b|UNLINK b|");
    ck_assert(slice_equals(executor_rejection(executor, 0, 0), SLICE("ODD c")));
}
END_TEST

START_TEST(no_memory_for_a_refresh_is_a_delete)
{
    begin((const char *const[]){"-OOM command not allowed when used memory > 'maxmemory'.", NULL});
    ops_refresh(&ops, "a", "1");
    ops_delete(&ops, "b");
    ops_run(&ops, executor);
    ck_assert_int_eq(ops.ops[0].result, OP_DONE);
    ck_assert_str_eq(fake_log(&fake), "SET a 1 PX 60000|UNLINK b|UNLINK a|");
}
END_TEST

START_TEST(a_wrong_password_is_a_config_error)
{
    fake.auth = "-WRONGPASS invalid username-password pair or user is disabled.";
    begin((const char *const[]){NULL});
    fake.target.password = strdup("secret");
    ck_assert_int_eq(executor_ready(executor, 500), EXECUTOR_CONFIG);
    ck_assert_ptr_nonnull(strstr(executor_trouble(executor), "WRONGPASS"));
    ck_assert_ptr_null(strstr(executor_trouble(executor), "secret"));
    ck_assert_uint_eq(counter_get(&stats.up), 0);
}
END_TEST

START_TEST(the_greeting_says_who_and_where)
{
    begin((const char *const[]){NULL});
    fake.target.user = strdup("me");
    fake.target.password = strdup("secret");
    fake.target.database = 3;
    ck_assert_int_eq(executor_ready(executor, 5000), EXECUTOR_DONE);
    ck_assert_str_eq(fake_greetings(&fake),
                     "AUTH me secret|SELECT 3|CLIENT SETNAME unstale|INFO server|");
    ck_assert_str_eq(fake_log(&fake), "PING|");
}
END_TEST

static const struct {
    const char *info;
    enum executor_state state;
} versions[] = {
    {"redis_version:6.0.16\r\n", EXECUTOR_CONFIG},
    {"redis_version:6.2.0\r\n", EXECUTOR_DONE},
    {"redis_version:10.0.1\r\n", EXECUTOR_DONE},
    {"redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\n", EXECUTOR_DONE},
    {"redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:7.1.0\r\n", EXECUTOR_CONFIG},
    {"something:else\r\n", EXECUTOR_CONFIG},
};

START_TEST(old_servers_are_refused)
{
    fake.info = versions[_i].info;
    begin((const char *const[]){NULL});
    ck_assert_int_eq(executor_ready(executor, 500), versions[_i].state);
}
END_TEST

START_TEST(not_ready_while_it_loads)
{
    begin((const char *const[]){transient[0], transient[0], transient[0], transient[0],
                                transient[0], NULL});
    ck_assert_int_eq(executor_ready(executor, 50), EXECUTOR_DOWN);
    ck_assert_int_eq(executor_ready(executor, 15000), EXECUTOR_DONE);
}
END_TEST

START_TEST(two_flights_end_in_their_order)
{
    static struct ops second;

    begin((const char *const[]){transient[0], NULL});
    ops_clear(&second);
    ops_delete(&ops, "a");
    ops_delete(&second, "b");
    executor_start(executor, 0, &ops.plan);
    executor_start(executor, 1, &second.plan);
    ops_await(executor, 0);
    ops_await(executor, 1);
    /* Whether the second was on its way when the first was refused is chance; the order is not. */
    ck_assert(slice_ends_with(slice_of(fake_log(&fake)), SLICE("UNLINK a|UNLINK b|")));
}
END_TEST

START_TEST(an_abandoned_flight_is_forgotten)
{
    static struct ops second;

    begin((const char *const[]){FAKE_HANG, NULL});
    ops_clear(&second);
    ops_delete(&ops, "a");
    ops_delete(&second, "b");
    executor_start(executor, 0, &ops.plan);
    executor_start(executor, 1, &second.plan);
    (void)executor_wait(executor, 0, 50);
    executor_abandon(executor, 0);
    ops_await(executor, 1);
    ck_assert_str_eq(fake_log(&fake), "UNLINK a|UNLINK b|");
    ck_assert_uint_eq(fake_connections(&fake), 2);
    ck_assert_int_eq(ops.ops[0].result, OP_PENDING);
}
END_TEST

#define NR(array) (int)(sizeof(array) / sizeof((array)[0]))

static void add_failures(TCase *tcase)
{
    tcase_add_loop_test(tcase, a_transient_error_sends_all_again_in_order, 0, NR(transient));
    tcase_add_test(tcase, a_later_error_leaves_the_answered_alone);
    tcase_add_test(tcase, a_lost_connection_sends_the_unanswered_again);
    tcase_add_test(tcase, a_replica_is_left);
    tcase_add_test(tcase, silence_is_a_lost_connection);
    tcase_add_test(tcase, an_answer_that_is_none_is_a_lost_connection);
    tcase_add_loop_test(tcase, a_config_error_is_tried_again_slowly, 0, NR(config));
    tcase_add_test(tcase, no_right_to_load_scripts_is_a_config_error);
    tcase_add_loop_test(tcase, a_lie_is_not_believed, 0, NR(lies));
    tcase_add_test(tcase, a_poison_reply_rejects_its_op_alone);
    tcase_add_test(tcase, merged_ops_share_the_fate);
    tcase_add_test(tcase, an_unknown_error_is_tried_three_times);
    tcase_add_test(tcase, no_memory_for_a_refresh_is_a_delete);
}

static Suite *faults_suite(void)
{
    Suite *suite = suite_create("faults");
    TCase *tcase = tcase_create("replies");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_sent);
    add_failures(tcase);
    tcase_add_test(tcase, purges_are_not_the_executors);
    tcase_add_test(tcase, an_empty_plan_is_done_at_once);
    tcase_add_test(tcase, a_wrong_password_is_a_config_error);
    tcase_add_test(tcase, the_greeting_says_who_and_where);
    tcase_add_loop_test(tcase, old_servers_are_refused, 0, NR(versions));
    tcase_add_test(tcase, not_ready_while_it_loads);
    tcase_add_test(tcase, two_flights_end_in_their_order);
    tcase_add_test(tcase, an_abandoned_flight_is_forgotten);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(faults_suite)
