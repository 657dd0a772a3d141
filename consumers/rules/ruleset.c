#include "consumers/rules/ruleset.h"

#include <stdlib.h>

#include "consumers/base/hash.h"

/* A list an op, and one of all rules whatever they match. */
enum { WHOLE_LIST = EVENT_OP_NR, LISTS_NR };

struct model_entry {
    struct slice label; /* absent: free */
    struct rule_list ops[LISTS_NR];
};

/* Rules by model and op; a model that no rule names finds those that match any. */
struct rule_index {
    struct model_entry *entries;
    size_t nr, capacity; /* capacity: a power of two, at most half full */
    struct rule_list any[LISTS_NR];
};

void ruleset_free(struct ruleset *ruleset)
{
    if (!ruleset)
        return;
    arena_release(&ruleset->arena);
    free(ruleset);
}

static struct model_entry *slot_of(const struct rule_index *index, struct slice label)
{
    size_t mask = index->capacity - 1;
    size_t i = hash_slice_nocase(label) & mask;

    while (!slice_is_absent(index->entries[i].label) &&
           !slice_equals_nocase(index->entries[i].label, label))
        i = (i + 1) & mask;
    return &index->entries[i];
}

static void add_label(struct rule_index *index, struct slice label)
{
    struct model_entry *slot = slot_of(index, label);

    if (slice_is_absent(slot->label)) {
        slot->label = label;
        index->nr++;
    }
}

static void make_entries(struct ruleset *set, struct rule_index *index)
{
    size_t most = set->models_nr;

    for (size_t i = 0; i < set->rules_nr; i++)
        most += set->rules[i].models_nr;
    for (index->capacity = 8; index->capacity < most * 2; index->capacity *= 2)
        ;
    index->entries = arena_zero(&set->arena, index->capacity, sizeof(*index->entries));
    for (size_t i = 0; i < set->models_nr; i++)
        add_label(index, set->models[i].label);
    for (size_t i = 0; i < set->rules_nr; i++) {
        for (size_t model = 0; model < set->rules[i].models_nr; model++)
            add_label(index, set->rules[i].models[model]);
    }
}

/* The rules of one list, in file order, are counted first and then written. */
struct filler {
    struct arena *arena;
    bool is_counting;
};

static void put(const struct filler *filler, struct rule_list *list, const struct rule *rule)
{
    if (!filler->is_counting)
        ((const struct rule **)list->rules)[list->nr] = rule;
    list->nr++;
}

static void put_ops(const struct filler *filler, struct rule_list ops[static LISTS_NR],
                    const struct rule *rule)
{
    put(filler, &ops[WHOLE_LIST], rule);
    for (unsigned op = 0; op < EVENT_OP_NR; op++) {
        if (rule->ops & (1u << op))
            put(filler, &ops[op], rule);
    }
}

static bool names_model(const struct rule *rule, struct slice label)
{
    for (size_t i = 0; i < rule->models_nr; i++) {
        if (slice_equals_nocase(rule->models[i], label))
            return true;
    }
    return false;
}

/* Models that the catalogue derives from one the rule names. */
static void put_children(const struct filler *filler, const struct ruleset *set,
                         const struct rule *rule)
{
    for (size_t i = 0; i < set->models_nr; i++) {
        const struct model *model = &set->models[i];
        bool is_child = false;

        for (size_t j = 0; j < model->parents_nr; j++)
            is_child |= names_model(rule, model->parents[j]);
        if (is_child && !names_model(rule, model->label))
            put_ops(filler, slot_of(set->index, model->label)->ops, rule);
    }
}

static void put_rule(const struct filler *filler, const struct ruleset *set,
                     const struct rule *rule)
{
    struct rule_index *index = set->index;

    if (rule->models_nr > 0) {
        for (size_t i = 0; i < rule->models_nr; i++)
            put_ops(filler, slot_of(index, rule->models[i])->ops, rule);
        put_children(filler, set, rule);
        return;
    }
    put_ops(filler, index->any, rule);
    for (size_t i = 0; i < index->capacity; i++) {
        if (!slice_is_absent(index->entries[i].label))
            put_ops(filler, index->entries[i].ops, rule);
    }
}

static void put_all(const struct filler *filler, const struct ruleset *set)
{
    for (size_t i = 0; i < set->rules_nr; i++) {
        if (set->rules[i].is_enabled)
            put_rule(filler, set, &set->rules[i]);
    }
}

