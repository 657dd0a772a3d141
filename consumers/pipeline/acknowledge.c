#include "consumers/pipeline/acknowledge.h"

#include "consumers/base/buffer.h"
#include "consumers/base/kill_point.h"
#include "consumers/kafka/letter.h"
#include "consumers/plan/op_json.h"

static struct slice rejection_of(const struct acknowledger *acknowledger, const struct plan *plan,
                                 unsigned slot, uint32_t index)
{
    struct slice text =
        executor_rejection(acknowledger->executor, slot, plan_standing_op(plan, index));
    return slice_is_absent(text) ? SLICE("Redis refused the command") : text;
}

/* Every record that contributed to a refused operation is set aside. */
static void collect_rejections(const struct acknowledger *acknowledger, struct batch *batch,
                               unsigned slot)
{
    struct plan *plan = &batch->plan;
    for (uint32_t i = 0; i < plan->ops_nr; i++) {
        const struct op *op = &plan->ops[i];
        if (op->result != OP_REJECTED || op->record == BATCH_NO_RECORD)
            continue;
        struct slice text = rejection_of(acknowledger, plan, slot, i);
        bool is_counter = slice_starts_with(text, SLICE("NOTACOUNTER"));
        struct failure failure = {.reason = is_counter ? REASON_NOT_A_COUNTER : REASON_REDIS_ERROR,
                                  .rule = op->action->rule,
                                  .verb = op->verb,
                                  .detail = arena_copy(&batch->arena, text),
                                  .record = op->record};
        plan_fail(plan, &failure);
    }
}

static bool runs_again(const struct op *op)
{
    return op->verb == VERB_DELETE && op->action->again_after_ms > 0 &&
           op->record != BATCH_NO_RECORD && op->result == OP_DONE;
}

/* What is left to be done for a batch once Redis has answered. */
struct rest {
    uint32_t *holds; /* by record: how many things it still waits for */
    bool has_purges, has_second_deletes;
};

/* One letter a record, whatever failed. */
static struct rest count_rest(struct batch *batch)
{
    const struct plan *plan = &batch->plan;
    struct rest rest = {.holds =
                            arena_zero(&batch->arena, batch->records_nr + 1, sizeof(*rest.holds))};
    for (size_t i = 0; i < plan->failures_nr; i++)
        rest.holds[plan->failures[i].record] = 1;
    for (size_t i = 0; i < plan->ops_nr; i++) {
        const struct op *op = &plan->ops[i];
        bool is_purge = op_runs_beside(op), is_again = runs_again(op);
        if (is_purge || is_again)
            rest.holds[op->record]++;
        rest.has_purges |= is_purge;
        rest.has_second_deletes |= is_again;
    }
    return rest;
}

static void move_frontier(struct acknowledger *acknowledger, struct batch *batch,
                          const uint32_t *holds)
{
    for (size_t i = 0; i < batch->records_nr; i++) {
        if (holds[i] > 0)
            offsets_hold(acknowledger->offsets, batch->records[i].mark, holds[i]);
        offsets_advance(acknowledger->offsets, batch->records[i].mark);
    }
    for (size_t i = 0; i < batch->due_nr; i++)
        offsets_release(acknowledger->offsets, batch->due[i].mark);
}

/* contributors[i]: the next op (index + 1) that the same purge stands for; heads by standing op. */
struct contributors {
    uint32_t *head, *next;
};

static bool link_contributors(struct batch *batch, struct contributors *links)
{
    const struct plan *plan = &batch->plan;
    bool any = false;
    for (uint32_t i = 0; i < plan->ops_nr; i++) {
        if (!op_runs_beside(&plan->ops[i]))
            continue;
        if (!any) {
            links->head = arena_zero(&batch->arena, plan->ops_nr, sizeof(*links->head));
            links->next = arena_zero(&batch->arena, plan->ops_nr, sizeof(*links->next));
        }
        any = true;
        uint32_t standing = plan_standing_op(plan, i);
        links->next[i] = links->head[standing];
        links->head[standing] = i + 1;
    }
    return any;
}

static uint64_t give_ticket(struct acknowledger *acknowledger, struct batch *batch,
                            const struct contributors *links, uint32_t standing)
{
    size_t nr = 0;
    for (uint32_t i = links->head[standing]; i; i = links->next[i - 1])
        nr++;
    struct offset_mark *marks = arena_alloc(&batch->arena, nr * sizeof(*marks));
    size_t at = 0;
    for (uint32_t i = links->head[standing]; i; i = links->next[i - 1])
        marks[at++] = batch->records[batch->plan.ops[i - 1].record].mark;
    return holds_give(acknowledger->holds, marks, nr);
}

static enum purge_kind kind_of(const struct op *op)
{
    if (op->verb == VERB_PURGE_TAG)
        return PURGE_TAG;
    return op->verb == VERB_EXPIRE ? PURGE_EXPIRE : PURGE_UNLINK;
}

static void submit_purge(struct acknowledger *acknowledger, const struct op *op, uint64_t ticket)
{
    struct purge_request request = {.kind = kind_of(op),
                                    .pattern = op->key,
                                    .ttl_ms = op->action->ttl_ms,
                                    .jitter_ms = op->action->jitter_ms,
                                    .protect = op->cache->protect,
                                    .protect_nr = op->cache->protect_nr,
                                    .prefix_bytes = op->prefix_bytes,
                                    .coalesce_ms = op->action->coalesce_ms,
                                    .rate = op->action->rate,
                                    .slow_above = op->action->slow_above,
                                    .tickets = acknowledger->tickets,
                                    .ticket = ticket};
    purge_engine_submit(acknowledger->engines[op->cache->target], &request);
}

