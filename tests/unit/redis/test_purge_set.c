/* Who walks, and when it has seen everything: against a model of a table that is scanned. */
#include "tests/unit/check_main.h"

#include <string.h>

#include "consumers/redis/purge_match.h"
#include "consumers/redis/purge_pace.h"
#include "consumers/redis/purge_progress.h"
#include "consumers/redis/purge_set.h"
#include "consumers/redis/slots.h"

static struct purge_set set;

static void setup(void)
{
    purge_set_init(&set);
}

static void teardown(void)
{
    purge_set_release(&set);
}

static struct purge_request request(const char *pattern, uint64_t ticket)
{
    return (struct purge_request){.pattern = slice_of(pattern), .ticket = ticket};
}

static void add(const char *pattern, uint64_t ticket, int64_t now_ms)
{
    struct purge_request one = request(pattern, ticket);

    purge_set_add(&set, &one, 0, now_ms);
}

static void count_done(void *sink, const struct purge_waiter *waiter)
{
    (void)waiter;
    ++*(size_t *)sink;
}

static size_t finish(int64_t now_ms)
{
    size_t done = 0;

    (void)purge_set_finish(&set, count_done, &done, now_ms);
    return done;
}

static uint64_t reversed(uint64_t bits)
{
    uint64_t out = 0;

    for (int i = 0; i < 64; i++)
        out |= (bits >> i & 1) << (63 - i);
    return out;
}

/* The cursor after the one that scanned its bucket, in a table of 2^bits buckets. */
static uint64_t next_cursor(uint64_t cursor, unsigned bits)
{
    uint64_t mask = ((uint64_t)1 << bits) - 1;

    return reversed(reversed(cursor | ~mask) + 1);
}

enum { KEYS = 4096, KEY_BITS = 12 };

/* Marks the keys (by hash: their own number) of the bucket that the cursor stands for. */
static void see(bool *seen, uint64_t cursor, unsigned bits)
{
    uint64_t mask = ((uint64_t)1 << bits) - 1;

    for (uint64_t key = 0; key < KEYS; key++) {
        if ((key & mask) == (cursor & mask))
            seen[key] = true;
    }
}

static uint64_t walk_some(uint64_t cursor, unsigned steps, unsigned bits)
{
    for (unsigned i = 0; i < steps; i++)
        cursor = next_cursor(cursor, bits);
    return cursor;
}

/* A table that grows and shrinks on the way: _i chooses where to join and how it moves. */
START_TEST(who_is_done_has_seen_every_key)
{
    bool seen[KEYS] = {false};
    unsigned bits = 6, steps = 0, random = (unsigned)_i * 2654435761U + 1;
    uint64_t cursor = walk_some(0, (unsigned)_i % 64, bits);

    add("*", 1, 0);
    ck_assert(purge_set_join(&set, cursor, 0));
    while (set.passed_nr == 0) {
        random = random * 1103515245U + 12345U;
        if (random >> 28 == 0)
            bits = 4 + random / 65536 % (KEY_BITS - 3);
        see(seen, cursor, bits);
        cursor = next_cursor(cursor, bits);
        (void)purge_set_advance(&set, cursor, false);
        ck_assert_uint_lt(++steps, 20000);
    }
    for (int key = 0; key < KEYS; key++)
        ck_assert_msg(seen[key], "key %d was not seen", key);
}
END_TEST

START_TEST(a_lap_from_the_middle_is_one_lap)
{
    unsigned steps = 0;
    uint64_t cursor = walk_some(0, 100, 8);

    add("*", 1, 0);
    (void)purge_set_join(&set, cursor, 0);
    for (; set.passed_nr == 0; steps++) {
        cursor = next_cursor(cursor, 8);
        (void)purge_set_advance(&set, cursor, false);
    }
    ck_assert_uint_eq(steps, 256);
}
END_TEST

START_TEST(with_slots_two_wraps_count)
{
    add("*", 1, 0);
    (void)purge_set_join(&set, 12345, 0);
    ck_assert(!purge_set_advance(&set, 0, true));
    ck_assert(!purge_set_advance(&set, UINT64_MAX, true));
    ck_assert(purge_set_advance(&set, 0, true));
}
END_TEST

START_TEST(equal_ones_are_one_entry)
{
    struct purge_request guarded = request("a*", 3);
    const struct slice protect[] = {SLICE("a:lock")};

    add("a*", 1, 0);
    add("a*", 2, 0);
    ck_assert_uint_eq(set.nr, 1);
    guarded.protect = protect;
    guarded.protect_nr = 1;
    purge_set_add(&set, &guarded, 0, 0);
    ck_assert_uint_eq(set.nr, 2);
    guarded.prefix_bytes = 1;
    purge_set_add(&set, &guarded, 0, 0);
    ck_assert_uint_eq(set.nr, 3);
}
END_TEST

