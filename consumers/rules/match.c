#include "consumers/rules/match.h"

#include "consumers/rules/encode.h"
#include "consumers/rules/holds.h"

struct judge {
    const struct rule *rule;
    const struct event *event;
    struct row *row;
    struct arena *arena;
    bool in_unless;
    struct findings *findings; /* NULL: stop at the first predicate that decides */
};

static bool any_test_holds(const struct predicate *predicate, const struct field *field)
{
    for (size_t i = 0; i < predicate->tests_nr; i++) {
        if (test_holds(&predicate->tests[i], field))
            return true;
    }
    return false;
}

static bool wants_existence(const struct predicate *predicate, bool exists)
{
    for (size_t i = 0; i < predicate->tests_nr; i++) {
        if (predicate->tests[i].kind == TEST_EXISTS && predicate->tests[i].exists == exists)
            return true;
    }
    return false;
}

/* True when every alternative asks only whether it exists: then nothing is unknown. */
static bool only_existence(const struct predicate *predicate)
{
    for (size_t i = 0; i < predicate->tests_nr; i++) {
        if (predicate->tests[i].kind != TEST_EXISTS)
            return false;
    }
    return true;
}

static enum verdict verdict_of(bool holds)
{
    return holds ? VERDICT_YES : VERDICT_NO;
}

/* An array holds when it is there (exists) or when one element holds. */
static bool value_holds(const struct predicate *predicate, const struct field *field)
{
    struct value_iter it;

    if (field->type != VALUE_ARRAY)
        return any_test_holds(predicate, field);
    if (wants_existence(predicate, true))
        return true;
    it = value_walk(field->value);
    while (value_next(&it)) {
        struct field element = field_of_value(it.item);

        if (any_test_holds(predicate, &element))
            return true;
    }
    return false;
}

enum reach { REACH_NOTHING, REACH_NO_MATCH, REACH_MATCH };

/* Follows the parts from here, through every element of an array on the way. */
static enum reach reach(const struct predicate *predicate, const struct value *value, size_t part)
{
    const struct field_path *path = &predicate->path;
    enum reach best = REACH_NOTHING;
    struct value_iter it;

    for (; part < path->parts_nr && value_type(value) != VALUE_ARRAY; part++)
        value = value_get(value, path->parts[part].name);
    if (value == NULL)
        return REACH_NOTHING;
    if (part == path->parts_nr) {
        struct field field = field_of_value(value);

        return value_holds(predicate, &field) ? REACH_MATCH : REACH_NO_MATCH;
    }
    it = value_walk(value);
    while (best != REACH_MATCH && value_next(&it)) {
        enum reach one =
            value_type(it.item) == VALUE_OBJECT ? reach(predicate, it.item, part) : REACH_NOTHING;

        best = one > best ? one : best;
    }
    return best;
}

/* A path that ends in nothing may have to go through an array of objects. */
static enum verdict judge_missing(const struct judge *judge, const struct predicate *predicate)
{
    struct field_path path = predicate->path;
    enum reach reached = REACH_NOTHING;

    for (path.parts_nr = 0; path.parts_nr < predicate->path.parts_nr; path.parts_nr++) {
        struct field field = field_get(judge->event, judge->row, SIDE_NEW, &path, judge->arena);

        if (field.state == FIELD_PRESENT && field.type == VALUE_ARRAY && field.value) {
            reached = reach(predicate, field.value, path.parts_nr);
            break;
        }
    }
    if (reached != REACH_NOTHING)
        return verdict_of(reached == REACH_MATCH);
    return verdict_of(wants_existence(predicate, false));
}

static enum verdict judge_unknown(const struct predicate *predicate)
{
    if (wants_existence(predicate, false))
        return VERDICT_YES;
    return only_existence(predicate) ? VERDICT_NO : VERDICT_UNKNOWN;
}

static bool any_name_holds(const struct predicate *predicate, const struct changed *changed)
{
    for (size_t i = 0; i < changed->nr; i++) {
        struct field name = field_of_text(changed->names[i]);

        if (any_test_holds(predicate, &name))
            return true;
    }
    return false;
}

/*
 * A create or delete changed all fields, those that the image does not show too; `unless` holds only
 * for what is seen.
 */
static enum verdict judge_changed(const struct judge *judge, const struct predicate *predicate)
{
    const struct changed *changed = event_changed(judge->event, judge->row, judge->arena);

