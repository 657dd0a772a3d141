#include "consumers/rules/coverage.h"

#include "consumers/base/suggest.h"
#include "consumers/rules/digest.h"
#include "consumers/rules/locate.h"
#include "consumers/rules/match.h"

void coverage_init(struct coverage *coverage, const struct ruleset *set)
{
    *coverage = (struct coverage){.set = set};
    arena_init(&coverage->arena, 1 << 16);
    coverage->is_matched = arena_zero(&coverage->arena, set->rules_nr + 1, sizeof(bool));
}

void coverage_release(struct coverage *coverage)
{
    arena_release(&coverage->arena);
}

/* ---- events ---- */

static struct coverage_field *find_field(const struct coverage_model *model, struct slice name)
{
    for (size_t i = 0; i < model->nr; i++) {
        if (slice_equals(model->fields[i].name, name))
            return &model->fields[i];
    }
    return NULL;
}

static void carry(struct coverage *coverage, struct coverage_model *model, struct slice name)
{
    if (find_field(model, name))
        return;
    model->fields = arena_grow(&coverage->arena, model->fields, model->nr, &model->capacity,
                               sizeof(*model->fields));
    model->fields[model->nr++] = (struct coverage_field){arena_copy(&coverage->arena, name), false};
}

static void carry_members(struct coverage *coverage, struct coverage_model *model,
                          const struct value *image)
{
    for (struct value_iter it = value_walk(image); value_next(&it);)
        carry(coverage, model, it.name);
}

static struct coverage_model *model_of(struct coverage *coverage, const struct event *event)
{
    const struct ruleset *set = coverage->set;
    struct coverage_model *model;

    for (size_t i = 0; i < coverage->models_nr; i++) {
        if (slice_equals_nocase(coverage->models[i].label, event->model))
            return &coverage->models[i];
    }
    coverage->models = arena_grow(&coverage->arena, coverage->models, coverage->models_nr,
                                  &coverage->models_capacity, sizeof(*coverage->models));
    model = &coverage->models[coverage->models_nr++];
    *model = (struct coverage_model){.label = arena_copy(&coverage->arena, event->model)};
    model->concerns = arena_zero(&coverage->arena, set->rules_nr + 1, sizeof(bool));
    for (size_t i = 0; i < set->rules_nr; i++) {
        model->concerns[i] = set->rules[i].is_enabled && match_concerns(&set->rules[i], event);
        model->rules_nr += model->concerns[i];
    }
    return model;
}

void coverage_add(struct coverage *coverage, struct event *event, struct arena *arena)
{
    struct coverage_model *model = model_of(coverage, event);
    struct rule_list rules = ruleset_candidates(coverage->set, event, arena);

    coverage->events++;
    model->events++;
    for (size_t i = 0; i < event->rows_nr; i++) {
        const struct changed *changed = event_changed(event, &event->rows[i], arena);

        carry_members(coverage, model, event->rows[i].before);
        carry_members(coverage, model, event->rows[i].after);
        for (size_t j = 0; j < changed->nr; j++)
            carry(coverage, model, changed->names[j]);
        for (size_t j = 0; j < rules.nr; j++)
            coverage->is_matched[rules.rules[j]->index] |=
                match_rule(rules.rules[j], event, &event->rows[i], arena);
    }
}

/* ---- which fields a rule names ---- */

static void name_path(struct coverage_model *model, const struct field_path *path)
{
    struct coverage_field *field;

    if (path->parts_nr == 0 ||
        (path->root != FIELD_ROW && path->root != FIELD_BEFORE && path->root != FIELD_AFTER))
        return;
    field = find_field(model, path->parts[0].name);
    if (field)
        field->is_named = true;
}

static void name_template(struct coverage_model *model, const struct template *tpl)
{
    for (size_t i = 0; i < tpl->segments_nr; i++) {
        const struct segment *segment = &tpl->segments[i];

        for (size_t j = 0; segment->digest && j < segment->digest->parts_nr; j++)
            name_template(model, &segment->digest->parts[j]);
        if (!segment->digest && !slice_is_absent(segment->text))
            name_path(model, &segment->path);
    }
}

