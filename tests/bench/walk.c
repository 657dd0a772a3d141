/*
 * walk - how long a purge walks beside one bare pass of SCAN, and one that joins on the way.
 *
 *   walk REDIS_URL patterns N    N patterns that begin otherwise and match nothing
 *   walk REDIS_URL restless N    the same, and the rests between its commands are left out
 *   walk REDIS_URL join KEYS     a purge joins another's walk when half of the keys went by
 *
 * The keys are there already. Prints one JSON object: seconds from the first submit to the last ticket,
 * and calls of SCAN. `join` prints how many keys of all went by the joiner until it was done, as last seen.
 *
 * The linker leads purge_pace_round() through here (--wrap), which is how the rests are left out.
 */
#include <stdbool.h>
#include <string.h>

#include "consumers/base/clock.h"
#include "consumers/base/log.h"
#include "consumers/redis/purge.h"
#include "consumers/redis/purge_pace.h"
#include "consumers/redis/purge_report.h"
#include "tests/bench/measure.h"

enum { DEADLINE_MS = 120000, PATTERN_BYTES = 64 };

struct walk {
    struct purge_engine *engine;
    struct purge_tickets *tickets;
    uint64_t submitted, back;
    int64_t deadline_ms;
};

/* What the wrapped purge_pace_round() sees has no other way to get into it. */
static bool is_restless; // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

int64_t __real_purge_pace_round(struct purge_pace *pace, int64_t started_ns, int64_t ended_ns,
                                bool is_slowed);
int64_t __wrap_purge_pace_round(struct purge_pace *pace, int64_t started_ns, int64_t ended_ns,
                                bool is_slowed);

int64_t __wrap_purge_pace_round(struct purge_pace *pace, int64_t started_ns, int64_t ended_ns,
                                bool is_slowed)
{
    int64_t cost = __real_purge_pace_round(pace, started_ns, ended_ns, is_slowed);

    if (is_restless)
        pace->next_round_ns = ended_ns;
    return cost;
}

static void submit(struct walk *walk, const char *pattern)
{
    struct purge_request request = {
        .pattern = slice_of(pattern), .tickets = walk->tickets, .ticket = walk->submitted++};

    purge_engine_submit(walk->engine, &request);
}

static void rest(const struct walk *walk)
{
    struct timespec pause = {0, 200000};

    if (clock_steady_ms() > walk->deadline_ms)
        give_up("walk", "not done in time");
    nanosleep(&pause, NULL);
}

/* One look for a ticket, and a rest where there is none. */
static void await_one(struct walk *walk)
{
    uint64_t ticket;
    size_t back = purge_tickets_take(walk->tickets, &ticket, 1);

    walk->back += back;
    if (back == 0)
        rest(walk);
}

static void await_tickets(struct walk *walk, uint64_t nr)
{
    while (walk->back < nr)
        await_one(walk);
}

static uint64_t calls_of(const struct walk *walk)
{
    return counter_get(&purge_engine_stats(walk->engine)->scan_calls);
}

static void walk_patterns(struct walk *walk, long nr)
{
    struct moment began = moment_now(), ended;

    for (long i = 0; i < nr; i++) {
        char pattern[PATTERN_BYTES];

        (void)snprintf(pattern, sizeof(pattern), "myapp:1:family-%ld:*", i);
        submit(walk, pattern);
    }
    await_tickets(walk, (uint64_t)nr);
    ended = moment_now();
    print_common(nr, began, ended);
    printf(",\"calls\":%llu}\n", (unsigned long long)calls_of(walk));
}

/* Keys that went by the oldest purge; 0 when there is none. */
static uint64_t scanned_by_first(struct walk *walk)
{
    struct purge_reports reports;
    uint64_t scanned;

    purge_reports_init(&reports);
    purge_engine_list(walk->engine, &reports);
    scanned = reports.nr > 0 ? reports.items[0].scanned : 0;
    purge_reports_release(&reports);
    return scanned;
}

/* The joiner's share of a lap is what went by it, against all keys: their number is given. */
static void walk_join(struct walk *walk, long keys)
{
    uint64_t joined, seen = 0, now;

    submit(walk, "nothing:first:*");
    while ((joined = scanned_by_first(walk)) < (uint64_t)keys / 2)
        rest(walk);
    submit(walk, "nothing:second:*");
    await_tickets(walk, 1);
    for (; walk->back < 2; await_one(walk)) {
        now = scanned_by_first(walk);
        seen = now > seen ? now : seen;
    }
    printf("{\"joined_at\":%.4f,\"laps\":%.4f}\n", (double)joined / (double)keys,
           (double)seen / (double)keys);
}

int main(int argc, char **argv)
{
    struct walk walk = {.tickets = purge_tickets_new(),
                        .deadline_ms = clock_steady_ms() + DEADLINE_MS};
    struct redis_target target = {.name = NULL};
    struct error err = ERROR_INIT;

    if (argc < 3)
        give_up("usage", "walk REDIS_URL patterns N|restless N|join KEYS");
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, 2);
    if (!redis_target_parse(&target, SLICE("default"), slice_of(argv[1]), &err))
        give_up(argv[1], err.text);
    walk.engine = purge_engine_new(&target);
    is_restless = strcmp(argv[2], "restless") == 0;
    if ((is_restless || strcmp(argv[2], "patterns") == 0) && argc == 4)
        walk_patterns(&walk, count_of(argv[3]));
    else if (strcmp(argv[2], "join") == 0 && argc == 4)
        walk_join(&walk, count_of(argv[3]));
    else
        give_up(argv[2], "not a verb of walk");
    purge_engine_free(walk.engine);
    purge_tickets_free(walk.tickets);
    redis_target_release(&target);
    return 0;
}
