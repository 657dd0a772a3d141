#include "consumers/plan/test_world.h"

#include "consumers/event/decode.h"
#include "consumers/event/written.h"
#include "consumers/plan/op_json.h"

/* Something that happens later than what caused it. */
struct test_due {
    int64_t at_ms;
    const struct op *op;
};

struct test_started {
    const struct op *op;
    int64_t at_ms;
};

/* ---- what was sent ---- */

static struct slice print(struct test_world *world, const struct op *op)
{
    struct buffer out;
    struct slice text;

    buffer_init(&out);
    op_print_text(op, &out);
    text = arena_copy(world->arena, buffer_slice(&out));
    buffer_release(&out);
    return text;
}

/* The word and the key: the key as printed is found by its length. */
static struct slice bare_of(const struct op *op, struct slice full)
{
    struct slice tag = SLICE("PURGE TAG");
    size_t word = tag.len;
    struct buffer key;

    if (!slice_starts_with(full, tag)) {
        for (word = 0; word < full.len && full.ptr[word] != ' ';)
            word++;
    }
    buffer_init(&key);
    buffer_add_printable(&key, op->key);
    full.len = word + 1 + key.len;
    buffer_release(&key);
    return full;
}

static void note_command(struct test_world *world, const struct op *op)
{
    struct op plain = *op;
    struct slice full = print(world, op);

    for (size_t i = 0; i < world->commands_nr; i++) {
        if (slice_equals(world->commands[i].full, full)) {
            world->commands[i].times++;
            return;
        }
    }
    plain.guard_source = OP_UNGUARDED;
    plain.at_least = -1;
    world->commands = arena_grow(world->arena, world->commands, world->commands_nr,
                                 &world->commands_capacity, sizeof(*world->commands));
    world->commands[world->commands_nr++] = (struct test_command){
        .op = op, .bare = bare_of(op, full), .plain = print(world, &plain), full, .times = 1};
}

static void set_aside(struct test_world *world, struct test_aside aside)
{
    world->asides = arena_grow(world->arena, world->asides, world->asides_nr,
                               &world->asides_capacity, sizeof(*world->asides));
    world->asides[world->asides_nr++] = aside;
}

/* ---- operations, now and later ---- */

static void add_due(struct test_world *world, int64_t at_ms, const struct op *op)
{
    world->dues = arena_grow(world->arena, world->dues, world->dues_nr, &world->dues_capacity,
                             sizeof(*world->dues));
    world->dues[world->dues_nr++] = (struct test_due){at_ms, op};
}

static bool is_same_purge(const struct op *a, const struct op *b)
{
    return a->verb == b->verb && a->cache == b->cache && slice_equals(a->key, b->key);
}

static struct test_started *find_started(struct test_world *world, const struct op *op)
{
    for (size_t i = 0; i < world->started_nr; i++) {
        if (is_same_purge(world->started[i].op, op))
            return &world->started[i];
    }
    world->started = arena_grow(world->arena, world->started, world->started_nr,
                                &world->started_capacity, sizeof(*world->started));
    world->started[world->started_nr] = (struct test_started){op, INT64_MIN};
    return &world->started[world->started_nr++];
}

static bool is_due_purge(const struct test_world *world, const struct op *op)
{
    for (size_t i = 0; i < world->dues_nr; i++) {
        if (is_same_purge(world->dues[i].op, op))
            return true;
    }
    return false;
}

/* Purges of one pattern start no sooner after each other than `coalesce`; one waits for them all. */
static bool is_held_back(struct test_world *world, const struct op *op)
{
    struct test_started *started = find_started(world, op);
    int64_t coalesce_ms = op->action->coalesce_ms;

    if (is_due_purge(world, op))
        return true;
    if (started->at_ms == INT64_MIN || started->at_ms + coalesce_ms <= world->now_ms) {
        started->at_ms = world->now_ms;
        return false;
    }
    add_due(world, started->at_ms + coalesce_ms, op);
    return true;
}

static const char *execute(struct test_world *world, const struct op *op)
{
    const char *why = NULL;

    if (op->verb == VERB_PURGE && is_held_back(world, op))
        return NULL;
    note_command(world, op);
    return keyspace_run(&world->keys, op, world->now_ms, &why) ? NULL : why;
}

static void run_due(struct test_world *world, size_t index)
{
    struct test_due due = world->dues[index];

    world->dues_nr--;
    memmove(&world->dues[index], &world->dues[index + 1],
            (world->dues_nr - index) * sizeof(*world->dues));
    world->now_ms = due.at_ms;
    (void)execute(world, due.op);
}

/* Everything that is due at or before the time, the earliest first. */
static void run_until(struct test_world *world, int64_t at_ms)
{
    while (world->dues_nr > 0) {
        size_t first = 0;

        for (size_t i = 1; i < world->dues_nr; i++) {
            if (world->dues[i].at_ms < world->dues[first].at_ms)
                first = i;
        }
        if (world->dues[first].at_ms > at_ms)
            return;
        run_due(world, first);
    }
}

/* ---- events ---- */

static void execute_op(struct test_world *world, const struct op *op, struct op *copy,
                       unsigned line)
{
    enum reason reason = op->verb == VERB_BUMP ? REASON_NOT_A_COUNTER : REASON_REDIS_ERROR;
    const char *why;

    *copy = *op;
    why = execute(world, copy);
    if (why)
        set_aside(world, (struct test_aside){.rule = op->action->rule,
                                             .reason = slice_of(reason_text(reason)),
                                             .detail = slice_of(why),
                                             .line = line});
}

