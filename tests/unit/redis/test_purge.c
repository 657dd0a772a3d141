#include "tests/unit/check_main.h"

#include <stdio.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "consumers/base/clock.h"
#include "consumers/base/log.h"
#include "consumers/redis/purge.h"
#include "consumers/redis/purge_report.h"
#include "tests/unit/redis/server.h"

enum { DEADLINE_MS = 30000 };

static struct server_process server;
static struct purge_engine *engine;
static struct purge_tickets *tickets;

static void setup(void)
{
    log_configure(LOG_LEVEL_OFF, LOG_FORMAT_TEXT, 2);
    server_start(&server, NULL);
    tickets = purge_tickets_new();
    engine = purge_engine_new(&server.target);
}

static void teardown(void)
{
    purge_engine_free(engine);
    purge_tickets_free(tickets);
    server_stop(&server);
}

static struct purge_request request(const char *pattern, uint64_t ticket)
{
    return (struct purge_request){
        .pattern = slice_of(pattern), .tickets = tickets, .ticket = ticket};
}

static void submit(const char *pattern, uint64_t ticket)
{
    struct purge_request one = request(pattern, ticket);

    purge_engine_submit(engine, &one);
}

static uint64_t stat(const counter *c)
{
    return counter_get(c);
}

static const struct purge_stats *stats(void)
{
    return purge_engine_stats(engine);
}

/* The next ticket, within the deadline. */
static uint64_t next_ticket(void)
{
    int64_t until = clock_steady_ms() + DEADLINE_MS;
    uint64_t ticket;

    while (purge_tickets_take(tickets, &ticket, 1) == 0)
        ck_assert_msg(clock_steady_ms() < until, "no ticket came back");
    return ticket;
}

/* Until a counter of the engine is at least so high. */
static void await(const counter *c, uint64_t at_least)
{
    int64_t until = clock_steady_ms() + DEADLINE_MS;

    while (counter_get(c) < at_least)
        ck_assert_msg(clock_steady_ms() < until, "a counter stays at %llu",
                      (unsigned long long)counter_get(c));
}

START_TEST(deletes_what_matches_and_nothing_else)
{
    server_fill(&server, "products:", 3000);
    server_fill(&server, "sessions:", 2000);
    submit("products:*", 42);
    ck_assert_uint_eq(next_ticket(), 42);
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 2000);
    ck_assert_uint_eq(stat(&stats()->keys_deleted), 3000);
    await(&stats()->finished, 1);
}
END_TEST

START_TEST(an_empty_database_gives_the_ticket_back)
{
    submit("*", 1);
    ck_assert_uint_eq(next_ticket(), 1);
}
END_TEST

START_TEST(globs_are_those_of_redis)
{
    static const char *const gone[] = {"a:1:x", "a:22:x", "a:[b]:x", "p:q"};
    static const char *const kept[] = {"a:1:y", "A:1:x", "b:1:x", "a:x", "pq"};

    for (size_t i = 0; i < 4; i++)
        freeReplyObject(server_command(&server, "SET %s 1", gone[i]));
    for (size_t i = 0; i < 5; i++)
        freeReplyObject(server_command(&server, "SET %s 1", kept[i]));
    submit("a:*:x", 1);
    submit("[p]?[q]", 2);
    (void)next_ticket();
    (void)next_ticket();
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(server_integer(&server, "EXISTS %s", gone[i]), 0);
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(server_integer(&server, "EXISTS %s", kept[i]), 1);
}
END_TEST

START_TEST(protected_keys_and_our_own_stay)
{
    static const char *const kept[] = {"app:lock", "{app:1}:v", "app:celery-task", "unstale:tag:x",
                                       "{app}:unstale:v:{app}:1"};
    const struct slice protect[] = {SLICE("*:lock"), SLICE("celery*")};
    struct purge_request one = request("*", 9);

    for (size_t i = 0; i < 5; i++)
        freeReplyObject(server_command(&server, "SET %s 1", kept[i]));
    server_fill(&server, "app:", 100);
    one.protect = protect;
    one.protect_nr = 2;
    one.prefix_bytes = 4;
    purge_engine_submit(engine, &one);
    ck_assert_uint_eq(next_ticket(), 9);
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 5);
    ck_assert_uint_eq(stat(&stats()->keys_protected), 5);
}
END_TEST

START_TEST(equal_purges_collapse)
{
    server_fill(&server, "other:", 20000);
    /* The first walks when the others come: one re-run serves all of them. */
    submit("k:*", 0);
    await(&stats()->scan_calls, 5);
    for (uint64_t i = 1; i <= 50; i++)
        submit("k:*", i);
    for (uint64_t i = 0; i <= 50; i++)
        ck_assert_uint_eq(next_ticket(), i);
    await(&stats()->finished, 2);
    ck_assert_uint_eq(stat(&stats()->finished), 2);
    ck_assert_uint_eq(stat(&stats()->pending), 0);
}
END_TEST

