/*
 * rules - what many rules cost whoever edits them: loading 10,000 of 1,000 models, and what
 * `unstale explain` does for an event among them, beside the same among 10.
 *
 * The verb itself is run, in this process, over few and over many events of one model, of which each
 * set has five rules; the difference is the events' own cost, without loading. Both sets run in turn;
 * each round gives one ratio, and the median counts. Lines of the form `NAME RATIO [MIN-MAX] goal
 * GOAL` are for machines, the others for people.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "consumers/cli/verb.h"
#include "consumers/rules/load.h"
#include "tests/bench/measure.h"

enum { ROUNDS = 7, FEW_RULES = 10, MANY_RULES = 10000, A_MODEL = 10, FEW = 1, MANY = 20000 };

static const double explain_goal = 1.5, load_goal = 1.0;

struct files {
    char folder[32];
    char few_rules[48], many_rules[48], few_events[48], many_events[48];
};

static FILE *create(const char *path)
{
    FILE *file = fopen(path, "w");

    if (!file)
        give_up(path, "cannot be written");
    return file;
}

/* Ten rules a model: five take what the events bring, the other five fail by a value. */
static void write_rules(const char *path, int nr)
{
    FILE *file = create(path);

    fprintf(file,
            "{\"version\":1,\"caches\":{\"default\":{\"keys\":\"django\",\"prefix\":\"myapp\"}},"
            "\"rules\":[\n");
    for (int i = 0; i < nr; i++)
        fprintf(file,
                "%s{\"name\":\"rule-%d\",\"when\":{\"model\":\"shop.Model%d\",\"changed\":"
                "[\"price\",\"stock\"],\"after.price\":{\"numeric\":[\"%s\",%d]}},"
                "\"do\":{\"delete\":[\"product:{pk}\",\"list-%d:{category_id}\"]}}",
                i ? ",\n" : "", i, i / A_MODEL, i % 2 ? ">=" : "<", i, i);
    fprintf(file, "]}\n");
    fclose(file);
}

static void write_events(const char *path, int nr)
{
    FILE *file = create(path);

    for (int i = 0; i < nr; i++)
        fprintf(file,
                "{\"event\":\"post_save\",\"model\":\"shop.Model0\",\"pk\":%d,\"created\":false,"
                "\"version\":7,\"before\":{\"category_id\":3,\"price\":\"9.50\"},"
                "\"after\":{\"category_id\":7,\"name\":\"Mug\",\"price\":\"99.50\"}}\n",
                i);
    fclose(file);
}

static void make_files(struct files *files)
{
    snprintf(files->folder, sizeof(files->folder), "/tmp/unstale-rules-XXXXXX");
    if (!mkdtemp(files->folder))
        give_up(files->folder, "cannot be made");
    snprintf(files->few_rules, sizeof(files->few_rules), "%s/few.json", files->folder);
    snprintf(files->many_rules, sizeof(files->many_rules), "%s/many.json", files->folder);
    snprintf(files->few_events, sizeof(files->few_events), "%s/few.jsonl", files->folder);
    snprintf(files->many_events, sizeof(files->many_events), "%s/many.jsonl", files->folder);
    write_rules(files->few_rules, FEW_RULES);
    write_rules(files->many_rules, MANY_RULES);
    write_events(files->few_events, FEW);
    write_events(files->many_events, MANY);
}

static void remove_files(const struct files *files)
{
    unlink(files->few_rules);
    unlink(files->many_rules);
    unlink(files->few_events);
    unlink(files->many_events);
    rmdir(files->folder);
}

/* CPU seconds of the verb, its output thrown away. */
static double run_explain(const char *rules, const char *events)
{
    char verb[] = "explain", option[] = "--rules", form[] = "--format", json[] = "json";
    char rules_path[64], events_path[64];
    char *words[] = {verb, option, rules_path, form, json, events_path, NULL};
    struct moment began = moment_now();

    snprintf(rules_path, sizeof(rules_path), "%s", rules);
    snprintf(events_path, sizeof(events_path), "%s", events);
    if (verb_explain.run(6, words) != EXIT_OK)
        give_up("explain", events);
    return moment_now().own - began.own;
}

static double explain_us(const char *rules, const struct files *files)
{
    double few = run_explain(rules, files->few_events);

    return (run_explain(rules, files->many_events) - few) / (MANY - FEW) * 1e6;
}

static double load_seconds(const char *path)
{
    struct moment began = moment_now();
    struct diagnostics found;
    struct ruleset *set;

    diagnostics_init(&found);
    set = load_paths(&path, 1, &found);
    if (!set || set->rules_nr != MANY_RULES)
        give_up(path, "does not load");
    ruleset_free(set);
    diagnostics_release(&found);
    return (double)(moment_now().ns - began.ns) / 1e9;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_row(FILE *out, const char *name, double *values, double goal)
{
    qsort(values, ROUNDS, sizeof(*values), compare_doubles);
    fprintf(out, "%s %.3f [%.3f-%.3f] goal %.2f\n", name, values[ROUNDS / 2], values[0],
            values[ROUNDS - 1], goal);
}

int main(void)
{
    double ratios[ROUNDS], few[ROUNDS], many[ROUNDS], loads[ROUNDS];
    FILE *out = fdopen(dup(STDOUT_FILENO), "w");
    struct files files;

    if (!out || !freopen("/dev/null", "w", stdout))
        give_up("standard output", "cannot be put aside");
    make_files(&files);
    explain_us(files.few_rules, &files);
    for (int i = 0; i < ROUNDS; i++) {
        few[i] = explain_us(files.few_rules, &files);
        many[i] = explain_us(files.many_rules, &files);
        ratios[i] = many[i] / few[i];
        loads[i] = load_seconds(files.many_rules);
    }
    remove_files(&files);
    print_row(out, "explain_10000_rules_vs_10", ratios, explain_goal);
    print_row(out, "load_10000_rules_vs_1s", loads, load_goal);
    qsort(few, ROUNDS, sizeof(*few), compare_doubles);
    qsort(many, ROUNDS, sizeof(*many), compare_doubles);
    fprintf(out, "# explain: %.2f us an event among 10 rules, %.2f among 10,000\n", few[ROUNDS / 2],
            many[ROUNDS / 2]);
    return 0;
}
