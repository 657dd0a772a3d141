#include "consumers/service/service.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/base/log.h"
#include "consumers/kafka/embedded.h"
#include "consumers/pipeline/pipeline.h"
#include "consumers/pipeline/tail.h"
#include "consumers/service/embedded_note.h"
#include "consumers/service/embedded_redis.h"
#include "consumers/service/http.h"
#include "consumers/service/notify.h"

enum { LOOK_EVERY_MS = 1000, DRAIN_LOOK_MS = 10, MMAP_THRESHOLD_BYTES = 64 << 20 };

struct worker {
    struct pipeline *pipeline;
    pthread_t thread;
    struct service *service;
    struct error err;
};

struct service {
    const struct settings *settings;
    const struct service_options *options;
    struct redis_target *targets; /* copies: with the private Redis if any, and secrets of now */
    struct source_settings source;
    struct kafka_option *kafka_options;
    struct embedded *broker;
    struct embedded_note note; /* of an embedded stack; its token is made up where none is set */
    struct embedded_redis *redis;
    struct rules_handle *rules;
    struct reload *reload;
    struct tail *tail;
    struct purge_engine **engines;
    struct worker *workers;
    struct pipeline **pipelines;
    size_t workers_nr;
    struct metrics_view view;
    struct http *http;
    atomic_uint running; /* pipeline threads that have not ended */
    atomic_bool failed;
};

static bool has_flag(const struct service_options *options, const char *name)
{
    for (size_t i = 0; i < options->flags_nr; i++)
        if (strcmp(options->flags[i].name, name) == 0)
            return true;
    return false;
}

/* The private Redis takes the place of the target "default", unless --redis names one. */
static bool start_private_redis(struct service *service, struct error *err)
{
    if (has_flag(service->options, "--redis"))
        return true;
    service->redis = embedded_redis_start(err);
    if (!service->redis)
        return false;
    struct redis_target *target = &service->targets[0];
    struct redis_target private = {.name = target->name,
                                   .host = (char *)"127.0.0.1",
                                   .port = embedded_redis_port(service->redis),
                                   .database = target->database,
                                   .rewind_ms = target->rewind_ms};
    struct redis_target copy;
    redis_target_copy(&copy, &private);
    redis_target_release(target);
    *target = copy;
    return true;
}

static bool start_private_broker(struct service *service, struct error *err)
{
    const struct settings *settings = service->settings;
    size_t nr = settings->topics_nr;
    const char **topics = alloc_zero(nr + 1, sizeof(*topics));
    for (size_t i = 0; i < nr; i++)
        topics[i] = settings->topics[i];
    topics[nr] = settings->dead_letter_topic;
    service->broker = embedded_new(topics, nr + 1, 4, err);
    free(topics);
    if (!service->broker)
        return false;
    service->source.brokers = embedded_brokers(service->broker);
    snprintf(service->note.brokers, sizeof(service->note.brokers), "%s", service->source.brokers);
    return embedded_note_write(&service->note, err);
}

/* So that `tail --embedded` may ask without any settings. */
static bool note_http(struct service *service, struct error *err)
{
    const struct settings *settings = service->settings;
    bool is_v6 = strchr(settings->http_host, ':') != NULL;
    if (!service->broker)
        return true;
    snprintf(service->note.http, sizeof(service->note.http), "http://%s%s%s:%d", is_v6 ? "[" : "",
             settings->http_host, is_v6 ? "]" : "", http_port(service->http));
    return embedded_note_write(&service->note, err);
}

static const char *token_of(struct service *service)
{
    unsigned char random[16];
    const char *token = service->settings->http_token;
    if (token)
        snprintf(service->note.token, sizeof(service->note.token), "%s", token);
    if (token || !service->broker)
        return token;
    if (getrandom(random, sizeof(random), 0) != sizeof(random))
        return NULL;
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(service->note.token + 2 * i, 3, "%02x", random[i]);
    return service->note.token;
}

/* What the mock cluster needs comes before the operator's own options, which win. */
static void add_embedded_options(struct service *service)
{
    size_t extra_nr;
    const struct kafka_option *extra = embedded_options(service->broker, &extra_nr);
    size_t own_nr = service->settings->options_nr;
    service->kafka_options = alloc_zero(extra_nr + own_nr + 1, sizeof(*service->kafka_options));
    memcpy(service->kafka_options, extra, extra_nr * sizeof(*extra));
    if (own_nr)
        memcpy(service->kafka_options + extra_nr, service->settings->options,
               own_nr * sizeof(*extra));
    service->source.options = service->kafka_options;
    service->source.options_nr = extra_nr + own_nr;
}

static bool start_embedded(struct service *service, struct error *err)
{
    if (!service->options->is_embedded)
        return true;
    if (!start_private_broker(service, err) || !start_private_redis(service, err))
        return false;
    add_embedded_options(service);
    struct buffer redis;
    buffer_init(&redis);
    redis_target_print(&service->targets[0], &redis);
    log_info("embedded stack is up", LOG_TEXT("brokers", service->source.brokers),
             LOG_SLICE("redis", buffer_slice(&redis)));
    buffer_release(&redis);
    return true;
}

