/*
 * plan - what an event costs between decoding and Redis: rule lookup, matching, rendering, and
 * coalescing in batches of 1024, beside snprintf() of as many keys.
 *
 * 200 rules of other models stand beside the one that matches. Both ways run in turn; each round
 * gives one ratio, and the median counts. Lines of the form `NAME RATIO [MIN-MAX] goal GOAL` are for
 * machines, the others for people. Exit status 0: this program measures, who reads it judges.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "consumers/event/decode.h"
#include "consumers/plan/render.h"
#include "consumers/rules/load.h"
#include "tests/bench/zipf.h"

enum { ROUNDS = 9, BATCH = PLAN_MAX_RECORDS, BATCHES = 64, OTHER_RULES = 200, IDS = 200000 };

struct scenario {
    const char *name;
    const char *actions; /* the rule's "do" */
    unsigned keys;       /* it comes to */
    bool is_zipf;        /* hot ids, so that coalescing has work */
    double goal;         /* of the time of snprintf */
};

static const struct scenario scenarios[] = {
    {"plan-1-op", "\"delete\":\"product:{pk}\"", 1, false, 2.0},
    {"plan-1-op-zipf", "\"delete\":\"product:{pk}\"", 1, true, 2.0},
    {"plan-4-ops",
     "\"bump\":\"version:{tenant}\",\"delete\":[\"product:{pk}\",\"list:{pk}\",\"page:{tenant}:{pk}"
     "\"]",
     4, false, 1.5},
};

struct bench {
    struct ruleset *ruleset;
    struct arena events_arena; /* holds the decoded batch */
    struct arena arena;
    struct plan plan;
    struct event events[BATCH];
    unsigned ids[BATCH];
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "plan: %s failed\n", what);
    exit(1);
}

static void load_rules(struct bench *bench, const struct scenario *scenario)
{
    struct rule_source source = {.name = SLICE("rules.json")};
    struct diagnostics found;
    struct buffer text;

    buffer_init(&text);
    buffer_add_text(&text, "{\"version\":1,\"caches\":{\"default\":{\"keys\":\"django\","
                           "\"prefix\":\"myapp\"}},\"rules\":[");
    for (int i = 0; i < OTHER_RULES; i++)
        buffer_printf(&text,
                      "{\"name\":\"other-%d\",\"when\":{\"model\":\"other.Model%d\"},"
                      "\"do\":{\"delete\":\"k\"}},",
                      i, i);
    buffer_printf(&text, "{\"name\":\"r\",\"when\":{\"model\":\"shop.Product\"},\"do\":{%s}}]}",
                  scenario->actions);
    source.text = buffer_slice(&text);
    diagnostics_init(&found);
    bench->ruleset = load_sources(&source, 1, &found);
    need(bench->ruleset != NULL, "load_sources");
    diagnostics_release(&found);
    buffer_release(&text);
}

static void decode_events(struct bench *bench, const struct scenario *scenario)
{
    double *cumulated = scenario->is_zipf ? zipf_new(IDS) : NULL;
    unsigned state = 1;

    for (unsigned i = 0; i < BATCH; i++) {
        struct record record = {.timestamp_ms = 1795341600123};
        struct error err = ERROR_INIT;
        const char *skipped;

        bench->ids[i] = cumulated != NULL ? zipf_pick(cumulated, IDS, &state) : i * 193 % IDS;
        record.value = arena_printf(
            &bench->events_arena,
            "{\"event\":\"post_save\",\"model\":\"shop.Product\",\"pk\":%u,\"created\":false,"
            "\"tenant\":\"acme\",\"version\":7,\"before\":{\"category_id\":3},"
            "\"after\":{\"category_id\":7,\"name\":\"Mug\",\"price\":\"9.50\"}}",
            bench->ids[i]);
        need(decode_record(&record, NULL, &bench->events_arena, &bench->events[i], &skipped,
                           &err) == DECODE_EVENT,
             "decode_record");
    }
    free(cumulated);
}

static void plan_batch(struct bench *bench)
{
    struct render_context context = {
        .ruleset = bench->ruleset, .plan = &bench->plan, .arena = &bench->arena};

    arena_reset(&bench->arena, 0);
    plan_clear(&bench->plan, &bench->arena);
    for (uint32_t i = 0; i < BATCH; i++)
        render_event(&context, &bench->events[i], i);
    plan_coalesce(&bench->plan);
}

static void print_batch(struct bench *bench, unsigned keys)
{
    arena_reset(&bench->arena, 0);
    for (unsigned i = 0; i < BATCH * keys; i++) {
        char *key = arena_bytes(&bench->arena, 64);

        snprintf(key, 64, "%s:%d:product:%u", "myapp", 1, bench->ids[i % BATCH]);
    }
}

static double time_plan(struct bench *bench)
{
    uint64_t start = now_ns();

    for (int i = 0; i < BATCHES; i++)
        plan_batch(bench);
    return (double)(now_ns() - start) / (double)(BATCHES * BATCH);
}

static double time_print(struct bench *bench, unsigned keys)
{
    uint64_t start = now_ns();

    for (int i = 0; i < BATCHES; i++)
        print_batch(bench, keys);
    return (double)(now_ns() - start) / (double)(BATCHES * BATCH);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void run_rounds(struct bench *bench, const struct scenario *scenario)
{
    double ratios[ROUNDS], plans[ROUNDS];

    plan_batch(bench);
    need(bench->plan.ops_nr == (size_t)BATCH * scenario->keys, "the expected number of ops");
    for (int i = 0; i < ROUNDS; i++) {
        plans[i] = time_plan(bench);
        ratios[i] = plans[i] / time_print(bench, scenario->keys);
    }
    qsort(ratios, ROUNDS, sizeof(*ratios), compare_doubles);
    qsort(plans, ROUNDS, sizeof(*plans), compare_doubles);
    plan_batch(bench);
    printf("# %s: %.0f ns/event [%.0f-%.0f], %.2f ops a command\n", scenario->name,
           plans[ROUNDS / 2], plans[0], plans[ROUNDS - 1],
           (double)bench->plan.ops_nr / (double)(bench->plan.ops_nr - bench->plan.coalesced_nr));
    printf("%s %.2f [%.2f-%.2f] goal %.2f\n", scenario->name, ratios[ROUNDS / 2], ratios[0],
           ratios[ROUNDS - 1], scenario->goal);
}

static void run_scenario(struct bench *bench, const struct scenario *scenario)
{
    arena_init(&bench->events_arena, 1 << 20);
    arena_init(&bench->arena, 1 << 20);
    plan_init(&bench->plan);
    load_rules(bench, scenario);
    decode_events(bench, scenario);
    run_rounds(bench, scenario);
    ruleset_free(bench->ruleset);
    plan_release(&bench->plan);
    arena_release(&bench->arena);
    arena_release(&bench->events_arena);
}

int main(void)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    need(bench != NULL, "calloc");
    for (size_t i = 0; i < ARRAY_NR(scenarios); i++)
        run_scenario(bench, &scenarios[i]);
    free(bench);
    return 0;
}
