/*
 * memory - decode, match, render, plan and Redis without Kafka: events that lie in memory.
 *
 *   memory REDIS_URL RULES N [WORD...]
 *
 *   zipf          hot ids (exponent 0.99 over 200,000) instead of each once
 *   large         events of 2 KB instead of 350 bytes
 *   apart         operations are not coalesced
 *   stages        a batch is decoded whole and then planned, so that each can be timed
 *   version=N     of every event
 *   batch=N       records a batch at most (1024)
 *   rate=N        N events arrive a second: latency from arrival to Redis' answer
 *   record=FILE   what is written to Redis also goes there, for `redis replay`
 *
 * Two batches are in flight and batches are greedy, as in consumers/pipeline. Prints one JSON object.
 * `own` and the stages are CPU of the one thread; in `emit` the kernel's part of sending does not
 * count (send() is led through here by the linker).
 */
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "consumers/base/clock.h"
#include "consumers/base/log.h"
#include "consumers/event/decode.h"
#include "consumers/plan/render.h"
#include "consumers/redis/executor.h"
#include "consumers/rules/load.h"
#include "tests/bench/sample.h"
#include "tests/bench/zipf.h"

enum {
    PLANS_NR = EXECUTOR_FLIGHTS + 1,
    IDS = 200000,
    ANSWER_WAIT_MS = 20,
    DOWN_LIMIT = 500,
    LARGE_PAD = 1650
};

struct options {
    const char *record;
    long events, batch, rate, version;
    bool is_zipf, is_large, is_apart, has_stages;
};

struct batch {
    struct plan plan;
    struct arena arena;
    size_t first, nr; /* of the records */
};

struct bench {
    struct options options;
    struct slice *texts; /* a record's value each */
    struct arena text_arena, scratch;
    struct ruleset *ruleset;
    struct executor_stats stats;
    struct executor *executor;
    struct batch batches[PLANS_NR];
    struct event events[PLAN_MAX_RECORDS];
    unsigned flights_nr, oldest, filling;
    size_t taken, done;
    int64_t began_ns;
    double *latencies_ms;
    size_t ops, coalesced;
    double decode, plan, emit; /* CPU seconds */
};

/* What the wrapped send() sees has no other way to get out of it. */
static double send_seconds; // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
static FILE *recording;     // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);

static double own_cpu(void)
{
    struct timespec own;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
    return (double)own.tv_sec + (double)own.tv_nsec / 1e9;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    double began = own_cpu();
    ssize_t sent = __real_send(fd, bytes, len, flags);

    send_seconds += own_cpu() - began;
    if (recording != NULL && sent > 0 && fwrite(bytes, 1, (size_t)sent, recording) != (size_t)sent)
        give_up("record", "cannot be written");
    return sent;
}

static struct slice make_text(struct arena *arena, unsigned id, const struct options *options)
{
    size_t pad_len = options->is_large ? LARGE_PAD : 0;
    char *pad = arena_bytes(arena, pad_len), *text = arena_bytes(arena, SAMPLE_BYTES + pad_len);

    memset(pad, 'x', pad_len);
    return (struct slice){text, sample_event(text, SAMPLE_BYTES + pad_len, id, options->version,
                                             (struct slice){pad, pad_len})};
}

static void make_texts(struct bench *bench)
{
    double *cumulated = bench->options.is_zipf ? zipf_new(IDS) : NULL;
    unsigned state = 1;

    bench->texts = calloc((size_t)bench->options.events, sizeof(*bench->texts));
    bench->latencies_ms = calloc((size_t)bench->options.events, sizeof(*bench->latencies_ms));
    if (bench->texts == NULL || bench->latencies_ms == NULL)
        give_up("memory", "none left");
    for (long i = 0; i < bench->options.events; i++) {
        unsigned id = cumulated != NULL ? zipf_pick(cumulated, IDS, &state) : (unsigned)i;

        bench->texts[i] = make_text(&bench->text_arena, id, &bench->options);
    }
    free(cumulated);
}

static void decode_one(struct bench *bench, size_t i, struct arena *arena, struct event *event)
{
    struct record record = {.timestamp_ms = clock_wall_ms(), .value = bench->texts[i]};
    struct error err = ERROR_INIT;
    const char *skipped;

    if (decode_record(&record, NULL, arena, event, &skipped, &err) != DECODE_EVENT)
        give_up("decode", err.text);
}

static void plan_in_turn(struct bench *bench, struct batch *batch, struct render_context *render)
{
    for (size_t i = 0; i < batch->nr; i++) {
        struct event event;

        decode_one(bench, batch->first + i, &bench->scratch, &event);
        render_event(render, &event, (uint32_t)i);
        arena_reset(&bench->scratch, 1 << 20);
    }
}

