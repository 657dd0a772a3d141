#include "consumers/redis/purge_tag.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/base/decimal.h"
#include "consumers/base/log.h"
#include "consumers/plan/plan.h"
#include "consumers/redis/purge_tickets.h"
#include "consumers/redis/reply_class.h"
#include "consumers/redis/resp.h"

enum { CHUNK_BYTES = 512, SSCAN_COUNT = 200, HOMELESS_MS = 100 };

static struct tag_job *current(const struct purge_tag *tag)
{
    return tag->nr > 0 ? tag->jobs[0] : NULL;
}

/* ---- jobs ---- */

struct slice purge_tag_aside(struct slice key, struct arena *arena)
{
    const char *open = memchr(key.ptr, '{', key.len);
    size_t after = open ? (size_t)(open - key.ptr) + 1 : 0;
    const char *close = open ? memchr(key.ptr + after, '}', key.len - after) : NULL;

    if (open == NULL && memchr(key.ptr, '}', key.len) == NULL)
        return arena_printf(arena, "unstale:tag:{%.*s}", SLICE_ARG(key));
    if (close == NULL || close == open + 1)
        return arena_printf(arena, "unstale:tag:%.*s", SLICE_ARG(key));
    return arena_printf(arena, "unstale:tag:{%.*s}:%.*s", (int)(close - open - 1), open + 1,
                        SLICE_ARG(key));
}

static struct tag_job *job_new(const struct purge_request *request)
{
    struct tag_job *job = alloc_zero(1, sizeof(*job));
    struct slice *globs;

    arena_init(&job->arena, CHUNK_BYTES);
    globs = arena_alloc(&job->arena, request->protect_nr * sizeof(*globs));
    for (size_t i = 0; i < request->protect_nr; i++)
        globs[i] = arena_copy(&job->arena, request->protect[i]);
    job->key = arena_copy(&job->arena, request->pattern);
    job->aside = purge_tag_aside(job->key, &job->arena);
    job->protection = (struct purge_protection){globs, request->protect_nr, request->prefix_bytes};
    return job;
}

static void job_free(struct tag_job *job)
{
    arena_release(&job->arena);
    free(job->waiters.items);
    free(job);
}

/* The job a request may join: an equal one that has not begun. */
static struct tag_job *find_waiting(const struct purge_tag *tag, struct slice key)
{
    for (size_t i = tag->is_started ? 1 : 0; i < tag->nr; i++)
        if (slice_equals(tag->jobs[i]->key, key))
            return tag->jobs[i];
    return NULL;
}

void purge_tag_add(struct purge_tag *tag, const struct purge_request *request, int64_t since_ns)
{
    struct tag_job *job = find_waiting(tag, request->pattern);

    if (job == NULL) {
        job = job_new(request);
        tag->jobs = alloc_grow(tag->jobs, tag->nr, &tag->capacity, sizeof(struct tag_job *));
        tag->jobs[tag->nr++] = job;
    }
    job->waiters.items = alloc_grow(job->waiters.items, job->waiters.nr, &job->waiters.capacity,
                                    sizeof(*job->waiters.items));
    job->waiters.items[job->waiters.nr++] =
        (struct purge_waiter){request->tickets, request->ticket, request->id, since_ns};
}

static void begin_walk(struct purge_tag *tag, enum tag_phase phase)
{
    if (tag->members != NULL)
        purge_members_abandon(tag->members);
    tag->phase = phase;
    tag->cursor = 0;
    tag->is_last = false;
    purge_keys_clear(&tag->doomed);
    purge_keys_clear(&tag->found);
}

static void remove_job(struct purge_tag *tag, size_t at)
{
    job_free(tag->jobs[at]);
    tag->nr--;
    memmove(tag->jobs + at, tag->jobs + at + 1, (tag->nr - at) * sizeof(struct tag_job *));
    tag->is_started = tag->is_started && at > 0;
}

/* The first job's round is over: if it was cancelled meanwhile, so is the job. */
static void drop_cancelled(struct purge_tag *tag)
{
    if (tag->nr == 0 || !current(tag)->is_cancelled)
        return;
    if (tag->members != NULL)
        purge_members_abandon(tag->members);
    remove_job(tag, 0);
}

