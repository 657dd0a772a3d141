/* The dead-letter topic, letter by letter. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/cli/dlq.h"
#include "consumers/cli/rule_paths.h"

enum { STEP_MS = 200, ARENA_BYTES = 64 << 10, PROGRESS_EVERY = 1000, SHOW_EVERY_MS = 200 };

/* Offsets of the letters of a partition that are done with, sorted. */
struct dlq_marks {
    int64_t *offsets;
    size_t nr, capacity;
};

int dlq_fail(const struct error *err)
{
    fprintf(stderr, "unstale dlq: %s\n", err->text);
    return err->kind == ERROR_RETRY ? EXIT_UNREACHABLE : EXIT_FINDINGS;
}

/* ---- which part of a log ---- */

/* Up to where it must be read for marks, and for letters. */
struct stretch {
    int64_t from, to;
};

static struct stretch stretch_of(const struct dlq *dlq, const struct reader_log *log)
{
    const struct dlq_options *options = dlq->options;
    struct stretch found = {INT64_MAX, 0};

    if (options->places_nr == 0)
        return (struct stretch){log->low, log->high};
    for (size_t i = 0; i < options->places_nr; i++) {
        int64_t offset = options->places[i].offset;

        if (options->places[i].partition != log->partition || offset >= log->high)
            continue;
        found.from = offset < found.from ? offset : found.from;
        found.to = offset + 1 > found.to ? offset + 1 : found.to;
    }
    if (found.from < log->low)
        found.from = log->low;
    return found;
}

static bool begin(struct dlq *dlq, const struct reader_log *log, struct stretch stretch,
                  struct error *err)
{
    struct reader_stretch wanted = {dlq->logs.topic, log->partition, stretch.from, stretch.to};

    return reader_begin(dlq->reader, &wanted, err);
}

static enum reader_step next(struct dlq *dlq, struct record *record, struct error *err)
{
    enum reader_step step;

    do {
        arena_reset(&dlq->scratch, 0);
        step = reader_next(dlq->reader, STEP_MS, &dlq->scratch, record, err);
    } while (step == READER_WAITS);
    return step;
}

/* ---- marks ---- */

