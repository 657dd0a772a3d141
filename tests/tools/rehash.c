/*
 * rehash - proves that a purge misses no key of a table that grows and shrinks under it.
 *
 *   rehash (delete|expire) redis://HOST:PORT [--cluster] [--joins 60] [--keys 200000] [--moving 1000000]
 *
 * A thread fills the server with moving keys and takes them away again, so that its table is rehashed up and
 * down without end, while purges of a pattern without keys keep a walk going. Again and again a
 * purge of the stable keys joins wherever that walk is. When it says that it is done, each of those must be
 * deleted (they are made anew for each) or have had its life shortened (they stay, and each purge shortens more).
 * Prints `name value` lines; exit 1 when a stable key was missed. With --cluster the server is a cluster's only node.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hiredis/hiredis.h>
#include <pthread.h>

#include "consumers/base/clock.h"
#include "consumers/base/log.h"
#include "consumers/redis/purge.h"

enum { CHUNK = 1000, DEADLINE_MS = 300000, IDLERS = 2, TICKET_JOIN = IDLERS };

struct proof {
    struct redis_target target;
    bool is_delete;
    long joins, keys, moving;
    redisContext *client;
    struct purge_engine *engine;
    struct purge_tickets *tickets;
    atomic_bool is_over;
    atomic_long turns; /* of the moving keys: up and down is two */
};

static _Noreturn void give_up(const char *why)
{
    (void)fprintf(stderr, "rehash: %s\n", why);
    exit(2);
}

static redisContext *connect_to(const struct redis_target *target)
{
    redisContext *client = redisConnect(target->host, target->port);

    if (client == NULL || client->err != 0)
        give_up("the server does not answer");
    return client;
}

static void take_replies(redisContext *client, long nr)
{
    redisReply *reply;

    for (long i = 0; i < nr; i++) {
        if (redisGetReply(client, (void **)&reply) != REDIS_OK)
            give_up("the server went away");
        if (reply->type == REDIS_REPLY_ERROR)
            give_up(reply->str);
        freeReplyObject(reply);
    }
}

static void set_keys(redisContext *client, const char *format, long first, long nr)
{
    for (long i = 0; i < nr; i++)
        (void)redisAppendCommand(client, format, first + i);
    take_replies(client, nr);
}

/* ---- the table moves ---- */

static void *move(void *argument)
{
    struct proof *proof = argument;
    redisContext *client = connect_to(&proof->target);

    for (long turn = 0; !atomic_load(&proof->is_over); turn++) {
        const char *format = turn % 2 == 0 ? "SET moving:%ld x" : "DEL moving:%ld";

        for (long i = 0; i < proof->moving && !atomic_load(&proof->is_over); i += CHUNK)
            set_keys(client, format, i, CHUNK);
        atomic_fetch_add(&proof->turns, 1);
        /* The server looks ten times a second whether a table has become too large. */
        (void)nanosleep(&(struct timespec){0, 300000000}, NULL);
    }
    redisFree(client);
    return NULL;
}

/* ---- purges ---- */

static void submit(struct proof *proof, const char *pattern, uint64_t ticket, int64_t ttl_ms)
{
    struct purge_request request = {.kind = ttl_ms > 0 ? PURGE_EXPIRE : PURGE_UNLINK,
                                    .pattern = slice_of(pattern),
                                    .ttl_ms = ttl_ms,
                                    .tickets = proof->tickets,
                                    .ticket = ticket};

    purge_engine_submit(proof->engine, &request);
}

/* Keeps the walk going; a pattern of each, or they would be one. */
static void submit_idler(struct proof *proof, uint64_t ticket)
{
    submit(proof, ticket == 0 ? "none:a:*" : "none:b:*", ticket, 0);
}

/* True when the purge of the stable keys is done. */
static bool serve(struct proof *proof)
{
    bool is_done = false;
    uint64_t ticket;

    while (purge_tickets_take(proof->tickets, &ticket, 1) > 0) {
        if (ticket == TICKET_JOIN)
            is_done = true;
        else
            submit_idler(proof, ticket);
    }
    return is_done;
}

/* Somewhere in the lap: the stable keys are made in pieces while the walk goes on. */
static void fill(struct proof *proof, long join)
{
    char format[64];
    long round = proof->is_delete ? join : 0;

    (void)snprintf(format, sizeof(format), "SET s%ld:%%ld x", round);
    for (long i = 0; i < proof->keys; i += CHUNK) {
        set_keys(proof->client, format, i, CHUNK);
        (void)serve(proof);
    }
}