static void finish_job(struct purge_tag *tag)
{
    struct tag_job *job = current(tag);
    int64_t now_ns = clock_steady_ns();

    for (size_t i = 0; i < job->waiters.nr; i++) {
        const struct purge_waiter *waiter = &job->waiters.items[i];

        histogram_add_us(&tag->stats->seconds, (uint64_t)(now_ns - waiter->since_ns) / 1000);
        purge_tickets_give(waiter->tickets, waiter->ticket);
    }
    counter_add(&tag->stats->finished, !job->is_cancelled);
    remove_job(tag, 0);
}

/* ---- the connection ---- */

static void on_element(void *sink, int depth, struct slice text)
{
    struct purge_tag *tag = sink;

    if (depth == 1) {
        tag->has_cursor = decimal_to_uint64(text, &tag->cursor_next);
    } else if (tag->phase == TAG_PROBE) {
        return;
    } else if (purge_is_spared(current(tag)->protection, text)) {
        counter_add(&tag->stats->keys_protected, 1);
    } else {
        purge_keys_add(&tag->found, text, 0);
        current(tag)->matched++;
    }
    current(tag)->scanned += depth > 1;
}

void purge_tag_init(struct purge_tag *tag, const struct redis_target *target,
                    struct purge_cluster *cluster, struct purge_stats *stats)
{
    *tag = (struct purge_tag){.stats = stats, .cluster = cluster};
    if (cluster != NULL)
        tag->members = purge_members_new(target, stats);
    connection_init(&tag->connection, target);
    tag->connection.answers.element = on_element;
    tag->connection.answers.sink = tag;
    backoff_init(&tag->backoff);
    purge_keys_init(&tag->doomed);
    purge_keys_init(&tag->found);
}

void purge_tag_release(struct purge_tag *tag)
{
    connection_release(&tag->connection);
    purge_members_free(tag->members);
    purge_keys_release(&tag->doomed);
    purge_keys_release(&tag->found);
    for (size_t i = 0; i < tag->nr; i++)
        job_free(tag->jobs[i]);
    free(tag->jobs);
}

static void hold(struct purge_tag *tag, bool is_config, struct slice why)
{
    tag->retry_at_ms = clock_steady_ms() + backoff_next(&tag->backoff, is_config);
    if (!tag->is_troubled)
        log_error("tag purge held up", LOG_TEXT("target", tag->connection.target->name),
                  LOG_SLICE("reason", why));
    tag->is_troubled = true;
}

static void on_lost(struct purge_tag *tag)
{
    const struct error *trouble = &tag->connection.trouble;

    tag->is_round_open = false;
    tag->is_started = false;
    drop_cancelled(tag);
    if (tag->nr > 0)
        hold(tag, trouble->kind == ERROR_CONFIG, slice_of(trouble->text));
}

/* ---- rounds: one write, its answers ---- */

static void write_sscan(struct purge_tag *tag, struct slice key, uint64_t cursor, int64_t count)
{
    struct buffer *out = &tag->connection.out;

    resp_begin(out, 5);
    resp_bulk(out, SLICE("SSCAN"));
    resp_bulk(out, key);
    resp_bulk_int(out, (int64_t)cursor);
    resp_bulk(out, SLICE("COUNT"));
    resp_bulk_int(out, count);
    tag->has_cursor = false;
    connection_expect(&tag->connection, 1);
}

/* The members first: a set that is gone before them could not bring them back to mind. */
static void write_walk(struct purge_tag *tag)
{
    struct slice aside = current(tag)->aside;

    tag->unlinks_due = 0;
    if (tag->cluster == NULL)
        tag->unlinks_due = purge_keys_write_unlinks(&tag->doomed, &tag->connection);
    else
        purge_members_start(tag->members, &tag->doomed);
    if (tag->is_last && tag->cluster != NULL && tag->doomed.nr > 0)
        return;
    if (!tag->is_last) {
        write_sscan(tag, aside, tag->cursor, SSCAN_COUNT);
        return;
    }
    resp_command(&tag->connection.out, (struct slice[]){SLICE("UNLINK"), aside}, 2);
    connection_expect(&tag->connection, 1);
}

static void begin_round(struct purge_tag *tag)
{
    struct tag_job *job = current(tag);

    if (!tag->is_started) {
        begin_walk(tag, TAG_LEFTOVER);
        job->started_ms = clock_steady_ms();
        job->scanned = job->matched = 0;
    }
    tag->is_started = true;
    tag->is_round_open = true;
    tag->is_refused = false;
    tag->is_no_set = false;
    tag->moved = 0;
    switch (tag->phase) {
    case TAG_LEFTOVER:
    case TAG_WALK:
        write_walk(tag);
        break;
    case TAG_PROBE:
        write_sscan(tag, job->key, 0, 1);
        break;
    case TAG_MOVE:
        resp_command(&tag->connection.out,
                     (struct slice[]){SLICE("RENAMENX"), job->key, job->aside}, 3);
        connection_expect(&tag->connection, 1);
        break;
    }
}