START_TEST(a_late_one_joins_the_lap)
{
    server_fill(&server, "other:", 60000);
    server_fill(&server, "late:", 500);
    submit("first:*", 1);
    await(&stats()->scan_calls, 20);
    submit("late:*", 2);
    ck_assert_uint_eq(next_ticket(), 1);
    ck_assert_uint_eq(next_ticket(), 2);
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 60000);
    /* It did not wait for a lap of its own. */
    ck_assert_uint_eq(stat(&stats()->laps), 1);
}
END_TEST

static int64_t ms_of_two(int64_t coalesce_ms)
{
    struct purge_request one = request("k:*", 1);
    int64_t started = clock_steady_ms();

    one.coalesce_ms = coalesce_ms;
    purge_engine_submit(engine, &one);
    (void)next_ticket();
    purge_engine_submit(engine, &one);
    (void)next_ticket();
    return clock_steady_ms() - started;
}

START_TEST(coalesce_is_the_least_interval)
{
    ck_assert_int_ge(ms_of_two(400), 400);
}
END_TEST

START_TEST(rate_holds_back)
{
    struct purge_request one = request("k:*", 1);
    int64_t started = clock_steady_ms();

    server_fill(&server, "k:", 1000);
    one.rate = 2000;
    purge_engine_submit(engine, &one);
    (void)next_ticket();
    ck_assert_int_ge(clock_steady_ms() - started, 350);
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 0);
}
END_TEST

/* The table grows to many times its size and shrinks again while purges join and end. */
START_TEST(no_stable_key_is_missed_while_the_table_moves)
{
    enum { STABLE = 4000, MOVING = 30000, TURNS = 6 };
    uint64_t tickets_got = 0;
    char prefix[16];

    for (int turn = 0; turn < TURNS; turn++) {
        (void)snprintf(prefix, sizeof(prefix), "s%d:", turn);
        server_fill(&server, prefix, STABLE);
    }
    for (int turn = 0; turn < TURNS; turn++) {
        (void)snprintf(prefix, sizeof(prefix), "s%d:*", turn);
        submit(prefix, (uint64_t)turn);
        if (turn % 2 == 0)
            server_fill(&server, "moving:", MOVING);
        else
            server_unfill(&server, "moving:", MOVING);
    }
    for (; tickets_got < TURNS; tickets_got++)
        (void)next_ticket();
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 0);
}
END_TEST

START_TEST(a_restarted_server_is_walked_anew)
{
    server_fill(&server, "k:", 50000);
    freeReplyObject(server_command(&server, "SAVE"));
    submit("k:*", 5);
    await(&stats()->scan_calls, 20);
    server_kill(&server);
    server_restart(&server);
    ck_assert_uint_eq(next_ticket(), 5);
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 0);
    ck_assert_uint_eq(stat(&stats()->reconnects), 1);
}
END_TEST

/* What joined in the middle and has wrapped since must not go on from there: the keys are all back. */
START_TEST(a_restart_in_the_second_lap_begins_anew)
{
    struct purge_request late = request("late:*", 2);

    late.rate = 6000;
    server_fill(&server, "other:", 20000);
    server_fill(&server, "late:", 4000);
    freeReplyObject(server_command(&server, "SAVE"));
    submit("first:*", 1);
    await(&stats()->scan_calls, 15);
    purge_engine_submit(engine, &late);
    ck_assert_uint_eq(next_ticket(), 1);
    server_restart(&server);
    ck_assert_uint_eq(purge_tickets_take(tickets, &(uint64_t){0}, 1), 0);
    ck_assert_uint_eq(next_ticket(), 2);
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 20000);
}
END_TEST

START_TEST(a_server_that_is_away_is_waited_for)
{
    server_kill(&server);
    submit("k:*", 5);
    server_restart(&server);
    ck_assert_uint_eq(next_ticket(), 5);
}
END_TEST

START_TEST(without_rights_nothing_is_skipped)
{
    server_fill(&server, "k:", 100);
    freeReplyObject(server_command(&server, "ACL SETUSER default -unlink"));
    submit("k:*", 5);
    await(&stats()->scan_calls, 1);
    freeReplyObject(server_command(&server, "PING"));
    freeReplyObject(server_command(&server, "ACL SETUSER default +unlink"));
    ck_assert_uint_eq(next_ticket(), 5);
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 0);
}
END_TEST

START_TEST(the_sample_of_rights_is_enough)
{
    char path[512];

    purge_engine_free(engine);
    server_stop(&server);
    ck_assert_ptr_nonnull(getcwd(path, sizeof(path) - 32));
    strcat(path, "/config/redis-acl.conf");
    server_start(&server, (const char *const[]){"--include", path, NULL});
    server_fill(&server, "cache:", 100);
    server_fill(&server, "other:", 100);
    server.target.user = strdup("unstale");
    server.target.password = strdup("change-me");
    engine = purge_engine_new(&server.target);
    submit("cache:*", 5);
    ck_assert_uint_eq(next_ticket(), 5);
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 100);
}
END_TEST

/* The report of the purge with this pattern; its id is 0 when there is none. */
static struct purge_report look_at(const char *pattern)
{
    struct purge_report found = {.id = 0};
    struct purge_reports reports;

