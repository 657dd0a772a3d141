#include "consumers/plan/test_run.h"

#include <inttypes.h>

#include "consumers/base/suggest.h"
#include "consumers/plan/test_world.h"

enum { MOST_HINTS = 10, ARENA_CHUNK_BYTES = 1 << 16 };

struct judge {
    const struct rule_test *test;
    struct test_world world;
    struct arena *arena;
    struct test_problem *problems;
    size_t nr, capacity;
    bool is_passed;
};

static struct slice printable(struct judge *judge, struct slice bytes)
{
    struct buffer out;
    struct slice text;

    buffer_init(&out);
    buffer_add_printable(&out, bytes);
    text = arena_copy(judge->arena, buffer_slice(&out));
    buffer_release(&out);
    return text;
}

static void add(struct judge *judge, struct test_problem problem)
{
    judge->problems = arena_grow(judge->arena, judge->problems, judge->nr, &judge->capacity,
                                 sizeof(*judge->problems));
    judge->problems[judge->nr++] = problem;
    judge->is_passed = judge->is_passed && problem.is_hint;
}

static void miss(struct judge *judge, struct slice text, struct slice note)
{
    add(judge, (struct test_problem){.sign = '-', .text = printable(judge, text), .note = note});
}

/* ---- commands ---- */

bool test_command_is(const struct test_command *command, struct slice text)
{
    return slice_equals(command->bare, text) || slice_equals(command->plain, text) ||
           slice_equals(command->full, text);
}

static int64_t count_sent(const struct judge *judge, struct slice text)
{
    int64_t times = 0;

    for (size_t i = 0; i < judge->world.commands_nr; i++) {
        if (test_command_is(&judge->world.commands[i], text))
            times += judge->world.commands[i].times;
    }
    return times;
}

static bool is_expected(const struct test_command *command, struct slice_list list)
{
    for (size_t i = 0; i < list.nr; i++) {
        if (test_command_is(command, list.items[i]))
            return true;
    }
    return false;
}

static bool judge_missing(struct judge *judge, struct slice_list list)
{
    bool is_fine = true;

    for (size_t i = 0; i < list.nr; i++) {
        if (count_sent(judge, list.items[i]) > 0)
            continue;
        miss(judge, list.items[i], SLICE("expected, not sent"));
        is_fine = false;
    }
    return is_fine;
}

/* What was sent beyond the list. */
static void tell_others(struct judge *judge, struct slice_list list, bool is_hint)
{
    size_t told = 0;

    for (size_t i = 0; i < judge->world.commands_nr; i++) {
        const struct test_command *command = &judge->world.commands[i];

        if (is_expected(command, list) || (is_hint && told++ >= MOST_HINTS))
            continue;
        add(judge, (struct test_problem){.sign = '+',
                                         .is_hint = is_hint,
                                         .text = command->plain,
                                         .note = SLICE("sent"),
                                         .rule = command->op->action->rule});
    }
}

static void judge_commands(struct judge *judge, const struct test_expect *expect)
{
    if (expect->has_includes && !judge_missing(judge, expect->includes) && !expect->has_exactly)
        tell_others(judge, expect->includes, true);
    if (expect->has_exactly) {
        judge_missing(judge, expect->exactly);
        tell_others(judge, expect->exactly, false);
    }
    for (size_t i = 0; i < expect->sent.nr; i++) {
        const struct test_value *want = &expect->sent.items[i];
        int64_t have = count_sent(judge, want->name);

        if (have != want->times)
            miss(judge, want->name,
                 arena_printf(judge->arena, "expected %" PRId64 " times, sent %" PRId64,
                              want->times, have));
    }
}

/* ---- keys ---- */

static void judge_deleted(struct judge *judge, struct slice key)
{
    const struct keyspace *keys = &judge->world.keys;

    for (size_t i = 0; i < keys->nr; i++) {
        const struct keyspace_entry *entry = &keys->entries[i];

        if (slice_equals(entry->key, key) && keyspace_has(entry, judge->world.now_ms)) {
            miss(judge, key, SLICE("expected to be deleted, still there"));
            return;
        }
    }
}

static struct slice loss_of(struct judge *judge, const struct keyspace_entry *entry)
{
    const struct test_world *world = &judge->world;
    const char *what = !keyspace_has(entry, world->now_ms)      ? "deleted"
                       : entry->touched_by->verb == VERB_EXPIRE ? "left less time"
                                                                : "changed";

    for (size_t i = 0; i < world->commands_nr; i++) {
        const struct op *op = world->commands[i].op;

        if (op == entry->touched_by || (op->action == entry->touched_by->action &&
                                        slice_equals(op->key, entry->touched_by->key)))
            return arena_printf(judge->arena, "%s by %.*s", what,
                                SLICE_ARG(world->commands[i].plain));
    }
    return slice_of(what);
}

static void judge_kept(struct judge *judge, struct slice key)
{
    const struct keyspace *keys = &judge->world.keys;

    for (size_t i = 0; i < keys->nr; i++) {
        const struct keyspace_entry *entry = &keys->entries[i];

        if (!slice_equals(entry->key, key))
            continue;
        if (entry->touched_by) {
            miss(judge, key, SLICE("expected to be kept"));
            add(judge, (struct test_problem){.sign = '+',
                                             .text = printable(judge, key),
                                             .note = loss_of(judge, entry),
                                             .rule = entry->touched_by->action->rule});
        } else if (entry->is_there && !keyspace_has(entry, judge->world.now_ms)) {
            miss(judge, key, SLICE("expected to be kept, expired by its own ttl"));
        }
    }
}