static int compare_offsets(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

static void show_progress(struct dlq *dlq, const struct reader_log *log, int64_t offset)
{
    int64_t now_ms;

    if (offset % PROGRESS_EVERY || !isatty(STDERR_FILENO))
        return;
    now_ms = clock_steady_ms();
    if (now_ms - dlq->shown_ms < SHOW_EVERY_MS)
        return;
    dlq->shown_ms = now_ms;
    fprintf(stderr, "\rreading %s: partition %" PRId32 ", %" PRId64 " of %" PRId64, dlq->logs.topic,
            log->partition, offset - log->low, log->high - log->low);
}

static bool find_marks_of(struct dlq *dlq, const struct reader_log *log, struct dlq_marks *marks,
                          struct error *err)
{
    struct stretch letters = stretch_of(dlq, log);
    struct stretch stretch = {letters.from, letters.from < letters.to ? log->high : 0};
    struct record record;
    struct letter letter;
    enum reader_step step;
    int64_t marked;

    if (!begin(dlq, log, stretch, err))
        return false;
    while ((step = next(dlq, &record, err)) == READER_RECORD) {
        show_progress(dlq, log, record.offset);
        if (letter_read(&record, &letter, &marked) || marked < 0)
            continue;
        marks->offsets =
            alloc_grow(marks->offsets, marks->nr, &marks->capacity, sizeof(*marks->offsets));
        marks->offsets[marks->nr++] = marked;
    }
    if (marks->nr > 0)
        qsort(marks->offsets, marks->nr, sizeof(*marks->offsets), compare_offsets);
    return step == READER_END;
}

static bool find_marks(struct dlq *dlq, struct error *err)
{
    bool ok = true;

    dlq->marks = arena_zero(&dlq->arena, dlq->logs.nr + 1, sizeof(*dlq->marks));
    for (size_t i = 0; i < dlq->logs.nr && ok; i++)
        ok = find_marks_of(dlq, &dlq->logs.items[i], &dlq->marks[i], err);
    if (dlq->shown_ms > 0)
        fputs("\r\033[K", stderr);
    return ok;
}

static bool is_marked(const struct dlq_marks *marks, int64_t offset)
{
    return marks->nr > 0 &&
           bsearch(&offset, marks->offsets, marks->nr, sizeof(offset), compare_offsets) != NULL;
}

/* ---- letters ---- */

static bool is_among(const struct dlq_options *options, const struct record *record)
{
    for (size_t i = 0; i < options->places_nr; i++)
        if (options->places[i].partition == record->partition &&
            options->places[i].offset == record->offset)
            return true;
    return options->places_nr == 0;
}

static bool is_any(struct slice wanted, struct slice have)
{
    return slice_is_absent(wanted) || slice_equals(wanted, have);
}

/* The first failure's rule, or that of another one. */
static bool names_rule(const struct letter *letter, struct slice rule, struct arena *arena)
{
    struct slice member;

    if (is_any(rule, letter->rule))
        return true;
    member = arena_printf(arena, "\"rule\":\"%.*s\"", SLICE_ARG(rule));
    return letter->failures.len > 0 &&
           memmem(letter->failures.ptr, letter->failures.len, member.ptr, member.len) != NULL;
}

static bool is_of_model(const struct letter *letter, struct slice model,
                        const struct decode_options *decode, struct arena *arena)
{
    struct error err = ERROR_INIT;
    struct record record = *letter->record;
    const char *skipped;
    struct event event;

    if (slice_is_absent(model))
        return true;
    record.topic = letter->topic;
    return decode_record(&record, decode, arena, &event, &skipped, &err) == DECODE_EVENT &&
           slice_equals_nocase(event.model, model);
}

bool dlq_matches(const struct dlq_options *options, const struct letter *letter,
                 const struct decode_options *decode, struct arena *arena)
{
    int64_t ms = letter->record->timestamp_ms;

    return is_among(options, letter->record) && is_any(options->reason, letter->reason) &&
           is_any(options->topic, letter->topic) &&
           (options->since_ms < 0 || ms >= options->since_ms) &&
           (options->until_ms < 0 || ms < options->until_ms) &&
           names_rule(letter, options->rule, arena) &&
           is_of_model(letter, options->model, decode, arena);
}

/* Models of tables are told by the rules; without rules a table is its own name. */
static struct ruleset *load_tables(const struct dlq *dlq)
{
    return slice_is_absent(dlq->options->model) ? NULL : rule_paths_load_quietly(dlq->settings);
}

struct walk {
    struct dlq *dlq;
    struct decode_options decode;
    dlq_visit visit;
    void *context;
    bool is_over;
};

static void meet(struct walk *walk, const struct letter *letter, bool is_done)
{
    struct dlq *dlq = walk->dlq;
    const struct settings *settings = dlq->settings;

    walk->decode.format =
        decode_topic_format(settings->formats, settings->formats_nr, letter->topic);
    if (!dlq_matches(dlq->options, letter, &walk->decode, &dlq->scratch))
        return;
    dlq->done += is_done;
    if (is_done && !dlq->options->shows_done && dlq->options->action != DLQ_SHOW)
        return;
    dlq->letters++;
    walk->is_over = !walk->visit(walk->context, letter, is_done) ||
                    (dlq->options->limit > 0 && dlq->letters >= dlq->options->limit);
}

static bool walk_log(struct walk *walk, size_t at, struct error *err)
{
    struct dlq *dlq = walk->dlq;
    const struct reader_log *log = &dlq->logs.items[at];
    enum reader_step step = READER_RECORD;
    struct record record;
    struct letter letter;
    int64_t marked;

    if (!begin(dlq, log, stretch_of(dlq, log), err))
        return false;
    while (!walk->is_over && (step = next(dlq, &record, err)) == READER_RECORD)
        if (letter_read(&record, &letter, &marked))
            meet(walk, &letter, is_marked(&dlq->marks[at], record.offset));
    return step != READER_FAILED;
}

bool dlq_walk(struct dlq *dlq, dlq_visit visit, void *context, struct error *err)
{
    struct ruleset *rules = load_tables(dlq);
    struct walk walk = {.dlq = dlq, .visit = visit, .context = context};
    bool ok = true;

    walk.decode.max_bytes = dlq->settings->max_event_bytes;
    walk.decode.tables = rules ? rules->tables : NULL;
    for (size_t i = 0; i < dlq->logs.nr && ok && !walk.is_over; i++)
        ok = walk_log(&walk, i, err);
    ruleset_free(rules);
    return ok;
}

/* ---- where letters came from ---- */

struct dlq_origin {
    struct slice topic;
    int partitions;
};

static int ask_partitions(struct dlq *dlq, struct slice topic)
{
    struct error err = ERROR_INIT;
    int nr = 0;

    return reader_count_partitions(dlq->reader, topic.ptr, &nr, &err) ? nr : 0;
}

int dlq_count_partitions(struct dlq *dlq, struct slice topic)
{
    for (size_t i = 0; i < dlq->origins_nr; i++)
        if (slice_equals(dlq->origins[i].topic, topic))
            return dlq->origins[i].partitions;
    dlq->origins = arena_grow(&dlq->arena, dlq->origins, dlq->origins_nr, &dlq->origins_capacity,
                              sizeof(*dlq->origins));
    struct dlq_origin *origin = &dlq->origins[dlq->origins_nr++];
    origin->topic = slice_of(arena_text(&dlq->arena, topic));
    origin->partitions = ask_partitions(dlq, origin->topic);
    return origin->partitions;
}

/* ---- open and close ---- */

bool dlq_open(struct dlq *dlq, const struct settings *settings, const struct dlq_options *options,
              int *code)
{
    struct error err = ERROR_INIT;
    struct reader_settings source = {settings->brokers, settings->group, settings->options,
                                     settings->options_nr};

    *dlq = (struct dlq){
        .settings = settings, .options = options, .logs = {.topic = settings->dead_letter_topic}};
    arena_init(&dlq->arena, ARENA_BYTES);
    arena_init(&dlq->scratch, ARENA_BYTES);
    buffer_init(&dlq->out);
    dlq->reader = reader_open(&source, &err);
    if (dlq->reader && reader_find_logs(dlq->reader, &dlq->logs, &dlq->arena, &err) &&
        find_marks(dlq, &err))
        return true;
    *code = dlq_fail(&err);
    dlq_close(dlq);
    return false;
}

void dlq_close(struct dlq *dlq)
{
    for (size_t i = 0; dlq->marks && i < dlq->logs.nr; i++)
        free(dlq->marks[i].offsets);
    reader_close(dlq->reader);
    buffer_release(&dlq->out);
    arena_release(&dlq->scratch);
    arena_release(&dlq->arena);
}