/* After an SSCAN: its members are next; after the last one the set goes with them. */
static void end_walk_round(struct purge_tag *tag)
{
    if (!tag->is_last) {
        purge_keys_swap(&tag->doomed, &tag->found);
        purge_keys_clear(&tag->found);
        tag->cursor = tag->cursor_next;
        tag->is_last = tag->cursor == 0;
        return;
    }
    if (tag->cluster != NULL && tag->doomed.nr > 0) {
        purge_keys_clear(&tag->doomed);
        return;
    }
    if (tag->phase == TAG_WALK)
        finish_job(tag);
    else
        tag->phase = TAG_PROBE;
}

static void end_probe(struct purge_tag *tag)
{
    if (!tag->is_no_set) {
        tag->phase = TAG_MOVE;
        return;
    }
    log_error("purge_tag: the key is no set, left as it is",
              LOG_TEXT("target", tag->connection.target->name));
    finish_job(tag);
}

static void end_move(struct purge_tag *tag)
{
    if (tag->moved < 0)
        finish_job(tag);
    else
        begin_walk(tag, tag->moved > 0 ? TAG_WALK : TAG_LEFTOVER);
}

static void end_round(struct purge_tag *tag)
{
    tag->is_round_open = false;
    tag->retry_at_ms = 0;
    backoff_reset(&tag->backoff);
    if (tag->is_troubled)
        log_info("tag purge goes on", LOG_TEXT("target", tag->connection.target->name));
    tag->is_troubled = false;
    switch (tag->phase) {
    case TAG_LEFTOVER:
    case TAG_WALK:
        end_walk_round(tag);
        break;
    case TAG_PROBE:
        end_probe(tag);
        break;
    case TAG_MOVE:
        end_move(tag);
        break;
    }
}

/* The slot is another node's, or on the move: the job begins anew where it is then. */
static bool is_homeless(struct purge_tag *tag, struct slice text)
{
    static const char *const words[] = {"MOVED ", "ASK ", "TRYAGAIN", "CLUSTERDOWN"};

    for (size_t i = 0; i < ARRAY_NR(words) && tag->cluster != NULL; i++) {
        if (!slice_starts_with(text, slice_of(words[i])))
            continue;
        purge_cluster_want_map(tag->cluster);
        tag->retry_at_ms = clock_steady_ms() + HOMELESS_MS;
        tag->is_refused = true;
        return true;
    }
    return false;
}

static void on_error(struct purge_tag *tag, struct slice text)
{
    enum reply_class what = reply_classify(text);

    if (is_homeless(tag, text))
        return;
    if (tag->phase == TAG_MOVE && slice_starts_with(text, SLICE("ERR no such key"))) {
        tag->moved = -1;
        return;
    }
    if (tag->phase == TAG_PROBE && what == REPLY_POISON) {
        tag->is_no_set = true;
        return;
    }
    if (what == REPLY_TOPOLOGY) {
        connection_fail(&tag->connection, ERROR_RETRY, text.ptr);
        return;
    }
    if (!tag->is_refused)
        hold(tag, what == REPLY_CONFIG, text);
    tag->is_refused = true;
}

static void on_integer(struct purge_tag *tag, int64_t number)
{
    if (tag->phase == TAG_MOVE) {
        tag->moved = number;
    } else if (tag->unlinks_due > 0) {
        tag->unlinks_due--;
        counter_add(&tag->stats->keys_deleted, (uint64_t)number);
    }
}

/* UNLINKs of members answer by a number; what ends a round is an SSCAN, RENAMENX or UNLINK. */
static void take_answer(struct purge_tag *tag, const struct answer *answer)
{
    bool is_walk = tag->phase == TAG_LEFTOVER || tag->phase == TAG_WALK;
    bool is_scan = tag->connection.due == 0 && tag->phase != TAG_MOVE && !(is_walk && tag->is_last);

    if (answer->kind == ANSWER_ERROR)
        on_error(tag, answer->text);
    else if (is_scan && (answer->kind != ANSWER_ARRAY || !tag->has_cursor))
        connection_disbelieve(&tag->connection, "SSCAN");
    else if (!is_scan && !answer_is_count(answer, PLAN_MAX_KEYS))
        connection_disbelieve(&tag->connection, "UNLINK or RENAMENX");
    else if (!is_scan)
        on_integer(tag, answer->integer);
}

