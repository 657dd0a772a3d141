/*
 * fuzz_plan - a rule file and an event, to operations and back.
 *
 * The index offers every rule that matches; an operation says what it is in JSON that holds together
 * and in one printable line; a key that a rule rendered is a key that `who` finds the rule by, and
 * a pattern it rendered begins with its cache's own keys. Planning again gives the same operations,
 * and merging links each to one that is executed. Parts: rule file (of tests too, when the rules load),
 * event (one of the first rule's model when there is none).
 */
#include "consumers/base/glob.h"
#include "consumers/event/decode.h"
#include "consumers/plan/op_json.h"
#include "consumers/plan/render.h"
#include "consumers/rules/load.h"
#include "consumers/rules/match.h"
#include "consumers/rules/reverse.h"
#include "tests/fuzz/fuzz.h"

static const char stock[] =
    "{\"event\":\"post_save\",\"created\":false,\"model\":\"%.*s\",\"pk\":42,\"id\":\"e*1\","
    "\"version\":7,\"ts\":1795341600123,\"tenant\":\"acme\",\"meta\":{\"user\":\"*\"},"
    "\"m2m\":{\"field\":\"tags\",\"action\":\"add\",\"pks\":[5,\"?\"]},"
    "\"before\":{\"category_id\":3,\"slug\":\"old[x]\",\"price\":\"9.50\",\"is_active\":true},"
    "\"after\":{\"id\":42,\"category_id\":7,\"slug\":\"new*\",\"price\":12.50,\"name\":\"N\\\\\","
    "\"tags\":[\"a\",\"b*\"],\"is_active\":false,\"user_id\":1,\"n\":null,\"q\":\"a b&c=d\","
    "\"updated_at\":\"2026-11-21T09:00:00.123456+00:00\"}}";

enum { ROWS_MAX = 4, OPS_MAX = 64 };

static void check_candidates(const struct ruleset *set, struct event *event, struct arena *arena)
{
    struct rule_list list = ruleset_candidates(set, event, arena);

    for (size_t i = 0, at = 0; i < set->rules_nr; i++) {
        const struct rule *rule = &set->rules[i];
        bool is_offered = at < list.nr && list.rules[at] == rule;
        struct findings found = {.nr = 0};

        at += is_offered;
        need(!is_offered || rule->is_enabled);
        for (size_t j = 0; j < event->rows_nr && j < ROWS_MAX; j++) {
            bool matches = match_rule(rule, event, &event->rows[j], arena);

            need(match_explain(rule, event, &event->rows[j], arena, &found) == matches);
            need(!matches || !rule->is_enabled || is_offered);
            need(!matches || match_concerns(rule, event));
        }
    }
}

static void check_printed(const struct op *op, const struct plan *plan, struct arena *arena)
{
    struct buffer out;
    size_t position;
    const struct value *json;

    buffer_init(&out);
    op_print_json(op, plan, &out);
    json = decode_json(buffer_slice(&out), arena, &position, NULL);
    need(json && value_type(value_get(json, SLICE("op"))) == VALUE_STRING);
    buffer_clear(&out);
    op_print_text(op, &out);
    for (size_t i = 0; i < out.len; i++)
        need((unsigned char)out.ptr[i] >= 0x20 && out.ptr[i] != 0x7f);
    buffer_release(&out);
}

static void check_reverse(const struct ruleset *set, const struct op *op, struct arena *arena)
{
    struct reverse found = {NULL, 0, 0};
    bool is_found = false;

    reverse_find(set, op->key, op->action->is_pattern, arena, &found);
    for (size_t i = 0; i < found.nr; i++)
        is_found |= found.matches[i].action == op->action;
    need(is_found);
}

static void check_op(const struct ruleset *set, const struct plan *plan, uint32_t index,
                     struct arena *arena)
{
    const struct op *op = &plan->ops[index], *standing = &plan->ops[plan_standing_op(plan, index)];

    need(standing->merged_into == OP_LIVE && standing->cache->redis.len > 0);
    need(op->action->rule->mode == RULE_LIVE && op->action->rule->is_enabled);
    need(op->key.ptr != NULL);
    if (op->action->is_pattern)
        need(op->prefix_bytes <= glob_literal_prefix(op->key, arena).len);
    if (index >= OPS_MAX)
        return;
    check_printed(op, plan, arena);
    check_reverse(set, op, arena);
}

static bool is_same(const struct op *a, const struct op *b)
{
    return a->verb == b->verb && a->action == b->action && slice_equals(a->key, b->key) &&
           slice_equals(a->value, b->value) && a->guard == b->guard && a->record == b->record;
}

static void plan_event(const struct ruleset *set, struct event *event, struct arena *arena,
                       struct plan *plan)
{
    struct render_context context = {.ruleset = set, .plan = plan, .arena = arena};

    plan_init(plan);
    plan_clear(plan, arena);
    render_event(&context, event, 0);
}

static void check_plan(const struct ruleset *set, struct event *event, struct arena *arena)
{
    struct plan plan, again;
    struct buffer out;
    size_t position;

    plan_event(set, event, arena, &plan);
    plan_event(set, event, arena, &again);
    need(plan.ops_nr == again.ops_nr && plan.failures_nr == again.failures_nr);
    for (size_t i = 0; i < plan.ops_nr; i++)
        need(is_same(&plan.ops[i], &again.ops[i]));
    plan_coalesce(&plan);
    for (uint32_t i = 0; i < plan.ops_nr; i++)
        check_op(set, &plan, i, arena);
    for (size_t i = 0; i < plan.failures_nr; i++)
        need(plan.failures[i].reason != REASON_NONE && plan.failures[i].detail.len > 0);
    buffer_init(&out);
    failures_print_json(plan.failures, plan.failures_nr, &out);
    need(decode_json(buffer_slice(&out), arena, &position, NULL) != NULL);
    buffer_release(&out);
    plan_release(&again);
    plan_release(&plan);
}

static void check_event(const struct ruleset *set, struct slice text, struct arena *arena)
{
    struct record record = {.timestamp_ms = 1795341600200, .value = text};
    struct decode_options options = {.tables = set->tables};
    struct error err = ERROR_INIT;
    const char *skipped;
    struct event event;

    if (text.len == 0)
        record.value = arena_printf(arena, stock,
                                    SLICE_ARG(set->rules_nr && set->rules[0].models_nr
                                                  ? set->rules[0].models[0]
                                                  : SLICE("shop.Product")));
    if (decode_record(&record, &options, arena, &event, &skipped, &err) != DECODE_EVENT)
        return;
    check_candidates(set, &event, arena);
    check_plan(set, &event, arena);
}

static void load_tests(struct slice text)
{
    struct rule_source source = {SLICE("rules_test.jsonc"), text};
    struct diagnostics found;
    struct test_file *file;

    diagnostics_init(&found);
    file = test_file_load(&source, &found);
    need((file != NULL) == (found.errors == 0));
    test_file_free(file);
    diagnostics_release(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size), text = fuzz_part(&rest);
    struct rule_source source = {SLICE("rules.jsonc"), text};
    struct diagnostics found;
    struct ruleset *set;
    struct arena arena;

    arena_init(&arena, 1 << 12);
    diagnostics_init(&found);
    set = load_sources(&source, 1, &found);
    if (set)
        check_event(set, rest, &arena);
    load_tests(text);
    ruleset_free(set);
    diagnostics_release(&found);
    arena_release(&arena);
    return 0;
}
