#include "consumers/plan/plan.h"

#include <stdio.h>

#include "consumers/base/hash.h"
#include "tests/unit/check_main.h"

static struct arena arena;
static struct plan plan;

static const struct cache cache = {.name = {"default", 7}, .redis = {"default", 7}};
static const struct cache other_target = {.name = {"other", 5}, .redis = {"other", 5}};
static const struct cache same_target = {.name = {"same", 4}, .redis = {"default", 7}};

static const struct action delete = {.verb = VERB_DELETE, .cache = &cache};
static const struct action delete_again = {
    .verb = VERB_DELETE, .cache = &cache, .again_after_ms = 2000};
static const struct action refresh = {.verb = VERB_REFRESH, .cache = &cache, .ttl_ms = 1000};
static const struct action refresh_if = {
    .verb = VERB_REFRESH, .cache = &cache, .ttl_ms = 1000, .condition = REFRESH_EXISTS};
static const struct action bump = {.verb = VERB_BUMP, .cache = &cache, .start = 1};
static const struct action bump_five = {.verb = VERB_BUMP, .cache = &cache, .start = 5};
static const struct action increment = {
    .verb = VERB_BUMP, .cache = &cache, .start = 1, .to_increment = true};
static const struct action purge = {.verb = VERB_PURGE, .cache = &cache, .is_pattern = true};
static const struct action delete_other = {.verb = VERB_DELETE, .cache = &other_target};
static const struct action delete_same = {.verb = VERB_DELETE, .cache = &same_target};
static const struct action purge_same = {
    .verb = VERB_PURGE, .cache = &same_target, .is_pattern = true};

static void setup(void)
{
    arena_init(&arena, 1 << 14);
    plan_init(&plan);
    plan_clear(&plan, &arena);
}

static void teardown(void)
{
    plan_release(&plan);
    arena_release(&arena);
}

struct step {
    const struct action *action;
    const char *key;
    const char *value;
    enum guard_source source;
    int64_t guard;
    int64_t at_least;
};

static struct op *add(const struct step *step)
{
    struct op *op = plan_add(&plan);

    op->verb = step->action->verb;
    op->action = step->action;
    op->cache = step->action->cache;
    op->key = slice_of(step->key);
    op->hash = hash_mix(hash_slice(op->key), hash_slice(op->cache->redis));
    op->value = slice_of(step->value);
    op->guard_source = step->source;
    op->guard = step->guard;
    op->at_least = step->at_least ? step->at_least : -1;
    op->times = 1;
    return op;
}

#define CLOCK OP_GUARD_CLOCK
#define EXPLICIT OP_GUARD_EXPLICIT
#define LIVE (-1)
#define STEP(action, key, value, source, guard)                                                    \
    {                                                                                              \
        &action, key, value, source, guard, 0                                                      \
    }
#define ON(action, key) STEP(action, key, NULL, OP_UNGUARDED, 0)