static uint64_t reached(const struct proof *proof)
{
    const struct purge_stats *stats = purge_engine_stats(proof->engine);

    return counter_get(proof->is_delete ? &stats->keys_deleted : &stats->keys_expiring);
}

struct sums {
    uint64_t missed, twice;
    int64_t longest_ms;
};

static void join(struct proof *proof, long number, struct sums *sums)
{
    const struct purge_stats *stats = purge_engine_stats(proof->engine);
    uint64_t matched = counter_get(&stats->keys_matched), before = reached(proof), got;
    int64_t started = clock_steady_ms();
    char pattern[32];

    (void)snprintf(pattern, sizeof(pattern), "s%ld:*", proof->is_delete ? number : 0L);
    submit(proof, pattern, TICKET_JOIN, proof->is_delete ? 0 : (proof->joins - number) * 1000000);
    while (!serve(proof)) {
        if (clock_steady_ms() - started > DEADLINE_MS)
            give_up("a purge does not end");
        (void)nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    got = reached(proof) - before;
    sums->missed += (uint64_t)proof->keys - got;
    sums->twice += counter_get(&stats->keys_matched) - matched - got;
    if (clock_steady_ms() - started > sums->longest_ms)
        sums->longest_ms = clock_steady_ms() - started;
}

static uint64_t prove(struct proof *proof)
{
    struct sums sums = {.missed = 0};
    pthread_t mover;

    if (pthread_create(&mover, NULL, move, proof) != 0)
        give_up("no thread");
    for (uint64_t ticket = 0; ticket < IDLERS; ticket++)
        submit_idler(proof, ticket);
    for (long number = 0; number < proof->joins; number++) {
        if (proof->is_delete || number == 0)
            fill(proof, number);
        join(proof, number, &sums);
    }
    atomic_store(&proof->is_over, true);
    (void)pthread_join(mover, NULL);
    (void)printf("joins %ld\nkeys %ld\nmissed %llu\ntwice %llu\nturns %ld\nlaps %llu\n"
                 "longest_ms %lld\n",
                 proof->joins, proof->keys, (unsigned long long)sums.missed,
                 (unsigned long long)sums.twice, atomic_load(&proof->turns),
                 (unsigned long long)counter_get(&purge_engine_stats(proof->engine)->laps),
                 (long long)sums.longest_ms);
    return sums.missed;
}

static long *number_of(struct proof *proof, const char *option)
{
    if (strcmp(option, "--joins") == 0)
        return &proof->joins;
    if (strcmp(option, "--keys") == 0)
        return &proof->keys;
    return strcmp(option, "--moving") == 0 ? &proof->moving : NULL;
}

static void read_arguments(struct proof *proof, int argc, char **argv)
{
    struct error err = ERROR_INIT;

    if (argc < 3 || !redis_target_parse(&proof->target, SLICE("rehash"), slice_of(argv[2]), &err))
        give_up(
            "usage: rehash (delete|expire) URL [--cluster] [--joins N] [--keys N] [--moving N]");
    proof->is_delete = strcmp(argv[1], "delete") == 0;
    for (int i = 3; i < argc; i++) {
        long *number = number_of(proof, argv[i]);

        if (strcmp(argv[i], "--cluster") == 0)
            proof->target.is_cluster = true;
        else if (number != NULL && i + 1 < argc)
            *number = strtol(argv[++i], NULL, 10);
        else
            give_up("an option is wrong");
    }
    if (proof->joins < 1 || proof->keys < CHUNK || proof->keys % CHUNK != 0 ||
        proof->moving % CHUNK != 0)
        give_up("--keys and --moving are multiples of 1000");
}

int main(int argc, char **argv)
{
    struct proof proof = {.joins = 60, .keys = 200000, .moving = 1000000};
    uint64_t missed;

    log_configure(LOG_LEVEL_WARN, LOG_FORMAT_TEXT, 2);
    read_arguments(&proof, argc, argv);
    proof.client = connect_to(&proof.target);
    proof.tickets = purge_tickets_new();
    proof.engine = purge_engine_new(&proof.target);
    missed = prove(&proof);
    purge_engine_free(proof.engine);
    purge_tickets_free(proof.tickets);
    redisFree(proof.client);
    redis_target_release(&proof.target);
    return missed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
