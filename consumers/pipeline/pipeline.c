#include "consumers/pipeline/pipeline.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/base/kill_point.h"
#include "consumers/base/log.h"
#include "consumers/pipeline/acknowledge.h"
#include "consumers/pipeline/gaps.h"
#include "consumers/pipeline/rewind.h"

enum {
    BATCHES_NR = EXECUTOR_FLIGHTS + 1, /* two in flight, one that fills */
    IDLE_WAIT_MS = 100,                /* for the first record, when nothing else is under way */
    HELD_WAIT_MS = 10,                 /* the same while purges or letters are awaited */
    ANSWER_WAIT_MS = 20,               /* for Redis, before Kafka is polled again */
    DOWN_WAIT_MS = 100,
    PROBE_EVERY_MS = 1000, /* PING while there is no traffic */
    TAKE_MAX = 256
};

struct pipeline {
    struct pipeline_settings settings;
    struct pipeline_stats stats;
    struct source *source;
    struct offsets *offsets;
    struct executor *executor;
    struct dead_letters *letters;
    struct purge_tickets *tickets;
    struct holds *holds;
    struct delayed *delayed;
    struct gaps *gaps;
    struct rewind *rewind;
    struct tail_writer *tail; /* NULL: none */
    struct model_cache models;
    struct batch batches[BATCHES_NR];
    unsigned filling;                  /* index of the batch that fills */
    unsigned flight[EXECUTOR_FLIGHTS]; /* batch in each executor slot */
    unsigned flights_nr;
    unsigned oldest; /* executor slot of the oldest flight */
    struct rules_ref *rules;
    uint64_t rules_generation;
    struct rule_count *counts;
    bool is_paused;    /* all partitions, because Redis is away */
    bool is_refused;   /* and it was said that somebody must mend it */
    bool is_held_back; /* some partitions, because too much waits */
    int64_t next_probe_ms;
    int64_t stop_deadline_ms; /* steady clock; 0 while it runs */
    atomic_bool stop;
    pthread_mutex_t trouble_mutex; /* guards trouble */
    char trouble[ERROR_TEXT_BYTES];
};

/* `who` ("Redis: ") tells a socket's path from the rest. */
static void set_trouble(struct pipeline *pipeline, const char *who, const char *text)
{
    pthread_mutex_lock(&pipeline->trouble_mutex);
    snprintf(pipeline->trouble, sizeof(pipeline->trouble), "%s%s", who, text ? text : "");
    pthread_mutex_unlock(&pipeline->trouble_mutex);
}

/* Takes the newest rules at a batch boundary; batches that are in flight keep theirs. */
static void adopt_rules(struct pipeline *pipeline)
{
    uint64_t generation = rules_handle_generation(pipeline->settings.rules);
    if (generation == pipeline->rules_generation)
        return;
    pipeline->rules_generation = generation;
    if (pipeline->rules)
        rules_ref_drop(pipeline->rules);
    pipeline->rules = rules_handle_take(pipeline->settings.rules);
    free(pipeline->counts);
    pipeline->counts =
        alloc_zero(pipeline->rules->ruleset->rules_nr + 1, sizeof(*pipeline->counts));
    memset(&pipeline->models, 0, sizeof(pipeline->models));
}

static const char *const state_texts[] = {"", "waiting for Redis", "Redis is away",
                                          "Redis refuses us"};

/* Once an outage, and once more when it turns out not to pass by itself. */
static void tell_away(struct pipeline *pipeline, enum executor_state state)
{
    set_trouble(pipeline, "Redis: ", executor_trouble(pipeline->executor));
    if (pipeline->is_paused && (state != EXECUTOR_CONFIG || pipeline->is_refused))
        return;
    pipeline->is_refused = state == EXECUTOR_CONFIG;
    log_warn(state_texts[state], LOG_TEXT("why", executor_trouble(pipeline->executor)),
             LOG_TEXT("effect", "partitions paused; nothing is skipped"));
}

/* While Redis is away Kafka is paused but polled on, so that the group keeps this member. */
static void note_redis(struct pipeline *pipeline, enum executor_state state)
{
    bool is_away = state == EXECUTOR_DOWN || state == EXECUTOR_CONFIG;
    if (state == EXECUTOR_PENDING)
        return;
    counter_set(&pipeline->stats.executor_state, state);
    if (is_away)
        tell_away(pipeline, state);
    if (is_away == pipeline->is_paused)
        return;
    pipeline->is_paused = is_away;
    counter_set(&pipeline->stats.paused, is_away);
    pipeline->is_refused = pipeline->is_refused && is_away;
    if (!is_away)
        log_info("Redis answers again", LOG_TEXT("effect", "partitions resumed"));
    (is_away ? source_pause_all : source_resume_all)(pipeline->source, PAUSE_REDIS);
}

