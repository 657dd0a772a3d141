#include "consumers/pipeline/batch.h"

#include "tests/unit/check_main.h"
#include "tests/unit/pipeline/stage.h"

static const char rules[] =
    "{\"name\":\"two\",\"when\":{\"model\":\"m.M\"},\"do\":{\"delete\":[\"k:{pk}\",\"f:{field}\"]}}"
    ","
    "{\"name\":\"write\",\"when\":{\"model\":\"m.W\"},\"do\":{\"refresh\":{\"key\":\"w:{pk}\","
    "\"ttl\":\"1h\",\"value\":\"{after.n}\"}}},"
    "{\"name\":\"shadow\",\"mode\":\"shadow\",\"when\":{\"model\":\"m.M\"},"
    "\"do\":{\"delete\":\"s:{nothing}\"}}";

enum { NOW_MS = 1795341600, HOUR_MS = 3600 * 1000 };

static struct stage stage;

static void set_up(void)
{
    stage_init(&stage, rules);
}

static void tear_down(void)
{
    stage_release(&stage);
}

static const char *good(unsigned pk)
{
    static char text[8][128];
    char *place = text[pk % 8];
    (void)snprintf(place, sizeof(text[0]),
                   "{\"event\":\"post_save\",\"model\":\"m.M\",\"pk\":%u,\"created\":true,"
                   "\"after\":{\"field\":%u}}",
                   pk, pk);
    return place;
}

START_TEST(revoked_records_leave_and_the_others_keep_their_order)
{
    const int32_t partitions[] = {0, 1, 2, 0, 1, 2, 2, 0};
    for (unsigned i = 0; i < ARRAY_NR(partitions); i++)
        stage_record(&stage, partitions[i], good(i));
    size_t kept_bytes = stage.batch.records[1].record.value.len * 2;
    const uint32_t gone[] = {stage.batch.records[0].mark.slot, stage.batch.records[2].mark.slot};
    batch_drop_slots(&stage.batch, gone, ARRAY_NR(gone));
    ck_assert_uint_eq(stage.batch.records_nr, 2);
    ck_assert_uint_eq(stage.batch.bytes, kept_bytes);
    for (int64_t i = 0; i < 2; i++) {
        ck_assert_int_eq(stage.batch.records[i].record.partition, 1);
        ck_assert_int_eq(stage.batch.records[i].mark.offset, i);
    }
}
END_TEST

START_TEST(dropping_nothing_and_everything)
{
    for (unsigned i = 0; i < 4; i++)
        stage_record(&stage, 0, good(i));
    const uint32_t other = stage.batch.records[0].mark.slot + 1;
    batch_drop_slots(&stage.batch, &other, 1);
    ck_assert_uint_eq(stage.batch.records_nr, 4);
    batch_drop_slots(&stage.batch, &stage.batch.records[0].mark.slot, 1);
    ck_assert(batch_is_empty(&stage.batch));
    ck_assert_uint_eq(stage.batch.bytes, 0);
}
END_TEST

START_TEST(a_batch_comes_to_operations_and_failures_by_record)
{
    stage_record(&stage, 0, good(0));
    stage_record(&stage, 0, "no json");
    stage_record(&stage, 0, NULL);
    stage_record(&stage, 0,
                 "{\"event\":\"post_save\",\"model\":\"m.M\",\"pk\":3,\"created\":true,"
                 "\"after\":{}}");
    stage_record(&stage, 0, good(4));
    stage_plan(&stage, NOW_MS, 0);
    const struct plan *plan = &stage.batch.plan;
    const uint32_t owners[] = {0, 0, 3, 4, 4};
    ck_assert_uint_eq(plan->ops_nr, ARRAY_NR(owners));
    for (size_t i = 0; i < ARRAY_NR(owners); i++)
        ck_assert_uint_eq(plan->ops[i].record, owners[i]);
    ck_assert_uint_eq(plan->failures_nr, 2);
    ck_assert_uint_eq(plan->failures[0].record, 1);
    ck_assert_int_eq(plan->failures[0].reason, REASON_BAD_EVENT);
    ck_assert_uint_eq(plan->failures[1].record, 3);
    ck_assert_int_eq(plan->failures[1].reason, REASON_MISSING_FIELD);
    ck_assert_uint_eq(counter_get(&stage.stats.skipped), 1);
}
END_TEST

START_TEST(what_is_too_large_fails_alone)
{
    size_t bytes = strlen(good(1));
    stage_record(&stage, 0, good(1));
    stage_record(&stage, 0, good(10));
    stage_plan(&stage, NOW_MS, bytes);
    ck_assert_uint_eq(stage.batch.plan.ops_nr, 2);
    ck_assert_uint_eq(stage.batch.plan.failures_nr, 1);
    ck_assert_int_eq(stage.batch.plan.failures[0].reason, REASON_TOO_LARGE);
    ck_assert_uint_eq(stage.batch.plan.failures[0].record, 1);
}
END_TEST

static uint64_t events_of(const char *model)
{
    uint64_t events = 0;
    for (struct model_stats *m = atomic_load(&stage.stats.models); m; m = m->next)
        if (slice_equals(m->model, slice_of(model)))
            events += counter_get(&m->events);
    return events;
}

START_TEST(events_are_counted_by_models_that_somebody_names)
{
    stage_record(&stage, 0, good(1));
    stage_record(&stage, 0, "{\"event\":\"post_delete\",\"model\":\"M.m\",\"pk\":1}");
    stage_record(&stage, 0, "{\"event\":\"post_save\",\"model\":\"x.Y\",\"pk\":1}");
    stage_record(&stage, 0, "{\"event\":\"whatever\",\"model\":\"x.Z\",\"pk\":1}");
    stage_plan(&stage, NOW_MS, 0);
    ck_assert_uint_eq(events_of("m.M") + events_of("M.m"), 2);
    ck_assert_uint_eq(events_of("other"), 2);
    ck_assert_uint_eq(events_of("x.Y") + events_of("x.Z"), 0);
}
END_TEST

