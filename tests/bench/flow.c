/*
 * flow - the real pipeline over a topic, measured from outside.
 *
 *   flow BROKERS TOPIC GROUP REDIS_URL RULES N [latency]
 *
 * Makes one pipeline as the service does, runs it in a thread until the work of N records is done, and
 * prints one JSON object. The linker leads four calls of the consumer through here (--wrap), so nothing
 * in the program is made for the bench: the clock starts when the first record is handed out
 * and stops when the offsets that may be committed add up to N, which is when Redis has answered all of
 * it. committed_seconds goes on until the pipeline has committed and left its group.
 *
 * With `latency` the keys of the records are `t:` and the time of the steady clock when each was made
 * (pace.c); p50 and p99 are printed from there, and from where a record was handed out, to the moment its
 * offset may be committed.
 *
 * Allocations: malloc, calloc and realloc are defined here and count those of the pipeline's thread,
 * hiredis and yyjson included. Inside the four calls the count rests: what librdkafka takes for a
 * message is its own. The first fifth of the records does not count, as arenas and buffers grow there.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#include "consumers/base/log.h"
#include "consumers/pipeline/pipeline.h"
#include "consumers/rules/load.h"
#include "tests/bench/latency.h"
#include "tests/bench/measure.h"

enum { MAX_PARTITIONS = 1024, WARM_UP_SHARE = 5, WAIT_SECONDS = 300, DRAIN_MS = 20000 };

struct watch {
    int64_t events;
    int64_t stored[MAX_PARTITIONS], done; /* done: the sum of stored */
    struct moment began, ended;
    bool has_begun, is_warm, has_ended, has_latency;
    uint64_t mallocs, mallocs_warm, mallocs_end; /* of the pipeline's thread */
    struct latency latency;
    sem_t end;
};

struct job {
    struct pipeline *pipeline;
    struct error err;
    bool failed;
};

/* What the wrapped calls see is all of one run and has no other way to get out of them. */
static struct watch watch;            // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
static _Thread_local bool is_counted; // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t nr, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);

static void count_malloc(void)
{
    if (is_counted)
        watch.mallocs++;
}

void *malloc(size_t bytes)
{
    count_malloc();
    return __libc_malloc(bytes);
}

void *calloc(size_t nr, size_t bytes)
{
    count_malloc();
    return __libc_calloc(nr, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    count_malloc();
    return __libc_realloc(memory, bytes);
}

rd_kafka_message_t *__real_rd_kafka_consumer_poll(rd_kafka_t *kafka, int timeout_ms);
rd_kafka_message_t *__wrap_rd_kafka_consumer_poll(rd_kafka_t *kafka, int timeout_ms);
rd_kafka_resp_err_t __real_rd_kafka_message_headers(const rd_kafka_message_t *message,
                                                    rd_kafka_headers_t **headers);
rd_kafka_resp_err_t __wrap_rd_kafka_message_headers(const rd_kafka_message_t *message,
                                                    rd_kafka_headers_t **headers);
void __real_rd_kafka_message_destroy(rd_kafka_message_t *message);
void __wrap_rd_kafka_message_destroy(rd_kafka_message_t *message);
rd_kafka_resp_err_t __real_rd_kafka_offsets_store(rd_kafka_t *kafka,
                                                  rd_kafka_topic_partition_list_t *offsets);
rd_kafka_resp_err_t __wrap_rd_kafka_offsets_store(rd_kafka_t *kafka,
                                                  rd_kafka_topic_partition_list_t *offsets);

rd_kafka_message_t *__wrap_rd_kafka_consumer_poll(rd_kafka_t *kafka, int timeout_ms)
{
    bool was_counted = is_counted;
    rd_kafka_message_t *message;

    is_counted = false;
    message = __real_rd_kafka_consumer_poll(kafka, timeout_ms);
    if (!watch.has_begun && message != NULL && !message->err) {
        watch.has_begun = true;
        watch.began = moment_now();
    }
    if (watch.has_latency && message != NULL && !message->err)
        latency_note_message(&watch.latency, message);
    is_counted = was_counted;
    return message;
}

void __wrap_rd_kafka_message_destroy(rd_kafka_message_t *message)
{
    bool was_counted = is_counted;

    is_counted = false;
    __real_rd_kafka_message_destroy(message);
    is_counted = was_counted;
}

rd_kafka_resp_err_t __wrap_rd_kafka_message_headers(const rd_kafka_message_t *message,
                                                    rd_kafka_headers_t **headers)
{
    bool was_counted = is_counted;
    rd_kafka_resp_err_t code;

    is_counted = false;
    code = __real_rd_kafka_message_headers(message, headers);
    is_counted = was_counted;
    return code;
}

static void note_stored(const rd_kafka_topic_partition_list_t *offsets)
{
    for (int i = 0; i < offsets->cnt; i++) {
        const rd_kafka_topic_partition_t *entry = &offsets->elems[i];

        if (entry->offset < 0 || entry->partition >= MAX_PARTITIONS)
            continue;
        watch.done += entry->offset - watch.stored[entry->partition];
        if (watch.has_latency)
            latency_note_stored(&watch.latency, entry->partition, entry->offset);
        watch.stored[entry->partition] = entry->offset;
    }
    if (!watch.is_warm && watch.done >= watch.events / WARM_UP_SHARE) {
        watch.is_warm = true;
        watch.mallocs_warm = watch.mallocs;
    }
    if (watch.has_ended || watch.done < watch.events)
        return;
    watch.has_ended = true;
    watch.mallocs_end = watch.mallocs;
    watch.ended = moment_now();
    sem_post(&watch.end);
}

rd_kafka_resp_err_t __wrap_rd_kafka_offsets_store(rd_kafka_t *kafka,
                                                  rd_kafka_topic_partition_list_t *offsets)
{
    bool was_counted = is_counted;
    rd_kafka_resp_err_t code;

    is_counted = false;
    code = __real_rd_kafka_offsets_store(kafka, offsets);
    note_stored(offsets);
    is_counted = was_counted;
    return code;
}

_Noreturn static void refuse_rules(const char *path, const struct diagnostics *found)
{
    for (size_t i = 0; i < found->nr; i++)
        fprintf(stderr, "%s: %.*s\n", found->items[i].code, SLICE_ARG(found->items[i].message));
    give_up(path, "not usable");
}

static struct rules_handle *load_rules(const char *path)
{
    const struct slice targets[] = {SLICE("default")};
    struct rules_handle *handle = rules_handle_new();
    struct diagnostics found;
    struct error err = ERROR_INIT;
    struct ruleset *ruleset;

    diagnostics_init(&found);
    ruleset = load_paths(&path, 1, &found);
    if (ruleset == NULL)
        refuse_rules(path, &found);
    if (!ruleset_bind_targets(ruleset, targets, 1, &err))
        give_up(path, err.text);
    diagnostics_release(&found);
    rules_handle_publish(handle, ruleset);
    return handle;
}

static void *run_pipeline(void *argument)
{
    struct job *job = argument;

    is_counted = true;
    job->failed = !pipeline_run(job->pipeline, &job->err);
    is_counted = false;
    sem_post(&watch.end);
    return NULL;
}

static void await_end(void)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_SECONDS;
    while (sem_timedwait(&watch.end, &until) != 0)
        if (errno != EINTR)
            give_up("flow", "the records were not worked off in time");
}

