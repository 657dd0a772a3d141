/*
 * walk - how long a purge walks beside one bare pass of SCAN, and one that joins on the way.
 *
 *   walk REDIS_URL patterns N    N patterns that begin otherwise and match nothing
 *   walk REDIS_URL join          a purge joins another's walk half way round
 *
 * The keys are there already. Prints one JSON object: seconds from the first submit to the last ticket,
 * and calls of SCAN. `join` prints the joiner's share of a lap, counted in calls.
 */
#include <stdbool.h>
#include <string.h>

#include "consumers/base/clock.h"
#include "consumers/base/log.h"
#include "consumers/redis/purge.h"
#include "tests/bench/measure.h"

enum { DEADLINE_MS = 120000, HALF_PPM = 500000, PATTERN_BYTES = 64 };

struct walk {
    struct purge_engine *engine;
    struct purge_tickets *tickets;
    uint64_t submitted, back;
    int64_t deadline_ms;
};

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

static void await_tickets(struct walk *walk, uint64_t nr)
{
    uint64_t ticket;

    while (walk->back < nr) {
        walk->back += purge_tickets_take(walk->tickets, &ticket, 1);
        if (walk->back < nr)
            rest(walk);
    }
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

static void walk_join(struct walk *walk)
{
    const struct purge_stats *stats = purge_engine_stats(walk->engine);
    uint64_t joined, lap;

    submit(walk, "nothing:first:*");
    while (counter_get(&stats->progress_ppm) < HALF_PPM ||
           counter_get(&stats->progress_ppm) == 1000000)
        rest(walk);
    joined = calls_of(walk);
    submit(walk, "nothing:second:*");
    await_tickets(walk, 1);
    lap = calls_of(walk);
    await_tickets(walk, 2);
    printf("{\"lap_calls\":%llu,\"joined_at\":%llu,\"laps\":%.4f}\n", (unsigned long long)lap,
           (unsigned long long)joined, (double)(calls_of(walk) - joined) / (double)lap);
}

int main(int argc, char **argv)
{
    struct walk walk = {.tickets = purge_tickets_new(),
                        .deadline_ms = clock_steady_ms() + DEADLINE_MS};
    struct redis_target target = {.name = NULL};
    struct error err = ERROR_INIT;

    if (argc < 3)
        give_up("usage", "walk REDIS_URL patterns N|join");
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, 2);
    if (!redis_target_parse(&target, SLICE("default"), slice_of(argv[1]), &err))
        give_up(argv[1], err.text);
    walk.engine = purge_engine_new(&target);
    if (strcmp(argv[2], "patterns") == 0 && argc == 4)
        walk_patterns(&walk, count_of(argv[3]));
    else if (strcmp(argv[2], "join") == 0)
        walk_join(&walk);
    else
        give_up(argv[2], "not a verb of walk");
    purge_engine_free(walk.engine);
    purge_tickets_free(walk.tickets);
    redis_target_release(&target);
    return 0;
}