static void submit_purges(struct acknowledger *acknowledger, struct batch *batch)
{
    struct contributors links;
    if (!link_contributors(batch, &links))
        return;
    for (uint32_t i = 0; i < batch->plan.ops_nr; i++)
        if (links.head[i])
            submit_purge(acknowledger, &batch->plan.ops[i],
                         give_ticket(acknowledger, batch, &links, i));
}

static void schedule_second_deletes(struct acknowledger *acknowledger, struct batch *batch)
{
    for (size_t i = 0; i < batch->plan.ops_nr; i++) {
        const struct op *op = &batch->plan.ops[i];
        if (runs_again(op))
            delayed_add(acknowledger->delayed, acknowledger->steady_ms + op->action->again_after_ms,
                        op, batch->records[op->record].mark, batch->rules);
    }
}

static const char *exception_class(enum reason reason)
{
    static const char *const names[STATS_REASONS_NR] = {
        [REASON_MISSING_FIELD] = "unstale.MissingField",
        [REASON_NULL_FIELD] = "unstale.NullField",
        [REASON_EMPTY_FIELD] = "unstale.EmptyField",
        [REASON_ARRAY_FIELD] = "unstale.ArrayField",
        [REASON_MAX_KEYS] = "unstale.MaxKeys",
        [REASON_BAD_EVENT] = "unstale.BadEvent",
        [REASON_BAD_VALUE] = "unstale.BadValue",
        [REASON_TOO_LARGE] = "unstale.TooLarge",
        [REASON_NOT_A_COUNTER] = "unstale.NotACounter",
        [REASON_REDIS_ERROR] = "unstale.RedisError",
    };
    return names[reason] ? names[reason] : "unstale.Failure";
}

static struct slice list_failures(struct batch *batch, uint32_t record)
{
    struct buffer list;
    buffer_init(&list);
    buffer_add_char(&list, '[');
    for (size_t i = 0; i < batch->plan.failures_nr; i++) {
        if (batch->plan.failures[i].record != record)
            continue;
        if (list.len > 1)
            buffer_add_char(&list, ',');
        failures_print_json(&batch->plan.failures[i], 1, &list);
    }
    buffer_add_char(&list, ']');
    struct slice text = arena_copy(&batch->arena, buffer_slice(&list));
    buffer_release(&list);
    return text;
}

/* A letter that was sent again counts on. */
static unsigned attempts_before(const struct record *record)
{
    if (slice_is_absent(letter_header(record, "unstale.replayed")))
        return 0;
    return (unsigned)letter_number(record, "unstale.attempts", 0);
}

static void send_letter(struct acknowledger *acknowledger, struct batch *batch,
                        const struct failure *first)
{
    struct source_record *source = &batch->records[first->record];
    source_load_headers(source, &batch->arena);
    struct dead_letter letter = {
        .record = &source->record,
        .reason = reason_text(first->reason),
        .exception_class = exception_class(first->reason),
        .message = first->detail,
        .rule = first->rule ? first->rule->name : SLICE_ABSENT,
        .action = first->rule ? slice_of(verb_text(first->verb)) : SLICE_ABSENT,
        .field = first->field,
        .rules_hash = slice_of(batch->rules->ruleset->hash),
        .failures = list_failures(batch, first->record),
        .attempts = attempts_before(&source->record) + 1,
    };
    counter_add(&acknowledger->stats->dead_letters[first->reason], 1);
    dead_letters_send(acknowledger->letters, &letter, source->mark);
}

/* Failures stand in the order they were found; the first of a record names the letter. */
static void send_letters(struct acknowledger *acknowledger, struct batch *batch)
{
    if (batch->plan.failures_nr == 0)
        return;
    bool *sent = arena_zero(&batch->arena, batch->records_nr + 1, sizeof(*sent));
    for (size_t i = 0; i < batch->plan.failures_nr; i++) {
        const struct failure *failure = &batch->plan.failures[i];
        if (sent[failure->record])
            continue;
        sent[failure->record] = true;
        send_letter(acknowledger, batch, failure);
    }
}

/* Where much comes, neighbours are of one millisecond: they are counted together. */
static void count_staleness(struct acknowledger *acknowledger, const struct batch *batch)
{
    for (size_t i = 0, nr; i < batch->records_nr; i += nr) {
        int64_t ts_ms = batch->event_ts_ms[i];
        nr = 1;
        while (i + nr < batch->records_nr && batch->event_ts_ms[i + nr] == ts_ms)
            nr++;
        if (ts_ms < 0)
            continue;
        int64_t age_ms = acknowledger->wall_ms > ts_ms ? acknowledger->wall_ms - ts_ms : 0;
        histogram_add_many_us(&acknowledger->stats->staleness, (uint64_t)age_ms * 1000, nr);
    }
}

void acknowledge_batch(struct acknowledger *acknowledger, struct batch *batch, unsigned slot)
{
    kill_point("after-reply");
    collect_rejections(acknowledger, batch, slot);
    struct rest rest = count_rest(batch);
    move_frontier(acknowledger, batch, rest.holds);
    kill_point("after-frontier");
    if (rest.has_purges)
        submit_purges(acknowledger, batch);
    kill_point("after-purges");
    if (rest.has_second_deletes)
        schedule_second_deletes(acknowledger, batch);
    kill_point("after-second-deletes");
    send_letters(acknowledger, batch);
    kill_point("after-letters");
    count_staleness(acknowledger, batch);
    counter_add(&acknowledger->stats->batches, 1);
    if (batch->notes.nr > 0)
        tail_notes_write(&batch->notes, &batch->plan, acknowledger->tail, acknowledger->wall_ms);
}