static void describe_source(struct service *service)
{
    const struct settings *settings = service->settings;
    service->source = (struct source_settings){
        .brokers = settings->brokers,
        .topics = (const char *const *)settings->topics,
        .topics_nr = settings->topics_nr,
        .group = settings->group,
        .dead_letter_topic = settings->dead_letter_topic,
        .options = settings->options,
        .options_nr = settings->options_nr,
        .workers = (unsigned)settings->workers,
        .on_gap = settings->on_gap,
    };
}

static bool make_pipelines(struct service *service, struct error *err)
{
    size_t nr = (size_t)service->settings->workers;
    service->workers = alloc_zero(nr, sizeof(*service->workers));
    service->pipelines = alloc_zero(nr, sizeof(struct pipeline *));
    for (size_t i = 0; i < nr; i++) {
        struct pipeline_settings settings = {
            .source = service->source,
            .targets = service->targets,
            .targets_nr = service->settings->targets_nr,
            .engines = service->engines,
            .rules = service->rules,
            .tail = service->tail,
            .max_event_bytes = service->settings->max_event_bytes,
            .formats = service->settings->formats,
            .formats_nr = service->settings->formats_nr,
            .drain_timeout_ms = service->settings->drain_timeout_ms,
        };
        settings.source.worker = (unsigned)i;
        service->pipelines[i] = pipeline_new(&settings, err);
        if (!service->pipelines[i])
            return false;
        service->workers[i] =
            (struct worker){.pipeline = service->pipelines[i], .service = service};
        service->workers_nr++;
    }
    return true;
}

static void *run_worker(void *argument)
{
    struct worker *worker = argument;
    if (!pipeline_run(worker->pipeline, &worker->err)) {
        log_error("pipeline failed", LOG_TEXT("why", worker->err.text));
        atomic_store(&worker->service->failed, true);
    }
    atomic_fetch_sub(&worker->service->running, 1);
    return NULL;
}

static bool start_http(struct service *service, struct error *err)
{
    const struct settings *settings = service->settings;
    service->view = (struct metrics_view){.pipelines = service->pipelines,
                                          .pipelines_nr = service->workers_nr,
                                          .targets = service->targets,
                                          .engines = service->engines,
                                          .targets_nr = settings->targets_nr,
                                          .reload = service->reload};
    struct http_settings http = {
        .host = settings->http_host,
        .port = settings->http_port,
        .token = token_of(service),
        .tail = service->tail,
        .events = service->options->events,
        .place = {.source = &service->source, .max_event_bytes = settings->max_event_bytes}};
    service->http = http_start(&http, &service->view, err);
    if (!service->http)
        return false;
    log_info("http is up", LOG_TEXT("host", settings->http_host),
             LOG_INT("port", http_port(service->http)));
    return note_http(service, err);
}

static bool start_threads(struct service *service, struct error *err)
{
    for (size_t i = 0; i < service->workers_nr; i++) {
        atomic_fetch_add(&service->running, 1);
        if (pthread_create(&service->workers[i].thread, NULL, run_worker, &service->workers[i]) ==
            0)
            continue;
        atomic_fetch_sub(&service->running, 1);
        service->workers_nr = i;
        return error_fail(err, ERROR_FATAL, "cannot start a thread");
    }
    return true;
}

/* Signals are taken by sigtimedwait() in the main thread alone: blocked before any thread starts. */
static sigset_t block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return set;
}

