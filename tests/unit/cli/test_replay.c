/* Which events a replay takes, and what it says of them. */
#include "consumers/cli/replay.h"

#include "tests/unit/check_main.h"

static struct replay replay;
static struct replay_options options;

static void setup(void)
{
    replay = (struct replay){.options = &options};
    options = (struct replay_options){.from_ms = 0};
    arena_init(&replay.arena, 1 << 12);
    arena_init(&replay.tally_arena, 1 << 12);
    arena_init(&replay.scratch, 1 << 14);
    buffer_init(&replay.out);
    replay_tally_begin(&replay);
}

static void teardown(void)
{
    buffer_release(&replay.out);
    arena_release(&replay.scratch);
    arena_release(&replay.tally_arena);
    arena_release(&replay.arena);
}

static const struct {
    const char *text;
    bool is_taken; /* by --model a.Parent --model b.Other */
} events[] = {
    {"{\"event\":\"e\",\"model\":\"a.Parent\",\"pk\":1}", true},
    {"{\"event\":\"e\",\"model\":\"B.OTHER\",\"pk\":1}", true},
    {"{\"event\":\"e\",\"model\":\"a.Child\",\"pk\":1}", true},
    {"{\"event\":\"e\",\"model\":\"a.Grandchild\",\"pk\":1}", true},
    {"{\"event\":\"e\",\"model\":\"c.Some\",\"pk\":1,\"parents\":[\"c.Thing\",\"a.child\"]}", true},
    {"{\"event\":\"e\",\"model\":\"c.Some\",\"pk\":1,\"parents\":[\"c.Thing\"]}", false},
    {"{\"event\":\"e\",\"model\":\"a.Round\",\"pk\":1}", false},
    {"{\"event\":\"e\",\"model\":\"Parent\",\"pk\":1}", false},
};

START_TEST(models_and_their_children)
{
    static const struct slice child[] = {{"a.Parent", 8}}, grandchild[] = {{"a.Child", 7}},
                              round[] = {{"a.Round", 7}};
    static const struct model models[] = {
        {.label = {"a.child", 7}, .parents = child, .parents_nr = 1},
        {.label = {"a.Grandchild", 12}, .parents = grandchild, .parents_nr = 1},
        {.label = {"a.Round", 7}, .parents = round, .parents_nr = 1},
    };
    struct ruleset rules = {.models = models, .models_nr = ARRAY_NR(models)};
    struct slice wanted[] = {SLICE("a.Parent"), SLICE("b.Other")};
    struct record record = {.value = slice_of(events[_i].text)};
    struct error err = ERROR_INIT;
    const char *skipped;
    struct event event;

    replay.rules = &rules;
    ck_assert_int_eq(
        decode_record(&record, &replay.decode, &replay.scratch, &event, &skipped, &err),
        DECODE_EVENT);
    ck_assert(replay_matches(&replay, &event));
    options.models = wanted;
    options.models_nr = ARRAY_NR(wanted);
    ck_assert(replay_matches(&replay, &event) == events[_i].is_taken);
}
END_TEST

START_TEST(a_tally_a_model_whatever_its_case)
{
    uint32_t first = replay_tally_of(&replay, SLICE("shop.Product"));

    ck_assert_uint_ne(replay_tally_of(&replay, SLICE("shop.Code")), first);
    ck_assert_uint_eq(replay_tally_of(&replay, SLICE("SHOP.product")), first);
    struct replay_tally *tally = &replay.tallies[first];
    replay_tally_add(tally, 7, 500);
    replay_tally_add(tally, 9, 300);
    ck_assert_uint_eq(tally->nr, 2);
    ck_assert_int_eq(tally->first_offset, 7);
    ck_assert_int_eq(tally->last_offset, 9);
    ck_assert_int_eq(tally->first_ms, 300);
    ck_assert_int_eq(tally->last_ms, 500);
    ck_assert(slice_equals(tally->model, SLICE("shop.Product")));
}
END_TEST

START_TEST(models_without_end_cost_no_memory_without_end)
{
    char name[32];
    size_t nr;

    for (int i = 0; i < 5000; i++) {
        int len = snprintf(name, sizeof(name), "m.M%d", i);
        replay_tally_add(
            &replay.tallies[replay_tally_of(&replay, (struct slice){name, (size_t)len})], i, i);
    }
    nr = replay.tallies_nr;
    ck_assert_uint_lt(nr, 5000);
    ck_assert(slice_equals(replay.tallies[nr - 1].model, SLICE("(others)")));
    ck_assert_uint_eq(replay.tallies[nr - 1].nr, 5000 - (nr - 1));
}
END_TEST

static Suite *replay_suite(void)
{
    Suite *suite = suite_create("replay");
    TCase *cases = tcase_create("replay");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, models_and_their_children, 0, (int)ARRAY_NR(events));
    tcase_add_test(cases, a_tally_a_model_whatever_its_case);
    tcase_add_test(cases, models_without_end_cost_no_memory_without_end);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(replay_suite)