static void judge_value(struct judge *judge, const struct test_value *want)
{
    const struct keyspace_entry *entry = keyspace_find(&judge->world.keys, want->name);
    bool is_there = entry && keyspace_has(entry, judge->world.now_ms);
    struct slice have = is_there ? entry->value : SLICE_ABSENT;
    const struct rule *rule = entry && entry->touched_by ? entry->touched_by->action->rule : NULL;

    if (slice_is_absent(want->value)
            ? !is_there
            : is_there && !entry->is_set && slice_equals(have, want->value))
        return;
    if (slice_is_absent(want->value))
        miss(judge, want->name, SLICE("expected to be absent"));
    else
        miss(judge, want->name,
             arena_printf(judge->arena, "expected to be %.*s",
                          SLICE_ARG(printable(judge, want->value))));
    add(judge, (struct test_problem){.sign = '+',
                                     .text = printable(judge, want->name),
                                     .note = !is_there ? SLICE("is not there")
                                             : entry->is_set
                                                 ? SLICE("is a set")
                                                 : arena_printf(judge->arena, "is %.*s",
                                                                SLICE_ARG(printable(judge, have))),
                                     .rule = rule});
}

/* ---- rules and dead letters ---- */

static void judge_rule(struct judge *judge, struct slice name)
{
    const struct ruleset *set = judge->world.ruleset;
    struct suggest suggest;

    suggest_init(&suggest, name);
    for (size_t i = 0; i < set->rules_nr; i++) {
        const struct rule *rule = &set->rules[i];

        suggest_offer(&suggest, rule->name);
        if (!slice_equals(rule->name, name))
            continue;
        if (judge->world.counts[i].matches == 0)
            add(judge, (struct test_problem){.sign = '-',
                                             .text = rule->name,
                                             .note = SLICE("expected to match, did not"),
                                             .rule = rule});
        return;
    }
    miss(judge, name,
         slice_is_absent(suggest.best)
             ? SLICE("there is no such rule")
             : arena_printf(judge->arena, "there is no such rule, did you mean \"%.*s\"?",
                            SLICE_ARG(suggest.best)));
}

static void judge_asides(struct judge *judge, int64_t want)
{
    const struct test_world *world = &judge->world;

    if (want == (int64_t)world->asides_nr)
        return;
    miss(judge, SLICE("dlq"),
         arena_printf(judge->arena, "expected %" PRId64 " events set aside, there are %zu", want,
                      world->asides_nr));
    for (size_t i = 0; i < world->asides_nr; i++) {
        const struct test_aside *aside = &world->asides[i];

        add(judge, (struct test_problem){
                       .sign = '+',
                       .text = printable(judge, aside->reason),
                       .note = arena_printf(judge->arena, "event of line %u: %.*s", aside->line,
                                            SLICE_ARG(printable(judge, aside->detail))),
                       .rule = aside->rule});
    }
}

void test_run(const struct ruleset *ruleset, const struct rule_test *test, bool *matched,
              struct arena *arena, struct test_outcome *out)
{
    struct judge judge = {.test = test, .arena = arena, .is_passed = true};
    const struct test_expect *expect = &test->expect;

    test_world_run(&judge.world, ruleset, test, arena);
    for (size_t i = 0; i < ruleset->rules_nr; i++)
        matched[i] |= judge.world.counts[i].matches > 0;
    judge_commands(&judge, expect);
    for (size_t i = 0; i < expect->deleted.nr; i++)
        judge_deleted(&judge, expect->deleted.items[i]);
    for (size_t i = 0; i < expect->kept.nr; i++)
        judge_kept(&judge, expect->kept.items[i]);
    for (size_t i = 0; i < expect->values.nr; i++)
        judge_value(&judge, &expect->values.items[i]);
    for (size_t i = 0; i < expect->rules.nr; i++)
        judge_rule(&judge, expect->rules.items[i]);
    judge_asides(&judge, expect->dead_letters);
    test_world_release(&judge.world);
    *out = (struct test_outcome){test,     judge.is_passed,      judge.problems,
                                 judge.nr, judge.world.commands, judge.world.commands_nr};
}

static void report_failed(struct diagnostics *found, const struct test_outcome *result,
                          struct arena *arena)
{
    const struct test_problem *first = result->problems;
    struct diagnostic d = {.severity = SEVERITY_ERROR,
                           .code = "E310",
                           .file = result->test->file,
                           .line = result->test->line,
                           .column = 1,
                           .end_column = 2,
                           .help = SLICE_ABSENT};

    d.message =
        arena_printf(arena, "test \"%.*s\" fails: %.*s: %.*s",
                     SLICE_ARG(printable(&(struct judge){.arena = arena}, result->test->name)),
                     SLICE_ARG(first->text), SLICE_ARG(first->note));
    diagnostics_add(found, &d);
}

bool test_run_own(const struct ruleset *ruleset, struct diagnostics *found)
{
    struct arena arena;
    bool is_fine = true;

    arena_init(&arena, ARENA_CHUNK_BYTES);
    for (size_t i = 0; i < ruleset->tests_nr; i++) {
        bool *matched;
        struct test_outcome result;

        arena_reset(&arena, 0);
        matched = arena_zero(&arena, ruleset->rules_nr, sizeof(*matched));
        test_run(ruleset, &ruleset->tests[i], matched, &arena, &result);
        is_fine = is_fine && result.is_passed;
        if (!result.is_passed)
            report_failed(found, &result, &arena);
    }
    arena_release(&arena);
    return is_fine;
}