static bool is_due(const struct test_world *world, int64_t at_ms, const struct op *op)
{
    for (size_t i = 0; i < world->dues_nr; i++) {
        const struct test_due *due = &world->dues[i];

        if (due->at_ms == at_ms && due->op->cache == op->cache &&
            slice_equals(due->op->key, op->key))
            return true;
    }
    return false;
}

/* What stands for a merged delete deletes again for it. */
static void delay_again(struct test_world *world, const struct op *op)
{
    int64_t at_ms = world->now_ms + op->action->again_after_ms;
    const struct op *stands = op;
    struct op *copy;

    if (op->merged_into != OP_LIVE)
        stands = &world->plan.ops[op->merged_into];
    if (op->verb != VERB_DELETE || op->action->again_after_ms == 0 || is_due(world, at_ms, stands))
        return;
    copy = arena_alloc(world->arena, sizeof(*copy));
    *copy = *stands;
    add_due(world, at_ms, copy);
}

static void set_failure_aside(struct test_world *world, const struct failure *failure,
                              unsigned line)
{
    struct slice reason = slice_of(reason_text(failure->reason));

    if (!slice_is_absent(failure->field))
        reason =
            arena_printf(world->arena, "%.*s %.*s", SLICE_ARG(reason), SLICE_ARG(failure->field));
    set_aside(world, (struct test_aside){failure->rule, reason, failure->detail, line});
}

static void run_plan(struct test_world *world, unsigned line)
{
    struct plan *plan = &world->plan;
    struct op *copies = arena_zero(world->arena, plan->ops_nr, sizeof(*copies));
    size_t asides = world->asides_nr;

    plan_coalesce(plan);
    for (size_t i = 0; i < plan->ops_nr; i++) {
        if (plan->ops[i].merged_into == OP_LIVE)
            execute_op(world, &plan->ops[i], &copies[i], line);
        delay_again(world, &plan->ops[i]);
    }
    if (plan->failures_nr > 0)
        set_failure_aside(world, &plan->failures[0], line);
    /* A record is set aside once, whatever went wrong with it. */
    if (world->asides_nr > asides)
        world->asides_nr = asides + 1;
}

static enum decode_result decode(struct test_world *world, const struct test_step *step,
                                 struct event *event, struct error *err)
{
    struct decode_options options = {.tables = world->ruleset->tables};
    struct record record = {.timestamp_ms = -1};
    const char *skipped;

    if (!written_record(step->event, world->arena, &record, err))
        return DECODE_BAD;
    return decode_record(&record, &options, world->arena, event, &skipped, err);
}

static void run_event(struct test_world *world, const struct test_step *step)
{
    struct error err = ERROR_INIT;
    struct event event;
    enum decode_result result = decode(world, step, &event, &err);
    struct render_context context = {.ruleset = world->ruleset,
                                     .plan = &world->plan,
                                     .arena = world->arena,
                                     .counts = world->counts};
    enum reason reason;

    if (result == DECODE_SKIPPED)
        return;
    if (result != DECODE_EVENT) {
        reason = result == DECODE_BAD ? REASON_BAD_EVENT : REASON_TOO_LARGE;
        set_aside(world, (struct test_aside){.reason = slice_of(reason_text(reason)),
                                             .detail = arena_copy(world->arena, slice_of(err.text)),
                                             .line = step->line});
        return;
    }
    if (!event.has_ts) {
        event.has_ts = true;
        event.ts_ms = world->now_ms;
    }
    plan_clear(&world->plan, world->arena);
    render_event(&context, &event, 0);
    run_plan(world, step->line);
}

static int64_t find_start(struct test_world *world, const struct rule_test *test)
{
    for (size_t i = 0; i < test->steps_nr; i++) {
        struct error err = ERROR_INIT;
        struct event event;

        if (test->steps[i].kind == TEST_EVENT &&
            decode(world, &test->steps[i], &event, &err) == DECODE_EVENT && event.has_ts)
            return event.ts_ms - test->steps[i].at_ms;
    }
    return TEST_START_MS;
}

void test_world_run(struct test_world *world, const struct ruleset *ruleset,
                    const struct rule_test *test, struct arena *arena)
{
    *world = (struct test_world){.ruleset = ruleset, .arena = arena};
    world->counts = arena_zero(arena, ruleset->rules_nr, sizeof(*world->counts));
    plan_init(&world->plan);
    keyspace_init(&world->keys, arena);
    world->now_ms = world->start_ms = find_start(world, test);
    for (size_t i = 0; i < test->given.nr; i++)
        keyspace_write(&world->keys, &test->given.items[i], world->now_ms);
    for (size_t i = 0; i < test->steps_nr; i++) {
        const struct test_step *step = &test->steps[i];

        run_until(world, world->start_ms + step->at_ms);
        world->now_ms = world->start_ms + step->at_ms;
        for (size_t j = 0; j < step->write.nr; j++)
            keyspace_write(&world->keys, &step->write.items[j], world->now_ms);
        if (step->kind == TEST_EVENT)
            run_event(world, step);
    }
    run_until(world, INT64_MAX);
}

void test_world_release(struct test_world *world)
{
    plan_release(&world->plan);
}
