#include "consumers/base/clock.h"
#include "consumers/redis/purge_tickets.h"
#include "consumers/redis/purge_walk.h"

static struct purge_report report_of(const struct purge *purge, const struct purge_waiters *waiters)
{
    struct purge_report report = {
        .kind = purge->kind, .pattern = purge->pattern, .requests = waiters->nr, .eta_ms = -1};

    if (waiters->nr == 0)
        return report;
    report.id = waiters->items[0].id;
    report.asked_ms = waiters->items[0].since_ns / NS_IN_MS;
    return report;
}

struct purge_report purge_walk_report(const struct purge_walk *walk, const struct purge *purge)
{
    struct purge_report report = report_of(purge, &purge->waiters);
    struct purge_laps laps = purge_set_laps(&walk->set, purge);

    report.is_walking = purge->phase == PURGE_WALKING || purge->phase == PURGE_PASSED;
    if (!report.is_walking)
        return report;
    report.started_ms = purge->started_ms;
    report.share = 1 - laps.left / laps.total;
    report.eta_ms = purge_speed_eta_ms(&walk->speed, laps.left);
    report.scanned = walk->set.scanned - purge->scanned_before;
    report.matched = (uint64_t)purge->matched;
    report.duty = purge_speed_duty(&walk->speed);
    return report;
}

void purge_walk_list(const struct purge_walk *walk, bool is_walking, struct purge_reports *reports)
{
    for (size_t i = 0; i < walk->set.nr; i++) {
        const struct purge *purge = walk->set.items[i];
        struct purge_report report = purge_walk_report(walk, purge);

        if (report.is_walking == is_walking && purge->waiters.nr > 0)
            purge_reports_add(reports, &report);
        if (is_walking || purge->late.nr == 0)
            continue;
        report = report_of(purge, &purge->late);
        purge_reports_add(reports, &report);
    }
}

double purge_walk_look(struct purge_walk *walk)
{
    int64_t now_ms = clock_steady_ms();
    double least = 1;

    for (size_t i = 0; i < walk->set.nr; i++) {
        struct purge *purge = walk->set.items[i];
        struct purge_report report;

        if (purge->phase != PURGE_WALKING)
            continue;
        report = purge_walk_report(walk, purge);
        least = report.share < least ? report.share : least;
        if (walk->is_part || purge->is_announced ||
            now_ms - purge->started_ms < PURGE_ANNOUNCE_AFTER_MS)
            continue;
        purge->is_announced = true;
        purge_report_log(&report, walk->connection.target->name, PURGE_UNDER_WAY);
    }
    return least;
}

/* Its report as of now; is_walking is true for PASSED ones, too. */
static bool find(const struct purge_walk *walk, uint64_t id, struct purge_report *report)
{
    for (size_t i = 0; i < walk->set.nr; i++) {
        const struct purge *purge = walk->set.items[i];

        if (purge->late.nr > 0 && purge->late.items[0].id == id) {
            *report = report_of(purge, &purge->late);
            return true;
        }
        if (purge->waiters.nr > 0 && purge->waiters.items[0].id == id) {
            *report = purge_walk_report(walk, purge);
            return true;
        }
    }
    return false;
}

static void give_back(void *sink, const struct purge_waiter *waiter)
{
    (void)sink;
    purge_tickets_give(waiter->tickets, waiter->ticket);
}

/* A SCAN may be under way, and its reply is matched: whoever is gone must be so there, too. */
static void rebuild(struct purge_walk *walk)
{
    purge_match_build(&walk->match, &walk->set);
    walk->is_match_stale = false;
}

bool purge_walk_cancel(struct purge_walk *walk, uint64_t id)
{
    struct purge_report report;
    struct arena arena;
    bool is_cancelled;

    if (!find(walk, id, &report))
        return false;
    arena_init(&arena, report.pattern.len + 1);
    report.pattern = arena_copy(&arena, report.pattern);
    is_cancelled = purge_set_cancel(&walk->set, id, give_back, NULL, clock_steady_ms());
    if (is_cancelled) {
        rebuild(walk);
        counter_add(&walk->stats->cancelled, 1);
        purge_report_log(&report, walk->connection.target->name, PURGE_CANCELLED);
    }
    arena_release(&arena);
    return is_cancelled;
}

void purge_walk_withdraw(struct purge_walk *walk, const struct purge_tickets *tickets,
                         uint64_t ticket)
{
    if (purge_set_withdraw(&walk->set, tickets, ticket, clock_steady_ms()))
        rebuild(walk);
}
