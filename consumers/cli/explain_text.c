#include "consumers/cli/explain.h"

#include <inttypes.h>

#include "consumers/plan/op_json.h"

enum { MAX_SHOWN_OPS = 20 };

struct style {
    const char *good, *bad, *dim, *end;
};

static struct style style_of(bool coloured)
{
    return coloured ? (struct style){"\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m"}
                    : (struct style){"", "", "", ""};
}

static void add_value(const struct value *value, struct buffer *out)
{
    struct buffer text;

    buffer_init(&text);
    value_print(value, &text);
    buffer_add_printable(out, buffer_slice(&text));
    buffer_release(&text);
}

static void add_pk(const struct event *event, struct buffer *out)
{
    if (event->rows_nr > 1) {
        buffer_printf(out, " %zu rows", event->rows_nr);
    } else if (event->rows[0].pk) {
        buffer_add_text(out, " pk=");
        add_value(event->rows[0].pk, out);
    }
}

static void add_changed(const struct event *event, struct arena *arena, struct buffer *out)
{
    const struct changed *changed = event_changed(event, &event->rows[0], arena);

    buffer_add_text(out, " changed=");
    if (changed->state == CHANGED_UNKNOWN)
        buffer_add_text(out, "unknown");
    else if (changed->nr == 0)
        buffer_add_text(out, changed->state == CHANGED_ALL ? "all" : "nothing");
    for (size_t i = 0; i < changed->nr && changed->state != CHANGED_UNKNOWN; i++) {
        if (i > 0)
            buffer_add_char(out, ',');
        buffer_add_printable(out, changed->names[i]);
    }
}

static void add_head(const struct event *event, struct arena *arena, struct buffer *out)
{
    static const char *const envelopes[] = {"native", "CloudEvents", "Debezium", "Maxwell"};

    buffer_add_printable(out, event->name);
    buffer_add_char(out, ' ');
    buffer_add_printable(out, event->model);
    add_pk(event, out);
    buffer_add_text(out, "   op=");
    buffer_add_printable(out, event->op_name);
    add_changed(event, arena, out);
    if (event->has_version)
        buffer_printf(out, " version=%" PRIu64, event->version);
    buffer_printf(out, "   %s, %zu B\n", envelopes[event->envelope], event->bytes);
}

static bool is_old_row(const struct explained_rule *rule, const struct op *op)
{
    if (rule->new_row_ops == NULL)
        return false;
    for (size_t i = 0; i < rule->new_row_nr; i++) {
        const struct op *other = &rule->new_row_ops[i];

        if (other->verb == op->verb && slice_equals(other->key, op->key))
            return false;
    }
    return true;
}

/* "  (old row, exists)" */
static void add_remarks(const struct explained_rule *rule, size_t i, struct buffer *out)
{
    const struct presence *found = rule->found ? &rule->found[i] : NULL;
    bool is_old = is_old_row(rule, &rule->ops[i]);

    if (!is_old && !found)
        return;
    buffer_printf(out, "  (%s", is_old ? "old row" : "");
    if (found) {
        buffer_add_text(out, is_old ? ", " : "");
        if (found->is_pattern)
            buffer_printf(out, "%zu of %s%zu keys", found->matched,
                          found->is_all ? "" : "the first ", found->sampled);
        else
            buffer_add_text(out, found->exists ? "exists" : "not there");
    }
    buffer_add_char(out, ')');
}

static void add_matched(const struct explained_rule *rule, const struct style *style,
                        struct buffer *out)
{
    buffer_printf(out, "%s✓%s ", style->good, style->end);
    buffer_add_printable(out, rule->rule->name);
    buffer_printf(out, "  %zu operation%s%s\n", rule->ops_nr, rule->ops_nr == 1 ? "" : "s",
                  rule->rule->mode == RULE_SHADOW ? " (shadow: never executed)" : "");
    for (size_t i = 0; i < rule->ops_nr && i < MAX_SHOWN_OPS; i++) {
        buffer_add_text(out, "    ");
        op_print_text(&rule->ops[i], out);
        add_remarks(rule, i, out);
        buffer_add_char(out, '\n');
    }
    if (rule->ops_nr > MAX_SHOWN_OPS)
        buffer_printf(out, "    %s… %zu more%s\n", style->dim, rule->ops_nr - MAX_SHOWN_OPS,
                      style->end);
}

