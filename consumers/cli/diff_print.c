#include <inttypes.h>

#include "consumers/base/text.h"
#include "consumers/cli/diff.h"
#include "consumers/plan/op_json.h"

enum { TEXT_COLUMNS = 52, NAME_COLUMNS = 36 };

static const char *const side_names[] = {[DIFF_OLD] = "old", [DIFF_NEW] = "new"};

static void pad(struct buffer *out, size_t start, size_t columns)
{
    size_t have = text_chars((struct slice){out->ptr + start, out->len - start});

    for (; have < columns; have++)
        buffer_add_char(out, ' ');
}

/* The side whose event can be named, if one can. */
static const struct diff_side *told_side(const struct diff_event *event)
{
    return event->sides[DIFF_NEW].is_event ? &event->sides[DIFF_NEW] : &event->sides[DIFF_OLD];
}

/* ---- for people ---- */

static void add_head(const struct diff_event *event, struct buffer *out)
{
    const struct diff_side *side = told_side(event);
    struct buffer pk;

    buffer_printf(out, "line %u", event->line);
    if (side->is_event) {
        buffer_add_text(out, ": ");
        buffer_add_printable(out, side->event.name);
        buffer_add_char(out, ' ');
        buffer_add_printable(out, side->event.model);
        if (side->event.rows_nr == 1 && side->event.rows[0].pk) {
            buffer_init(&pk);
            value_print(side->event.rows[0].pk, &pk);
            buffer_add_text(out, " pk=");
            buffer_add_printable(out, buffer_slice(&pk));
            buffer_release(&pk);
        }
    }
    buffer_add_char(out, '\n');
}

static void add_op(char sign, const struct op *op, struct buffer *out)
{
    const struct rule *rule = op->action->rule;
    size_t start = out->len;

    buffer_printf(out, "  %c ", sign);
    op_print_text(op, out);
    pad(out, start, TEXT_COLUMNS);
    buffer_add_text(out, "  ");
    buffer_add(out, rule->name);
    buffer_add_text(out, " (");
    buffer_add_printable(out, rule->file);
    buffer_printf(out, ":%u)\n", rule->line);
}

/* What the texts leave out (the rate of a purge, say) is told as JSON. */
static void add_change(const struct diff_event *event, const struct diff_op *op, struct buffer *out)
{
    struct buffer texts[DIFF_SIDES];
    bool is_told;

    for (int i = 0; i < DIFF_SIDES; i++) {
        buffer_init(&texts[i]);
        op_print_text(op->of[i], &texts[i]);
    }
    is_told = !slice_equals(buffer_slice(&texts[0]), buffer_slice(&texts[1]));
    for (int i = 0; i < DIFF_SIDES; i++) {
        if (is_told) {
            add_op(i == DIFF_OLD ? '<' : '>', op->of[i], out);
        } else {
            buffer_add_text(out, i == DIFF_OLD ? "  < " : "  > ");
            op_print_json(op->of[i], &event->sides[i].plan, out);
            buffer_add_char(out, '\n');
        }
        buffer_release(&texts[i]);
    }
}

void diff_print_event_text(const struct diff_event *event, struct buffer *out)
{
    add_head(event, out);
    for (size_t i = 0; i < event->ops_nr; i++) {
        const struct diff_op *op = &event->ops[i];

        if (op->of[DIFF_OLD] && op->of[DIFF_NEW])
            add_change(event, op, out);
        else if (op->of[DIFF_OLD])
            add_op('-', op->of[DIFF_OLD], out);
        else
            add_op('+', op->of[DIFF_NEW], out);
    }
    if (slice_equals(event->sides[DIFF_OLD].dead_letter, event->sides[DIFF_NEW].dead_letter))
        return;
    for (int i = 0; i < DIFF_SIDES; i++) {
        buffer_printf(out, "  %c set aside: ", i == DIFF_OLD ? '<' : '>');
        if (event->sides[i].plan.failures_nr == 0)
            buffer_add_text(out, "no");
        else
            buffer_add_printable(out, event->sides[i].dead_letter);
        buffer_add_char(out, '\n');
    }
}

/* ---- rules ---- */

struct rule_total {
    bool is_there;
    uint64_t matches, ops;
};

static struct rule_total total_of(const struct diff_side *side, struct slice name)
{
    struct rule_total total = {false, 0, 0};

    for (size_t i = 0; i < side->ruleset->rules_nr; i++) {
        if (!slice_equals(side->ruleset->rules[i].name, name))
            continue;
        total.is_there = true;
        total.matches = side->counts[i].matches;
        for (int verb = 0; verb < VERB_NR; verb++)
            total.ops += side->counts[i].ops[verb];
    }
    return total;
}

/* Calls print for every rule of either side, those of both once. */
static void visit_rules(const struct diff_side *sides,
                        void (*print)(struct slice name, const struct rule_total *totals,
                                      struct buffer *out),
                        struct buffer *out)
{
    for (int i = 0; i < DIFF_SIDES; i++) {
        for (size_t j = 0; j < sides[i].ruleset->rules_nr; j++) {
            struct slice name = sides[i].ruleset->rules[j].name;
            struct rule_total totals[] = {total_of(&sides[DIFF_OLD], name),
                                          total_of(&sides[DIFF_NEW], name)};

            if (i == DIFF_OLD || !totals[DIFF_OLD].is_there)
                print(name, totals, out);
        }
    }
}

