#include "consumers/cli/diff.h"

#include <stdio.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/cli/event_file.h"
#include "consumers/cli/format_arg.h"
#include "consumers/cli/rule_paths.h"
#include "consumers/cli/verb.h"
#include "consumers/event/decode.h"
#include "consumers/plan/op_json.h"

enum { ARENA_CHUNK_BYTES = 1 << 18 };

struct arguments {
    const char *paths[DIFF_SIDES];
    int paths_nr;
    const char *events;
    bool is_json;
};

struct differ {
    const struct arguments *arguments;
    struct diff_side sides[DIFF_SIDES];
    struct diff_totals totals;
    struct arena arena; /* of one event */
    struct buffer out;
    size_t next_twin; /* where the next operation of the new plan is likely */
};

/* ---- one side ---- */

static struct slice print_failures(struct differ *d, const struct plan *plan)
{
    buffer_clear(&d->out);
    failures_print_json(plan->failures, plan->failures_nr, &d->out);
    return arena_copy(&d->arena, buffer_slice(&d->out));
}

static void run_side(struct differ *d, struct diff_side *side, const struct record *record)
{
    struct decode_options options = {.tables = side->ruleset->tables};
    struct render_context context = {
        .ruleset = side->ruleset, .plan = &side->plan, .arena = &d->arena, .counts = side->counts};
    struct error err = ERROR_INIT;
    const char *skipped;
    enum decode_result result =
        decode_record(record, &options, &d->arena, &side->event, &skipped, &err);

    plan_clear(&side->plan, &d->arena);
    side->is_event = result == DECODE_EVENT;
    if (side->is_event) {
        render_event(&context, &side->event, 0);
        plan_coalesce(&side->plan);
    } else if (result != DECODE_SKIPPED) {
        plan_fail(
            &side->plan,
            &(struct failure){.reason = result == DECODE_BAD ? REASON_BAD_EVENT : REASON_TOO_LARGE,
                              .field = SLICE_ABSENT,
                              .detail = arena_copy(&d->arena, slice_of(err.text))});
    }
    side->dead_letter = print_failures(d, &side->plan);
}

/* ---- both ---- */

static bool is_same_thing(const struct op *a, const struct op *b)
{
    return a->verb == b->verb && a->as_delete == b->as_delete &&
           a->action->is_pattern == b->action->is_pattern && slice_equals(a->key, b->key) &&
           slice_equals(a->cache->redis, b->cache->redis);
}

static bool is_equal(struct differ *d, const struct op *old, const struct op *new)
{
    struct slice text;

    buffer_clear(&d->out);
    op_print_json(old, &d->sides[DIFF_OLD].plan, &d->out);
    text = arena_copy(&d->arena, buffer_slice(&d->out));
    buffer_clear(&d->out);
    op_print_json(new, &d->sides[DIFF_NEW].plan, &d->out);
    return slice_equals(text, buffer_slice(&d->out));
}

/*
 * The new plan's op for an old one that no other has taken; NULL: none. Both plans run in the same
 * order, mostly, so it is looked for where the last one was.
 */
static const struct op *take_twin(struct differ *d, const struct op *old, bool *taken)
{
    const struct plan *plan = &d->sides[DIFF_NEW].plan;

    for (size_t i = 0; i < plan->ops_nr; i++) {
        size_t at = (d->next_twin + i) % plan->ops_nr;
        const struct op *op = &plan->ops[at];

        if (taken[at] || op->merged_into != OP_LIVE || op->hash != old->hash ||
            !is_same_thing(old, op))
            continue;
        taken[at] = true;
        d->next_twin = at + 1;
        return op;
    }
    return NULL;
}

static void compare(struct differ *d, struct diff_event *event)
{
    const struct plan *old = &d->sides[DIFF_OLD].plan, *new = &d->sides[DIFF_NEW].plan;
    bool *taken = arena_zero(&d->arena, new->ops_nr, sizeof(*taken));
    struct diff_op *ops = arena_zero(&d->arena, old->ops_nr + new->ops_nr, sizeof(*ops));

    d->next_twin = 0;
    for (size_t i = 0; i < old->ops_nr; i++) {
        const struct op *twin;

        if (old->ops[i].merged_into != OP_LIVE)
            continue;
        twin = take_twin(d, &old->ops[i], taken);
        if (twin && is_equal(d, &old->ops[i], twin))
            continue;
        d->totals.change += twin != NULL;
        d->totals.disappear += twin == NULL;
        ops[event->ops_nr++] = (struct diff_op){{&old->ops[i], twin}};
    }
    for (size_t i = 0; i < new->ops_nr; i++) {
        if (taken[i] || new->ops[i].merged_into != OP_LIVE)
            continue;
        d->totals.appear++;
        ops[event->ops_nr++] = (struct diff_op){{NULL, &new->ops[i]}};
    }
    event->ops = ops;
    event->is_different = event->ops_nr > 0 || !slice_equals(d->sides[DIFF_OLD].dead_letter,
                                                             d->sides[DIFF_NEW].dead_letter);
}

static void flush(struct differ *d)
{
    fwrite(d->out.ptr, 1, d->out.len, stdout);
    buffer_clear(&d->out);
}