static const struct {
    const char *what;
    struct step steps[5];
    int merged_into[5];
} rows[] = {
    {"equal deletes, the last stays",
     {ON(delete, "k"), ON(delete, "l"), ON(delete, "k")},
     {2, LIVE, LIVE}},
    {"three, links lead to the end",
     {ON(delete, "k"), ON(delete, "k"), ON(delete, "k")},
     {2, 2, LIVE}},
    {"another op between", {ON(delete, "k"), ON(bump, "k"), ON(delete, "k")}, {LIVE, LIVE, LIVE}},
    {"another target", {ON(delete, "k"), ON(delete_other, "k")}, {LIVE, LIVE}},
    {"another cache of one target", {ON(delete, "k"), ON(delete_same, "k")}, {1, LIVE}},
    {"again_after is kept by its contributor", {ON(delete_again, "k"), ON(delete, "k")}, {1, LIVE}},
    {"guards of two kinds",
     {STEP(delete, "k", NULL, CLOCK, 5), STEP(delete, "k", NULL, EXPLICIT, 5)},
     {LIVE, LIVE}},
    {"newer refresh wins",
     {STEP(refresh, "k", "a", EXPLICIT, 5), STEP(refresh, "k", "b", EXPLICIT, 7)},
     {1, LIVE}},
    {"older explicit version loses",
     {STEP(refresh, "k", "a", EXPLICIT, 7), STEP(refresh, "k", "b", EXPLICIT, 5),
      STEP(refresh, "k", "c", EXPLICIT, 9)},
     {2, 2, LIVE}},
    {"older by the clock proves nothing",
     {STEP(refresh, "k", "a", CLOCK, 7), STEP(refresh, "k", "b", CLOCK, 5)},
     {LIVE, LIVE}},
    {"newer by the clock",
     {STEP(refresh, "k", "a", CLOCK, 5), STEP(refresh, "k", "b", CLOCK, 7)},
     {1, LIVE}},
    {"one version, one value",
     {STEP(refresh, "k", "a", EXPLICIT, 5), STEP(refresh, "k", "a", EXPLICIT, 5)},
     {1, LIVE}},
    {"one version, two values",
     {STEP(refresh, "k", "a", EXPLICIT, 5), STEP(refresh, "k", "b", EXPLICIT, 5)},
     {LIVE, LIVE}},
    {"a delete between refreshes",
     {STEP(refresh, "k", "a", EXPLICIT, 5), ON(delete, "k"), STEP(refresh, "k", "b", EXPLICIT, 7)},
     {LIVE, LIVE, LIVE}},
    {"conditions",
     {STEP(refresh_if, "k", "a", EXPLICIT, 5), STEP(refresh, "k", "b", EXPLICIT, 7)},
     {LIVE, LIVE}},
    {"unguarded refreshes",
     {STEP(refresh, "k", "a", OP_UNGUARDED, 0), STEP(refresh, "k", "b", OP_UNGUARDED, 0)},
     {1, LIVE}},
    {"bumps", {ON(bump, "k"), ON(bump, "l"), ON(bump, "k"), ON(bump, "k")}, {3, LIVE, 3, LIVE}},
    {"bumps of two starts", {ON(bump, "k"), ON(bump_five, "k")}, {LIVE, LIVE}},
    {"time and increment", {ON(bump, "k"), ON(increment, "k")}, {LIVE, LIVE}},
    {"equal purges", {ON(purge, "a*"), ON(purge, "b*"), ON(purge, "a*")}, {2, LIVE, LIVE}},
    {"a wider purge covers",
     {ON(purge, "a:*"), ON(purge, "a:b:*"), ON(purge, "a:c")},
     {LIVE, 0, 0}},
    {"a wider purge covers what came before", {ON(purge, "a:b:*"), ON(purge, "a:*")}, {1, LIVE}},
    {"a star inside", {ON(purge, "a*c*"), ON(purge, "abc:1")}, {LIVE, 0}},
    {"chains of covers", {ON(purge, "abc*"), ON(purge, "ab*"), ON(purge, "a*")}, {2, 2, LIVE}},
    {"an escaped star is no wildcard", {ON(purge, "a\\*"), ON(purge, "ab")}, {LIVE, LIVE}},
    {"other caches protect other keys", {ON(purge, "a*"), ON(purge_same, "ab*")}, {LIVE, LIVE}},
    {"a purge never swallows a delete",
     {ON(purge, "a*"), ON(delete, "ab"), ON(delete, "a*")},
     {LIVE, LIVE, LIVE}},
};

static size_t steps_nr(const struct step *steps)
{
    size_t nr = 0;

    while (nr < 5 && steps[nr].action)
        nr++;
    return nr;
}

START_TEST(test_coalesce)
{
    size_t nr = steps_nr(rows[_i].steps), merged = 0;

    for (size_t i = 0; i < nr; i++)
        add(&rows[_i].steps[i]);
    for (int pass = 0; pass < 2; pass++) {
        plan_coalesce(&plan);
        merged = 0;
        for (size_t i = 0; i < nr; i++) {
            uint32_t want =
                rows[_i].merged_into[i] == LIVE ? OP_LIVE : (uint32_t)rows[_i].merged_into[i];

            ck_assert_msg(plan.ops[i].merged_into == want, "%s: op %zu", rows[_i].what, i);
            merged += want != OP_LIVE;
        }
        ck_assert_uint_eq(plan.coalesced_nr, merged);
    }
}
END_TEST