START_TEST(late_ones_get_one_run_more)
{
    add("a*", 1, 0);
    (void)purge_set_join(&set, 0, 0);
    add("a*", 2, 0);
    add("a*", 3, 0);
    ck_assert_uint_eq(set.waiting_nr, 1);
    (void)purge_set_advance(&set, 0, false);
    add("a*", 4, 0);
    ck_assert_uint_eq(finish(0), 1);
    ck_assert_uint_eq(set.waiting_nr, 1);
    (void)purge_set_join(&set, 0, 0);
    ck_assert_uint_eq(set.waiting_nr, 0);
    (void)purge_set_advance(&set, 0, false);
    ck_assert_uint_eq(finish(0), 3);
    ck_assert_uint_eq(set.nr, 0);
}
END_TEST

START_TEST(coalesce_spaces_the_beginnings)
{
    struct purge_request one = request("a*", 1);

    one.coalesce_ms = 1000;
    purge_set_add(&set, &one, 0, 500);
    ck_assert_int_eq(purge_set_next_start_ms(&set), 500);
    (void)purge_set_join(&set, 0, 600);
    (void)purge_set_advance(&set, 0, false);
    ck_assert_uint_eq(finish(700), 1);
    purge_set_add(&set, &one, 0, 800);
    ck_assert_int_eq(purge_set_next_start_ms(&set), 1600);
    ck_assert(!purge_set_join(&set, 0, 1599));
    ck_assert(purge_set_join(&set, 0, 1600));
}
END_TEST

START_TEST(a_restart_begins_at_the_beginning)
{
    add("a*", 1, 0);
    (void)purge_set_join(&set, 12345, 0);
    (void)purge_set_advance(&set, 0, true);
    purge_set_restart(&set);
    ck_assert(!purge_set_advance(&set, 77, false));
    ck_assert(purge_set_advance(&set, 0, false));
}
END_TEST

START_TEST(a_restart_takes_back_who_had_passed)
{
    add("a*", 1, 0);
    (void)purge_set_join(&set, 0, 0);
    (void)purge_set_advance(&set, 0, false);
    purge_set_restart(&set);
    ck_assert_uint_eq(set.walking_nr, 1);
    ck_assert_uint_eq(finish(0), 0);
}
END_TEST

static void add_as(const char *pattern, uint64_t id)
{
    struct purge_request one = request(pattern, id);

    one.id = id;
    purge_set_add(&set, &one, 0, 0);
}

static size_t cancel(uint64_t id, bool is_there)
{
    size_t told = 0;

    ck_assert_int_eq(purge_set_cancel(&set, id, count_done, &told, 0), is_there);
    return told;
}

START_TEST(one_that_waits_is_cancelled_with_all_who_joined_it)
{
    add_as("a*", 1);
    add_as("a*", 2);
    ck_assert_uint_eq(cancel(2, false), 0); /* it goes by the name of the first */
    ck_assert_uint_eq(cancel(1, true), 2);
    ck_assert_uint_eq(set.waiting_nr, 0);
    ck_assert_uint_eq(set.nr, 0);
    ck_assert_uint_eq(cancel(1, false), 0);
}
END_TEST

START_TEST(one_that_walks_is_cancelled_and_its_re_run_stays)
{
    add_as("a*", 1);
    add_as("b*", 2);
    (void)purge_set_join(&set, 0, 0);
    add_as("a*", 3);
    ck_assert_uint_eq(cancel(1, true), 1);
    ck_assert_uint_eq(set.walking_nr, 1);
    ck_assert_uint_eq(set.waiting_nr, 1);
    (void)purge_set_join(&set, 77, 0);
    (void)purge_set_advance(&set, 0, false);
    ck_assert_uint_eq(finish(0), 1);
    ck_assert_uint_eq(cancel(3, true), 1);
    ck_assert_uint_eq(set.nr, 0);
}
END_TEST

START_TEST(a_re_run_is_cancelled_and_the_run_stays)
{
    add_as("a*", 1);
    (void)purge_set_join(&set, 0, 0);
    add_as("a*", 2);
    add_as("a*", 3);
    ck_assert_uint_eq(cancel(2, true), 2);
    ck_assert_uint_eq(set.waiting_nr, 0);
    (void)purge_set_advance(&set, 0, false);
    ck_assert_uint_eq(cancel(1, false), 0); /* it has seen all: too late */
    ck_assert_uint_eq(finish(0), 1);
    ck_assert_uint_eq(set.nr, 0);
}
END_TEST

