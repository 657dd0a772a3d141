#include "consumers/redis/purge_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/clock.h"
#include "consumers/base/decimal.h"
#include "consumers/base/hash.h"
#include "consumers/base/log.h"
#include "consumers/plan/plan.h"
#include "consumers/redis/jitter.h"
#include "consumers/redis/purge_news.h"
#include "consumers/redis/purge_tickets.h"
#include "consumers/redis/reply_class.h"
#include "consumers/redis/resp.h"
#include "consumers/redis/slots.h"

static const int64_t ms_ns = 1000000;

static void hold(struct purge_walk *walk, bool is_config, struct slice why)
{
    struct slice name = slice_of(walk->connection.target->name);

    walk->retry_at_ms = clock_steady_ms() + backoff_next(&walk->backoff, is_config);
    if (!walk->is_troubled)
        log_error("purge held up", LOG_SLICE("target", name), LOG_SLICE("reason", why));
    walk->is_troubled = true;
}

static void be_well(struct purge_walk *walk)
{
    walk->retry_at_ms = 0;
    backoff_reset(&walk->backoff);
    if (!walk->is_troubled)
        return;
    walk->is_troubled = false;
    log_info("purge goes on", LOG_TEXT("target", walk->connection.target->name));
}

/* Strings of a SCAN's reply: the cursor, then the keys one level deeper. */
static void on_element(void *sink, int depth, struct slice text)
{
    struct purge_walk *walk = sink;
    const struct purge *shortener = NULL;

    walk->set.scanned += depth > 1;
    if (depth == 1) {
        walk->has_cursor = decimal_to_uint64(text, &walk->cursor_next);
        return;
    }
    switch (purge_match_key(&walk->match, text, &shortener)) {
    case PURGE_DELETE:
        counter_add(&walk->stats->keys_matched, 1);
        purge_keys_add(&walk->found, text, 0);
        break;
    case PURGE_SHORTEN:
        counter_add(&walk->stats->keys_matched, 1);
        purge_keys_add(&walk->found_fading, text,
                       jitter_apply(shortener->ttl_ms, shortener->jitter_ms, hash_slice(text)));
        break;
    case PURGE_SPARE:
        counter_add(&walk->stats->keys_protected, 1);
        break;
    case PURGE_KEEP:
        break;
    }
}

void purge_walk_init(struct purge_walk *walk, const struct redis_target *target,
                     struct purge_stats *stats)
{
    *walk = (struct purge_walk){.stats = stats, .range = {0, SLOTS_NR - 1}};
    connection_init(&walk->connection, target);
    walk->connection.answers.element = on_element;
    walk->connection.answers.sink = walk;
    purge_set_init(&walk->set);
    purge_match_init(&walk->match);
    purge_pace_init(&walk->pace);
    backoff_init(&walk->backoff);
    purge_keys_init(&walk->doomed);
    purge_keys_init(&walk->found);
    purge_keys_init(&walk->fading);
    purge_keys_init(&walk->found_fading);
}

void purge_walk_release(struct purge_walk *walk)
{
    connection_release(&walk->connection);
    purge_set_release(&walk->set);
    purge_match_release(&walk->match);
    purge_keys_release(&walk->doomed);
    purge_keys_release(&walk->found);
    purge_keys_release(&walk->fading);
    purge_keys_release(&walk->found_fading);
}

static bool has_found(const struct purge_walk *walk)
{
    return walk->doomed.nr > 0 || walk->fading.nr > 0;
}

static bool has_work(const struct purge_walk *walk)
{
    return walk->set.walking_nr > 0 || walk->set.passed_nr > 0 || has_found(walk) ||
           walk->wants_news || purge_set_next_start_ms(&walk->set) <= clock_steady_ms();
}

static void on_lost(struct purge_walk *walk)
{
    const struct error *trouble = &walk->connection.trouble;

    walk->is_greeted = false;
    walk->is_round_open = false;
    walk->cursor = 0;
    walk->set.place = 0;
    purge_keys_clear(&walk->doomed);
    purge_keys_clear(&walk->found);
    purge_keys_clear(&walk->fading);
    purge_keys_clear(&walk->found_fading);
    purge_set_restart(&walk->set);
    walk->is_match_stale = true;
    if (has_work(walk))
        hold(walk, trouble->kind == ERROR_CONFIG, slice_of(trouble->text));
}

