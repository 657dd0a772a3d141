/* Shortened lives: of exact keys by the executor, of patterns by the purge engine; and tag sets. */
#include "tests/unit/check_main.h"

#include <stdio.h>

#include <hiredis/hiredis.h>

#include "consumers/base/arena.h"
#include "consumers/base/clock.h"
#include "consumers/base/log.h"
#include "consumers/redis/jitter.h"
#include "consumers/redis/purge.h"
#include "consumers/redis/purge_tag.h"
#include "tests/unit/redis/ops.h"
#include "tests/unit/redis/server.h"

enum { DEADLINE_MS = 20000 };

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

static void command(const char *text)
{
    freeReplyObject(server_command(&server, text));
}

static void run(enum purge_kind kind, const char *what, int64_t ttl_ms)
{
    const struct slice protect[] = {SLICE("*:lock")};
    struct purge_request request = {.kind = kind,
                                    .pattern = slice_of(what),
                                    .ttl_ms = ttl_ms,
                                    .protect = protect,
                                    .protect_nr = 1,
                                    .tickets = tickets,
                                    .ticket = 7};
    int64_t until = clock_steady_ms() + DEADLINE_MS;
    uint64_t ticket = 0;

    purge_engine_submit(engine, &request);
    while (purge_tickets_take(tickets, &ticket, 1) == 0)
        ck_assert_msg(clock_steady_ms() < until, "no ticket came back");
    ck_assert_uint_eq(ticket, 7);
}

/* Its TTL is at most `most` ms, and hardly less than `least`. */
static void has_ttl(const char *key, long long least, long long most)
{
    long long ttl = server_integer(&server, "PTTL %s", key);

    ck_assert_msg(ttl > least - 5000 && ttl <= most, "%s has %lld ms", key, ttl);
}

START_TEST(an_exact_key_only_ever_gets_less)
{
    struct executor_stats stats = {.up = 0};
    struct executor *executor = executor_new(&server.target, 1, &stats);
    static struct ops ops;
    static const char *const keys[] = {"for:ever", "long", "short", "absent"};

    ops_clear(&ops);
    command("SET for:ever 1");
    command("SET long 1 PX 600000");
    command("SET short 1 PX 10000");
    for (size_t i = 0; i < 4; i++)
        ops_add(&ops, VERB_EXPIRE, keys[i])->action = ops_action(&ops); /* one minute */
    ops_run(&ops, executor);
    has_ttl("for:ever", 60000, 60000);
    has_ttl("long", 60000, 60000);
    has_ttl("short", 10000, 10000);
    ck_assert_int_eq(server_integer(&server, "EXISTS absent"), 0);
    ck_assert_uint_eq(counter_get(&stats.keys_deleted), 0);
    executor_free(executor);
}
END_TEST

START_TEST(a_pattern_shortens_what_it_matches)
{
    server_fill(&server, "reviews:", 1500);
    command("SET reviews:short 1 PX 3000");
    command("SET reviews:lock 1");
    command("SET other:1 1");
    run(PURGE_EXPIRE, "reviews:*", 20000);
    has_ttl("reviews:0", 20000, 20000);
    has_ttl("reviews:1499", 20000, 20000);
    has_ttl("reviews:short", 3000, 3000);
    ck_assert_int_eq(server_integer(&server, "PTTL reviews:lock"), -1);
    ck_assert_int_eq(server_integer(&server, "PTTL other:1"), -1);
    ck_assert_uint_eq(counter_get(&purge_engine_stats(engine)->keys_expiring), 1500);
    ck_assert_uint_eq(counter_get(&purge_engine_stats(engine)->keys_deleted), 0);
}
END_TEST

