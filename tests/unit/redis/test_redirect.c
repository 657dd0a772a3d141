/* Redirections of a cluster, and Sentinels, each against two servers that say what they are told to. */
#include "tests/unit/check_main.h"

#include <stdio.h>

#include "consumers/base/clock.h"
#include "consumers/redis/connection.h"
#include "tests/unit/redis/fake.h"
#include "tests/unit/redis/ops.h"

enum { FIRST, SECOND, FAKES };

static struct fake fakes[FAKES];
static struct executor *executor;
static struct executor_stats stats;
static struct ops ops;
static char texts[3][128];

static void setup(void)
{
    static const char *const nothing[] = {NULL};

    memset(fakes, 0, sizeof(fakes));
    stats = (struct executor_stats){.up = 0};
    executor = NULL;
    ops_clear(&ops);
    for (int i = 0; i < FAKES; i++) {
        fakes[i].replies = nothing;
        fakes[i].is_tcp = true;
        fake_start(&fakes[i]);
    }
}

static void teardown(void)
{
    executor_free(executor);
    for (int i = 0; i < FAKES; i++)
        fake_stop(&fakes[i]);
}

/* ---- a cluster ---- */

static const char *const cluster_info = "redis_version:7.0.15\r\nredis_mode:cluster\r\n"
                                        "run_id:0123456789012345678901234567890123456789\r\n";

/* The first has all slots; whoever asks the second hears the same. */
static void begin_cluster(const char *const *of_first, const char *const *of_second)
{
    static char slots[256];

    (void)snprintf(slots, sizeof(slots), "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d",
                   fakes[FIRST].target.port);
    fakes[FIRST].replies = of_first;
    fakes[SECOND].replies = of_second;
    for (int i = 0; i < FAKES; i++) {
        fakes[i].info = cluster_info;
        fakes[i].slots = slots;
    }
    fakes[FIRST].target.is_cluster = true;
    executor = executor_new(&fakes[FIRST].target, 1, &stats);
}

static const char *redirection(int at, const char *word)
{
    (void)snprintf(texts[at], sizeof(texts[at]), "-%s 7629 127.0.0.1:%d", word,
                   fakes[SECOND].target.port);
    return texts[at];
}

START_TEST(moved_goes_on_at_the_other_and_stays_there)
{
    begin_cluster((const char *const[]){redirection(0, "MOVED"), NULL},
                  (const char *const[]){NULL});
    ops_delete(&ops, "{a}1");
    ops_run(&ops, executor);
    ck_assert_str_eq(fake_log(&fakes[FIRST]), "UNLINK {a}1|");
    ck_assert_str_eq(fake_log(&fakes[SECOND]), "UNLINK {a}1|");
    ck_assert_uint_eq(counter_get(&stats.redirects), 1);
}
END_TEST

/* The second command is sent when the first has been answered, where that one was. */
START_TEST(what_is_behind_a_redirection_does_not_overtake_it)
{
    begin_cluster((const char *const[]){redirection(0, "MOVED"), NULL},
                  (const char *const[]){NULL});
    ops_refresh(&ops, "{a}1", "1");
    ops_delete(&ops, "{a}2");
    ops_run(&ops, executor);
    ck_assert_str_eq(fake_log(&fakes[FIRST]), "SET {a}1 1 PX 60000|");
    ck_assert_ptr_nonnull(strstr(fake_log(&fakes[SECOND]), "UNLINK {a}2|"));
    ck_assert_ptr_eq(strstr(fake_log(&fakes[SECOND]), "UNLINK {a}2|SET"), NULL);
}
END_TEST

START_TEST(asked_goes_there_once)
{
    begin_cluster((const char *const[]){redirection(0, "ASK"), NULL},
                  (const char *const[]){"+OK", FAKE_WELL, NULL});
    ops_delete(&ops, "{a}1");
    ops_run(&ops, executor);
    ck_assert_str_eq(fake_log(&fakes[SECOND]), "ASKING|UNLINK {a}1|");
    ops_clear(&ops);
    ops_delete(&ops, "{a}2");
    ops_run(&ops, executor);
    ck_assert_str_eq(fake_log(&fakes[FIRST]), "UNLINK {a}1|UNLINK {a}2|");
}
END_TEST

START_TEST(keys_that_are_apart_are_asked_for_one_by_one)
{
    begin_cluster(
        (const char *const[]){"-TRYAGAIN Multiple keys request during rehashing of slot", NULL},
        (const char *const[]){NULL});
    ops_delete(&ops, "{a}1");
    ops_delete(&ops, "{a}2");
    ops_run(&ops, executor);
    ck_assert_str_eq(fake_log(&fakes[FIRST]), "UNLINK {a}1 {a}2|UNLINK {a}1|UNLINK {a}2|");
}
END_TEST

START_TEST(a_cluster_that_is_down_is_waited_for)
{
    begin_cluster((const char *const[]){"-CLUSTERDOWN Hash slot not served", FAKE_WELL, NULL},
                  (const char *const[]){NULL});
    ops_delete(&ops, "{a}1");
    ops_run(&ops, executor);
    ck_assert_str_eq(fake_log(&fakes[FIRST]), "UNLINK {a}1|UNLINK {a}1|");
}
END_TEST

/* ---- Sentinels: the first fake is one, the second the master ---- */

static struct connection connection;
static struct redis_address nodes[2];

static const char *named(int at)
{
    (void)snprintf(texts[at], sizeof(texts[at]), "*2\r\n$9\r\n127.0.0.1\r\n$5\r\n%05d",
                   fakes[SECOND].target.port);
    return texts[at];
}