static void take_answers(struct purge_tag *tag)
{
    struct answer answer;

    while (connection_answer(&tag->connection, &answer))
        take_answer(tag, &answer);
    if (!tag->is_round_open || tag->connection.phase != CONNECTION_READY ||
        tag->connection.due > 0 || (tag->members != NULL && !purge_members_step(tag->members)))
        return;
    if (!tag->is_refused) {
        end_round(tag);
    } else {
        tag->is_round_open = false; /* the whole job again: it is safe to repeat */
        tag->is_started = false;
    }
    drop_cancelled(tag);
}

/* ---- for those who look ---- */

bool purge_tag_cancel(struct purge_tag *tag, uint64_t id)
{
    for (size_t i = 0; i < tag->nr; i++) {
        struct tag_job *job = tag->jobs[i];
        struct purge_report report = purge_tag_report(tag, i);

        if (job->waiters.nr == 0 || job->waiters.items[0].id != id)
            continue;
        purge_report_log(&report, tag->connection.target->name, PURGE_CANCELLED);
        for (size_t w = 0; w < job->waiters.nr; w++)
            purge_tickets_give(job->waiters.items[w].tickets, job->waiters.items[w].ticket);
        job->waiters.nr = 0;
        job->is_cancelled = true;
        counter_add(&tag->stats->cancelled, 1);
        if (i > 0)
            remove_job(tag, i);
        else if (!tag->is_round_open)
            drop_cancelled(tag);
        return true;
    }
    return false;
}

/* True when a round was written. */
static bool drive(struct purge_tag *tag)
{
    connection_drive(&tag->connection);
    if (tag->connection.phase != CONNECTION_READY)
        return false;
    take_answers(tag);
    if (tag->connection.phase != CONNECTION_READY || tag->is_round_open || tag->nr == 0 ||
        clock_steady_ms() < tag->retry_at_ms)
        return false;
    begin_round(tag);
    return true;
}

/* To the owner of the first job's slot; false while nobody knows it. */
static bool go_home(struct purge_tag *tag)
{
    const struct slots *slots = purge_cluster_slots(tag->cluster);
    const struct redis_address *owner =
        slots != NULL ? slots_owner(slots, slots_of_key(current(tag)->aside)) : NULL;

    if (owner == NULL) {
        purge_cluster_want_map(tag->cluster);
        return false;
    }
    if (redis_address_equals(owner, &tag->connection.at))
        return true;
    connection_close(&tag->connection);
    connection_set_address(&tag->connection, owner);
    return true;
}

void purge_tag_step(struct purge_tag *tag)
{
    if (tag->cluster != NULL && tag->nr > 0 && !tag->is_started && !go_home(tag))
        return;
    if (tag->connection.phase == CONNECTION_CLOSED) {
        if (tag->nr == 0 || clock_steady_ms() < tag->retry_at_ms)
            return;
        connection_open(&tag->connection);
    }
    while (drive(tag)) {
    }
    if (tag->connection.phase == CONNECTION_CLOSED)
        on_lost(tag);
}

int64_t purge_tag_patience_ns(const struct purge_tag *tag)
{
    int64_t now_ms = clock_steady_ms();
    int64_t retry_ms = tag->retry_at_ms > now_ms ? tag->retry_at_ms - now_ms : 0;
    int64_t stall_ms = INT64_MAX;
    int64_t patience_ms;

    if (tag->members != NULL && purge_members_is_busy(tag->members))
        return NS_IN_MS;
    if (tag->cluster != NULL && tag->nr > 0 && purge_cluster_slots(tag->cluster) == NULL)
        return HOMELESS_MS * (int64_t)NS_IN_MS;
    if (tag->connection.phase == CONNECTION_CLOSED)
        return tag->nr > 0 ? retry_ms * NS_IN_MS : INT64_MAX;
    stall_ms = connection_patience_ms(&tag->connection, now_ms);
    patience_ms = stall_ms;
    if (tag->nr > 0 && !tag->is_round_open && tag->connection.phase == CONNECTION_READY &&
        retry_ms < patience_ms)
        patience_ms = retry_ms;
    return patience_ms == INT64_MAX ? INT64_MAX : patience_ms * NS_IN_MS;
}
