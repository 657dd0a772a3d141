#include <stdio.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/cli/rule_paths.h"
#include "consumers/cli/verb.h"

enum option { OPTION_RULES, OPTION_CONFIG, OPTION_FORMAT };

static const struct cli_option options[] = {
    [OPTION_RULES] = {"--rules", NULL, true},
    [OPTION_CONFIG] = {"--config", NULL, true},
    [OPTION_FORMAT] = {"--format", NULL, true},
};

/* A key or pattern, as the first version of its cache has it. */
struct target {
    const struct cache *cache;
    struct slice text;
    bool is_pattern;
};

struct edge {
    const struct rule *rule;
    enum verb verb;
    size_t target;
};

struct graph {
    struct rule_paths paths;
    const char *form;
    struct ruleset *set;
    struct arena arena;
    struct buffer out;
    struct slice *models;
    size_t models_nr, models_capacity;
    struct target *targets;
    size_t targets_nr, targets_capacity;
    struct edge *edges; /* in order of the rules */
    size_t edges_nr, edges_capacity;
};

/* ---- what there is ---- */

static size_t model_of(struct graph *graph, struct slice label)
{
    for (size_t i = 0; i < graph->models_nr; i++) {
        if (slice_equals(graph->models[i], label))
            return i;
    }
    graph->models = arena_grow(&graph->arena, graph->models, graph->models_nr,
                               &graph->models_capacity, sizeof(*graph->models));
    graph->models[graph->models_nr] = label;
    return graph->models_nr++;
}

/* The template with its cache's part, placeholders by their path. */
static struct slice target_text(struct graph *graph, const struct template *tpl)
{
    struct buffer text;
    struct slice copy;

    buffer_init(&text);
    for (size_t i = 0; i < tpl->segments_nr; i++) {
        const struct segment *segment = &tpl->segments[i];

        if (slice_is_absent(segment->text)) {
            buffer_add(&text, segment->literal);
            continue;
        }
        buffer_add_text(&text, segment->digest ? "{hash of " : "{");
        buffer_add(&text, segment->text);
        for (size_t j = 0; j < segment->filters_nr; j++)
            buffer_printf(&text, "|%s", filter_name(segment->filters[j].kind));
        buffer_add_char(&text, '}');
    }
    copy = arena_copy(&graph->arena, buffer_slice(&text));
    buffer_release(&text);
    return copy;
}

static size_t target_of(struct graph *graph, struct target target)
{
    for (size_t i = 0; i < graph->targets_nr; i++) {
        const struct target *other = &graph->targets[i];

        if (other->cache == target.cache && other->is_pattern == target.is_pattern &&
            slice_equals(other->text, target.text))
            return i;
    }
    graph->targets = arena_grow(&graph->arena, graph->targets, graph->targets_nr,
                                &graph->targets_capacity, sizeof(*graph->targets));
    graph->targets[graph->targets_nr] = target;
    return graph->targets_nr++;
}

/* Every written key stands once for each version of its cache, one after the other. */
static void add_action(struct graph *graph, const struct rule *rule, const struct action *action)
{
    size_t versions = action->cache->heads_nr ? action->cache->heads_nr : 1;

    for (size_t i = 0; i < action->targets_nr; i += versions) {
        struct target target = {action->cache, target_text(graph, &action->targets[i]),
                                action->is_pattern};

        graph->edges = arena_grow(&graph->arena, graph->edges, graph->edges_nr,
                                  &graph->edges_capacity, sizeof(*graph->edges));
        graph->edges[graph->edges_nr++] =
            (struct edge){rule, action->verb, target_of(graph, target)};
    }
}

static void build(struct graph *graph)
{
    for (size_t i = 0; i < graph->set->rules_nr; i++) {
        const struct rule *rule = &graph->set->rules[i];

        for (size_t j = 0; j < rule->models_nr; j++)
            model_of(graph, rule->models[j]);
        if (rule->models_nr == 0)
            model_of(graph, SLICE("any model"));
        for (size_t j = 0; j < rule->actions_nr; j++)
            add_action(graph, rule, &rule->actions[j]);
    }
}

static void add_ops(struct buffer *out, const struct rule *rule, const char *between)
{
    const char *comma = "";

    for (unsigned op = 0; op < EVENT_OP_NR; op++) {
        if (!(rule->ops & (1u << op)))
            continue;
        buffer_add_text(out, comma);
        buffer_add(out, event_op_text((enum event_op)op));
        comma = between;
    }
}

static const char *state_of(const struct rule *rule)
{
    if (!rule->is_enabled)
        return "disabled";
    return rule->mode == RULE_SHADOW ? "shadow" : "live";
}

/* ---- dot and mermaid: nodes m0.. of models, r0.. of rules, k0.. of keys ---- */

struct dialect {
    const char *head, *tail;
    const char *model, *rule, *idle, *key, *pattern; /* around a label */
    const char *model_end, *rule_end, *idle_end, *key_end, *pattern_end;
    const char *edge, *edge_label, *edge_end; /* A EDGE B, the label before or after B */
    bool label_last;
    void (*add_label)(struct buffer *out, struct slice text);
};

