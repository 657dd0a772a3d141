/* Warnings about rules beside each other. */
#include <stdlib.h>

#include "consumers/base/text.h"
#include "consumers/rules/lint.h"

enum { CANDIDATES_MOST = 64 };

static struct slice place_of(struct loader *loader, const struct rule *rule)
{
    return arena_printf(loader->arena, "%.*s:%u", SLICE_ARG(rule->file), rule->line);
}

static void warn(struct loader *loader, size_t rule, const char *code, struct slice text)
{
    const struct cursor *name = cursor_member(loader->read[rule].at, "name");

    loader->options = &loader->read[rule].options;
    report(loader, name, (struct remark){.code = code}, "%.*s", SLICE_ARG(text));
    loader->options = NULL;
}

/* ---- W401: what a rule does and for which events, as one text ---- */

static struct slice meaning_of(struct loader *loader, size_t rule)
{
    static const char *const members[] = {"when", "unless", "cache", "mode", "do"};
    struct slice text = SLICE("");

    for (size_t i = 0; i < ARRAY_NR(members); i++) {
        const json_t *member = json_object_get(loader->read[rule].at->json, members[i]);
        char *dump =
            member ? json_dumps(member, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;

        text = arena_printf(loader->arena, "%.*s\n%s", SLICE_ARG(text), dump ? dump : "");
        free(dump);
    }
    return text;
}

/* Where the same was said first, or SIZE_MAX. */
static size_t find_twin(struct loader *loader, struct name_table *meanings, size_t rule)
{
    struct slice meaning = meaning_of(loader, rule);
    const struct name_entry *first = names_find(meanings, meaning);

    if (!first) {
        names_add(meanings, loader->arena, meaning, loader->read[rule].at);
        return SIZE_MAX;
    }
    for (size_t i = 0; i < rule; i++) {
        if (loader->read[i].at == first->at)
            return i;
    }
    return SIZE_MAX;
}

/* ---- W402: a rule that another one does already ---- */

/* A rule by one of its targets. */
struct entry {
    uint64_t hash;
    size_t rule;
};

static uint64_t hash_target(const struct action *action, const struct template *target)
{
    return hash_mix(hash_mix(hash_slice(target->source), action->verb), action->cache->index);
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->rule > y->rule) - (x->rule < y->rule);
}

struct entries {
    struct entry *items;
    size_t nr, capacity;
};

static void add_entries(struct loader *loader, const struct rule *rule, struct entries *out)
{
    for (size_t i = 0; i < rule->actions_nr; i++) {
        const struct action *action = &rule->actions[i];

        for (size_t j = 0; j < action->targets_nr; j++) {
            out->items =
                arena_grow(loader->arena, out->items, out->nr, &out->capacity, sizeof(*out->items));
            out->items[out->nr++] =
                (struct entry){hash_target(action, &action->targets[j]), rule->index};
        }
    }
}

static struct entries index_targets(struct loader *loader)
{
    struct entries entries = {NULL, 0, 0};

    for (size_t i = 0; i < loader->rules_nr; i++)
        add_entries(loader, &loader->rules[i], &entries);
    if (entries.nr > 0)
        qsort(entries.items, entries.nr, sizeof(*entries.items), compare_entries);
    return entries;
}

static bool has_same_options(const struct action *a, const struct action *b)
{
    return a->verb == b->verb && a->cache == b->cache && a->verb != VERB_REFRESH &&
           a->guard == GUARD_NONE && b->guard == GUARD_NONE && a->is_pattern == b->is_pattern &&
           a->again_after_ms == b->again_after_ms && a->ttl_ms == b->ttl_ms &&
           a->jitter_ms == b->jitter_ms && a->start == b->start &&
           a->to_increment == b->to_increment && a->coalesce_ms == b->coalesce_ms &&
           a->rate == b->rate && a->slow_above == b->slow_above;
}

static bool does_target(const struct rule *rule, const struct action *action,
                        const struct template *target)
{
    for (size_t i = 0; i < rule->actions_nr; i++) {
        const struct action *other = &rule->actions[i];

        for (size_t j = 0; j < other->targets_nr && has_same_options(action, other); j++) {
            if (lint_is_written(&other->targets[j]) &&
                slice_equals(other->targets[j].source, target->source))
                return true;
        }
    }
    return false;
}

static bool does_all(const struct rule *wide, const struct rule *narrow)
{
    for (size_t i = 0; i < narrow->actions_nr; i++) {
        const struct action *action = &narrow->actions[i];

        /* A counter that two rules move is moved twice. */
        if (action->verb == VERB_BUMP && action->to_increment)
            return false;
        for (size_t j = 0; j < action->targets_nr; j++) {
            if (!lint_is_written(&action->targets[j]) ||
                !does_target(wide, action, &action->targets[j]))
                return false;
        }
    }
    return true;
}