START_TEST(rules_are_counted_once_a_batch_shadow_apart)
{
    for (unsigned i = 0; i < 3; i++)
        stage_record(&stage, 0, good(i));
    stage_plan(&stage, NOW_MS, 0);
    struct rule_stats *live = pipeline_stats_rule(&stage.stats, SLICE("two"), false);
    struct rule_stats *shadow = pipeline_stats_rule(&stage.stats, SLICE("shadow"), true);
    ck_assert_uint_eq(counter_get(&live->matches), 3);
    ck_assert_uint_eq(counter_get(&live->ops[VERB_DELETE]), 6);
    ck_assert_uint_eq(counter_get(&shadow->matches), 3);
    ck_assert_uint_eq(stage.batch.plan.failures_nr, 0);
    for (size_t i = 0; i < ARRAY_NR(stage.counts); i++)
        ck_assert_uint_eq(stage.counts[i].matches, 0);
}
END_TEST

/* How old the record is, and whether it carries the header; whether it is written through. */
static const struct {
    int64_t age_ms;
    bool is_replayed, is_written;
} ages[] = {
    {0, false, true},          {HOUR_MS, false, true},  {HOUR_MS + 1, false, false},
    {0, true, false},          {-HOUR_MS, false, true}, /* a producer's clock ahead of ours */
    {HOUR_MS + 1, true, false}};

START_TEST(old_and_replayed_records_write_nothing)
{
    static const struct record_header replayed = {{"unstale.replayed", 16}, {"1", 1}};
    struct source_record *record =
        stage_record(&stage, 0,
                     "{\"event\":\"post_save\",\"model\":\"m.W\",\"pk\":1,"
                     "\"created\":true,\"version\":4,\"after\":{\"n\":\"v\"}}");
    record->record.headers = &replayed;
    record->record.headers_nr = ages[_i].is_replayed;
    stage_plan(&stage, record->record.timestamp_ms + ages[_i].age_ms, 0);
    ck_assert_uint_eq(stage.batch.plan.ops_nr, 1);
    const struct op *op = &stage.batch.plan.ops[0];
    ck_assert_int_eq(op->verb, VERB_REFRESH);
    ck_assert_int_eq(op->as_delete, !ages[_i].is_written);
    ck_assert_int_eq(op->guard, 4);
}
END_TEST

static void add_delayed(struct delayed *delayed, int64_t due_ms, const char *key)
{
    struct rules_ref *ref = rules_handle_take(stage.rules);
    const struct action *action = &ref->ruleset->rules[0].actions[0];
    struct op op = {.verb = VERB_DELETE,
                    .action = action,
                    .cache = action->cache,
                    .key = slice_of(key),
                    .record = 7,
                    .result = OP_DONE};
    delayed_add(delayed, due_ms, &op, (struct offset_mark){0, 1, due_ms}, ref);
    rules_ref_drop(ref);
}

START_TEST(second_deletes_that_are_due_go_first_and_belong_to_no_record)
{
    struct delayed *delayed = delayed_new();
    add_delayed(delayed, 100, "early");
    add_delayed(delayed, 300, "late");
    add_delayed(delayed, 200, "just");
    batch_add_due(&stage.batch, delayed, 200);
    ck_assert_uint_eq(stage.batch.due_nr, 2);
    ck_assert_uint_eq(delayed_nr(delayed), 1);
    ck_assert(!batch_is_empty(&stage.batch));
    stage_record(&stage, 0, good(1));
    stage_plan(&stage, NOW_MS, 0);
    const struct plan *plan = &stage.batch.plan;
    ck_assert_uint_eq(plan->ops_nr, 4);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(plan->ops[i].record, BATCH_NO_RECORD);
        ck_assert_int_eq(plan->ops[i].result, OP_PENDING);
    }
    ck_assert(slice_equals(plan->ops[0].key, SLICE("early")));
    ck_assert(slice_equals(plan->ops[1].key, SLICE("just")));
    batch_clear(&stage.batch);
    ck_assert(batch_is_empty(&stage.batch));
    delayed_free(delayed);
}
END_TEST

static unsigned references_of(struct rules_ref *ref)
{
    return atomic_load(&ref->references);
}

START_TEST(a_cleared_batch_lets_go_of_its_rules)
{
    struct rules_ref *ref = rules_handle_take(stage.rules);
    stage_record(&stage, 0, good(1));
    stage_plan(&stage, NOW_MS, 0);
    ck_assert_uint_eq(references_of(ref), 3);
    batch_clear(&stage.batch);
    ck_assert_uint_eq(references_of(ref), 2);
    ck_assert_uint_eq(stage.batch.plan.ops_nr, 0);
    rules_ref_drop(ref);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("pipeline/batch");
    TCase *t = tcase_create("batch");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, revoked_records_leave_and_the_others_keep_their_order);
    tcase_add_test(t, dropping_nothing_and_everything);
    tcase_add_test(t, a_batch_comes_to_operations_and_failures_by_record);
    tcase_add_test(t, what_is_too_large_fails_alone);
    tcase_add_test(t, events_are_counted_by_models_that_somebody_names);
    tcase_add_test(t, rules_are_counted_once_a_batch_shadow_apart);
    tcase_add_loop_test(t, old_and_replayed_records_write_nothing, 0, (int)ARRAY_NR(ages));
    tcase_add_test(t, second_deletes_that_are_due_go_first_and_belong_to_no_record);
    tcase_add_test(t, a_cleared_batch_lets_go_of_its_rules);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite)