    if (changed->state == CHANGED_UNKNOWN)
        return VERDICT_UNKNOWN;
    if (changed->state == CHANGED_ALL && !judge->in_unless && !only_existence(predicate))
        return VERDICT_YES;
    if (only_existence(predicate))
        return verdict_of(wants_existence(predicate, true));
    return verdict_of(any_name_holds(predicate, changed));
}

static bool has_parent(const struct ruleset *ruleset, struct slice label, struct slice parent)
{
    for (size_t i = 0; ruleset && i < ruleset->models_nr; i++) {
        const struct model *model = &ruleset->models[i];

        if (!slice_equals_nocase(model->label, label))
            continue;
        for (size_t j = 0; j < model->parents_nr; j++) {
            if (slice_equals_nocase(model->parents[j], parent))
                return true;
        }
    }
    return false;
}

static bool is_parent(const struct ruleset *ruleset, const struct event *event, struct slice label)
{
    struct value_iter it = value_walk(event->parents);

    while (value_next(&it)) {
        if (slice_equals_nocase(value_text(it.item), label))
            return true;
    }
    return has_parent(ruleset, event->model, label);
}

/* Other operators look at the label in lower case and at those of the parents. */
static bool any_label_holds(const struct judge *judge, const struct predicate *predicate)
{
    struct field label = field_of_text(judge->event->model);
    struct value_iter it = value_walk(judge->event->parents);

    if (any_test_holds(predicate, &label))
        return true;
    while (value_next(&it)) {
        label = field_of_value(it.item);
        if (any_test_holds(predicate, &label))
            return true;
    }
    return false;
}

/* Almost always the label is written in the rule as the event has it. */
static bool is_label(const struct judge *judge, struct slice label)
{
    return slice_equals(label, judge->event->model) ||
           slice_equals_nocase(label, judge->event->model) ||
           is_parent(judge->rule->ruleset, judge->event, label);
}

static enum verdict judge_model(const struct judge *judge, const struct predicate *predicate)
{
    for (size_t i = 0; i < predicate->tests_nr; i++) {
        const struct test *test = &predicate->tests[i];

        if (test->kind == TEST_EXACT && is_label(judge, test->text))
            return VERDICT_YES;
    }
    return verdict_of(any_label_holds(judge, predicate));
}

static bool holds_for_op(const struct predicate *predicate, const struct event *event)
{
    struct field name;

    if (event->op != EVENT_CUSTOM)
        return predicate->ops & 1u << event->op;
    name = field_of_text(event->op_name);
    return any_test_holds(predicate, &name);
}

/* A save that does not say whether it created matches both, in `when` only. */
static enum verdict judge_op(const struct judge *judge, const struct predicate *predicate)
{
    bool holds = holds_for_op(predicate, judge->event);

    if (!judge->event->op_is_guess)
        return verdict_of(holds);
    if (!holds && !(predicate->ops & 1u << EVENT_CREATE))
        return VERDICT_NO;
    return holds && !judge->in_unless ? VERDICT_YES : VERDICT_UNKNOWN;
}

/* For m2m and ops of one's own an image that was not sent is unknown on either side. */
static bool is_unknown_image(const struct judge *judge, const struct predicate *predicate)
{
    const struct row *row = judge->row;
    bool is_other = judge->event->op != EVENT_CREATE && judge->event->op != EVENT_UPDATE &&
                    judge->event->op != EVENT_DELETE;

    return is_other && ((predicate->path.root == FIELD_BEFORE && row->before == NULL) ||
                        (predicate->path.root == FIELD_AFTER && row->after == NULL));
}

static enum verdict judge_predicate(const struct judge *judge, const struct predicate *predicate)
{
    struct field field;

    if (predicate->path.root == FIELD_MODEL)
        return judge_model(judge, predicate);
    if (predicate->path.root == FIELD_OP)
        return judge_op(judge, predicate);
    if (predicate->path.root == FIELD_CHANGED)
        return judge_changed(judge, predicate);
    field = field_get(judge->event, judge->row, SIDE_NEW, &predicate->path, judge->arena);
    if (field.state == FIELD_UNKNOWN || is_unknown_image(judge, predicate))
        return judge_unknown(predicate);
    if (field.state != FIELD_PRESENT)
        return judge_missing(judge, predicate);
    return verdict_of(value_holds(predicate, &field));
}