START_TEST(who_withdraws_ends_a_run_only_as_the_last)
{
    add("a*", 1, 0);
    add("a*", 2, 0);
    (void)purge_set_join(&set, 0, 0);
    add("a*", 3, 0);
    ck_assert(!purge_set_withdraw(&set, NULL, 1, 0));
    ck_assert(!purge_set_withdraw(&set, NULL, 3, 0));
    ck_assert_uint_eq(set.waiting_nr, 0);
    ck_assert_uint_eq(set.walking_nr, 1);
    ck_assert(purge_set_withdraw(&set, NULL, 2, 0));
    ck_assert_uint_eq(set.walking_nr, 0);
    ck_assert_uint_eq(set.nr, 0);
}
END_TEST

/* One that joined in the middle of a lap, by the share that is done of its own. */
START_TEST(a_lap_is_told_by_its_share)
{
    const double half = 0.5;

    set.place = half;
    add("a*", 1, 0);
    (void)purge_set_join(&set, 1, 0);
    ck_assert_double_eq(purge_set_laps(&set, set.items[0]).left, 1);
    set.place = 0.75;
    ck_assert_double_eq(purge_set_laps(&set, set.items[0]).left, 0.75);
    set.place = 0;
    (void)purge_set_advance(&set, 0, true);
    ck_assert_double_eq(purge_set_laps(&set, set.items[0]).left, 1);
    ck_assert_double_eq(purge_set_laps(&set, set.items[0]).total, 1.5);
}
END_TEST

static const struct {
    uint64_t cursor;
    bool has_slots;
    struct purge_range range;
    double place;
} places[] = {
    {0, false, {0, SLOTS_NR - 1}, 0},
    {1, false, {0, SLOTS_NR - 1}, 0.5},
    {2, false, {0, SLOTS_NR - 1}, 0.25},
    {3, false, {0, SLOTS_NR - 1}, 0.75},
    {8192, true, {0, SLOTS_NR - 1}, 0.5},
    {SLOTS_NR + 8192, true, {0, SLOTS_NR - 1}, 0.5 + 0.5 / SLOTS_NR},
    {150, true, {100, 199}, 0.5},
    {50, true, {100, 199}, 0},
    {9000, true, {100, 199}, 1},
};

START_TEST(a_place_is_the_share_of_the_table)
{
    double place = purge_place(places[_i].cursor, places[_i].has_slots, places[_i].range);

    ck_assert_double_eq_tol(place, places[_i].place, 1e-9);
}
END_TEST

START_TEST(the_time_left_goes_by_the_speed_of_late)
{
    const int64_t second = 1000000000;
    struct purge_speed speed;

    purge_speed_begin(&speed, 0);
    ck_assert_int_eq(purge_speed_eta_ms(&speed, 1), -1);
    for (int i = 1; i <= 10; i++)
        purge_speed_add(&speed, 0.01, second / 4, i * second);
    ck_assert_int_ge(purge_speed_eta_ms(&speed, 0.5), 49990);
    ck_assert_int_le(purge_speed_eta_ms(&speed, 0.5), 50010);
    ck_assert_double_eq_tol(purge_speed_duty(&speed), 0.25, 1e-9);
    /* A minute of silence, then faster: the old speed is forgotten. */
    purge_speed_add(&speed, 0, 0, 70 * second);
    for (int i = 1; i <= 60; i++)
        purge_speed_add(&speed, 0.1, second, (70 + i) * second);
    ck_assert_int_lt(purge_speed_eta_ms(&speed, 0.5), 5500);
}
END_TEST

static const struct {
    const char *key;
    enum purge_verdict verdict;
} keys[] = {
    {"shop:1", PURGE_DELETE},
    {"shop:lock", PURGE_SPARE},
    {"shop", PURGE_KEEP},
    {"other:1", PURGE_KEEP},
    {"x:end", PURGE_DELETE},
    {"{shop:1}:v", PURGE_KEEP},
    {"{x}:unstale:v:{x}:end", PURGE_SPARE},
    {"unstale:x:end", PURGE_SPARE},
    {"deep:a:b", PURGE_DELETE},
    {"deep:", PURGE_KEEP},
    {"", PURGE_KEEP},
};

START_TEST(all_patterns_are_tried)
{
    struct purge_request one = request("shop:*", 1);
    const struct slice protect[] = {SLICE("lock")};
    const struct purge *shortener = NULL;
    struct purge_match match;

    one.protect = protect;
    one.protect_nr = 1;
    one.prefix_bytes = 5;
    purge_set_add(&set, &one, 0, 0);
    add("*:end", 2, 0);
    add("deep:?:*", 3, 0);
    (void)purge_set_join(&set, 0, 0);
    purge_match_init(&match);
    purge_match_build(&match, &set);
    ck_assert_int_eq(purge_match_key(&match, slice_of(keys[_i].key), &shortener), keys[_i].verdict);
    purge_match_release(&match);
}
END_TEST