/* Until it is ready or has failed. Both nodes are the same Sentinel. */
static void seek(const char *const *of_sentinel, const char *const *of_master)
{
    struct redis_target *target = &fakes[FIRST].target;
    int64_t until = clock_steady_ms() + 20000;

    for (int i = 0; i < 2; i++) {
        (void)snprintf(nodes[i].host, sizeof(nodes[i].host), "127.0.0.1");
        nodes[i].port = fakes[FIRST].target.port;
    }
    fakes[FIRST].replies = of_sentinel;
    fakes[SECOND].replies = of_master;
    target->master = strdup("cache");
    target->sentinels = malloc(sizeof(nodes));
    memcpy(target->sentinels, nodes, sizeof(nodes));
    target->sentinels_nr = 2;
    connection_init(&connection, target);
    connection_open(&connection);
    while (connection.phase != CONNECTION_READY && connection.phase != CONNECTION_CLOSED) {
        ck_assert_msg(clock_steady_ms() < until, "neither ready nor closed");
        connection_drive(&connection);
    }
}

#define MASTER "*3\r\n$6\r\nmaster\r\n:0\r\n*0"
#define SLAVE "*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:0"
#define QUESTION "SENTINEL get-master-addr-by-name cache|"

START_TEST(a_sentinel_names_the_master)
{
    seek((const char *const[]){named(0), NULL}, (const char *const[]){MASTER, NULL});
    ck_assert_msg(connection.phase == CONNECTION_READY, "%s", connection.trouble.text);
    ck_assert_str_eq(fake_log(&fakes[FIRST]), QUESTION);
    ck_assert_str_eq(fake_log(&fakes[SECOND]), "ROLE|");
    connection_release(&connection);
}
END_TEST

static const char *const unhelpful[] = {"*-1",     "-ERR busy", FAKE_CLOSE,
                                        FAKE_HANG, "+OK",       "*2\r\n$1\r\nh\r\n$1\r\nx"};

START_TEST(one_that_is_of_no_use_is_passed_over)
{
    seek((const char *const[]){unhelpful[_i], named(0), NULL}, (const char *const[]){MASTER, NULL});
    ck_assert_msg(connection.phase == CONNECTION_READY, "%s", connection.trouble.text);
    ck_assert_str_eq(fake_log(&fakes[FIRST]), QUESTION QUESTION);
    connection_release(&connection);
}
END_TEST

START_TEST(none_knows)
{
    seek((const char *const[]){"*-1", "*-1", NULL}, (const char *const[]){NULL});
    ck_assert_int_eq(connection.phase, CONNECTION_CLOSED);
    ck_assert_ptr_nonnull(strstr(connection.trouble.text, "no Sentinel names the master"));
    ck_assert_uint_eq(fake_connections(&fakes[SECOND]), 0);
    connection_release(&connection);
}
END_TEST

START_TEST(a_replica_is_no_master)
{
    seek((const char *const[]){named(0), NULL}, (const char *const[]){SLAVE, NULL});
    ck_assert_int_eq(connection.phase, CONNECTION_CLOSED);
    ck_assert_int_eq(connection.trouble.kind, ERROR_RETRY);
    connection_release(&connection);
}
END_TEST

START_TEST(a_login_of_its_own)
{
    fakes[FIRST].target.sentinel_password = strdup("secret");
    fakes[FIRST].target.sentinel_user = _i == 0 ? NULL : strdup("bus");
    seek((const char *const[]){named(0), NULL}, (const char *const[]){MASTER, NULL});
    ck_assert_msg(connection.phase == CONNECTION_READY, "%s", connection.trouble.text);
    ck_assert_str_eq(fake_greetings(&fakes[FIRST]), _i == 0 ? "AUTH secret|" : "AUTH bus secret|");
    ck_assert_ptr_null(strstr(fake_greetings(&fakes[SECOND]), "AUTH"));
    connection_release(&connection);
}
END_TEST

START_TEST(a_login_that_is_refused)
{
    fakes[FIRST].auth = "-WRONGPASS invalid username-password pair or user is disabled.";
    fakes[FIRST].target.sentinel_password = strdup("wrong");
    seek((const char *const[]){NULL}, (const char *const[]){NULL});
    ck_assert_int_eq(connection.phase, CONNECTION_CLOSED);
    ck_assert_ptr_nonnull(strstr(connection.trouble.text, "WRONGPASS"));
    connection_release(&connection);
}
END_TEST

static Suite *redirect_suite(void)
{
    Suite *suite = suite_create("redirect");
    TCase *cluster = tcase_create("cluster"), *sentinels = tcase_create("sentinels");

    tcase_add_checked_fixture(cluster, setup, teardown);
    tcase_add_checked_fixture(sentinels, setup, teardown);
    tcase_set_timeout(cluster, 60);
    tcase_set_timeout(sentinels, 60);
    tcase_add_test(cluster, moved_goes_on_at_the_other_and_stays_there);
    tcase_add_test(cluster, what_is_behind_a_redirection_does_not_overtake_it);
    tcase_add_test(cluster, asked_goes_there_once);
    tcase_add_test(cluster, keys_that_are_apart_are_asked_for_one_by_one);
    tcase_add_test(cluster, a_cluster_that_is_down_is_waited_for);
    tcase_add_test(sentinels, a_sentinel_names_the_master);
    tcase_add_loop_test(sentinels, one_that_is_of_no_use_is_passed_over, 0,
                        sizeof(unhelpful) / sizeof(unhelpful[0]));
    tcase_add_test(sentinels, none_knows);
    tcase_add_test(sentinels, a_replica_is_no_master);
    tcase_add_loop_test(sentinels, a_login_of_its_own, 0, 2);
    tcase_add_test(sentinels, a_login_that_is_refused);
    suite_add_tcase(suite, cluster);
    suite_add_tcase(suite, sentinels);
    return suite;
}

CHECK_MAIN(redirect_suite)
