/*
 * purge - what a purge over many keys does to the other clients of the same Redis.
 *
 *   purge [--keys 1000000] [--seconds 5]
 *
 * Starts a private redis-server on a unix socket, fills it, measures 200 GETs a second alone and then beside
 * a purge of two patterns (a tenth of the keys each), and prints one `name value unit` a line. The server
 * time of our commands comes from SLOWLOG, which logs every command from 0 us on while it purges, and is
 * read along. Exit 1 when keys are left over or survivors are gone.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/redis/purge.h"

enum { GETS_A_SECOND = 200, SLOWLOG_LENGTH = 100000, WINDOW = 1000, PATTERNS = 2, SHARE = 10 };

struct bench {
    char folder[64], socket[96];
    pid_t server;
    redisContext *client;
    long keys, seconds;
};

struct samples {
    int64_t *items;
    size_t nr, capacity;
};

static void give_up(const char *why)
{
    (void)fprintf(stderr, "purge: %s\n", why);
    exit(EXIT_FAILURE);
}

static void samples_add(struct samples *samples, int64_t value)
{
    samples->items =
        alloc_grow(samples->items, samples->nr, &samples->capacity, sizeof(*samples->items));
    samples->items[samples->nr++] = value;
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

static double quantile(struct samples *samples, double share)
{
    if (samples->nr == 0)
        give_up("nothing was measured");
    qsort(samples->items, samples->nr, sizeof(*samples->items), by_value);
    return (double)samples->items[(size_t)((double)(samples->nr - 1) * share)];
}

static void sleep_until_ns(int64_t until)
{
    int64_t left = until - clock_steady_ns();
    struct timespec pause = {left / 1000000000, left % 1000000000};

    if (left > 0)
        (void)nanosleep(&pause, NULL);
}

static redisReply *ask(const struct bench *bench, const char *format, long long argument)
{
    redisReply *reply = redisCommand(bench->client, format, argument);

    if (reply == NULL)
        give_up("the server went away");
    return reply;
}

static void start_server(struct bench *bench)
{
    int64_t until = clock_steady_ms() + 20000;

    (void)snprintf(bench->folder, sizeof(bench->folder), "/tmp/unstale-bench-XXXXXX");
    if (mkdtemp(bench->folder) == NULL)
        give_up("no temporary folder");
    (void)snprintf(bench->socket, sizeof(bench->socket), "%s/redis.sock", bench->folder);
    bench->server = fork();
    if (bench->server == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", bench->socket,
                     "--save", "", "--logfile", "/dev/null", (char *)NULL);
        _exit(127);
    }
    do {
        if (bench->client != NULL)
            redisFree(bench->client);
        if (clock_steady_ms() > until)
            give_up("redis-server does not come up");
        sleep_until_ns(clock_steady_ns() + 5000000);
        bench->client = redisConnectUnix(bench->socket);
    } while (bench->client == NULL || bench->client->err != 0);
}

static void stop_server(struct bench *bench)
{
    redisFree(bench->client);
    (void)kill(bench->server, SIGKILL);
    (void)waitpid(bench->server, NULL, 0);
    (void)unlink(bench->socket);
    (void)rmdir(bench->folder);
}

static const char *family_of(long i)
{
    if (i % SHARE == 0)
        return "products:list";
    return i % SHARE == 1 ? "products:category" : "sessions:user";
}

static void fill(struct bench *bench)
{
    long sent = 0;
    void *reply;

    for (long got = 0; got < bench->keys; got++) {
        for (; sent < bench->keys && sent < got + WINDOW; sent++)
            (void)redisAppendCommand(bench->client, "SET %s:%012ld some-value", family_of(sent),
                                     sent);
        if (redisGetReply(bench->client, &reply) != REDIS_OK)
            give_up("the server does not take the keys");
        freeReplyObject(reply);
    }
}

/* One GET of a survivor; its time goes into the samples. */
static void get(const struct bench *bench, struct samples *samples, long turn)
{
    long key = turn * 7919 % (bench->keys - SHARE) / SHARE * SHARE + 2;
    int64_t started = clock_steady_ns();
    redisReply *reply = ask(bench, "GET sessions:user:%012lld", key);

    samples_add(samples, clock_steady_ns() - started);
    if (reply->type != REDIS_REPLY_STRING)
        give_up("a key that should survive is gone");
    freeReplyObject(reply);
}

/* What SLOWLOG holds of SCAN and UNLINK since the last look. */
static void read_slowlog(const struct bench *bench, struct samples *samples, long long *last_id)
{
    redisReply *log = ask(bench, "SLOWLOG GET %lld", SLOWLOG_LENGTH);
    long long newest = *last_id;

    for (size_t i = 0; i < log->elements; i++) {
        const redisReply *entry = log->element[i];
        const char *command = entry->element[3]->element[0]->str;

        if (entry->element[0]->integer <= *last_id)
            break;
        newest = entry->element[0]->integer > newest ? entry->element[0]->integer : newest;
        if (strcmp(command, "SCAN") == 0 || strcmp(command, "UNLINK") == 0)
            samples_add(samples, entry->element[2]->integer);
    }
    *last_id = newest;
    freeReplyObject(log);
}