static int64_t strictest_rate(const struct purge_set *set)
{
    int64_t strictest = 0;

    for (size_t i = 0; i < set->nr; i++) {
        const struct purge *purge = set->items[i];

        if (purge->phase == PURGE_WALKING && purge->rate > 0 &&
            (strictest == 0 || purge->rate < strictest))
            strictest = purge->rate;
    }
    return strictest;
}

static void write_scan(struct purge_walk *walk)
{
    struct buffer *out = &walk->connection.out;
    char cursor[24];

    (void)snprintf(cursor, sizeof(cursor), "%llu", (unsigned long long)walk->cursor);
    resp_begin(out, 4);
    resp_bulk(out, SLICE("SCAN"));
    resp_bulk(out, slice_of(cursor));
    resp_bulk(out, SLICE("COUNT"));
    resp_bulk_int(out, purge_pace_count(&walk->pace, strictest_rate(&walk->set)));
    connection_expect(&walk->connection, 1);
    walk->has_cursor = false;
    counter_add(&walk->stats->scan_calls, 1);
}

static void begin_at_the_beginning(struct purge_walk *walk)
{
    walk->cursor = 0;
    walk->set.place = 0;
    purge_speed_begin(&walk->speed, clock_steady_ns());
}

static void probe(struct purge_walk *walk)
{
    resp_command(&walk->connection.out, (struct slice[]){SLICE("PING")}, 1);
    connection_expect(&walk->connection, 1);
}

static void ask_for_news(struct purge_walk *walk)
{
    walk->is_asking = true;
    walk->is_probing = walk->is_scanning = false;
    walk->is_round_open = true;
    walk->is_round_refused = false;
    purge_news_ask(&walk->connection);
}

static void end_news(struct purge_walk *walk)
{
    walk->is_round_open = false;
    walk->wants_news = false;
    walk->news_nr++;
    be_well(walk);
}

static void begin_round(struct purge_walk *walk)
{
    walk->is_asking = false;
    if (walk->wants_news) {
        ask_for_news(walk);
        return;
    }
    /* A walk nobody is on any more begins at the beginning: then one wrap is enough. */
    if (walk->set.walking_nr == 0)
        begin_at_the_beginning(walk);
    if (purge_set_join(&walk->set, walk->cursor, clock_steady_ms()))
        walk->is_match_stale = true;
    if (walk->is_match_stale)
        purge_match_build(&walk->match, &walk->set);
    walk->is_match_stale = false;
    walk->is_probing = purge_pace_wants_probe(&walk->pace);
    walk->is_scanning = walk->set.walking_nr > 0 && !walk->is_probing;
    if (walk->set.walking_nr == 0 && !has_found(walk))
        return;
    walk->is_round_open = true;
    walk->is_round_refused = false;
    walk->round_started_ns = clock_steady_ns();
    if (walk->is_probing) {
        probe(walk);
        return;
    }
    walk->unlinks_due = purge_keys_write_unlinks(&walk->doomed, &walk->connection);
    (void)purge_keys_write_expires(&walk->fading, &walk->connection);
    if (walk->is_scanning)
        write_scan(walk);
}

static void on_done(void *sink, const struct purge_waiter *waiter)
{
    struct purge_walk *walk = sink;
    uint64_t took_us = (uint64_t)(clock_steady_ns() - waiter->since_ns) / 1000;

    if (!walk->is_part)
        histogram_add_us(&walk->stats->seconds, took_us);
    purge_tickets_give(waiter->tickets, waiter->ticket);
}

static void log_passed(const struct purge_walk *walk)
{
    for (size_t i = 0; i < walk->set.nr; i++) {
        const struct purge *purge = walk->set.items[i];
        struct purge_report report;

        if (purge->phase != PURGE_PASSED || !purge->is_announced)
            continue;
        report = purge_walk_report(walk, purge);
        purge_report_log(&report, walk->connection.target->name, PURGE_DONE);
    }
}

static void finish_passed(struct purge_walk *walk)
{
    uint64_t nr = walk->set.passed_nr;

    if (nr == 0)
        return;
    log_passed(walk);
    (void)purge_set_finish(&walk->set, on_done, walk, clock_steady_ms());
    if (!walk->is_part)
        counter_add(&walk->stats->finished, nr);
}

static void slow_down(struct purge_walk *walk, struct purge *purge)
{
    purge->is_slowed = true;
    log_warn("purge is slowed: it deletes many keys",
             LOG_TEXT("target", walk->connection.target->name),
             LOG_SLICE("pattern", purge->pattern), LOG_INT("above", purge->slow_above));
}