static void add_pair(const struct rule_total *totals, bool is_ops, const char *word,
                     struct buffer *out)
{
    for (int i = 0; i < DIFF_SIDES; i++) {
        if (i > 0)
            buffer_add_text(out, " -> ");
        if (totals[i].is_there)
            buffer_printf(out, "%" PRIu64, is_ops ? totals[i].ops : totals[i].matches);
        else
            buffer_add_char(out, '-');
    }
    buffer_printf(out, " %s", word);
}

static void print_rule_text(struct slice name, const struct rule_total *totals, struct buffer *out)
{
    size_t start = out->len;

    if (totals[0].is_there == totals[1].is_there && totals[0].matches == totals[1].matches &&
        totals[0].ops == totals[1].ops)
        return;
    buffer_add_text(out, "rule ");
    buffer_add(out, name);
    pad(out, start, NAME_COLUMNS);
    buffer_add_text(out, "  ");
    add_pair(totals, false, "events, ", out);
    add_pair(totals, true, "operations\n", out);
}

void diff_print_totals_text(const struct diff_totals *totals, const struct diff_side *sides,
                            struct buffer *out)
{
    visit_rules(sides, print_rule_text, out);
    buffer_printf(out,
                  "%zu of %zu events differ: operations that appear %zu, disappear %zu, change "
                  "%zu\n",
                  totals->different, totals->events, totals->appear, totals->disappear,
                  totals->change);
}

/* ---- for machines ---- */

static void add_event(const struct diff_event *event, struct buffer *out)
{
    const struct diff_side *side = told_side(event);

    buffer_printf(out, "{\"line\":%u,\"event\":", event->line);
    if (!side->is_event) {
        buffer_add_text(out, "null");
        return;
    }
    buffer_add_text(out, "{\"model\":");
    buffer_add_json_string(out, side->event.model);
    buffer_add_text(out, ",\"op\":");
    buffer_add_json_string(out, side->event.op_name);
    if (side->event.rows_nr == 1 && side->event.rows[0].pk) {
        buffer_add_text(out, ",\"pk\":");
        value_print(side->event.rows[0].pk, out);
    }
    buffer_add_char(out, '}');
}

/* Operations of one side alone. */
static void add_list(const struct diff_event *event, int side, const char *name, struct buffer *out)
{
    const char *comma = "";

    buffer_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < event->ops_nr; i++) {
        if (event->ops[i].of[!side])
            continue;
        buffer_add_text(out, comma);
        op_print_json(event->ops[i].of[side], &event->sides[side].plan, out);
        comma = ",";
    }
    buffer_add_char(out, ']');
}

static void add_changes(const struct diff_event *event, struct buffer *out)
{
    const char *comma = "";

    buffer_add_text(out, ",\"change\":[");
    for (size_t i = 0; i < event->ops_nr; i++) {
        const struct diff_op *op = &event->ops[i];

        if (!op->of[DIFF_OLD] || !op->of[DIFF_NEW])
            continue;
        buffer_printf(out, "%s{\"old\":", comma);
        op_print_json(op->of[DIFF_OLD], &event->sides[DIFF_OLD].plan, out);
        buffer_add_text(out, ",\"new\":");
        op_print_json(op->of[DIFF_NEW], &event->sides[DIFF_NEW].plan, out);
        buffer_add_char(out, '}');
        comma = ",";
    }
    buffer_add_char(out, ']');
}

void diff_print_event_json(const struct diff_event *event, struct buffer *out)
{
    add_event(event, out);
    add_list(event, DIFF_NEW, "appear", out);
    add_list(event, DIFF_OLD, "disappear", out);
    add_changes(event, out);
    if (!slice_equals(event->sides[DIFF_OLD].dead_letter, event->sides[DIFF_NEW].dead_letter)) {
        buffer_add_text(out, ",\"dead_letter\":{\"old\":");
        buffer_add(out, event->sides[DIFF_OLD].dead_letter);
        buffer_add_text(out, ",\"new\":");
        buffer_add(out, event->sides[DIFF_NEW].dead_letter);
        buffer_add_char(out, '}');
    }
    buffer_add_text(out, "}\n");
}

static void print_rule_json(struct slice name, const struct rule_total *totals, struct buffer *out)
{
    if (out->ptr[out->len - 1] == '}')
        buffer_add_char(out, ',');
    buffer_add_text(out, "{\"name\":");
    buffer_add_json_string(out, name);
    for (int i = 0; i < DIFF_SIDES; i++) {
        buffer_printf(out, ",\"%s\":", side_names[i]);
        if (totals[i].is_there)
            buffer_printf(out, "{\"events\":%" PRIu64 ",\"ops\":%" PRIu64 "}", totals[i].matches,
                          totals[i].ops);
        else
            buffer_add_text(out, "null");
    }
    buffer_add_char(out, '}');
}

void diff_print_totals_json(const struct diff_totals *totals, const struct diff_side *sides,
                            struct buffer *out)
{
    buffer_printf(out,
                  "{\"events\":%zu,\"different\":%zu,\"appear\":%zu,\"disappear\":%zu,"
                  "\"change\":%zu,\"rules\":[",
                  totals->events, totals->different, totals->appear, totals->disappear,
                  totals->change);
    visit_rules(sides, print_rule_json, out);
    buffer_add_text(out, "]}\n");
}