static size_t count_causes(const struct explained_rule *rule)
{
    size_t nr = 0;

    for (size_t i = 0; i < rule->findings.nr; i++)
        nr += explain_is_cause(rule, &rule->findings.items[i]);
    return nr;
}

static void add_cause(const struct finding *finding, struct buffer *out)
{
    buffer_add_text(out, finding->in_unless ? "unless: " : "");
    buffer_add_printable(out, finding->predicate->path.text);
    if (slice_is_absent(finding->have)) {
        buffer_add_text(out, " is missing");
    } else {
        buffer_add_text(out, " is ");
        buffer_add_printable(out, finding->have);
    }
    buffer_add_text(out, finding->in_unless ? ", excluded by " : ", want ");
    buffer_add_printable(out, finding->predicate->want);
}

static void add_unmatched(const struct explained_rule *rule, const struct style *style,
                          struct buffer *out)
{
    size_t causes = count_causes(rule), shown = 0;

    buffer_printf(out, "%s✗%s ", style->bad, style->end);
    buffer_add_printable(out, rule->rule->name);
    if (!rule->rule->is_enabled) {
        buffer_add_text(out, "  disabled\n");
        return;
    }
    buffer_printf(out, "  %s%zu of %zu predicates failed: ",
                  causes == 1 && rule->findings.nr > 1 ? "near miss, " : "", causes,
                  rule->findings.nr);
    for (size_t i = 0; i < rule->findings.nr; i++) {
        if (!explain_is_cause(rule, &rule->findings.items[i]))
            continue;
        if (shown++ > 0)
            buffer_add_text(out, "; ");
        add_cause(&rule->findings.items[i], out);
    }
    buffer_add_char(out, '\n');
}

/* What matched first, then those that missed by least. */
static void add_rules(const struct explanation *e, const struct style *style, struct buffer *out)
{
    size_t most = 0;

    for (size_t i = 0; i < e->rules_nr; i++) {
        size_t causes = e->rules[i].matched ? 0 : count_causes(&e->rules[i]);

        if (e->rules[i].matched)
            add_matched(&e->rules[i], style, out);
        most = causes > most ? causes : most;
    }
    for (size_t wanted = 0; wanted <= most; wanted++) {
        for (size_t i = 0; i < e->rules_nr; i++) {
            if (!e->rules[i].matched && count_causes(&e->rules[i]) == wanted)
                add_unmatched(&e->rules[i], style, out);
        }
    }
}

static void add_failure(const struct failure *failure, const struct style *style,
                        struct buffer *out)
{
    buffer_printf(out, "%s! set aside%s: %s", style->bad, style->end, reason_text(failure->reason));
    if (failure->rule) {
        buffer_add_text(out, " in ");
        buffer_add_printable(out, failure->rule->name);
        buffer_printf(out, ", %s", verb_text(failure->verb));
    }
    buffer_add_text(out, ": ");
    buffer_add_printable(out, failure->detail);
    buffer_add_char(out, '\n');
}

static void add_unread(const struct explanation *e, const struct style *style, struct buffer *out)
{
    struct failure failure = {.reason = e->result == DECODE_TOO_LARGE ? REASON_TOO_LARGE
                                                                      : REASON_BAD_EVENT,
                              .detail = slice_of(e->error)};

    buffer_printf(out, "line %u, column %u", e->line, e->column);
    if (e->result == DECODE_SKIPPED) {
        buffer_printf(out, ": skipped, a %s\n", e->skipped);
        return;
    }
    buffer_add_char(out, '\n');
    add_failure(&failure, style, out);
}

void explain_print_text(const struct explanation *e, bool coloured, struct arena *arena,
                        struct buffer *out)
{
    struct style style = style_of(coloured);

    if (e->event == NULL) {
        add_unread(e, &style, out);
        return;
    }
    add_head(e->event, arena, out);
    add_rules(e, &style, out);
    for (size_t i = 0; i < e->plan->failures_nr; i++)
        add_failure(&e->plan->failures[i], &style, out);
    if (e->rules_nr == 0)
        buffer_printf(out, "  %sno rule of this model%s\n", style.dim, style.end);
    if (e->others_nr > 0)
        buffer_printf(out, "  %s%zu rule%s of other models never tried%s\n", style.dim,
                      e->others_nr, e->others_nr == 1 ? "" : "s", style.end);
}