static int await_signal(const sigset_t *set, int timeout_ms)
{
    struct timespec timeout = {.tv_sec = timeout_ms / 1000,
                               .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
    return sigtimedwait(set, NULL, &timeout);
}

/* Connections that stand stay logged in as they are; the next one uses the new secret. */
static void rotate_targets(struct service *service, const struct settings *fresh)
{
    for (size_t i = 0; i < service->settings->targets_nr; i++)
        for (size_t j = 0; j < fresh->targets_nr; j++)
            if (strcmp(service->targets[i].name, fresh->targets[j].name) == 0 &&
                redis_target_rotate(&service->targets[i], &fresh->targets[j]))
                log_info("Redis secret changed", LOG_TEXT("target", service->targets[i].name),
                         LOG_TEXT("effect", "the next connection uses it"));
}

static void take_secrets(struct service *service, const struct settings *fresh)
{
    if (fresh->http_token || !service->broker)
        http_set_token(service->http, fresh->http_token);
    if (!service->redis)
        rotate_targets(service, fresh);
}

static void reload_secrets(struct service *service)
{
    struct buffer errors;
    buffer_init(&errors);
    const struct service_options *options = service->options;
    struct settings *fresh =
        settings_load(options->config_path, options->flags, options->flags_nr, environ, &errors);
    if (fresh)
        take_secrets(service, fresh);
    else
        log_error("secrets not reloaded", LOG_SLICE("why", buffer_slice(&errors)));
    settings_free(fresh);
    buffer_release(&errors);
}

static void on_hangup(struct service *service)
{
    struct buffer report;
    buffer_init(&report);
    (void)reload_now(service->reload, "SIGHUP", &report);
    buffer_release(&report);
    reload_secrets(service);
}

static void watch(struct service *service, const sigset_t *signals)
{
    while (!atomic_load(&service->failed)) {
        int received = await_signal(signals, LOOK_EVERY_MS);
        notify_systemd("WATCHDOG=1");
        http_look(service->http);
        if (received == SIGTERM || received == SIGINT) {
            log_info("stopping", LOG_TEXT("signal", received == SIGTERM ? "SIGTERM" : "SIGINT"));
            return;
        }
        if (received == SIGHUP)
            on_hangup(service);
        else
            reload_look(service->reload);
    }
}

/* Lets the pipelines drain; a second signal leaves at once: what was not committed comes again. */
static void stop_workers(struct service *service, const sigset_t *signals)
{
    notify_systemd("STOPPING=1");
    for (size_t i = 0; i < service->workers_nr; i++)
        pipeline_stop(service->pipelines[i]);
    while (atomic_load(&service->running) > 0) {
        int received = await_signal(signals, DRAIN_LOOK_MS);
        if (received == SIGTERM || received == SIGINT) {
            log_plain(LOG_LEVEL_WARN, "stopped at once: unfinished work comes again");
            if (service->broker)
                embedded_note_remove();
            _exit(EXIT_FAILURE);
        }
    }
    for (size_t i = 0; i < service->workers_nr; i++)
        pthread_join(service->workers[i].thread, NULL);
}

static void tear_down(struct service *service)
{
    if (service->http)
        http_stop(service->http);
    for (size_t i = 0; service->engines && i < service->settings->targets_nr; i++)
        if (service->engines[i])
            purge_engine_free(service->engines[i]);
    for (size_t i = 0; i < service->workers_nr; i++)
        pipeline_free(service->pipelines[i]);
    tail_free(service->tail);
    reload_free(service->reload);
    rules_handle_free(service->rules);
    if (service->broker) {
        embedded_note_remove();
        embedded_free(service->broker);
    }
    embedded_redis_stop(service->redis);
    free(service->engines);
    free(service->workers);
    free(service->pipelines);
    free(service->kafka_options);
    for (size_t i = 0; i < service->settings->targets_nr; i++)
        redis_target_release(&service->targets[i]);
    free(service->targets);
}

static bool assemble(struct service *service, struct error *err)
{
    if (!start_embedded(service, err))
        return false;
    size_t nr = service->settings->targets_nr;
    service->engines = alloc_zero(nr, sizeof(struct purge_engine *));
    for (size_t i = 0; i < nr; i++)
        service->engines[i] = purge_engine_new(&service->targets[i]);
    return make_pipelines(service, err) && start_http(service, err) && start_threads(service, err);
}

static void prepare(struct service *service)
{
    const struct settings *settings = service->settings;
    if (service->options->is_embedded)
        log_plain(LOG_LEVEL_WARN, "embedded: for trying and testing only; nothing is kept at exit");
    /* Fetch buffers come and go by megabytes: giving them back each time costs a fifth of the CPU. */
    mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
    mallopt(M_TRIM_THRESHOLD, MMAP_THRESHOLD_BYTES);
    service->targets = alloc_zero(settings->targets_nr, sizeof(*service->targets));
    for (size_t i = 0; i < settings->targets_nr; i++)
        redis_target_copy(&service->targets[i], &settings->targets[i]);
    describe_source(service);
    service->rules = rules_handle_new();
    service->reload = reload_new(settings, service->rules);
    service->tail = tail_new();
}

enum service_result service_run(struct settings *settings, const struct service_options *options,
                                struct buffer *errors)
{
    struct service service = {.settings = settings, .options = options};
    struct error err = ERROR_INIT;
    sigset_t signals = block_signals();
    prepare(&service);
    enum service_result result = SERVICE_REFUSED;
    bool is_up = reload_now(service.reload, "start", errors) && assemble(&service, &err);
    if (is_up) {
        notify_systemd("READY=1");
        watch(&service, &signals);
        result = atomic_load(&service.failed) ? SERVICE_FAILED : SERVICE_STOPPED;
    } else if (err.kind != ERROR_NONE) {
        buffer_printf(errors, "%s\n", err.text);
        result = err.kind == ERROR_CONFIG ? SERVICE_REFUSED : SERVICE_FAILED;
    }
    stop_workers(&service, &signals);
    if (is_up && result == SERVICE_STOPPED)
        log_plain(LOG_LEVEL_INFO, "stopped");
    tear_down(&service);
    return result;
}