static struct slice print_names(const struct changed *changed, struct arena *arena)
{
    struct sink sink;

    sink_init(&sink, arena);
    sink_add_char(&sink, '[');
    for (size_t i = 0; i < changed->nr; i++) {
        if (i > 0)
            sink_add_char(&sink, ',');
        encode_json_text(&sink, changed->names[i]);
    }
    sink_add_char(&sink, ']');
    return sink_slice(&sink);
}

static struct slice print_have(const struct judge *judge, const struct predicate *predicate)
{
    struct field field;
    struct sink sink;

    if (predicate->path.root == FIELD_CHANGED) {
        const struct changed *changed = event_changed(judge->event, judge->row, judge->arena);

        return changed->state == CHANGED_UNKNOWN ? SLICE_ABSENT
                                                 : print_names(changed, judge->arena);
    }
    field = field_get(judge->event, judge->row, SIDE_NEW, &predicate->path, judge->arena);
    if (field.state != FIELD_PRESENT)
        return SLICE_ABSENT;
    sink_init(&sink, judge->arena);
    encode_json(&sink, &field);
    return sink_slice(&sink);
}

static void note(const struct judge *judge, const struct predicate *predicate, enum verdict verdict)
{
    struct findings *found = judge->findings;

    found->items =
        arena_grow(judge->arena, found->items, found->nr, &found->capacity, sizeof(*found->items));
    found->items[found->nr++] =
        (struct finding){predicate, verdict, judge->in_unless, print_have(judge, predicate)};
}

static bool judge_pattern(const struct judge *judge, const struct pattern *pattern);

/* Once a branch holds, what the others lack explains nothing: their findings are taken back. */
static bool judge_group(const struct judge *judge, const struct pattern_group *group)
{
    size_t first = judge->findings ? judge->findings->nr : 0;

    for (size_t i = 0; i < group->branches_nr; i++) {
        size_t start = judge->findings ? judge->findings->nr : 0;

        if (!judge_pattern(judge, &group->branches[i]))
            continue;
        if (judge->findings) {
            size_t nr = judge->findings->nr - start;

            memmove(judge->findings->items + first, judge->findings->items + start,
                    nr * sizeof(*judge->findings->items));
            judge->findings->nr = first + nr;
        }
        return true;
    }
    return false;
}

static bool judge_pattern(const struct judge *judge, const struct pattern *pattern)
{
    bool holds = true;

    for (size_t i = 0; i < pattern->predicates_nr; i++) {
        enum verdict verdict = judge_predicate(judge, &pattern->predicates[i]);

        if (verdict == VERDICT_NO || (verdict == VERDICT_UNKNOWN && judge->in_unless))
            holds = false;
        if (judge->findings)
            note(judge, &pattern->predicates[i], verdict);
        else if (!holds)
            return false;
    }
    for (size_t i = 0; i < pattern->groups_nr; i++) {
        if (!judge_group(judge, &pattern->groups[i]))
            holds = false;
        if (!holds && judge->findings == NULL)
            return false;
    }
    return holds;
}

static bool judge_rule(struct judge *judge)
{
    bool when = judge_pattern(judge, &judge->rule->when);
    bool unless;

    if (!judge->rule->has_unless || (!when && judge->findings == NULL))
        return when;
    judge->in_unless = true;
    unless = judge_pattern(judge, &judge->rule->unless);
    return when && !unless;
}

bool match_concerns(const struct rule *rule, const struct event *event)
{
    for (size_t i = 0; i < rule->models_nr; i++) {
        if (slice_equals_nocase(rule->models[i], event->model) ||
            is_parent(rule->ruleset, event, rule->models[i]))
            return true;
    }
    return rule->models_nr == 0;
}

bool match_rule(const struct rule *rule, const struct event *event, struct row *row,
                struct arena *arena)
{
    struct judge judge = {.rule = rule, .event = event, .row = row, .arena = arena};

    return judge_rule(&judge);
}

bool match_explain(const struct rule *rule, const struct event *event, struct row *row,
                   struct arena *arena, struct findings *out)
{
    struct judge judge = {
        .rule = rule, .event = event, .row = row, .arena = arena, .findings = out};

    return judge_rule(&judge);
}