static void add_dot_label(struct buffer *out, struct slice text)
{
    struct buffer printable;

    buffer_init(&printable);
    buffer_add_printable(&printable, text);
    for (size_t i = 0; i < printable.len; i++) {
        if (printable.ptr[i] == '"' || printable.ptr[i] == '\\')
            buffer_add_char(out, '\\');
        buffer_add_char(out, printable.ptr[i]);
    }
    buffer_release(&printable);
}

/* Mermaid takes numbered entities, and nothing else that could end a label. */
static void add_mermaid_label(struct buffer *out, struct slice text)
{
    struct buffer printable;

    buffer_init(&printable);
    buffer_add_printable(&printable, text);
    for (size_t i = 0; i < printable.len; i++) {
        if (strchr("\"#<>&;`", printable.ptr[i]))
            buffer_printf(out, "#%d;", printable.ptr[i]);
        else
            buffer_add_char(out, printable.ptr[i]);
    }
    buffer_release(&printable);
}

static const struct dialect dot = {
    .head = "digraph unstale {\n  rankdir=LR;\n  node [shape=box];\n",
    .tail = "}\n",
    .model = " [shape=ellipse, label=\"",
    .model_end = "\"];\n",
    .rule = " [style=bold, label=\"",
    .rule_end = "\"];\n",
    .idle = " [style=dashed, label=\"",
    .idle_end = "\"];\n",
    .key = " [shape=note, label=\"",
    .key_end = "\"];\n",
    .pattern = " [shape=folder, label=\"",
    .pattern_end = "\"];\n",
    .edge = " -> ",
    .edge_label = " [label=\"",
    .edge_end = "\"];\n",
    .label_last = true,
    .add_label = add_dot_label,
};

static const struct dialect mermaid = {
    .head = "flowchart LR\n",
    .tail = "",
    .model = "([\"",
    .model_end = "\"])\n",
    .rule = "[\"",
    .rule_end = "\"]\n",
    .idle = "[/\"",
    .idle_end = "\"/]\n",
    .key = "[\"",
    .key_end = "\"]\n",
    .pattern = "[[\"",
    .pattern_end = "\"]]\n",
    .edge = " --",
    .edge_label = ">|\"",
    .edge_end = "\"| ",
    .add_label = add_mermaid_label,
};

static void add_edge(struct graph *graph, const struct dialect *dialect, const char *from,
                     const char *to, const char *label)
{
    struct buffer *out = &graph->out;

    buffer_printf(out, "  %s%s", from, dialect->edge);
    if (dialect->label_last)
        buffer_printf(out, "%s%s%s%s", to, dialect->edge_label, label, dialect->edge_end);
    else
        buffer_printf(out, "%s%s%s%s\n", dialect->edge_label, label, dialect->edge_end, to);
}

static void add_nodes(struct graph *graph, const struct dialect *d)
{
    struct buffer *out = &graph->out;

    for (size_t i = 0; i < graph->models_nr; i++) {
        buffer_printf(out, "  m%zu%s", i, d->model);
        d->add_label(out, graph->models[i]);
        buffer_add_text(out, d->model_end);
    }
    for (size_t i = 0; i < graph->set->rules_nr; i++) {
        const struct rule *rule = &graph->set->rules[i];
        bool is_live = rule->is_enabled && rule->mode == RULE_LIVE;

        buffer_printf(out, "  r%zu%s", i, is_live ? d->rule : d->idle);
        d->add_label(out, rule->name);
        if (!is_live)
            buffer_printf(out, " (%s)", state_of(rule));
        buffer_add_text(out, is_live ? d->rule_end : d->idle_end);
    }
    for (size_t i = 0; i < graph->targets_nr; i++) {
        const struct target *target = &graph->targets[i];

        buffer_printf(out, "  k%zu%s", i, target->is_pattern ? d->pattern : d->key);
        d->add_label(out, target->text);
        buffer_add_text(out, target->is_pattern ? d->pattern_end : d->key_end);
    }
}

static void add_model_edges(struct graph *graph, const struct dialect *d, const struct rule *rule)
{
    size_t nr = rule->models_nr ? rule->models_nr : 1;
    struct buffer ops;
    char from[32], to[32];

    buffer_init(&ops);
    add_ops(&ops, rule, ", ");
    for (size_t i = 0; i < nr; i++) {
        struct slice label = rule->models_nr ? rule->models[i] : SLICE("any model");

        snprintf(from, sizeof(from), "m%zu", model_of(graph, label));
        snprintf(to, sizeof(to), "r%zu", rule->index);
        add_edge(graph, d, from, to, ops.ptr);
    }
    buffer_release(&ops);
}