static void diff_item(struct differ *d, const struct event_item *item)
{
    struct diff_event event = {.line = item->line, .sides = d->sides};

    for (int i = 0; i < DIFF_SIDES; i++)
        run_side(d, &d->sides[i], &item->record);
    compare(d, &event);
    d->totals.events++;
    d->totals.different += event.is_different;
    buffer_clear(&d->out);
    if (d->arguments->is_json)
        diff_print_event_json(&event, &d->out);
    else if (event.is_different)
        diff_print_event_text(&event, &d->out);
    flush(d);
}

static int diff_file(struct differ *d, struct event_file *file)
{
    struct event_item item;
    bool ok = true;

    for (;;) {
        struct error err = ERROR_INIT;
        enum event_file_step step;

        arena_reset(&d->arena, 0);
        step = event_file_next(file, &d->arena, &item, &err);
        if (step == EVENT_FILE_END)
            break;
        if (step == EVENT_FILE_ITEM) {
            diff_item(d, &item);
            continue;
        }
        fprintf(stderr, "unstale: %s: %s\n", d->arguments->events, err.text);
        ok = false;
    }
    if (d->arguments->is_json)
        diff_print_totals_json(&d->totals, d->sides, &d->out);
    else
        diff_print_totals_text(&d->totals, d->sides, &d->out);
    flush(d);
    if (!ok)
        return EXIT_USAGE;
    return d->totals.different > 0 ? EXIT_FINDINGS : EXIT_OK;
}

static int diff_rules(const struct arguments *arguments)
{
    struct differ d = {.arguments = arguments};
    struct event_file file = {.line = 1};
    struct error err = ERROR_INIT;
    int code = EXIT_USAGE;
    bool ok = true;

    arena_init(&d.arena, ARENA_CHUNK_BYTES);
    buffer_init(&d.out);
    for (int i = 0; i < DIFF_SIDES; i++) {
        struct rule_paths paths = {.config = NULL};

        plan_init(&d.sides[i].plan);
        rule_paths_add(&paths, arguments->paths[i]);
        d.sides[i].ruleset = rule_paths_load(&paths);
        ok = ok && d.sides[i].ruleset;
        if (d.sides[i].ruleset)
            d.sides[i].counts = alloc_zero(d.sides[i].ruleset->rules_nr, sizeof(struct rule_count));
        rule_paths_release(&paths);
    }
    if (ok && event_file_open(&file, arguments->events, &err))
        code = diff_file(&d, &file);
    else if (ok)
        fprintf(stderr, "unstale: %s\n", err.text);
    event_file_release(&file);
    for (int i = 0; i < DIFF_SIDES; i++) {
        plan_release(&d.sides[i].plan);
        free(d.sides[i].counts);
        ruleset_free(d.sides[i].ruleset);
    }
    buffer_release(&d.out);
    arena_release(&d.arena);
    return code;
}

/* ---- the command line ---- */

enum option { OPTION_EVENTS, OPTION_FORMAT };

static const struct cli_option options[] = {
    [OPTION_EVENTS] = {"--events", NULL, true},
    [OPTION_FORMAT] = {"--format", NULL, true},
};

static bool take_option(struct arguments *arguments, int option, const char *value)
{
    if (option == OPTION_FORMAT)
        return format_arg(&verb_diff, value, &arguments->is_json);
    if (option == OPTION_EVENTS) {
        arguments->events = value;
        return true;
    }
    if (arguments->paths_nr < DIFF_SIDES) {
        arguments->paths[arguments->paths_nr++] = value;
        return true;
    }
    cli_usage_error(&verb_diff, "two sets of rules, not \"%s\" as well", value);
    return false;
}

static int run(int argc, char **argv)
{
    struct arguments arguments = {.paths_nr = 0};
    struct cli_args args;
    enum cli_step step;
    const char *value;
    int option;

    cli_args_init(&args, &verb_diff, argc, argv);
    while ((step = cli_next(&args, options, ARRAY_NR(options), &option, &value)) == CLI_ITEM) {
        if (!take_option(&arguments, option, value))
            return EXIT_USAGE;
    }
    if (step == CLI_BAD)
        return EXIT_USAGE;
    if (arguments.paths_nr < DIFF_SIDES)
        return cli_usage_error(&verb_diff, "which rules: OLD and NEW?");
    if (!arguments.events)
        return cli_usage_error(&verb_diff, "--events FILE is needed: what is to be tried");
    return diff_rules(&arguments);
}

const struct cli_verb verb_diff = {
    .name = "diff",
    .summary = "what other rules would do with the same events",
    .usage = "usage: unstale diff OLD NEW --events FILE [options]\n\n"
             "OLD and NEW are rule files or folders. Each event of FILE (as for explain; - is\n"
             "standard input) goes through both: operations that appear, disappear and change are\n"
             "told, and what each rule did where that differs. Nothing is sent anywhere.\n\n"
             "  --events FILE        JSON Lines, or one JSON array\n"
             "  --format text|json   for people (default), or one JSON object an event and a last "
             "one\n\n"
             "exit codes: 0 the same, 1 different, 2 usage or files that do not load\n",
    .run = run,
};