/* What rates and `slow_above` say after a round. Returns whether somebody is to be slow. */
static bool account(struct purge_walk *walk, int64_t now_ns)
{
    bool is_slowed = false;

    for (size_t i = 0; i < walk->set.nr; i++) {
        struct purge *purge = walk->set.items[i];
        int64_t more = purge->matched - purge->accounted;

        if (purge->phase != PURGE_WALKING)
            continue;
        purge->accounted = purge->matched;
        if (purge->rate > 0 && more > 0)
            purge_pace_rest(&walk->pace, now_ns, more, purge->rate);
        if (!purge->is_slowed && purge->slow_above > 0 && purge->matched > purge->slow_above)
            slow_down(walk, purge);
        is_slowed = is_slowed || purge->is_slowed;
    }
    return is_slowed;
}

static void advance(struct purge_walk *walk)
{
    const struct server *server = &walk->connection.server;
    bool has_slots = server->is_cluster && server->version >= (server->is_valkey ? 800U : 704U);

    walk->cursor = walk->cursor_next;
    walk->set.place = purge_place(walk->cursor, has_slots, walk->range);
    if (walk->cursor == 0)
        counter_add(&walk->stats->laps, 1);
    if (purge_set_advance(&walk->set, walk->cursor, has_slots))
        walk->is_match_stale = true;
}

/* What the round took, and how far the walk came by it. */
static void keep_time(struct purge_walk *walk, int64_t now_ns)
{
    uint64_t took_us = (uint64_t)(now_ns - walk->round_started_ns) / 1000;
    bool is_slowed = account(walk, now_ns);
    int64_t cost_ns = purge_pace_round(&walk->pace, walk->round_started_ns, now_ns, is_slowed);
    double before = walk->set.place;

    if (took_us > counter_get(&walk->stats->slowest_call_us))
        counter_set(&walk->stats->slowest_call_us, took_us);
    if (walk->is_scanning)
        advance(walk);
    purge_speed_add(&walk->speed,
                    walk->set.place - before + (walk->is_scanning && walk->cursor == 0), cost_ns,
                    now_ns);
}

static void end_probe(struct purge_walk *walk)
{
    walk->is_round_open = false;
    be_well(walk);
    purge_pace_probe(&walk->pace, clock_steady_ns() - walk->round_started_ns);
}

static void end_round(struct purge_walk *walk)
{
    walk->is_round_open = false;
    be_well(walk);
    purge_keys_swap(&walk->doomed, &walk->found);
    purge_keys_swap(&walk->fading, &walk->found_fading);
    purge_keys_clear(&walk->found);
    purge_keys_clear(&walk->found_fading);
    finish_passed(walk);
    keep_time(walk, clock_steady_ns());
    if (!has_found(walk))
        finish_passed(walk);
}

static bool is_redirection(const struct purge_walk *walk, struct slice text)
{
    return walk->connection.target->is_cluster &&
           (slice_starts_with(text, SLICE("MOVED ")) || slice_starts_with(text, SLICE("ASK ")) ||
            slice_starts_with(text, SLICE("TRYAGAIN")));
}

static void on_refusal(struct purge_walk *walk, struct slice text)
{
    enum reply_class what = reply_classify(text);

    if (is_redirection(walk, text)) {
        walk->is_disturbed = true;
        walk->unlinks_due -= walk->unlinks_due > 0;
        return;
    }
    if (what == REPLY_TOPOLOGY) {
        connection_fail(&walk->connection, ERROR_RETRY, text.ptr);
        return;
    }
    if (!walk->is_round_refused)
        hold(walk, what == REPLY_CONFIG, text);
    walk->is_round_refused = true;
}

/* Answers come in the order of the commands: UNLINKs first, then what shortens lives. */
static void count_answer(struct purge_walk *walk, uint64_t keys)
{
    bool is_unlink = walk->unlinks_due > 0;

    counter_add(is_unlink ? &walk->stats->keys_deleted : &walk->stats->keys_expiring, keys);
    walk->unlinks_due -= is_unlink;
}