static void print_drawing(struct graph *graph, const struct dialect *d)
{
    char from[32], to[32];

    buffer_add_text(&graph->out, d->head);
    add_nodes(graph, d);
    for (size_t i = 0; i < graph->set->rules_nr; i++)
        add_model_edges(graph, d, &graph->set->rules[i]);
    for (size_t i = 0; i < graph->edges_nr; i++) {
        snprintf(from, sizeof(from), "r%zu", graph->edges[i].rule->index);
        snprintf(to, sizeof(to), "k%zu", graph->edges[i].target);
        add_edge(graph, d, from, to, verb_text(graph->edges[i].verb));
    }
    buffer_add_text(&graph->out, d->tail);
}

static void print_dot(struct graph *graph)
{
    print_drawing(graph, &dot);
}

static void print_mermaid(struct graph *graph)
{
    print_drawing(graph, &mermaid);
}

/* ---- JSON ---- */

static void add_targets_json(struct graph *graph, const struct rule *rule, size_t *edge)
{
    struct buffer *out = &graph->out;
    const char *comma = "";

    for (; *edge < graph->edges_nr && graph->edges[*edge].rule == rule; ++*edge) {
        const struct target *target = &graph->targets[graph->edges[*edge].target];

        buffer_printf(out, "%s{\"verb\":\"%s\",\"cache\":", comma,
                      verb_text(graph->edges[*edge].verb));
        buffer_add_json_string(out, target->cache->name);
        buffer_add_text(out, target->is_pattern ? ",\"pattern\":" : ",\"key\":");
        buffer_add_json_string(out, target->text);
        buffer_add_char(out, '}');
        comma = ",";
    }
}

static void print_json(struct graph *graph)
{
    struct buffer *out = &graph->out;
    size_t edge = 0;

    buffer_add_text(out, "{\"rules\":[");
    for (size_t i = 0; i < graph->set->rules_nr; i++) {
        const struct rule *rule = &graph->set->rules[i];

        buffer_add_text(out, i ? ",\n{\"name\":" : "\n{\"name\":");
        buffer_add_json_string(out, rule->name);
        buffer_printf(out, ",\"state\":\"%s\",\"models\":[", state_of(rule));
        for (size_t j = 0; j < rule->models_nr; j++) {
            buffer_add_text(out, j ? "," : "");
            buffer_add_json_string(out, rule->models[j]);
        }
        buffer_add_text(out, rule->ops ? "],\"ops\":[\"" : "],\"ops\":[");
        add_ops(out, rule, "\",\"");
        buffer_add_text(out, rule->ops ? "\"],\"targets\":[" : "],\"targets\":[");
        add_targets_json(graph, rule, &edge);
        buffer_add_text(out, "]}");
    }
    buffer_add_text(out, "\n]}\n");
}

/* ---- the verb ---- */

static const struct {
    const char *name;
    void (*print)(struct graph *graph);
} forms[] = {{"dot", print_dot}, {"mermaid", print_mermaid}, {"json", print_json}};

static int draw(struct graph *graph)
{
    size_t form = 0;

    while (form < ARRAY_NR(forms) && strcmp(forms[form].name, graph->form) != 0)
        form++;
    if (form == ARRAY_NR(forms))
        return cli_usage_error(&verb_graph, "--format is dot, mermaid or json, not \"%s\"",
                               graph->form);
    graph->set = rule_paths_load(&graph->paths);
    if (!graph->set)
        return EXIT_FINDINGS;
    build(graph);
    forms[form].print(graph);
    fwrite(graph->out.ptr, 1, graph->out.len, stdout);
    ruleset_free(graph->set);
    return EXIT_OK;
}

static int run(int argc, char **argv)
{
    struct graph graph = {.form = "dot"};
    int code = EXIT_USAGE, option;
    struct cli_args args;
    enum cli_step step;
    const char *value;

    arena_init(&graph.arena, 1 << 16);
    buffer_init(&graph.out);
    cli_args_init(&args, &verb_graph, argc, argv);
    while ((step = cli_next(&args, options, ARRAY_NR(options), &option, &value)) == CLI_ITEM) {
        if (option == OPTION_CONFIG)
            graph.paths.config = value;
        else if (option == OPTION_FORMAT)
            graph.form = value;
        else
            rule_paths_add(&graph.paths, value);
    }
    if (step == CLI_END)
        code = draw(&graph);
    buffer_release(&graph.out);
    arena_release(&graph.arena);
    rule_paths_release(&graph.paths);
    return code;
}

const struct cli_verb verb_graph = {
    .name = "graph",
    .summary = "a drawing of models, rules and the keys they touch",
    .usage = "usage: unstale graph [options] [PATH...]\n\n"
             "Models lead to the rules that match them, rules to keys and patterns.\n\n"
             "  --format FORM   dot for Graphviz (default), mermaid for Markdown, or json\n"
             "  --rules PATH    as PATH: rule file or folder (default: the settings' rules)\n"
             "  --config FILE   settings to take the rules from\n\n"
             "exit codes: 0 ok, 1 rules with errors, 2 usage\n",
    .run = run,
};
