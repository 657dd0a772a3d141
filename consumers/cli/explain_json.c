#include "consumers/cli/explain.h"

#include <inttypes.h>

#include "consumers/plan/op_json.h"

static void add_pks(const struct event *event, struct buffer *out)
{
    if (event->rows_nr == 1) {
        if (event->rows[0].pk) {
            buffer_add_text(out, ",\"pk\":");
            value_print(event->rows[0].pk, out);
        }
        return;
    }
    for (size_t i = 0; i < event->rows_nr; i++) {
        buffer_add_text(out, i == 0 ? ",\"pks\":[" : ",");
        if (event->rows[i].pk)
            value_print(event->rows[i].pk, out);
        else
            buffer_add_text(out, "null");
    }
    buffer_add_char(out, ']');
}

static void add_changed(const struct event *event, struct arena *arena, struct buffer *out)
{
    const struct changed *changed = event_changed(event, &event->rows[0], arena);

    buffer_add_text(out, ",\"changed\":");
    if (changed->state == CHANGED_UNKNOWN) {
        buffer_add_text(out, "null");
        return;
    }
    buffer_add_char(out, '[');
    for (size_t i = 0; i < changed->nr; i++) {
        if (i > 0)
            buffer_add_char(out, ',');
        buffer_add_json_string(out, changed->names[i]);
    }
    buffer_add_char(out, ']');
}

static void add_event(const struct event *event, struct arena *arena, struct buffer *out)
{
    buffer_add_text(out, "{\"model\":");
    buffer_add_json_string(out, event->model);
    buffer_add_text(out, ",\"op\":");
    buffer_add_json_string(out, event->op_name);
    add_pks(event, out);
    add_changed(event, arena, out);
    if (event->has_version)
        buffer_printf(out, ",\"version\":%" PRIu64, event->version);
    buffer_add_char(out, '}');
}

static void add_findings(const struct explained_rule *rule, struct buffer *out)
{
    bool is_first = true;

    for (size_t i = 0; i < rule->findings.nr; i++) {
        const struct finding *finding = &rule->findings.items[i];

        if (!explain_is_cause(rule, finding))
            continue;
        buffer_add_text(out, is_first ? "{\"path\":" : ",{\"path\":");
        is_first = false;
        buffer_add_json_string(out, finding->predicate->path.text);
        if (!slice_is_absent(finding->have)) {
            buffer_add_text(out, ",\"have\":");
            buffer_add(out, finding->have);
        }
        buffer_add_text(out, ",\"want\":");
        buffer_add(out, finding->predicate->want);
        buffer_add_text(out, finding->in_unless ? ",\"unless\":true}" : "}");
    }
}

/* The operation, and what it would find. */
static void add_op(const struct op *op, const struct plan *plan, const struct presence *found,
                   struct buffer *out)
{
    op_print_json(op, plan, out);
    if (found == NULL)
        return;
    out->len--; /* its closing brace */
    if (found->is_pattern)
        buffer_printf(out, ",\"sample\":{\"matched\":%zu,\"keys\":%zu,\"all\":%s}}", found->matched,
                      found->sampled, found->is_all ? "true" : "false");
    else
        buffer_printf(out, ",\"exists\":%s}", found->exists ? "true" : "false");
}

static void add_rule(const struct explained_rule *rule, struct buffer *out)
{
    buffer_add_text(out, "{\"name\":");
    buffer_add_json_string(out, rule->rule->name);
    if (!rule->matched) {
        buffer_add_text(out, ",\"matched\":false");
        buffer_add_text(out, rule->rule->is_enabled ? "" : ",\"enabled\":false");
        buffer_add_text(out, ",\"failed\":[");
        add_findings(rule, out);
        buffer_add_text(out, "]}");
        return;
    }
    buffer_printf(out, ",\"matched\":true,\"mode\":\"%s\",\"ops\":[",
                  rule->rule->mode == RULE_LIVE ? "live" : "shadow");
    for (size_t i = 0; i < rule->ops_nr; i++) {
        if (i > 0)
            buffer_add_char(out, ',');
        add_op(&rule->ops[i], NULL, rule->found ? &rule->found[i] : NULL, out);
    }
    buffer_add_text(out, "]}");
}

static void add_ops(const struct explanation *e, struct buffer *out)
{
    const struct plan *plan = e->plan;
    bool is_first = true;

    for (size_t i = 0; i < plan->ops_nr; i++) {
        if (plan->ops[i].merged_into != OP_LIVE)
            continue;
        if (!is_first)
            buffer_add_char(out, ',');
        is_first = false;
        add_op(&plan->ops[i], plan, e->found ? &e->found[i] : NULL, out);
    }
}

/* A record that is no event fails as a whole: no rule is to blame. */
static void add_bad(const struct explanation *e, struct buffer *out)
{
    struct failure failure = {.reason = e->result == DECODE_TOO_LARGE ? REASON_TOO_LARGE
                                                                      : REASON_BAD_EVENT,
                              .detail = slice_of(e->error)};

    failures_print_json(&failure, 1, out);
}

void explain_print_json(const struct explanation *e, struct arena *arena, struct buffer *out)
{
    buffer_add_text(out, "{\"event\":");
    if (e->event)
        add_event(e->event, arena, out);
    else
        buffer_add_text(out, "null");
    if (e->result == DECODE_SKIPPED) {
        buffer_add_text(out, ",\"skipped\":");
        buffer_add_json_string(out, slice_of(e->skipped));
    }
    buffer_add_text(out, ",\"rules\":[");
    for (size_t i = 0; i < e->rules_nr; i++) {
        if (i > 0)
            buffer_add_char(out, ',');
        add_rule(&e->rules[i], out);
    }
    buffer_add_text(out, "],\"ops\":[");
    if (e->event)
        add_ops(e, out);
    buffer_add_text(out, "],\"dead_letter\":");
    if (e->result == DECODE_BAD || e->result == DECODE_TOO_LARGE)
        add_bad(e, out);
    else
        failures_print_json(e->plan->failures, e->plan->failures_nr, out);
    buffer_add_text(out, "}\n");
}