static void make_room(struct arena *arena, struct rule_list ops[static LISTS_NR])
{
    for (unsigned op = 0; op < LISTS_NR; op++) {
        ops[op].rules = arena_alloc(arena, ops[op].nr * sizeof(struct rule *));
        ops[op].nr = 0;
    }
}

void ruleset_build_index(struct ruleset *set)
{
    struct filler filler = {&set->arena, true};
    struct rule_index *index = arena_zero(&set->arena, 1, sizeof(*index));

    set->index = index;
    make_entries(set, index);
    put_all(&filler, set);
    make_room(&set->arena, index->any);
    for (size_t i = 0; i < index->capacity; i++)
        make_room(&set->arena, index->entries[i].ops);
    filler.is_counting = false;
    put_all(&filler, set);
}

static const struct rule_list *lists_of(const struct rule_index *index, struct slice label)
{
    const struct model_entry *slot = slot_of(index, label);

    return slice_is_absent(slot->label) ? index->any : slot->ops;
}

/* Both in file order; a rule of both once. */
static struct rule_list merge(struct rule_list a, struct rule_list b, struct arena *arena)
{
    const struct rule **rules;
    struct rule_list merged;
    size_t i = 0, j = 0, nr = 0;

    if (a.nr == 0 || b.nr == 0)
        return a.nr == 0 ? b : a;
    rules = arena_alloc(arena, (a.nr + b.nr) * sizeof(struct rule *));
    while (i < a.nr || j < b.nr) {
        bool takes_a = j == b.nr || (i < a.nr && a.rules[i]->index <= b.rules[j]->index);

        if (takes_a && j < b.nr && a.rules[i] == b.rules[j])
            j++;
        rules[nr++] = takes_a ? a.rules[i++] : b.rules[j++];
    }
    merged.rules = rules;
    merged.nr = nr;
    return merged;
}

static const struct rule_list *lists_again(const struct rule_index *index, struct slice label,
                                           struct rule_memo *memo)
{
    const struct rule_list *lists;

    if (memo->lists && slice_equals(label, (struct slice){memo->label, memo->len}))
        return memo->lists;
    lists = lists_of(index, label);
    if (label.len > 0 && label.len <= sizeof(memo->label)) {
        memcpy(memo->label, label.ptr, label.len);
        memo->len = label.len;
        memo->lists = lists;
    }
    return lists;
}

static struct rule_list add_candidates(const struct event *event, const struct rule_list *lists,
                                       struct rule_list so_far, struct arena *arena)
{
    so_far = merge(so_far, lists[event->op], arena);
    /* An update that may as well be a create is tried against the rules of both. */
    if (event->op_is_guess)
        so_far = merge(so_far, lists[EVENT_CREATE], arena);
    return so_far;
}

static struct rule_list add_parents(const struct ruleset *set, const struct event *event,
                                    struct rule_list list, struct arena *arena)
{
    struct value_iter it = value_walk(event->parents);

    while (value_next(&it)) {
        if (value_type(it.item) == VALUE_STRING)
            list = add_candidates(event, lists_of(set->index, value_text(it.item)), list, arena);
    }
    return list;
}

struct rule_list ruleset_candidates_next(const struct ruleset *set, const struct event *event,
                                         struct rule_memo *memo, struct arena *arena)
{
    const struct rule_list *lists = lists_again(set->index, event->model, memo);
    struct rule_list list = add_candidates(event, lists, (struct rule_list){NULL, 0}, arena);

    return event->parents ? add_parents(set, event, list, arena) : list;
}

struct rule_list ruleset_candidates(const struct ruleset *set, const struct event *event,
                                    struct arena *arena)
{
    struct rule_memo memo = {.lists = NULL};

    return ruleset_candidates_next(set, event, &memo, arena);
}

struct rule_list ruleset_concerned(const struct ruleset *set, const struct event *event,
                                   struct arena *arena)
{
    struct rule_list list = lists_of(set->index, event->model)[WHOLE_LIST];
    struct value_iter it = value_walk(event->parents);

    while (value_next(&it)) {
        if (value_type(it.item) == VALUE_STRING)
            list = merge(list, lists_of(set->index, value_text(it.item))[WHOLE_LIST], arena);
    }
    return list;
}

bool ruleset_knows_model(const struct ruleset *set, struct slice label)
{
    return !slice_is_absent(slot_of(set->index, label)->label);
}
