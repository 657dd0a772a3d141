#include "consumers/pipeline/batch.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/hash.h"
#include "consumers/plan/render.h"

enum {
    ARENA_CHUNK_BYTES = 256 << 10,
    ARENA_KEEP_BYTES = 8 << 20,
    SCRATCH_CHUNK_BYTES = 32 << 10,
    SCRATCH_KEEP_BYTES = 4 << 20,
    TOO_OLD_TO_WRITE_MS = 3600 * 1000 /* a guard's companion may be gone by then */
};

void batch_init(struct batch *batch)
{
    arena_init(&batch->arena, ARENA_CHUNK_BYTES);
    arena_init(&batch->scratch, SCRATCH_CHUNK_BYTES);
    plan_init(&batch->plan);
    plan_clear(&batch->plan, &batch->arena);
}

void batch_release(struct batch *batch)
{
    batch_clear(batch);
    plan_release(&batch->plan);
    arena_release(&batch->arena);
    arena_release(&batch->scratch);
    free(batch->due);
}

void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->records_nr; i++)
        source_give_back(&batch->records[i]);
    for (size_t i = 0; i < batch->due_nr; i++)
        delayed_release(&batch->due[i]);
    if (batch->rules)
        rules_ref_drop(batch->rules);
    batch->rules = NULL;
    batch->records_nr = batch->bytes = batch->due_nr = 0;
    batch->notes = (struct tail_notes){.nr = 0};
    arena_reset(&batch->arena, ARENA_KEEP_BYTES);
    plan_clear(&batch->plan, &batch->arena);
}

bool batch_is_empty(const struct batch *batch)
{
    return batch->records_nr == 0 && batch->due_nr == 0;
}

size_t batch_fill(struct batch *batch, struct source *source, int timeout_ms)
{
    size_t room = PLAN_MAX_RECORDS - batch->records_nr;
    size_t bytes = batch->bytes < PLAN_MAX_BYTES ? PLAN_MAX_BYTES - batch->bytes : 0;
    struct source_record *came = &batch->records[batch->records_nr];
    size_t nr = source_poll(source, timeout_ms, came, bytes ? room : 0, bytes);
    /* A rebalance during the poll may have dropped older records: close that hole. */
    if (nr > 0 && came != &batch->records[batch->records_nr])
        memmove(&batch->records[batch->records_nr], came, nr * sizeof(*came));
    for (size_t i = 0; i < nr; i++)
        batch->bytes += batch->records[batch->records_nr + i].record.value.len;
    batch->records_nr += nr;
    return nr;
}

static bool is_among(uint32_t slot, const uint32_t *slots, size_t nr)
{
    for (size_t i = 0; i < nr; i++)
        if (slots[i] == slot)
            return true;
    return false;
}

void batch_drop_slots(struct batch *batch, const uint32_t *slots, size_t nr)
{
    size_t kept = 0;
    for (size_t i = 0; i < batch->records_nr; i++) {
        struct source_record *record = &batch->records[i];
        if (!is_among(record->mark.slot, slots, nr)) {
            batch->records[kept++] = *record;
            continue;
        }
        batch->bytes -= record->record.value.len;
        source_give_back(record);
    }
    batch->records_nr = kept;
}

void batch_add_due(struct batch *batch, struct delayed *delayed, int64_t steady_ms)
{
    struct delayed_delete entry;
    while (batch->due_nr < PLAN_MAX_RECORDS && delayed_take(delayed, steady_ms, &entry)) {
        batch->due =
            alloc_grow(batch->due, batch->due_nr, &batch->due_capacity, sizeof(*batch->due));
        batch->due[batch->due_nr++] = entry;
    }
}

static void plan_due(struct batch *batch)
{
    for (size_t i = 0; i < batch->due_nr; i++) {
        struct op *op = plan_add(&batch->plan);
        *op = batch->due[i].op;
        op->record = BATCH_NO_RECORD;
        op->merged_into = OP_LIVE;
        op->previous = OP_NONE;
        op->result = OP_PENDING;
        op->found = OP_FOUND_UNKNOWN;
    }
}

static struct model_stats *look_up_model(struct batch_context *context, const struct ruleset *rules,
                                         const struct event *event)
{
    uint64_t hash = hash_mix(hash_slice(event->model), hash_slice(event->op_name));
    size_t place = hash % ARRAY_NR(context->models->places);
    if (context->models->places[place].entry && context->models->places[place].hash == hash)
        return context->models->places[place].entry;
    bool is_known = ruleset_knows_model(rules, event->model);
    bool is_known_op = event->op != EVENT_CUSTOM || ruleset_knows_op(rules, event->op_name);
    struct slice op = is_known_op ? event->op_name : SLICE("other");
    struct model_stats *entry =
        pipeline_stats_model(context->stats, is_known ? event->model : SLICE("other"), op);
    context->models->places[place].hash = hash;
    context->models->places[place].entry = entry;
    return entry;
}

static struct model_stats *find_model(struct batch_context *context, const struct ruleset *rules,
                                      const struct event *event)
{
    struct model_stats *last = context->models->last;
    if (!last || !slice_equals(last->model, event->model) ||
        !slice_equals(last->op, event->op_name))
        context->models->last = look_up_model(context, rules, event);
    return context->models->last;
}

static void count_event(struct batch_context *context, const struct ruleset *rules,
                        const struct event *event)
{
    struct pipeline_stats *stats = context->stats;
    counter_add(&find_model(context, rules, event)->events, 1);
    if (event->ts_replaced)
        counter_add(&stats->ts_replaced, 1);
    if (event->unknown_members)
        counter_add(&stats->unknown_members, event->unknown_members);
    bool wants_old = event->op == EVENT_UPDATE;
    if (wants_old && !event->rows[0].before)
        counter_add(&stats->old_row_unknown, 1);
}