static struct acknowledger acknowledger_of(struct pipeline *pipeline)
{
    return (struct acknowledger){.offsets = pipeline->offsets,
                                 .holds = pipeline->holds,
                                 .delayed = pipeline->delayed,
                                 .letters = pipeline->letters,
                                 .engines = pipeline->settings.engines,
                                 .tickets = pipeline->tickets,
                                 .stats = &pipeline->stats,
                                 .executor = pipeline->executor,
                                 .tail = pipeline->tail,
                                 .wall_ms = clock_wall_ms(),
                                 .steady_ms = clock_steady_ms()};
}

/* Reads answers of the oldest flight; acknowledges its batch when they are all there. */
static enum executor_state settle_oldest(struct pipeline *pipeline, int timeout_ms)
{
    unsigned slot = pipeline->oldest;
    enum executor_state state = executor_wait(pipeline->executor, slot, timeout_ms);
    note_redis(pipeline, state);
    if (state != EXECUTOR_DONE)
        return state;
    struct batch *batch = &pipeline->batches[pipeline->flight[slot]];
    struct acknowledger acknowledger = acknowledger_of(pipeline);
    acknowledge_batch(&acknowledger, batch, slot);
    batch_clear(batch);
    pipeline->flights_nr--;
    pipeline->oldest = (slot + 1) % EXECUTOR_FLIGHTS;
    return state;
}

static unsigned free_batch(const struct pipeline *pipeline)
{
    for (unsigned i = 0; i < BATCHES_NR; i++)
        if (i != pipeline->filling && batch_is_empty(&pipeline->batches[i]))
            return i;
    abort(); /* three batches, at most two in flight */
}

/* decode, match, render, plan, and off to Redis: by the rules of now, not of when the poll began. */
static void start_batch(struct pipeline *pipeline)
{
    adopt_rules(pipeline);
    struct batch *batch = &pipeline->batches[pipeline->filling];
    struct batch_context context = {.stats = &pipeline->stats,
                                    .models = &pipeline->models,
                                    .counts = pipeline->counts,
                                    .max_event_bytes = pipeline->settings.max_event_bytes,
                                    .formats = pipeline->settings.formats,
                                    .formats_nr = pipeline->settings.formats_nr,
                                    .tail = tail_writer_begin(pipeline->tail),
                                    .now_ms = clock_wall_ms()};
    kill_point("before-plan");
    batch_plan(batch, rules_ref_keep(pipeline->rules), &context);
    unsigned slot = (pipeline->oldest + pipeline->flights_nr) % EXECUTOR_FLIGHTS;
    pipeline->flight[slot] = pipeline->filling;
    pipeline->flights_nr++;
    executor_start(pipeline->executor, slot, &batch->plan);
    kill_point("after-send");
    pipeline->filling = free_batch(pipeline);
}

static void take_tickets(struct pipeline *pipeline)
{
    uint64_t tickets[TAKE_MAX];
    size_t nr = purge_tickets_take(pipeline->tickets, tickets, TAKE_MAX);
    for (size_t i = 0; i < nr; i++) {
        kill_point("after-purge");
        gaps_ticket_is_back(pipeline->gaps, tickets[i]);
        holds_take_back(pipeline->holds, tickets[i], pipeline->offsets);
    }
}

static void take_letters(struct pipeline *pipeline, int timeout_ms)
{
    struct offset_mark marks[TAKE_MAX];
    size_t nr = dead_letters_take(pipeline->letters, timeout_ms, marks, TAKE_MAX);
    if (nr > 0)
        kill_point("after-confirmed");
    for (size_t i = 0; i < nr; i++)
        offsets_release(pipeline->offsets, marks[i]);
}

static bool engines_are_full(const struct pipeline *pipeline, uint64_t limit)
{
    for (size_t i = 0; i < pipeline->settings.targets_nr; i++)
        if (counter_get(&purge_engine_stats(pipeline->settings.engines[i])->pending) >= limit)
            return true;
    return false;
}