START_TEST(test_merged_members)
{
    add(&(struct step){&delete, "k", NULL, EXPLICIT, 9, 0});
    add(&(struct step){&bump, "n", NULL, OP_UNGUARDED, 0, 50});
    add(&(struct step){&delete, "k", NULL, EXPLICIT, 3, 0});
    add(&(struct step){&bump, "n", NULL, OP_UNGUARDED, 0, 40});
    add(&(struct step){&delete, "k", NULL, OP_UNGUARDED, 0, 0});
    add(&(struct step){&bump, "k", NULL, OP_UNGUARDED, 0, 0});
    plan_coalesce(&plan);
    ck_assert_int_eq(plan.ops[4].guard, 9);
    ck_assert_int_eq(plan.ops[4].guard_source, OP_GUARD_EXPLICIT);
    ck_assert_uint_eq(plan.ops[3].times, 2);
    ck_assert_int_eq(plan.ops[3].at_least, 50);
    ck_assert_uint_eq(plan.ops[4].previous, OP_NONE);
    ck_assert_uint_eq(plan.ops[5].previous, 4);
}
END_TEST

/* One key of a small Redis that does what the operations promise. */
struct cell {
    bool exists, touched_by_two_kinds;
    int64_t value; /* of a counter, or 1 for 'a', 2 for 'b', ... */
    enum guard_source kind;
    int64_t version;
};

static void model_remember(struct cell *m, const struct op *op)
{
    if (op->guard_source == OP_UNGUARDED)
        return;
    if (m->kind != OP_UNGUARDED && m->kind != op->guard_source)
        m->touched_by_two_kinds = true;
    if (m->kind != op->guard_source || op->guard > m->version)
        m->version = op->guard;
    m->kind = op->guard_source;
}

static void model_refresh(struct cell *m, const struct op *op)
{
    int64_t value = (unsigned char)op->value.ptr[0];
    bool is_other_kind = m->kind != OP_UNGUARDED && m->kind != op->guard_source;

    if (op->guard_source == OP_UNGUARDED || (!is_other_kind && m->kind == OP_UNGUARDED) ||
        (!is_other_kind && op->guard > m->version)) {
        m->value = value;
        m->exists = true;
    } else if (is_other_kind || (op->guard == m->version && m->value != value) ||
               (op->guard < m->version && op->guard_source == OP_GUARD_CLOCK)) {
        m->exists = false;
    }
    model_remember(m, op);
}