static void measure_idle(const struct bench *bench, struct samples *samples)
{
    int64_t next = clock_steady_ns();

    for (long i = 0; i < bench->seconds * GETS_A_SECOND; i++) {
        get(bench, samples, i);
        next += 1000000000 / GETS_A_SECOND;
        sleep_until_ns(next);
    }
}

static void submit(struct purge_engine *engine, struct purge_tickets *tickets)
{
    static const char *const patterns[PATTERNS] = {"products:list:*", "products:category:*"};

    for (uint64_t i = 0; i < PATTERNS; i++) {
        struct purge_request request = {
            .pattern = slice_of(patterns[i]), .tickets = tickets, .ticket = i};

        purge_engine_submit(engine, &request);
    }
}

static void configure_slowlog(const struct bench *bench)
{
    freeReplyObject(ask(bench, "CONFIG SET slowlog-max-len %lld", SLOWLOG_LENGTH));
    freeReplyObject(ask(bench, "CONFIG SET slowlog-log-slower-than %lld", 0));
    freeReplyObject(ask(bench, "SLOWLOG RESET", 0));
}

/* GETs go on at their pace until both tickets are back; returns how long that took. */
static double measure_purge(const struct bench *bench, struct samples *samples,
                            struct purge_engine *engine)
{
    struct purge_tickets *tickets = purge_tickets_new();
    int64_t started = clock_steady_ns(), next = started;
    uint64_t ticket;
    size_t back = 0;

    submit(engine, tickets);
    for (long i = 0; back < PATTERNS; i++) {
        get(bench, samples, i);
        back += purge_tickets_take(tickets, &ticket, 1);
        next += 1000000000 / GETS_A_SECOND;
        sleep_until_ns(next);
    }
    purge_tickets_free(tickets);
    return (double)(clock_steady_ns() - started) / 1e9;
}

static void print(const char *name, double value, const char *unit)
{
    (void)printf("%s %.3f %s\n", name, value, unit);
}

static void run(struct bench *bench)
{
    struct redis_target target = {.name = alloc_text("bench"), .path = alloc_text(bench->socket)};
    struct samples idle = {NULL, 0, 0}, loaded = {NULL, 0, 0}, server = {NULL, 0, 0};
    struct purge_engine *engine = purge_engine_new(&target);
    long long last_id = -1;
    redisReply *left;
    double took;

    measure_idle(bench, &idle);
    configure_slowlog(bench);
    took = measure_purge(bench, &loaded, engine);
    read_slowlog(bench, &server, &last_id);
    left = ask(bench, "DBSIZE", 0);
    print("get_idle_p50", quantile(&idle, 0.50) / 1e6, "ms");
    print("get_idle_p99", quantile(&idle, 0.99) / 1e6, "ms");
    print("get_purge_p50", quantile(&loaded, 0.50) / 1e6, "ms");
    print("get_purge_p99", quantile(&loaded, 0.99) / 1e6, "ms");
    print("server_time_p50", quantile(&server, 0.50) / 1e3, "ms");
    print("server_time_p99", quantile(&server, 0.99) / 1e3, "ms");
    print("server_time_max", quantile(&server, 1.0) / 1e3, "ms");
    print("purge_seconds", took, "s");
    print("scan_calls", (double)counter_get(&purge_engine_stats(engine)->scan_calls), "calls");
    print("keys_deleted", (double)counter_get(&purge_engine_stats(engine)->keys_deleted), "keys");
    print("keys_left", (double)left->integer, "keys");
    if (left->integer != bench->keys - 2 * (bench->keys / SHARE))
        give_up("the number of keys that are left is wrong");
    freeReplyObject(left);
    purge_engine_free(engine);
    redis_target_release(&target);
    free(idle.items);
    free(loaded.items);
    free(server.items);
}

int main(int argc, char **argv)
{
    struct bench bench = {.keys = 1000000, .seconds = 5};

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--keys") == 0)
            bench.keys = strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0)
            bench.seconds = strtol(argv[i + 1], NULL, 10);
        else
            give_up("usage: purge [--keys N] [--seconds N]");
    }
    if (bench.keys < 1000 || bench.keys % SHARE != 0 || bench.seconds < 1)
        give_up("--keys must be 1000 or more and a multiple of 10, --seconds 1 or more");
    start_server(&bench);
    fill(&bench);
    run(&bench);
    stop_server(&bench);
    return EXIT_SUCCESS;
}