static void plan_in_stages(struct bench *bench, struct batch *batch, struct render_context *render)
{
    double began = own_cpu(), decoded;

    for (size_t i = 0; i < batch->nr; i++)
        decode_one(bench, batch->first + i, &bench->scratch, &bench->events[i]);
    decoded = own_cpu();
    bench->decode += decoded - began;
    for (size_t i = 0; i < batch->nr; i++)
        render_event(render, &bench->events[i], (uint32_t)i);
    plan_coalesce(&batch->plan);
    bench->plan += own_cpu() - decoded;
    arena_reset(&bench->scratch, 8 << 20);
}

static void start_batch(struct bench *bench, size_t nr)
{
    struct batch *batch = &bench->batches[bench->filling];
    struct render_context render = {
        .ruleset = bench->ruleset, .plan = &batch->plan, .arena = &batch->arena};
    double began, sent;

    arena_reset(&batch->arena, 8 << 20);
    plan_clear(&batch->plan, &batch->arena);
    batch->first = bench->taken;
    batch->nr = nr;
    bench->taken += nr;
    (bench->options.has_stages ? plan_in_stages : plan_in_turn)(bench, batch, &render);
    if (!bench->options.is_apart && !bench->options.has_stages)
        plan_coalesce(&batch->plan);
    bench->ops += batch->plan.ops_nr;
    bench->coalesced += batch->plan.coalesced_nr;
    began = own_cpu();
    sent = send_seconds;
    executor_start(bench->executor, (bench->oldest + bench->flights_nr) % EXECUTOR_FLIGHTS,
                   &batch->plan);
    bench->emit += own_cpu() - began - (send_seconds - sent);
    bench->flights_nr++;
    bench->filling = (bench->filling + 1) % PLANS_NR;
}

static int64_t arrival_ns(const struct bench *bench, size_t i)
{
    return bench->began_ns + (int64_t)((double)i * 1e9 / (double)bench->options.rate);
}

/* The oldest flight is that of the batch so many before the one that fills. */
static void note_answered(struct bench *bench)
{
    unsigned at = (bench->filling + PLANS_NR - bench->flights_nr) % PLANS_NR;
    const struct batch *batch = &bench->batches[at];
    int64_t now = clock_steady_ns();

    if (bench->options.rate > 0)
        for (size_t i = batch->first; i < batch->first + batch->nr; i++)
            bench->latencies_ms[i] = (double)(now - arrival_ns(bench, i)) / 1e6;
    bench->done += batch->nr;
    bench->flights_nr--;
    bench->oldest = (bench->oldest + 1) % EXECUTOR_FLIGHTS;
}

static void settle(struct bench *bench, int timeout_ms)
{
    enum executor_state state = executor_wait(bench->executor, bench->oldest, timeout_ms);

    if (state == EXECUTOR_DONE)
        note_answered(bench);
    else if (state != EXECUTOR_PENDING)
        give_up("redis", executor_trouble(bench->executor));
}

/* How many records are there by now and fit. */
static size_t available(const struct bench *bench)
{
    size_t all = (size_t)bench->options.events, there = all;

    if (bench->options.rate > 0) {
        double passed = (double)(clock_steady_ns() - bench->began_ns) / 1e9;

        there = (size_t)(passed * (double)bench->options.rate) + 1;
    }
    there = (there < all ? there : all) - bench->taken;
    return there < (size_t)bench->options.batch ? there : (size_t)bench->options.batch;
}