START_TEST(the_pace_follows_the_time_it_takes)
{
    struct purge_pace pace;
    int64_t now = 0;

    purge_pace_init(&pace);
    for (int i = 0; i < 100; i++, now = pace.next_round_ns)
        purge_pace_round(&pace, now, now + 100000, false);
    ck_assert_int_eq(purge_pace_count(&pace, 0), PURGE_COUNT_MAX);
    ck_assert_int_eq(purge_pace_count(&pace, 2000), 200);
    purge_pace_round(&pace, now, now + 2000000, false);
    ck_assert_int_eq(purge_pace_count(&pace, 0), 750);
    ck_assert_int_eq(pace.next_round_ns - now, 6000000);
    for (int i = 0; i < 100; i++, now = pace.next_round_ns)
        purge_pace_round(&pace, now, now + 5000000, true);
    ck_assert_int_eq(purge_pace_count(&pace, 0), PURGE_COUNT_MIN);
    purge_pace_rest(&pace, now, 500, 1000);
    ck_assert_int_ge(pace.next_round_ns, now + 499000000);
}
END_TEST

/* Over a slow way the server's share counts, not the way's. */
START_TEST(the_way_to_the_server_is_no_cost)
{
    const int64_t way = 3000000, cost = 400000;
    struct purge_pace pace;
    int64_t now = 0;

    purge_pace_init(&pace);
    while (purge_pace_wants_probe(&pace))
        purge_pace_probe(&pace, way);
    for (int i = 0; i < 60; i++, now = pace.next_round_ns)
        ck_assert_int_eq(purge_pace_round(&pace, now, now + way + cost, false), cost);
    ck_assert_int_eq(purge_pace_count(&pace, 0), PURGE_COUNT_MAX);
    ck_assert_int_eq(pace.next_round_ns, 60 * (way + cost)); /* the way was rest enough */
    (void)purge_pace_round(&pace, now, now + way + 2000000, false);
    ck_assert_int_eq(pace.next_round_ns - now, 3 * 2000000);
    ck_assert_int_eq(purge_pace_count(&pace, 0), 750);
}
END_TEST

START_TEST(the_way_is_probed_again_and_the_least_counts)
{
    struct purge_pace pace;

    purge_pace_init(&pace);
    for (int64_t i = 0; i < PURGE_PROBES; i++) {
        ck_assert(purge_pace_wants_probe(&pace));
        purge_pace_probe(&pace, 100000 + i);
    }
    for (int turn = 0; turn < 50; turn++) {
        for (int i = 0; i < PURGE_PROBE_EVERY; i++) {
            ck_assert(!purge_pace_wants_probe(&pace));
            (void)purge_pace_round(&pace, 0, 200000, false);
        }
        ck_assert(purge_pace_wants_probe(&pace));
        purge_pace_probe(&pace, turn == 48 ? 50000 : 150000);
    }
    ck_assert_int_eq(purge_pace_round(&pace, 0, 200000, false), 150000);
    purge_pace_forget_probes(&pace);
    ck_assert(purge_pace_wants_probe(&pace));
    ck_assert_int_eq(purge_pace_round(&pace, 0, 200000, false), 200000);
}
END_TEST

static Suite *purge_set_suite(void)
{
    Suite *suite = suite_create("purge_set");
    TCase *tcase = tcase_create("walks");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, who_is_done_has_seen_every_key, 0, 200);
    tcase_add_test(tcase, a_lap_from_the_middle_is_one_lap);
    tcase_add_test(tcase, with_slots_two_wraps_count);
    tcase_add_test(tcase, equal_ones_are_one_entry);
    tcase_add_test(tcase, late_ones_get_one_run_more);
    tcase_add_test(tcase, coalesce_spaces_the_beginnings);
    tcase_add_test(tcase, a_restart_begins_at_the_beginning);
    tcase_add_test(tcase, a_restart_takes_back_who_had_passed);
    tcase_add_loop_test(tcase, all_patterns_are_tried, 0, (int)(sizeof(keys) / sizeof(keys[0])));
    tcase_add_test(tcase, the_pace_follows_the_time_it_takes);
    tcase_add_test(tcase, the_way_to_the_server_is_no_cost);
    tcase_add_test(tcase, the_way_is_probed_again_and_the_least_counts);
    tcase_add_test(tcase, one_that_waits_is_cancelled_with_all_who_joined_it);
    tcase_add_test(tcase, one_that_walks_is_cancelled_and_its_re_run_stays);
    tcase_add_test(tcase, a_re_run_is_cancelled_and_the_run_stays);
    tcase_add_test(tcase, who_withdraws_ends_a_run_only_as_the_last);
    tcase_add_test(tcase, a_lap_is_told_by_its_share);
    tcase_add_loop_test(tcase, a_place_is_the_share_of_the_table, 0,
                        (int)(sizeof(places) / sizeof(places[0])));
    tcase_add_test(tcase, the_time_left_goes_by_the_speed_of_late);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(purge_set_suite)