/* A partition that led to too much unfinished work rests until half of it is done. */
static void hold_back(struct pipeline *pipeline)
{
    uint64_t held = offsets_held(pipeline->offsets);
    counter_set(&pipeline->stats.held, held);
    uint64_t share = pipeline->is_held_back ? 2 : 1;
    bool engines_full = held > 0 && engines_are_full(pipeline, PURGE_MAX_PENDING / share);
    bool any = false;
    for (uint32_t slot = 0; slot < offsets_nr(pipeline->offsets); slot++) {
        uint64_t mine = offsets_slot(pipeline->offsets, slot)->held_nr;
        if (mine >= OFFSETS_MAX_HELD / share || (mine > 0 && engines_full)) {
            source_pause(pipeline->source, slot, PAUSE_HELD);
            any = true;
        } else if (pipeline->is_held_back) {
            source_resume(pipeline->source, slot, PAUSE_HELD);
        }
    }
    if (any != pipeline->is_held_back)
        log_info(any ? "partitions rest: too much work waits" : "partitions resumed",
                 LOG_INT("held_records", held));
    pipeline->is_held_back = any;
}

/* What finished elsewhere since the last turn: purges, dead letters; then store what that frees. */
static void collect_finished(struct pipeline *pipeline)
{
    tail_writer_flush(pipeline->tail);
    take_tickets(pipeline);
    take_letters(pipeline, 0);
    gaps_go_on(pipeline->gaps, pipeline->source, clock_steady_ms());
    hold_back(pipeline);
    source_store(pipeline->source);
}

static bool is_waiting_elsewhere(const struct pipeline *pipeline)
{
    return holds_nr(pipeline->holds) > 0 || dead_letters_pending(pipeline->letters) > 0;
}

/* How long Kafka may be waited on: not at all while Redis has something of ours. */
static int poll_timeout_ms(const struct pipeline *pipeline)
{
    if (pipeline->flights_nr > 0)
        return 0;
    int64_t wait = is_waiting_elsewhere(pipeline) ? HELD_WAIT_MS : IDLE_WAIT_MS;
    int64_t due = delayed_wait_ms(pipeline->delayed, clock_steady_ms());
    return (int)(due >= 0 && due < wait ? due : wait);
}

static void probe_redis(struct pipeline *pipeline, int64_t now_ms)
{
    if (pipeline->flights_nr > 0 || now_ms < pipeline->next_probe_ms)
        return;
    note_redis(pipeline, executor_ready(pipeline->executor, DOWN_WAIT_MS));
    pipeline->next_probe_ms = now_ms + (pipeline->is_paused ? 0 : PROBE_EVERY_MS);
}

static void note_source(struct pipeline *pipeline)
{
    bool is_joined = source_is_joined(pipeline->source);
    counter_set(&pipeline->stats.joined, is_joined);
    if (pipeline->is_paused)
        return;
    const char *trouble = source_trouble(pipeline->source);
    if (!trouble)
        trouble = dead_letters_trouble(pipeline->letters);
    if (!trouble && !is_joined)
        trouble = "waiting for the consumer group";
    set_trouble(pipeline, "", trouble);
}

/* A target may have come back as another, or with less than it had confirmed. */
static void rewind_if_due(struct pipeline *pipeline, int64_t now_ms)
{
    struct rewind_context context = {.source = pipeline->source,
                                     .offsets = pipeline->offsets,
                                     .executor = pipeline->executor,
                                     .filling = &pipeline->batches[pipeline->filling],
                                     .stats = &pipeline->stats,
                                     .now_ms = now_ms,
                                     .wall_ms = clock_wall_ms()};
    rewind_turn(pipeline->rewind, &context);
}

/* One turn: poll, plan and send what came, read what Redis answered. */
static void turn(struct pipeline *pipeline)
{
    int64_t now_ms = clock_steady_ms();
    counter_set(&pipeline->stats.last_loop_ms, (uint64_t)now_ms);
    probe_redis(pipeline, now_ms);
    /* source_poll() may call on_revoke(), which settles flights: look at them only afterwards. */
    size_t polled = batch_fill(&pipeline->batches[pipeline->filling], pipeline->source,
                               poll_timeout_ms(pipeline));
    struct batch *batch = &pipeline->batches[pipeline->filling];
    if (!pipeline->is_paused)
        batch_add_due(batch, pipeline->delayed, clock_steady_ms());
    bool has_work = !batch_is_empty(batch) && !pipeline->is_paused;
    if (has_work && pipeline->flights_nr < EXECUTOR_FLIGHTS)
        start_batch(pipeline);
    bool must_wait = polled == 0 || pipeline->flights_nr == EXECUTOR_FLIGHTS;
    if (pipeline->flights_nr > 0)
        settle_oldest(pipeline, must_wait ? ANSWER_WAIT_MS : 0);
    rewind_if_due(pipeline, now_ms);
    collect_finished(pipeline);
    note_source(pipeline);
}