/* The SCAN comes last; without a cursor nobody would know that the walk is not over. */
static void take_answer(struct purge_walk *walk, const struct answer *answer)
{
    bool is_scan = walk->is_scanning && walk->connection.due == 0;
    bool is_pong = answer->kind == ANSWER_TEXT && slice_equals(answer->text, SLICE("PONG"));

    if (walk->is_asking && purge_news_take(&walk->connection, answer, &walk->has_open))
        return;
    if (answer->kind == ANSWER_ERROR)
        on_refusal(walk, answer->text);
    else if (walk->is_probing && !is_pong)
        connection_disbelieve(&walk->connection, "PING");
    else if (walk->is_probing)
        return;
    else if (is_scan && (answer->kind != ANSWER_ARRAY || !walk->has_cursor))
        connection_disbelieve(&walk->connection, "SCAN");
    else if (!is_scan && !answer_is_count(answer, PLAN_MAX_KEYS))
        connection_disbelieve(&walk->connection, "UNLINK or PEXPIRE");
    else if (!is_scan)
        count_answer(walk, (uint64_t)answer->integer);
}

static void take_answers(struct purge_walk *walk)
{
    struct answer answer;

    while (connection_answer(&walk->connection, &answer))
        take_answer(walk, &answer);
    if (!walk->is_round_open || walk->connection.phase != CONNECTION_READY ||
        walk->connection.due > 0)
        return;
    if (!walk->is_round_refused) {
        (walk->is_asking ? end_news : walk->is_probing ? end_probe : end_round)(walk);
        return;
    }
    walk->is_round_open = false;
    purge_keys_clear(&walk->found);
    purge_keys_clear(&walk->found_fading);
}

static bool is_time(const struct purge_walk *walk)
{
    return clock_steady_ms() >= walk->retry_at_ms;
}

static void on_greeted(struct purge_walk *walk)
{
    walk->is_greeted = true;
    purge_pace_forget_probes(&walk->pace);
    if (walk->was_up)
        counter_add(&walk->stats->reconnects, 1);
    walk->was_up = true;
    walk->is_other = walk->is_other || (walk->run_id[0] != '\0' &&
                                        strcmp(walk->run_id, walk->connection.server.run_id) != 0);
    memcpy(walk->run_id, walk->connection.server.run_id, sizeof(walk->run_id));
}

/* True when a round was written. */
static bool drive(struct purge_walk *walk)
{
    connection_drive(&walk->connection);
    if (walk->connection.phase != CONNECTION_READY)
        return false;
    if (!walk->is_greeted)
        on_greeted(walk);
    take_answers(walk);
    if (walk->connection.phase != CONNECTION_READY || walk->is_round_open || !is_time(walk) ||
        !has_work(walk) || clock_steady_ns() < walk->pace.next_round_ns)
        return false;
    begin_round(walk);
    return walk->is_round_open;
}

void purge_walk_step(struct purge_walk *walk)
{
    if (walk->connection.phase == CONNECTION_CLOSED) {
        if (!has_work(walk) || !is_time(walk))
            return;
        connection_open(&walk->connection);
    }
    while (drive(walk)) {
    }
    if (walk->connection.phase == CONNECTION_CLOSED)
        on_lost(walk);
}

static int64_t later_ns(int64_t at_ms, int64_t now_ns)
{
    int64_t left = at_ms * ms_ns - now_ns;

    return left > 0 ? left : 0;
}

int64_t purge_walk_patience_ns(const struct purge_walk *walk)
{
    int64_t now_ns = clock_steady_ns();
    int64_t start_ms = purge_set_next_start_ms(&walk->set);
    int64_t patience = INT64_MAX;
    int64_t stall_ms;

    if (walk->connection.phase == CONNECTION_CLOSED) {
        if (has_work(walk))
            return later_ns(walk->retry_at_ms, now_ns);
        return start_ms == INT64_MAX ? INT64_MAX : later_ns(start_ms, now_ns);
    }
    stall_ms = connection_patience_ms(&walk->connection, now_ns / ms_ns);
    if (stall_ms != INT64_MAX)
        patience = stall_ms * ms_ns;
    if (walk->is_round_open || walk->connection.phase != CONNECTION_READY)
        return patience;
    if (has_work(walk)) {
        int64_t round_ns = walk->pace.next_round_ns - now_ns;
        int64_t retry_ns = later_ns(walk->retry_at_ms, now_ns);

        round_ns = round_ns > retry_ns ? round_ns : retry_ns;
        return round_ns < patience ? round_ns : patience;
    }
    if (start_ms != INT64_MAX && later_ns(start_ms, now_ns) < patience)
        patience = later_ns(start_ms, now_ns);
    return patience;
}
