#include "consumers/pipeline/stats.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"

void pipeline_stats_init(struct pipeline_stats *stats)
{
    memset(stats, 0, sizeof(*stats));
    counter_set(&stats->executor_state, EXECUTOR_PENDING); /* nobody has answered yet */
}

void pipeline_stats_release(struct pipeline_stats *stats)
{
    struct rule_stats *rule = atomic_load(&stats->rules);
    while (rule) {
        struct rule_stats *next = rule->next;
        free((char *)rule->name.ptr);
        free(rule);
        rule = next;
    }
    struct model_stats *model = atomic_load(&stats->models);
    while (model) {
        struct model_stats *next = model->next;
        free((char *)model->model.ptr);
        free((char *)model->op.ptr);
        free(model);
        model = next;
    }
}

static struct slice copy(struct slice text)
{
    return (struct slice){alloc_text_n(text.ptr, text.len), text.len};
}

struct rule_stats *pipeline_stats_rule(struct pipeline_stats *stats, struct slice name,
                                       bool is_shadow)
{
    struct rule_stats *first = atomic_load_explicit(&stats->rules, memory_order_relaxed);
    for (struct rule_stats *rule = first; rule; rule = rule->next)
        if (slice_equals(rule->name, name) && rule->is_shadow == is_shadow)
            return rule;
    struct rule_stats *rule = alloc_zero(1, sizeof(*rule));
    rule->name = copy(name);
    rule->is_shadow = is_shadow;
    rule->next = first;
    atomic_store_explicit(&stats->rules, rule, memory_order_release);
    return rule;
}

struct model_stats *pipeline_stats_model(struct pipeline_stats *stats, struct slice model,
                                         struct slice op)
{
    struct model_stats *first = atomic_load_explicit(&stats->models, memory_order_relaxed);
    for (struct model_stats *entry = first; entry; entry = entry->next)
        if (slice_equals(entry->model, model) && slice_equals(entry->op, op))
            return entry;
    struct model_stats *entry = alloc_zero(1, sizeof(*entry));
    entry->model = copy(model);
    entry->op = copy(op);
    entry->next = first;
    atomic_store_explicit(&stats->models, entry, memory_order_release);
    return entry;
}
