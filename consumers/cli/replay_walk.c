/* Records of those stretches, sent again. */
#include <stdio.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/cli/replay.h"
#include "consumers/cli/rule_paths.h"
#include "consumers/kafka/letter.h"

enum { STEP_MS = 200, ARENA_BYTES = 64 << 10, GENERATIONS_MAX = 16 };

static int fail(const struct error *err)
{
    fprintf(stderr, "unstale replay: %s\n", err->text);
    return err->kind == ERROR_RETRY ? EXIT_UNREACHABLE : EXIT_FINDINGS;
}

/* ---- which models ---- */

static bool is_wanted(const struct replay *replay, struct slice label)
{
    for (size_t i = 0; i < replay->options->models_nr; i++)
        if (slice_equals_nocase(replay->options->models[i], label))
            return true;
    return replay->options->models_nr == 0;
}

/* The model or one that the rules' catalogue calls a parent of it, near or far. */
static bool descends(const struct replay *replay, struct slice label, int generations)
{
    const struct ruleset *rules = replay->rules;

    if (is_wanted(replay, label))
        return true;
    for (size_t i = 0; rules && generations > 0 && i < rules->models_nr; i++)
        for (size_t j = 0;
             slice_equals_nocase(rules->models[i].label, label) && j < rules->models[i].parents_nr;
             j++)
            if (descends(replay, rules->models[i].parents[j], generations - 1))
                return true;
    return false;
}

bool replay_matches(const struct replay *replay, const struct event *event)
{
    struct value_iter it = value_walk(event->parents);

    if (descends(replay, event->model, GENERATIONS_MAX))
        return true;
    while (value_next(&it))
        if (value_type(it.item) == VALUE_STRING &&
            descends(replay, value_text(it.item), GENERATIONS_MAX))
            return true;
    return false;
}

/* ---- records ---- */

/* In the order they went in, once Kafka has it, or will not. */
static void settle(void *context, uint64_t nr, bool is_done)
{
    struct replay *replay = context;
    const struct replay_sent *sent = &replay->under_way[nr % RESEND_WINDOW];

    replay->has_gap |= !is_done;
    if (!is_done)
        return;
    replay_tally_add(&replay->tallies[sent->tally], sent->offset, sent->ms);
    if (!replay->has_gap)
        replay->done = (struct replay_place){slice_of(replay->log->topic), replay->log->partition,
                                             sent->offset};
}

/* False: it is left out, and counted. */
static bool choose(struct replay *replay, const struct record *record, struct event *event)
{
    struct error err = ERROR_INIT;
    const char *skipped;

    if (!slice_is_absent(letter_header(record, "unstale.replayed"))) {
        replay->before++;
        return false;
    }
    if (decode_record(record, &replay->decode, &replay->scratch, event, &skipped, &err) !=
        DECODE_EVENT) {
        replay->no_events++;
        return false;
    }
    if (replay_matches(replay, event))
        return true;
    replay->others++;
    return false;
}

/* False: no more of them. */
static bool take(struct replay *replay, const struct record *record)
{
    struct event event;

    if (!choose(replay, record, &event))
        return !resend_is_cancelled(replay->resend);
    struct record repeat = letter_repeat(record, 0, &replay->scratch);
    struct resend_item item = {.record = &repeat,
                               .name = letter_header(&repeat, "unstale.replayed")};
    replay->under_way[replay->pushed % RESEND_WINDOW] = (struct replay_sent){
        replay_tally_of(replay, event.model), record->offset, record->timestamp_ms};
    if (!resend_push(replay->resend, &item))
        return false;
    replay->pushed++;
    return true;
}

static enum reader_step next(struct replay *replay, struct record *record, struct error *err)
{
    arena_reset(&replay->scratch, 0);
    return reader_next(replay->reader, STEP_MS, &replay->scratch, record, err);
}