static bool is_replayed(const struct record *record)
{
    for (size_t i = 0; i < record->headers_nr; i++)
        if (slice_equals(record->headers[i].name, SLICE("unstale.replayed")))
            return true;
    return false;
}

/*
 * Old and replayed records never write. Only rules that would write ask: for a look at headers, even at
 * none, librdkafka allocates, and that costs as much as the rest of an event.
 */
static bool may_not_write(struct batch *batch, struct source_record *source, int64_t now_ms)
{
    const struct record *record = &source->record;
    if (!batch->rules->has_refresh)
        return false;
    if (record->timestamp_ms >= 0 && now_ms - record->timestamp_ms > TOO_OLD_TO_WRITE_MS)
        return true;
    source_load_headers(source, &batch->arena);
    return is_replayed(record);
}

static struct tail_look look_at(struct batch *batch, uint32_t index, struct render_context *render,
                                struct tail_writer *writer)
{
    return (struct tail_look){.writer = writer,
                              .notes = &batch->notes,
                              .render = render,
                              .source = &batch->records[index],
                              .record = index,
                              .scratch = &batch->scratch};
}

static void fail_record(struct batch *batch, uint32_t index, enum reason reason,
                        const struct error *err)
{
    struct failure failure = {.reason = reason,
                              .record = index,
                              .detail = arena_copy(&batch->arena, slice_of(err->text))};
    plan_fail(&batch->plan, &failure);
}

static void show_failed(struct batch *batch, uint32_t index, struct render_context *render,
                        struct tail_writer *writer)
{
    if (!writer)
        return;
    struct tail_look look = look_at(batch, index, render, writer);
    tail_look_begin(&look, NULL);
    tail_look_end(&look);
}

struct wanted_headers {
    struct source_record *source;
    struct arena *arena;
};

static void load_headers(void *context)
{
    struct wanted_headers *wanted = context;
    source_load_headers(wanted->source, wanted->arena);
}

static void render_watched(struct batch *batch, uint32_t index, struct render_context *render,
                           struct batch_context *context, struct event *event)
{
    struct tail_look look = look_at(batch, index, render, context->tail);
    tail_look_begin(&look, event);
    render_event(render, event, index);
    tail_look_end(&look);
}

static void plan_event(struct batch *batch, uint32_t index, struct render_context *render,
                       struct batch_context *context, struct event *event)
{
    struct source_record *source = &batch->records[index];
    count_event(context, batch->rules->ruleset, event);
    if (event->has_ts)
        batch->event_ts_ms[index] = event->ts_ms;
    render->refresh_as_delete = may_not_write(batch, source, context->now_ms);
    render->unguarded_as_delete = source->is_repeat;
    if (context->tail)
        render_watched(batch, index, render, context, event);
    else
        render_event(render, event, index);
}

static void plan_record(struct batch *batch, uint32_t index, struct render_context *render,
                        struct batch_context *context)
{
    struct source_record *source = &batch->records[index];
    struct wanted_headers wanted = {source, &batch->arena};
    struct decode_options options = {
        .max_bytes = context->max_event_bytes,
        .format = decode_topic_format(context->formats, context->formats_nr, source->record.topic),
        .tables = batch->rules->ruleset->tables,
        .load_headers = load_headers,
        .load_context = &wanted};
    struct event event;
    const char *skipped = NULL;
    struct error err;
    error_clear(&err);
    batch->event_ts_ms[index] = -1;
    switch (decode_record(&source->record, &options, &batch->scratch, &event, &skipped, &err)) {
    case DECODE_SKIPPED:
        counter_add(&context->stats->skipped, 1);
        return;
    case DECODE_BAD:
        fail_record(batch, index, REASON_BAD_EVENT, &err);
        break;
    case DECODE_TOO_LARGE:
        fail_record(batch, index, REASON_TOO_LARGE, &err);
        break;
    case DECODE_EVENT:
        plan_event(batch, index, render, context, &event);
        return;
    }
    show_failed(batch, index, render, context->tail);
}

static void flush_counts(struct batch *batch, struct batch_context *context)
{
    const struct ruleset *rules = batch->rules->ruleset;
    for (size_t i = 0; i < rules->rules_nr; i++) {
        struct rule_count *count = &context->counts[i];
        if (count->matches == 0)
            continue;
        struct rule_stats *stats = pipeline_stats_rule(context->stats, rules->rules[i].name,
                                                       rules->rules[i].mode == RULE_SHADOW);
        counter_add(&stats->matches, count->matches);
        for (size_t verb = 0; verb < VERB_NR; verb++)
            counter_add(&stats->ops[verb], count->ops[verb]);
        *count = (struct rule_count){0};
    }
}

void batch_plan(struct batch *batch, struct rules_ref *rules, struct batch_context *context)
{
    batch->rules = rules;
    struct render_context render = {.ruleset = rules->ruleset,
                                    .plan = &batch->plan,
                                    .arena = &batch->arena,
                                    .counts = context->counts};
    plan_due(batch);
    for (uint32_t i = 0; i < batch->records_nr; i++) {
        plan_record(batch, i, &render, context);
        /* What an event came to is in the batch's arena: the event itself is done with. */
        arena_reset(&batch->scratch, SCRATCH_KEEP_BYTES);
    }
    plan_coalesce(&batch->plan);
    counter_add(&context->stats->coalesced, batch->plan.coalesced_nr);
    flush_counts(batch, context);
}