static void model_apply(struct cell *m, const struct op *op)
{
    switch (op->verb) {
    case VERB_DELETE:
        m->exists = false;
        model_remember(m, op);
        break;
    case VERB_REFRESH:
        model_refresh(m, op);
        break;
    case VERB_BUMP:
        m->value = (m->exists ? m->value : op->action->start) + op->times;
        m->value = op->at_least > m->value ? op->at_least : m->value;
        m->exists = true;
        break;
    case VERB_EXPIRE:
    case VERB_PURGE_TAG:
    case VERB_PURGE:
        ck_abort();
    }
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

enum { KEYS = 3, STEPS = 40 };

static void add_random_op(uint32_t *state, bool two_kinds)
{
    static const char *const keys[KEYS] = {"k", "l", "m"};
    static const char *const values[] = {"a", "b"};
    struct step step = {&delete, keys[next_random(state) % KEYS], NULL, OP_UNGUARDED, 0, 0};

    if (next_random(state) % 3) {
        step.action = &refresh;
        step.value = values[next_random(state) % 2];
        step.source = two_kinds && next_random(state) % 4 == 0 ? CLOCK : EXPLICIT;
    } else if (next_random(state) % 2) {
        step.source = EXPLICIT;
    }
    step.guard = step.source == OP_UNGUARDED ? 0 : next_random(state) % 6 + 1;
    add(&step);
}

static void run_plan(struct cell models[KEYS], bool only_live)
{
    for (size_t i = 0; i < plan.ops_nr; i++) {
        const struct op *op = &plan.ops[i];

        if (!only_live || op->merged_into == OP_LIVE)
            model_apply(&models[op->key.ptr[0] - 'k'], op);
    }
}

/* Where kinds of version change, a merged run may delete more, never keep something else. */
static void compare(const struct cell *whole, const struct cell *merged, unsigned round)
{
    if (whole->touched_by_two_kinds) {
        ck_assert_msg(!merged->exists || (whole->exists && whole->value == merged->value),
                      "round %u", round);
        return;
    }
    ck_assert_msg(whole->exists == merged->exists, "round %u", round);
    ck_assert_msg(!whole->exists || whole->value == merged->value, "round %u", round);
    ck_assert_msg(whole->version == merged->version, "round %u", round);
}

START_TEST(test_effect_is_kept)
{
    for (unsigned round = 0; round < 3000; round++) {
        uint32_t state = round * 7919u + 1;
        struct cell whole[KEYS] = {{0}}, merged[KEYS];

        for (size_t i = 0; i < KEYS; i++)
            whole[i] = (struct cell){next_random(&state) % 2, false, 'a', OP_GUARD_EXPLICIT,
                                     next_random(&state) % 6};
        memcpy(merged, whole, sizeof(merged));
        plan_clear(&plan, &arena);
        for (unsigned i = 0; i < STEPS; i++)
            add_random_op(&state, round % 2);
        run_plan(whole, false);
        plan_coalesce(&plan);
        run_plan(merged, true);
        for (size_t i = 0; i < KEYS; i++)
            compare(&whole[i], &merged[i], round);
    }
}
END_TEST

/* A counter ends above where it was and at or above every time asked for, by n for n bumps. */
START_TEST(test_bumps_add_up)
{
    struct cell one = {.exists = true, .value = 7, .kind = OP_UNGUARDED};

    for (int i = 0; i < 100; i++)
        add(&(struct step){&increment, "k", NULL, OP_UNGUARDED, 0, 0});
    plan_coalesce(&plan);
    ck_assert_uint_eq(plan.coalesced_nr, 99);
    model_apply(&one, &plan.ops[99]);
    ck_assert_int_eq(one.value, 107);
}
END_TEST

START_TEST(test_many_keys_and_batches)
{
    for (int batch = 0; batch < 3; batch++) {
        arena_reset(&arena, 0);
        plan_clear(&plan, &arena);
        for (int i = 0; i < 20000; i++) {
            struct slice key = arena_printf(&arena, "key:%d%c", i % 5000, '\0');

            add(&(struct step){&delete, key.ptr, NULL, OP_UNGUARDED, 0, 0});
        }
        plan_coalesce(&plan);
        ck_assert_uint_eq(plan.coalesced_nr, 15000);
        for (uint32_t i = 0; i < 20000; i++)
            ck_assert(plan.ops[i].merged_into == (i < 15000 ? 15000 + i % 5000 : OP_LIVE));
    }
}
END_TEST

/* More of them than the table counts before it begins anew: what an earlier one had is never met. */
START_TEST(test_more_batches_than_are_counted)
{
    for (int batch = 0; batch < 3 * (UINT16_MAX + 1); batch++) {
        plan_clear(&plan, &arena);
        add(&(struct step){&delete, batch % 2 ? "a" : "b", NULL, OP_UNGUARDED, 0, 0});
        add(&(struct step){&delete, "c", NULL, OP_UNGUARDED, 0, 0});
        plan_coalesce(&plan);
        ck_assert_uint_eq(plan.coalesced_nr, 0);
        ck_assert_uint_eq(plan.ops[1].previous, OP_NONE);
    }
}
END_TEST

static Suite *plan_suite(void)
{
    Suite *suite = suite_create("plan");
    TCase *cases = tcase_create("plan");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, test_coalesce, 0, (int)ARRAY_NR(rows));
    tcase_add_test(cases, test_merged_members);
    tcase_add_test(cases, test_effect_is_kept);
    tcase_add_test(cases, test_bumps_add_up);
    tcase_add_test(cases, test_many_keys_and_batches);
    tcase_add_test(cases, test_more_batches_than_are_counted);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(plan_suite)