static bool is_within(const struct rule *narrow, const struct rule *wide)
{
    return wide->is_enabled && narrow->is_enabled && wide->mode == narrow->mode &&
           wide->max_keys >= narrow->max_keys && narrow->when.groups_nr == 0 && !wide->has_unless &&
           lint_pattern_implies(&narrow->when, &wide->when) && does_all(wide, narrow);
}

/* The rule that does all of this one; of two that do the same the later one is told. */
static size_t find_wider(const struct loader *loader, const struct entries *entries, size_t index)
{
    const struct rule *rule = &loader->rules[index];
    uint64_t hash = hash_target(&rule->actions[0], &rule->actions[0].targets[0]);
    size_t low = 0, high = entries->nr;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (entries->items[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < entries->nr && i - low < CANDIDATES_MOST; i++) {
        const struct entry *entry = &entries->items[i];
        const struct rule *wide = &loader->rules[entry->rule];

        if (entry->hash != hash)
            break;
        if (wide != rule && is_within(rule, wide) && (wide < rule || !is_within(wide, rule)))
            return entry->rule;
    }
    return SIZE_MAX;
}

static void check_rules(struct loader *loader)
{
    struct name_table meanings = {.nr = 0};
    struct entries entries = index_targets(loader);

    for (size_t i = 0; i < loader->rules_nr; i++) {
        const struct rule *rule = &loader->rules[i];
        size_t other;

        if (!rule->is_enabled || rule->actions_nr == 0)
            continue;
        other = find_twin(loader, &meanings, i);
        if (other != SIZE_MAX) {
            warn(loader, i, "W401",
                 arena_printf(loader->arena, "the same as rule \"%.*s\" (first at %.*s)",
                              SLICE_ARG(loader->rules[other].name),
                              SLICE_ARG(place_of(loader, &loader->rules[other]))));
            continue;
        }
        other = find_wider(loader, &entries, i);
        if (other != SIZE_MAX)
            warn(loader, i, "W402",
                 arena_printf(loader->arena,
                              "rule \"%.*s\" (%.*s) does all of this, for these events and more",
                              SLICE_ARG(loader->rules[other].name),
                              SLICE_ARG(place_of(loader, &loader->rules[other]))));
    }
}

/* ---- W411 ---- */

static bool names_model(const struct rule *rule, struct slice label)
{
    for (size_t i = 0; i < rule->models_nr; i++) {
        if (slice_equals_nocase(rule->models[i], label))
            return true;
    }
    return false;
}

static bool takes_m2m(const struct rule *rule, struct slice field)
{
    struct test test = {.kind = TEST_EXACT, .type = VALUE_STRING, .text = field};
    struct predicate wanted = {
        .path.text = SLICE("m2m.field"), .tests = &test, .tests_nr = 1, .want = SLICE("")};

    if (!(rule->ops & (1u << EVENT_M2M)))
        return false;
    for (size_t i = 0; i < rule->when.predicates_nr; i++) {
        const struct predicate *predicate = &rule->when.predicates[i];

        if (slice_equals(predicate->path.text, wanted.path.text) &&
            !lint_predicate_implies(&wanted, predicate))
            return false;
    }
    return true;
}

/* Only of models that rules care for: a catalogue lists all there are. */
static void check_m2m(struct loader *loader, const struct declared_model *model, size_t index)
{
    const struct cursor *at = cursor_member(model->at, "m2m");
    bool is_named = false;

    for (size_t i = 0; i < loader->rules_nr; i++) {
        const struct rule *rule = &loader->rules[i];
        bool names = rule->is_enabled && names_model(rule, model->model.label);

        is_named = is_named || names;
        if ((names || (rule->is_enabled && rule->models_nr == 0)) &&
            takes_m2m(rule, model->m2m[index]))
            return;
    }
    if (!is_named)
        return;
    report(loader, json_is_array(at->json) ? cursor_element(at, index) : at,
           (struct remark){.code = "W411",
                           .help = SLICE("such a change sends no save: add a rule with \"op\": "
                                         "\"m2m\"")},
           "no rule takes changes of \"%.*s\" of model \"%.*s\"", SLICE_ARG(model->m2m[index]),
           SLICE_ARG(model->model.label));
}

void lint_set(struct loader *loader)
{
    check_rules(loader);
    for (size_t i = 0; i < loader->models_nr; i++) {
        for (size_t j = 0; j < loader->models[i].m2m_nr; j++)
            check_m2m(loader, &loader->models[i], j);
    }
}