/* True when all of the log was taken. */
static bool walk_log(struct replay *replay, struct error *err)
{
    const struct replay_log *log = replay->log;
    struct reader_stretch stretch = {log->topic, log->partition, log->from, log->to};
    struct record record;
    enum reader_step step;

    replay->decode.format = decode_topic_format(replay->settings->formats,
                                                replay->settings->formats_nr, slice_of(log->topic));
    if (!reader_begin(replay->reader, &stretch, err))
        return false;
    while ((step = next(replay, &record, err)) != READER_END) {
        if (step == READER_FAILED)
            return false;
        if (step == READER_WAITS ? resend_is_cancelled(replay->resend) : !take(replay, &record))
            return false;
    }
    return true;
}

/* ---- all of it ---- */

static bool open_all(struct replay *replay, struct error *err)
{
    const struct settings *settings = replay->settings;
    struct reader_settings source = {settings->brokers, settings->group, settings->options,
                                     settings->options_nr};
    struct resend_settings target = {.verb = "replay",
                                     .brokers = settings->brokers,
                                     .options = settings->options,
                                     .options_nr = settings->options_nr,
                                     .rate = replay->options->rate,
                                     .is_dry = replay->options->is_dry,
                                     .is_quiet = true,
                                     .settle = settle,
                                     .context = replay};

    replay->reader = reader_open(&source, err);
    if (!replay->reader || !replay_find_logs(replay, err))
        return false;
    replay->resend = resend_open(&target, err);
    return replay->resend != NULL;
}

static void release(struct replay *replay)
{
    resend_close(replay->resend);
    reader_close(replay->reader);
    ruleset_free(replay->rules);
    buffer_release(&replay->out);
    arena_release(&replay->scratch);
    arena_release(&replay->tally_arena);
    arena_release(&replay->arena);
    free(replay);
}

static void print_end(struct replay *replay, const struct resend_counts *counts, int64_t start_ms)
{
    bool is_dry = replay->options->is_dry;

    replay_print_left_out(replay);
    if (replay->options->as_json)
        return;
    printf("%zu record%s %sreplayed", counts->done, counts->done == 1 ? "" : "s",
           is_dry ? "would be " : "");
    if (counts->failed > 0)
        printf(", %zu failed", counts->failed);
    if (is_dry)
        printf("\n");
    else
        printf(" in %.1f s\n", (double)(clock_steady_ms() - start_ms) / 1000);
    fflush(stdout);
}

static int replay_all(struct replay *replay)
{
    struct error err = ERROR_INIT;
    struct resend_counts counts = {0};
    int64_t start_ms = clock_steady_ms();
    bool is_whole = true;

    for (size_t i = 0; i < replay->logs_nr && is_whole; i++) {
        replay->log = &replay->logs[i];
        replay_tally_begin(replay);
        is_whole = walk_log(replay, &err);
        resend_finish(replay->resend, &counts);
        replay_print_log(replay);
        is_whole = is_whole && !counts.is_unreachable;
    }
    print_end(replay, &counts, start_ms);
    int code = err.kind != ERROR_NONE ? fail(&err) : EXIT_FINDINGS;
    if (!is_whole)
        replay_print_going_on(replay);
    if (counts.is_unreachable)
        return EXIT_UNREACHABLE;
    return is_whole && counts.failed == 0 ? EXIT_OK : code;
}

int replay_run(const struct settings *settings, const struct replay_options *options)
{
    struct replay *replay = alloc_zero(1, sizeof(*replay));
    struct error err = ERROR_INIT;

    replay->settings = settings;
    replay->options = options;
    replay->done = options->after;
    arena_init(&replay->arena, ARENA_BYTES);
    arena_init(&replay->tally_arena, ARENA_BYTES);
    arena_init(&replay->scratch, ARENA_BYTES);
    buffer_init(&replay->out);
    replay->rules = rule_paths_load_quietly(settings);
    replay->decode.max_bytes = settings->max_event_bytes;
    replay->decode.tables = replay->rules ? replay->rules->tables : NULL;
    int code = open_all(replay, &err) ? replay_all(replay) : fail(&err);
    release(replay);
    return code;
}
