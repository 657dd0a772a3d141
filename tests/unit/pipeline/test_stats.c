#include "consumers/pipeline/stats.h"

#include <string.h>

#include "tests/unit/check_main.h"

static struct pipeline_stats stats;

static void set_up(void)
{
    pipeline_stats_init(&stats);
}

static void tear_down(void)
{
    pipeline_stats_release(&stats);
}

START_TEST(an_entry_is_found_again_by_name_and_mode)
{
    struct rule_stats *live = pipeline_stats_rule(&stats, SLICE("a"), false);
    struct rule_stats *shadow = pipeline_stats_rule(&stats, SLICE("a"), true);
    struct rule_stats *other = pipeline_stats_rule(&stats, SLICE("b"), false);
    ck_assert_ptr_ne(live, shadow);
    ck_assert_ptr_ne(live, other);
    counter_add(&live->matches, 3);
    ck_assert_ptr_eq(pipeline_stats_rule(&stats, SLICE("a"), false), live);
    ck_assert_ptr_eq(pipeline_stats_rule(&stats, SLICE("a"), true), shadow);
    ck_assert_uint_eq(counter_get(&live->matches), 3);
    ck_assert_uint_eq(counter_get(&shadow->matches), 0);
}
END_TEST

START_TEST(a_model_is_told_from_another_by_its_op_too)
{
    struct model_stats *update = pipeline_stats_model(&stats, SLICE("m.M"), SLICE("update"));
    struct model_stats *delete = pipeline_stats_model(&stats, SLICE("m.M"), SLICE("delete"));
    ck_assert_ptr_ne(update, delete);
    ck_assert_ptr_eq(pipeline_stats_model(&stats, SLICE("m.M"), SLICE("update")), update);
}
END_TEST

START_TEST(names_are_copies)
{
    char name[] = "first";
    struct rule_stats *rule = pipeline_stats_rule(&stats, slice_of(name), false);
    memcpy(name, "other", sizeof(name));
    ck_assert(slice_equals(rule->name, SLICE("first")));
    ck_assert_ptr_ne(pipeline_stats_rule(&stats, slice_of(name), false), rule);
}
END_TEST

START_TEST(a_reader_meets_every_entry_once)
{
    char name[] = "rule-a";
    size_t nr = 0;
    for (int i = 0; i < 26; i++) {
        name[5] = (char)('a' + i);
        pipeline_stats_rule(&stats, slice_of(name), false);
        pipeline_stats_rule(&stats, slice_of(name), false);
    }
    for (struct rule_stats *rule = atomic_load(&stats.rules); rule; rule = rule->next)
        nr++;
    ck_assert_uint_eq(nr, 26);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("pipeline/stats");
    TCase *t = tcase_create("stats");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, an_entry_is_found_again_by_name_and_mode);
    tcase_add_test(t, a_model_is_told_from_another_by_its_op_too);
    tcase_add_test(t, names_are_copies);
    tcase_add_test(t, a_reader_meets_every_entry_once);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite)