/*
 * Waits for Redis' answers and confirmed letters, never for purges or second deletes: they come again.
 * A stop has one deadline, however many partitions are handed back on the way.
 */
static bool drain(struct pipeline *pipeline)
{
    int64_t deadline = pipeline->stop_deadline_ms;
    if (deadline == 0)
        deadline = clock_steady_ms() + pipeline->settings.drain_timeout_ms;
    while (pipeline->flights_nr > 0 && clock_steady_ms() < deadline)
        settle_oldest(pipeline, ANSWER_WAIT_MS);
    while (dead_letters_pending(pipeline->letters) > 0 && clock_steady_ms() < deadline)
        take_letters(pipeline, ANSWER_WAIT_MS);
    take_tickets(pipeline);
    take_letters(pipeline, 0);
    return pipeline->flights_nr == 0 && dead_letters_pending(pipeline->letters) == 0;
}

static void on_revoke(void *context, const uint32_t *slots, size_t nr, bool lost)
{
    struct pipeline *pipeline = context;
    batch_drop_slots(&pipeline->batches[pipeline->filling], slots, nr);
    log_info(lost ? "partitions lost" : "partitions revoked", LOG_INT("partitions", nr));
    if (!lost)
        rewind_settle(pipeline->rewind, pipeline->source);
    if (!lost && !drain(pipeline))
        log_warn("revoked before Redis answered", LOG_TEXT("effect", "that work comes again"));
}

static const char *const gap_texts[] = {
    [ON_GAP_STOP] = "stop", [ON_GAP_CONTINUE] = "continue", [ON_GAP_PURGE] = "purge"};

/* Leaving the gap behind is left to the turn: this runs inside source_poll(). */
static void on_gap(void *context, uint32_t slot, int64_t from, int64_t to)
{
    struct pipeline *pipeline = context;
    const struct offsets_slot *place = offsets_slot(pipeline->offsets, slot);
    enum on_gap on_gap_is = pipeline->settings.source.on_gap;
    log_error("events are lost: Kafka no longer has them", LOG_SLICE("topic", place->topic),
              LOG_INT("partition", place->partition), LOG_INT("from", from), LOG_INT("to", to),
              LOG_TEXT("on_gap", gap_texts[on_gap_is]));
    if (on_gap_is == ON_GAP_CONTINUE)
        gaps_note(pipeline->gaps, slot);
    if (on_gap_is != ON_GAP_PURGE)
        return;
    adopt_rules(pipeline);
    struct gap_purge purge = {.ruleset = pipeline->rules->ruleset,
                              .engines = pipeline->settings.engines,
                              .tickets = pipeline->tickets,
                              .holds = pipeline->holds};
    gaps_purge(pipeline->gaps, slot, &purge);
}

struct pipeline *pipeline_new(const struct pipeline_settings *settings, struct error *err)
{
    struct pipeline *pipeline = alloc_zero(1, sizeof(*pipeline));
    const struct source_settings *source = &settings->source;
    pipeline->settings = *settings;
    pthread_mutex_init(&pipeline->trouble_mutex, NULL);
    pipeline_stats_init(&pipeline->stats);
    for (unsigned i = 0; i < BATCHES_NR; i++)
        batch_init(&pipeline->batches[i]);
    pipeline->offsets = offsets_new();
    pipeline->holds = holds_new();
    pipeline->delayed = delayed_new();
    pipeline->gaps = gaps_new();
    pipeline->rewind = rewind_new(rewind_longest_ms(settings->targets, settings->targets_nr));
    pipeline->tickets = purge_tickets_new();
    pipeline->executor =
        executor_new(settings->targets, settings->targets_nr, &pipeline->stats.executor);
    pipeline->tail = settings->tail ? tail_writer_new(settings->tail) : NULL;
    set_trouble(pipeline, "", "starting");
    struct source_callbacks callbacks = {.context = pipeline, .revoke = on_revoke, .gap = on_gap};
    pipeline->source =
        source_new(source, &callbacks, pipeline->offsets, &pipeline->stats.source, err);
    if (pipeline->source)
        pipeline->letters = dead_letters_new(source->brokers, source->dead_letter_topic,
                                             source->options, source->options_nr, err);
    if (pipeline->letters)
        return pipeline;
    pipeline_free(pipeline);
    return NULL;
}