static void rest_until(int64_t ns)
{
    struct timespec until = {ns / 1000000000, ns % 1000000000};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static void turn(struct bench *bench)
{
    size_t nr = bench->flights_nr < EXECUTOR_FLIGHTS ? available(bench) : 0;

    if (nr > 0)
        start_batch(bench, nr);
    if (bench->flights_nr > 0)
        settle(bench, nr == 0 || bench->flights_nr == EXECUTOR_FLIGHTS ? ANSWER_WAIT_MS : 0);
    else if (bench->taken < (size_t)bench->options.events)
        rest_until(arrival_ns(bench, bench->taken));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_result(struct bench *bench, struct moment began, struct moment ended)
{
    size_t nr = (size_t)bench->options.events;

    print_common((long)nr, began, ended);
    printf(",\"decode_ns\":%.1f,\"plan_ns\":%.1f,\"emit_ns\":%.1f,\"ops\":%zu,\"coalesced\":%zu,"
           "\"keys_deleted\":%llu",
           bench->decode / (double)nr * 1e9, bench->plan / (double)nr * 1e9,
           bench->emit / (double)nr * 1e9, bench->ops, bench->coalesced,
           (unsigned long long)counter_get(&bench->stats.keys_deleted));
    if (bench->options.rate > 0) {
        qsort(bench->latencies_ms, nr, sizeof(double), by_value);
        printf(",\"p50_ms\":%.4f,\"p99_ms\":%.4f", bench->latencies_ms[nr / 2],
               bench->latencies_ms[nr / 100 * 99]);
    }
    puts("}");
}

static void run(struct bench *bench)
{
    struct moment began, ended;

    for (int i = 0; executor_ready(bench->executor, 100) != EXECUTOR_DONE; i++)
        if (i > DOWN_LIMIT)
            give_up("redis", executor_trouble(bench->executor));
    if (bench->options.record != NULL && (recording = fopen(bench->options.record, "w")) == NULL)
        give_up(bench->options.record, "cannot be made");
    send_seconds = 0;
    began = moment_now();
    bench->began_ns = began.ns;
    while (bench->done < (size_t)bench->options.events)
        turn(bench);
    ended = moment_now();
    if (recording != NULL && fclose(recording) != 0)
        give_up(bench->options.record, "cannot be written");
    print_result(bench, began, ended);
}

static const char *value_of(const char *word, const char *name)
{
    size_t len = strlen(name);

    return strncmp(word, name, len) == 0 ? word + len : NULL;
}

static void take_word(struct options *options, const char *word)
{
    const char *value;

    if (strcmp(word, "zipf") == 0)
        options->is_zipf = true;
    else if (strcmp(word, "large") == 0)
        options->is_large = true;
    else if (strcmp(word, "apart") == 0)
        options->is_apart = true;
    else if (strcmp(word, "stages") == 0)
        options->has_stages = true;
    else if ((value = value_of(word, "batch=")) != NULL)
        options->batch = count_of(value);
    else if ((value = value_of(word, "version=")) != NULL)
        options->version = count_of(value);
    else if ((value = value_of(word, "rate=")) != NULL)
        options->rate = count_of(value);
    else if ((value = value_of(word, "record=")) != NULL)
        options->record = value;
    else
        give_up(word, "not a word of memory");
}

static struct ruleset *load_rules(const char *path)
{
    const struct slice targets[] = {SLICE("default")};
    struct error err = ERROR_INIT;
    struct diagnostics found;
    struct ruleset *ruleset;

    diagnostics_init(&found);
    ruleset = load_paths(&path, 1, &found);
    if (ruleset == NULL || !ruleset_bind_targets(ruleset, targets, 1, &err))
        give_up(path, err.text);
    diagnostics_release(&found);
    return ruleset;
}

static void bench_init(struct bench *bench, const char *rules, const struct redis_target *target)
{
    arena_init(&bench->text_arena, 1 << 20);
    arena_init(&bench->scratch, 1 << 20);
    for (size_t i = 0; i < PLANS_NR; i++) {
        arena_init(&bench->batches[i].arena, 256 << 10);
        plan_init(&bench->batches[i].plan);
    }
    bench->ruleset = load_rules(rules);
    bench->executor = executor_new(target, 1, &bench->stats);
    make_texts(bench);
}

static void bench_release(struct bench *bench)
{
    executor_free(bench->executor);
    ruleset_free(bench->ruleset);
    for (size_t i = 0; i < PLANS_NR; i++) {
        plan_release(&bench->batches[i].plan);
        arena_release(&bench->batches[i].arena);
    }
    arena_release(&bench->scratch);
    arena_release(&bench->text_arena);
    free(bench->texts);
    free(bench->latencies_ms);
}

int main(int argc, char **argv)
{
    struct redis_target target = {.name = NULL};
    struct error err = ERROR_INIT;
    struct bench *bench = calloc(1, sizeof(*bench));

    if (argc < 4 || bench == NULL)
        give_up("usage", "memory REDIS_URL RULES N [WORD...]");
    bench->options = (struct options){
        .events = count_of(argv[3]), .batch = PLAN_MAX_RECORDS, .version = 1795341600123456};
    for (int i = 4; i < argc; i++)
        take_word(&bench->options, argv[i]);
    if (bench->options.batch > PLAN_MAX_RECORDS)
        give_up("batch", "too large");
    keep_memory();
    (void)prctl(PR_SET_TIMERSLACK, 1); /* an arrival is not to be 50 us late */
    log_configure(LOG_LEVEL_WARN, LOG_FORMAT_TEXT, STDERR_FILENO);
    if (!redis_target_parse(&target, SLICE("default"), slice_of(argv[1]), &err))
        give_up(argv[1], err.text);
    bench_init(bench, argv[2], &target);
    run(bench);
    bench_release(bench);
    free(bench);
    redis_target_release(&target);
    return 0;
}