static void name_written(const struct segment *segment, struct slice pointer, void *model)
{
    (void)pointer;
    name_path(model, &segment->path);
}

static void name_pattern(struct coverage_model *model, const struct pattern *pattern)
{
    for (size_t i = 0; i < pattern->predicates_nr; i++) {
        const struct predicate *predicate = &pattern->predicates[i];

        name_path(model, &predicate->path);
        for (size_t j = 0; predicate->path.root == FIELD_CHANGED && j < predicate->tests_nr; j++) {
            struct coverage_field *field = find_field(model, predicate->tests[j].text);

            if (field)
                field->is_named = true;
        }
    }
    for (size_t i = 0; i < pattern->groups_nr; i++) {
        for (size_t j = 0; j < pattern->groups[i].branches_nr; j++)
            name_pattern(model, &pattern->groups[i].branches[j]);
    }
}

static void name_rule(struct coverage_model *model, const struct rule *rule)
{
    name_pattern(model, &rule->when);
    name_pattern(model, &rule->unless);
    for (size_t i = 0; i < rule->actions_nr; i++) {
        const struct action *action = &rule->actions[i];

        for (size_t j = 0; j < action->targets_nr; j++)
            name_template(model, &action->targets[j]);
        if (action->guard == GUARD_TEMPLATE)
            name_template(model, &action->guard_template);
        if (action->value)
            value_template_visit(action->value, name_written, model);
    }
}

/* ---- W410, in the text of the rule ---- */

struct finder {
    struct coverage *coverage;
    struct diagnostics *found;
    const struct rule_source *file;
    struct slice text, clean; /* without a byte order mark; comments blanked */
    const struct rule *rule;
};

/* The value of a member; 0 when there is none. */
static size_t member(struct finder *f, size_t object, const char *name)
{
    struct scan_walk walk;

    if (f->clean.ptr[object] != '{')
        return 0;
    walk = scan_walk(f->clean, object);
    while (scan_next(&walk)) {
        if (slice_equals(scan_decode(f->clean, walk.name.start, &f->coverage->arena),
                         slice_of(name)))
            return walk.value.start;
    }
    return 0;
}

static bool says(struct finder *f, size_t at, struct slice text)
{
    return f->clean.ptr[at] == '"' &&
           slice_equals(scan_decode(f->clean, at, &f->coverage->arena), text);
}

/* A text, or an array with it. */
static bool holds_text(struct finder *f, size_t at, struct slice text)
{
    struct scan_walk walk;

    if (at == 0 || f->clean.ptr[at] != '[')
        return at != 0 && says(f, at, text);
    walk = scan_walk(f->clean, at);
    while (scan_next(&walk)) {
        if (says(f, walk.value.start, text))
            return true;
    }
    return false;
}

/* Of the models of the rule that the sample holds, one tells which fields there are, and none has it. */
static bool is_never_carried(const struct coverage *coverage, const struct rule *rule,
                             struct slice name)
{
    bool is_told = false;

    for (size_t i = 0; i < coverage->models_nr; i++) {
        const struct coverage_model *model = &coverage->models[i];

        if (!model->concerns[rule->index])
            continue;
        if (find_field(model, name))
            return false;
        is_told |= model->nr > 0;
    }
    return is_told;
}

/* Of the fields that the rule's models carry. */
static struct slice nearest_carried(const struct coverage *coverage, const struct rule *rule,
                                    struct slice name)
{
    struct suggest suggest;

    suggest_init(&suggest, name);
    for (size_t i = 0; i < coverage->models_nr; i++) {
        const struct coverage_model *model = &coverage->models[i];

        for (size_t j = 0; model->concerns[rule->index] && j < model->nr; j++)
            suggest_offer(&suggest, model->fields[j].name);
    }
    return suggest.best;
}

