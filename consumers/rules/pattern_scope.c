/* Which models and ops a pattern can match at all, and the op it means when it names none. */
#include "consumers/rules/loader.h"

#include "consumers/base/text.h"

enum { ALL_OPS = (1u << EVENT_OP_NR) - 1 };

static bool names_op(const struct pattern *pattern);

static bool group_names_op(const struct pattern_group *group)
{
    for (size_t i = 0; i < group->branches_nr; i++) {
        if (names_op(&group->branches[i]))
            return true;
    }
    return false;
}

/* An event's name decides its op, so naming it is naming the op. */
static bool is_op(const struct predicate *predicate)
{
    return predicate->path.root == FIELD_OP || predicate->path.root == FIELD_EVENT;
}

static bool names_op(const struct pattern *pattern)
{
    for (size_t i = 0; i < pattern->predicates_nr; i++) {
        if (is_op(&pattern->predicates[i]))
            return true;
    }
    for (size_t i = 0; i < pattern->groups_nr; i++) {
        if (group_names_op(&pattern->groups[i]))
            return true;
    }
    return false;
}

static struct predicate default_op(struct loader *loader)
{
    static const enum event_op ops[] = {EVENT_CREATE, EVENT_UPDATE, EVENT_DELETE};
    struct test *tests = arena_zero(loader->arena, ARRAY_NR(ops), sizeof(*tests));

    for (size_t i = 0; i < ARRAY_NR(ops); i++)
        tests[i] =
            (struct test){.kind = TEST_EXACT, .type = VALUE_STRING, .text = event_op_text(ops[i])};
    return (struct predicate){.path = {.root = FIELD_OP, .text = SLICE("op")},
                              .tests = tests,
                              .tests_nr = ARRAY_NR(ops),
                              .ops = 1u << EVENT_CREATE | 1u << EVENT_UPDATE | 1u << EVENT_DELETE,
                              .want = SLICE("[\"create\",\"update\",\"delete\"]")};
}

static struct pattern add_default_op(struct loader *loader, struct pattern pattern)
{
    struct predicate *predicates =
        arena_zero(loader->arena, pattern.predicates_nr + 1, sizeof(*predicates));

    for (size_t i = 0; i < pattern.predicates_nr; i++)
        predicates[i] = pattern.predicates[i];
    predicates[pattern.predicates_nr++] = default_op(loader);
    pattern.predicates = predicates;
    return pattern;
}

/* The default goes into each branch that names no op, if another branch does; else to the top. */
struct pattern pattern_with_default_op(struct loader *loader, const struct pattern *pattern)
{
    struct pattern result = *pattern;
    struct pattern_group *groups;

    for (size_t i = 0; i < pattern->predicates_nr; i++) {
        if (is_op(&pattern->predicates[i]))
            return result;
    }
    if (!names_op(pattern))
        return add_default_op(loader, result);
    groups = arena_zero(loader->arena, pattern->groups_nr, sizeof(*groups));
    for (size_t i = 0; i < pattern->groups_nr; i++) {
        const struct pattern_group *group = &pattern->groups[i];
        struct pattern *branches;

        groups[i] = *group;
        if (!group_names_op(group))
            continue;
        branches = arena_zero(loader->arena, group->branches_nr, sizeof(*branches));
        for (size_t branch = 0; branch < group->branches_nr; branch++)
            branches[branch] = pattern_with_default_op(loader, &group->branches[branch]);
        groups[i].branches = branches;
    }
    result.groups = groups;
    return result;
}

static unsigned op_bit(struct slice text)
{
    for (unsigned op = 0; op < EVENT_CUSTOM; op++) {
        if (slice_equals(text, event_op_text((enum event_op)op)))
            return 1u << op;
    }
    return 1u << EVENT_CUSTOM;
}

static unsigned predicate_ops(const struct predicate *predicate)
{
    unsigned ops = 0;

    if (predicate->path.root != FIELD_OP)
        return ALL_OPS;
    for (size_t i = 0; i < predicate->tests_nr; i++) {
        if (predicate->tests[i].kind != TEST_EXACT)
            return ALL_OPS;
        ops |= op_bit(predicate->tests[i].text);
    }
    return ops;
}

static unsigned pattern_ops(const struct pattern *pattern)
{
    unsigned ops = ALL_OPS;

    for (size_t i = 0; i < pattern->predicates_nr; i++)
        ops &= predicate_ops(&pattern->predicates[i]);
    for (size_t i = 0; i < pattern->groups_nr; i++) {
        unsigned any = 0;

        for (size_t branch = 0; branch < pattern->groups[i].branches_nr; branch++)
            any |= pattern_ops(&pattern->groups[i].branches[branch]);
        ops &= any;
    }
    return ops;
}

static void add_label(struct loader *loader, struct slice label, struct slices *out)
{
    label = text_lower(label, loader->arena);
    for (size_t i = 0; i < out->nr; i++) {
        if (slice_equals(out->items[i], label))
            return;
    }
    out->items =
        arena_grow(loader->arena, out->items, out->nr, &out->capacity, sizeof(*out->items));
    out->items[out->nr++] = label;
}

static bool predicate_models(struct loader *loader, const struct predicate *predicate,
                             struct slices *out)
{
    if (predicate->path.root != FIELD_MODEL)
        return false;
    for (size_t i = 0; i < predicate->tests_nr; i++) {
        enum test_kind kind = predicate->tests[i].kind;

        if (kind != TEST_EXACT && kind != TEST_EQUALS_IGNORE_CASE)
            return false;
    }
    for (size_t i = 0; i < predicate->tests_nr; i++)
        add_label(loader, predicate->tests[i].text, out);
    return true;
}

/* Adds every label the pattern can match; false if it does not bound them. */
static bool pattern_models(struct loader *loader, const struct pattern *pattern, struct slices *out)
{
    for (size_t i = 0; i < pattern->predicates_nr; i++) {
        if (predicate_models(loader, &pattern->predicates[i], out))
            return true;
    }
    for (size_t i = 0; i < pattern->groups_nr; i++) {
        const struct pattern_group *group = &pattern->groups[i];
        struct slices union_of = *out;
        size_t branch = 0;

        while (branch < group->branches_nr &&
               pattern_models(loader, &group->branches[branch], &union_of))
            branch++;
        if (branch == group->branches_nr) {
            *out = union_of;
            return true;
        }
    }
    return false;
}

void pattern_scope(struct loader *loader, struct rule *rule)
{
    struct slices models = {0};

    rule->ops = pattern_ops(&rule->when);
    if (!pattern_models(loader, &rule->when, &models))
        return;
    rule->models = models.items;
    rule->models_nr = models.nr;
}