START_TEST(a_tag_takes_its_members_and_itself)
{
    server_fill(&server, "page:", 700);
    for (int i = 0; i < 700; i++)
        freeReplyObject(server_command(
            &server, "SADD tag page:%s",
            (char[4]){(char)('0' + i / 100), (char)('0' + i / 10 % 10), (char)('0' + i % 10), 0}));
    command("SADD tag dead:member page:0 page:7 job:lock");
    command("SET job:lock 1");
    command("SET untagged 1");
    run(PURGE_TAG, "tag", 0);
    ck_assert_int_eq(server_integer(&server, "EXISTS tag unstale:tag:{tag} page:0 page:7 page:123"),
                     0);
    ck_assert_int_eq(server_integer(&server, "EXISTS job:lock untagged"), 2);
}
END_TEST

START_TEST(what_an_earlier_try_left_aside_goes_too)
{
    command("SADD unstale:tag:{tag} old:1");
    command("SADD tag new:1");
    command("MSET old:1 a new:1 b");
    run(PURGE_TAG, "tag", 0);
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 0);
}
END_TEST

START_TEST(a_tag_that_is_absent_gives_its_ticket_back)
{
    run(PURGE_TAG, "nothing", 0);
    command("SADD unstale:tag:{gone} old:1");
    command("SET old:1 a");
    run(PURGE_TAG, "gone", 0);
    ck_assert_int_eq(server_integer(&server, "DBSIZE"), 0);
}
END_TEST

START_TEST(a_key_that_is_no_set_is_left_alone)
{
    command("SET tag text");
    run(PURGE_TAG, "tag", 0);
    ck_assert_str_eq(server_text(&server, "GET tag"), "text");
}
END_TEST

static const struct {
    const char *key, *aside;
} asides[] = {
    {"user:1", "unstale:tag:{user:1}"},
    {"{u1}:tags", "unstale:tag:{u1}:{u1}:tags"},
    {"a{u1}b", "unstale:tag:{u1}:a{u1}b"},
    {"{}x", "unstale:tag:{}x"},
    {"a}b", "unstale:tag:a}b"},
};

START_TEST(the_set_goes_aside_in_its_slot)
{
    struct arena arena;

    arena_init(&arena, 1024);
    ck_assert_str_eq(arena_text(&arena, purge_tag_aside(slice_of(asides[_i].key), &arena)),
                     asides[_i].aside);
    arena_release(&arena);
}
END_TEST

START_TEST(jitter_spreads_and_stays_within)
{
    int64_t least = INT64_MAX, most = 0;

    ck_assert_int_eq(jitter_apply(20000, 0, 1), 20000);
    for (uint64_t salt = 0; salt < 10000; salt++) {
        int64_t ttl = jitter_apply(20000, 10000, salt);

        least = ttl < least ? ttl : least;
        most = ttl > most ? ttl : most;
    }
    ck_assert_int_ge(least, 10000);
    ck_assert_int_lt(least, 11000);
    ck_assert_int_le(most, 30000);
    ck_assert_int_gt(most, 29000);
    ck_assert_int_eq(jitter_apply(1, 0, 3), 1);
    for (uint64_t salt = 0; salt < 100; salt++)
        ck_assert_int_ge(jitter_apply(5, 100, salt), 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("redis/expire");
    TCase *t = tcase_create("server");
    TCase *pure = tcase_create("pure");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, an_exact_key_only_ever_gets_less);
    tcase_add_test(t, a_pattern_shortens_what_it_matches);
    tcase_add_test(t, a_tag_takes_its_members_and_itself);
    tcase_add_test(t, what_an_earlier_try_left_aside_goes_too);
    tcase_add_test(t, a_tag_that_is_absent_gives_its_ticket_back);
    tcase_add_test(t, a_key_that_is_no_set_is_left_alone);
    tcase_add_loop_test(pure, the_set_goes_aside_in_its_slot, 0, (int)ARRAY_NR(asides));
    tcase_add_test(pure, jitter_spreads_and_stays_within);
    suite_add_tcase(s, t);
    suite_add_tcase(s, pure);
    return s;
}

CHECK_MAIN(suite)