/* The group is joined only once Redis answered: until then Kafka is left alone. */
static void await_redis(struct pipeline *pipeline)
{
    bool said = false;
    while (!atomic_load(&pipeline->stop)) {
        counter_set(&pipeline->stats.last_loop_ms, (uint64_t)clock_steady_ms());
        enum executor_state state = executor_ready(pipeline->executor, DOWN_WAIT_MS);
        counter_set(&pipeline->stats.executor_state, state);
        if (state == EXECUTOR_DONE)
            return;
        const char *why = executor_trouble(pipeline->executor);
        set_trouble(pipeline, "Redis: ", why[0] ? why : "no answer yet");
        if (!said && (state == EXECUTOR_DOWN || state == EXECUTOR_CONFIG))
            log_warn("Redis cannot be used yet", LOG_TEXT("why", why),
                     LOG_TEXT("effect", "Kafka is left alone until it can"));
        said = said || state != EXECUTOR_PENDING;
    }
}

bool pipeline_run(struct pipeline *pipeline, struct error *err)
{
    await_redis(pipeline);
    while (!atomic_load_explicit(&pipeline->stop, memory_order_relaxed) &&
           !source_is_fatal(pipeline->source))
        turn(pipeline);
    if (source_is_fatal(pipeline->source))
        return error_fail(err, ERROR_FATAL, "%s", source_trouble(pipeline->source));
    batch_clear(&pipeline->batches[pipeline->filling]);
    source_pause_all(pipeline->source, PAUSE_DRAIN);
    pipeline->stop_deadline_ms = clock_steady_ms() + pipeline->settings.drain_timeout_ms;
    if (!drain(pipeline))
        log_warn("stopped before all was answered", LOG_TEXT("effect", "that work comes again"));
    rewind_settle(pipeline->rewind, pipeline->source);
    source_store(pipeline->source);
    source_close(pipeline->source);
    return true;
}

void pipeline_stop(struct pipeline *pipeline)
{
    atomic_store(&pipeline->stop, true);
    source_wake(pipeline->source);
}

void pipeline_free(struct pipeline *pipeline)
{
    if (!pipeline)
        return;
    for (unsigned i = 0; i < pipeline->flights_nr; i++)
        executor_abandon(pipeline->executor, (pipeline->oldest + i) % EXECUTOR_FLIGHTS);
    for (unsigned i = 0; i < BATCHES_NR; i++)
        batch_release(&pipeline->batches[i]);
    executor_free(pipeline->executor);
    if (pipeline->letters)
        dead_letters_free(pipeline->letters);
    if (pipeline->source)
        source_free(pipeline->source);
    offsets_free(pipeline->offsets);
    holds_free(pipeline->holds);
    delayed_free(pipeline->delayed);
    gaps_free(pipeline->gaps);
    rewind_free(pipeline->rewind);
    purge_tickets_free(pipeline->tickets);
    tail_writer_free(pipeline->tail);
    if (pipeline->rules)
        rules_ref_drop(pipeline->rules);
    free(pipeline->counts);
    pipeline_stats_release(&pipeline->stats);
    pthread_mutex_destroy(&pipeline->trouble_mutex);
    free(pipeline);
}

const struct pipeline_stats *pipeline_stats(const struct pipeline *pipeline)
{
    return &pipeline->stats;
}

bool pipeline_is_ready(const struct pipeline *pipeline)
{
    return counter_get(&pipeline->stats.joined) &&
           counter_get(&pipeline->stats.executor_state) == EXECUTOR_DONE;
}

void pipeline_trouble(struct pipeline *pipeline, char *out, size_t bytes)
{
    pthread_mutex_lock(&pipeline->trouble_mutex);
    snprintf(out, bytes, "%s", pipeline->trouble);
    pthread_mutex_unlock(&pipeline->trouble_mutex);
}

size_t pipeline_lags(const struct pipeline *pipeline, struct source_lag *out, size_t max)
{
    return source_lags(pipeline->source, out, max);
}