    purge_reports_init(&reports);
    purge_engine_list(engine, &reports);
    for (size_t i = 0; i < reports.nr; i++) {
        if (slice_equals(reports.items[i].pattern, slice_of(pattern)))
            found = reports.items[i];
    }
    purge_reports_release(&reports);
    return found;
}

/* Walks slowly enough to be looked at. */
static void submit_slow(const char *pattern, uint64_t ticket)
{
    struct purge_request one = request(pattern, ticket);

    one.rate = 5000;
    purge_engine_submit(engine, &one);
}

START_TEST(progress_is_told)
{
    struct purge_report report;
    double share = 0;

    server_fill(&server, "k:", 5000);
    submit_slow("k:*", 1);
    await(&stats()->scan_calls, 10);
    report = look_at("k:*");
    ck_assert(report.is_walking);
    ck_assert_uint_eq(report.requests, 1);
    ck_assert_uint_gt(report.scanned, 0);
    while (report.id != 0) {
        ck_assert(report.share >= share && report.share <= 1);
        ck_assert_uint_le(report.matched, report.scanned);
        share = report.share;
        report = look_at("k:*");
    }
    ck_assert_double_gt(share, 0.5);
    ck_assert_uint_eq(next_ticket(), 1);
    await(&stats()->progress_ppm, 1000000);
}
END_TEST

START_TEST(a_cancelled_one_gives_its_tickets_back_and_leaves_keys)
{
    uint64_t run, re_run;

    server_fill(&server, "k:", 20000);
    submit_slow("k:*", 1);
    await(&stats()->keys_deleted, 100);
    run = look_at("k:*").id;
    submit("k:*", 3);
    re_run = look_at("k:*").id; /* those that wait come last */
    ck_assert_uint_ne(run, re_run);
    ck_assert(purge_engine_cancel(engine, re_run));
    ck_assert_uint_eq(next_ticket(), 3);
    ck_assert(purge_engine_cancel(engine, run));
    ck_assert_uint_eq(next_ticket(), 1);
    ck_assert_uint_eq(stat(&stats()->cancelled), 2);
    ck_assert_uint_eq(stat(&stats()->pending), 0);
    ck_assert_int_gt(server_integer(&server, "DBSIZE"), 0);
    ck_assert(!purge_engine_cancel(engine, run));
}
END_TEST

START_TEST(a_tag_is_cancelled)
{
    struct purge_request one = request("tag", 1);

    freeReplyObject(server_command(&server, "SADD tag member"));
    server_kill(&server);
    one.kind = PURGE_TAG;
    purge_engine_submit(engine, &one);
    one.pattern = SLICE("tag2");
    one.ticket = 2;
    purge_engine_submit(engine, &one);
    ck_assert(purge_engine_cancel(engine, look_at("tag2").id));
    ck_assert_uint_eq(next_ticket(), 2);
    ck_assert(purge_engine_cancel(engine, look_at("tag").id));
    ck_assert_uint_eq(next_ticket(), 1);
    ck_assert_uint_eq(look_at("tag").id, 0);
    server_restart(&server);
    one.ticket = 3;
    purge_engine_submit(engine, &one);
    ck_assert_uint_eq(next_ticket(), 3);
}
END_TEST

START_TEST(stopping_is_prompt)
{
    int64_t started;

    server_fill(&server, "k:", 20000);
    submit("k:*", 5);
    started = clock_steady_ms();
    purge_engine_free(engine);
    ck_assert_int_lt(clock_steady_ms() - started, 1000);
    engine = NULL;
}
END_TEST

static Suite *purge_suite(void)
{
    Suite *suite = suite_create("purge");
    TCase *tcase = tcase_create("engine");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, deletes_what_matches_and_nothing_else);
    tcase_add_test(tcase, an_empty_database_gives_the_ticket_back);
    tcase_add_test(tcase, globs_are_those_of_redis);
    tcase_add_test(tcase, protected_keys_and_our_own_stay);
    tcase_add_test(tcase, equal_purges_collapse);
    tcase_add_test(tcase, a_late_one_joins_the_lap);
    tcase_add_test(tcase, coalesce_is_the_least_interval);
    tcase_add_test(tcase, rate_holds_back);
    tcase_add_test(tcase, no_stable_key_is_missed_while_the_table_moves);
    tcase_add_test(tcase, a_restarted_server_is_walked_anew);
    tcase_add_test(tcase, a_restart_in_the_second_lap_begins_anew);
    tcase_add_test(tcase, a_server_that_is_away_is_waited_for);
    tcase_add_test(tcase, without_rights_nothing_is_skipped);
    tcase_add_test(tcase, the_sample_of_rights_is_enough);
    tcase_add_test(tcase, progress_is_told);
    tcase_add_test(tcase, a_cancelled_one_gives_its_tickets_back_and_leaves_keys);
    tcase_add_test(tcase, a_tag_is_cancelled);
    tcase_add_test(tcase, stopping_is_prompt);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(purge_suite)