static void check_name(struct finder *f, struct span value)
{
    struct slice name = scan_decode(f->clean, value.start, &f->coverage->arena);
    struct place place = locate_place(f->text, value);
    struct diagnostic d = {
        .severity = SEVERITY_WARNING,
        .code = "W410",
        .file = f->file->name,
        .line = place.line,
        .column = place.column,
        .end_column = place.end_column,
        .source_line = place.source_line,
        .suggestion = nearest_carried(f->coverage, f->rule, name),
        .message = arena_printf(&f->coverage->arena,
                                "no event of the sample carries a field \"%.*s\"", SLICE_ARG(name)),
    };

    if (is_never_carried(f->coverage, f->rule, name))
        diagnostics_add(f->found, &d);
}

static void check_changed(struct finder *f, size_t at)
{
    struct scan_walk walk;

    if (f->clean.ptr[at] == '"')
        check_name(f, (struct span){at, scan_string(f->clean, at)});
    if (f->clean.ptr[at] != '[')
        return;
    walk = scan_walk(f->clean, at);
    while (scan_next(&walk)) {
        if (f->clean.ptr[walk.value.start] == '"')
            check_name(f, walk.value);
    }
}

static void check_pattern(struct finder *f, size_t pattern)
{
    size_t changed = member(f, pattern, "changed"), branches = member(f, pattern, "$or");
    struct scan_walk walk;

    if (changed)
        check_changed(f, changed);
    if (!branches)
        return;
    walk = scan_walk(f->clean, branches);
    while (scan_next(&walk))
        check_pattern(f, walk.value.start);
}

static bool rule_ignores(struct finder *f, size_t object, bool by_default)
{
    size_t ignore = member(f, object, "ignore");

    return ignore ? holds_text(f, ignore, SLICE("W410")) : by_default;
}

static const struct rule *rule_of(struct finder *f, size_t object)
{
    size_t name = member(f, object, "name");

    for (size_t i = 0; name && i < f->coverage->set->rules_nr; i++) {
        if (says(f, name, f->coverage->set->rules[i].name))
            return &f->coverage->set->rules[i];
    }
    return NULL;
}

static void check_file(struct finder *f, bool ignored)
{
    size_t rules = member(f, scan_space(f->clean, 0), "rules");
    struct scan_walk walk;

    if (!rules)
        return;
    walk = scan_walk(f->clean, rules);
    while (scan_next(&walk)) {
        size_t when = member(f, walk.value.start, "when");

        f->rule = rule_of(f, walk.value.start);
        if (when && f->rule && f->rule->is_enabled && !rule_ignores(f, walk.value.start, ignored))
            check_pattern(f, when);
    }
}

static struct finder finder_of(struct coverage *coverage, const struct rule_source *file,
                               struct diagnostics *found)
{
    struct finder f = {.coverage = coverage, .found = found, .file = file, .text = file->text};

    if (slice_starts_with(f.text, SLICE("\xef\xbb\xbf")))
        f.text = (struct slice){f.text.ptr + 3, f.text.len - 3};
    f.clean = slice_ends_with(file->name, SLICE(".jsonc"))
                  ? scan_blank_comments(f.text, &coverage->arena)
                  : f.text;
    return f;
}

void coverage_finish(struct coverage *coverage, const struct rule_source *files, size_t files_nr,
                     struct diagnostics *found)
{
    bool ignored = false;

    for (size_t i = 0; i < coverage->models_nr; i++) {
        for (size_t j = 0; j < coverage->set->rules_nr; j++) {
            if (coverage->models[i].concerns[j])
                name_rule(&coverage->models[i], &coverage->set->rules[j]);
        }
    }
    for (size_t i = 0; i < files_nr; i++) {
        struct finder f = finder_of(coverage, &files[i], found);
        size_t defaults = member(&f, scan_space(f.clean, 0), "defaults");

        ignored |= defaults && rule_ignores(&f, defaults, false);
    }
    for (size_t i = 0; i < files_nr; i++) {
        struct finder f = finder_of(coverage, &files[i], found);

        check_file(&f, ignored);
    }
    diagnostics_sort(found);
}