static void print_result(const struct pipeline_stats *stats, struct moment committed)
{
    int64_t warm_up = watch.events / WARM_UP_SHARE;
    double counted = (double)(watch.events - warm_up);

    print_common((long)watch.events, watch.began, watch.ended);
    printf(",\"committed_seconds\":%.6f,\"mallocs_per_event\":%.6f,\"longest_gap_ms\":%llu,"
           "\"batches\":%llu,\"keys_deleted\":%llu,\"records\":%llu",
           (double)(committed.ns - watch.began.ns) / 1e9,
           (double)(watch.mallocs_end - watch.mallocs_warm) / counted,
           (unsigned long long)counter_get(&stats->source.longest_poll_gap_ms),
           (unsigned long long)counter_get(&stats->batches),
           (unsigned long long)counter_get(&stats->executor.keys_deleted),
           (unsigned long long)counter_get(&stats->source.records));
    latency_print(&watch.latency);
    puts("}");
}

static void run(const struct pipeline_settings *settings)
{
    struct job job = {.err = ERROR_INIT};
    struct moment committed;
    pthread_t thread;

    job.pipeline = pipeline_new(settings, &job.err);
    if (job.pipeline == NULL || pthread_create(&thread, NULL, run_pipeline, &job) != 0)
        give_up("pipeline", job.err.text);
    await_end();
    pipeline_stop(job.pipeline);
    pthread_join(thread, NULL);
    committed = moment_now();
    if (job.failed || !watch.has_ended)
        give_up("pipeline", job.err.text);
    print_result(pipeline_stats(job.pipeline), committed);
    pipeline_free(job.pipeline);
}

int main(int argc, char **argv)
{
    struct redis_target target = {.name = NULL};
    struct purge_engine *engine;
    struct error err = ERROR_INIT;

    if (argc != 7 && (argc != 8 || strcmp(argv[7], "latency") != 0))
        give_up("usage", "flow BROKERS TOPIC GROUP REDIS_URL RULES N [latency]");
    watch.has_latency = argc == 8;
    keep_memory();
    log_configure(LOG_LEVEL_WARN, LOG_FORMAT_TEXT, STDERR_FILENO);
    sem_init(&watch.end, 0, 0);
    watch.events = count_of(argv[6]);
    if (!redis_target_parse(&target, SLICE("default"), slice_of(argv[4]), &err))
        give_up(argv[4], err.text);
    engine = purge_engine_new(&target);
    run(&(struct pipeline_settings){
        .source = {.brokers = argv[1],
                   .topics = (const char *const[]){argv[2]},
                   .topics_nr = 1,
                   .group = argv[3],
                   .dead_letter_topic = "bench.dlq",
                   .workers = 1},
        .targets = &target,
        .targets_nr = 1,
        .engines = &engine,
        .rules = load_rules(argv[5]),
        .drain_timeout_ms = DRAIN_MS,
    });
    purge_engine_free(engine);
    return 0;
}
