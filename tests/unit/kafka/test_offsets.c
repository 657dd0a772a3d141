#include <stdio.h>
#include <time.h>

#include "consumers/kafka/offsets.h"
#include "tests/unit/check_main.h"

enum { RECORDS_MAX = 400, ROUNDS = 300, STEPS = 300 };

static struct offset_mark mark_of(const struct offsets *offsets, uint32_t slot, int64_t offset)
{
    return (struct offset_mark){slot, offsets_slot(offsets, slot)->epoch, offset};
}

START_TEST(test_nothing_is_stored_before_the_first_record)
{
    struct offsets *offsets = offsets_new();
    uint32_t slot = offsets_assign(offsets, SLICE("t"), 3);
    int64_t watermark;
    ck_assert(!offsets_take(offsets, slot, &watermark));
    ck_assert_int_eq(offsets_slot(offsets, slot)->frontier, OFFSETS_NONE);
    ck_assert_int_eq(offsets_slot(offsets, slot)->partition, 3);
    offsets_free(offsets);
}
END_TEST

START_TEST(test_the_watermark_follows_the_frontier_and_is_taken_once)
{
    struct offsets *offsets = offsets_new();
    uint32_t slot = offsets_assign(offsets, SLICE("t"), 0);
    int64_t watermark;
    offsets_advance(offsets, mark_of(offsets, slot, 41));
    ck_assert(offsets_take(offsets, slot, &watermark));
    ck_assert_int_eq(watermark, 42);
    ck_assert(!offsets_take(offsets, slot, &watermark));
    offsets_advance(offsets, mark_of(offsets, slot, 99)); /* a hole from 42 to 98 */
    ck_assert(offsets_take(offsets, slot, &watermark));
    ck_assert_int_eq(watermark, 100);
    offsets_free(offsets);
}
END_TEST

START_TEST(test_a_held_record_stops_the_watermark_until_its_last_completion)
{
    struct offsets *offsets = offsets_new();
    uint32_t slot = offsets_assign(offsets, SLICE("t"), 0);
    struct offset_mark held = mark_of(offsets, slot, 7);
    int64_t watermark;
    offsets_advance(offsets, mark_of(offsets, slot, 6));
    offsets_hold(offsets, held, 2);
    offsets_advance(offsets, mark_of(offsets, slot, 20));
    ck_assert(offsets_take(offsets, slot, &watermark));
    ck_assert_int_eq(watermark, 7);
    offsets_release(offsets, held);
    ck_assert(!offsets_take(offsets, slot, &watermark));
    offsets_release(offsets, held);
    ck_assert(offsets_take(offsets, slot, &watermark));
    ck_assert_int_eq(watermark, 21);
    offsets_release(offsets, held); /* once too often: ignored */
    ck_assert_uint_eq(offsets_slot(offsets, slot)->held_nr, 0);
    offsets_free(offsets);
}
END_TEST

START_TEST(test_a_completion_of_an_earlier_assignment_is_ignored)
{
    struct offsets *offsets = offsets_new();
    uint32_t slot = offsets_assign(offsets, SLICE("t"), 0);
    struct offset_mark old = mark_of(offsets, slot, 5);
    int64_t watermark;
    offsets_hold(offsets, old, 1);
    offsets_revoke(offsets, slot);
    offsets_release(offsets, old);
    ck_assert(!offsets_take(offsets, slot, &watermark));
    ck_assert_uint_eq(offsets_assign(offsets, SLICE("t"), 0), slot);
    ck_assert_uint_ne(offsets_slot(offsets, slot)->epoch, old.epoch);
    offsets_advance(offsets, old);
    ck_assert_int_eq(offsets_slot(offsets, slot)->watermark, OFFSETS_NONE);
    struct offset_mark again = mark_of(offsets, slot, 5);
    offsets_hold(offsets, again, 1);
    offsets_advance(offsets, again);
    offsets_release(offsets, old);
    ck_assert(offsets_take(offsets, slot, &watermark));
    ck_assert_int_eq(watermark, 5);
    offsets_free(offsets);
}
END_TEST

START_TEST(test_slots_are_by_topic_and_partition)
{
    struct offsets *offsets = offsets_new();
    uint32_t first = offsets_assign(offsets, SLICE("a"), 0);
    uint32_t second = offsets_assign(offsets, SLICE("a"), 1);
    uint32_t third = offsets_assign(offsets, SLICE("ab"), 0);
    ck_assert(first != second && second != third && first != third);
    ck_assert_uint_eq(offsets_nr(offsets), 3);
    offsets_advance(offsets, mark_of(offsets, second, 1));
    ck_assert_int_eq(offsets_slot(offsets, first)->watermark, OFFSETS_NONE);
    ck_assert_int_eq(offsets_slot(offsets, second)->watermark, 2);
    offsets_free(offsets);
}
END_TEST

/* The plain truth of one partition: every record and what it still waits for. */
struct model {
    int64_t offset[RECORDS_MAX];
    unsigned waits[RECORDS_MAX];
    bool is_answered[RECORDS_MAX];
    size_t nr, answered_nr;
};

static int64_t model_watermark(const struct model *model)
{
    for (size_t i = 0; i < model->answered_nr; i++)
        if (model->waits[i] > 0)
            return model->offset[i];
    return model->answered_nr ? model->offset[model->answered_nr - 1] + 1 : OFFSETS_NONE;
}

static unsigned pick(unsigned *seed, unsigned below)
{
    *seed = *seed * 1103515245U + 12345U;
    return (*seed >> 16) % below;
}

static void answer_some(struct offsets *offsets, uint32_t slot, struct model *model, unsigned *seed)
{
    unsigned more = 1 + pick(seed, 5);
    int64_t next = model->nr ? model->offset[model->nr - 1] + 1 : (int64_t)pick(seed, 1000);
    for (unsigned i = 0; i < more && model->nr < RECORDS_MAX; i++) {
        size_t at = model->nr++;
        next += pick(seed, 4) == 0 ? pick(seed, 100) : 0;
        model->offset[at] = next++;
        model->waits[at] = pick(seed, 3) == 0 ? 1 + pick(seed, 3) : 0;
        struct offset_mark mark = mark_of(offsets, slot, model->offset[at]);
        offsets_hold(offsets, mark, model->waits[at]);
        offsets_advance(offsets, mark);
        model->answered_nr = model->nr;
    }
}

static void complete_one(struct offsets *offsets, uint32_t slot, struct model *model,
                         unsigned *seed)
{
    if (model->nr == 0)
        return;
    size_t at = pick(seed, (unsigned)model->nr);
    if (model->waits[at] > 0)
        model->waits[at]--;
    offsets_release(offsets, mark_of(offsets, slot, model->offset[at]));
}

static void disturb(struct offsets *offsets, uint32_t slot, const struct model *model,
                    unsigned *seed)
{
    if (model->nr == 0)
        return;
    struct offset_mark stale =
        mark_of(offsets, slot, model->offset[pick(seed, (unsigned)model->nr)]);
    stale.epoch--;
    offsets_release(offsets, stale);
    stale.offset += 1000000;
    offsets_hold(offsets, stale, 1);
    offsets_advance(offsets, stale);
}

static uint64_t count_waiting(const struct model *model)
{
    uint64_t nr = 0;
    for (size_t i = 0; i < model->nr; i++)
        nr += model->waits[i] > 0;
    return nr;
}

START_TEST(test_any_order_agrees_with_a_plain_model)
{
    struct offsets *offsets = offsets_new();
    unsigned seed = (unsigned)_i + 1;
    uint32_t slot = offsets_assign(offsets, SLICE("t"), 0);
    static struct model model;
    int64_t before = OFFSETS_NONE, taken;
    model = (struct model){.nr = 0};
    for (int step = 0; step < STEPS; step++) {
        unsigned what = pick(&seed, 10);
        if (what < 3)
            answer_some(offsets, slot, &model, &seed);
        else if (what < 9)
            complete_one(offsets, slot, &model, &seed);
        else
            disturb(offsets, slot, &model, &seed);
        int64_t watermark = offsets_slot(offsets, slot)->watermark;
        ck_assert_int_eq(watermark, model_watermark(&model));
        ck_assert_int_ge(watermark, before);
        ck_assert_uint_eq(offsets_slot(offsets, slot)->held_nr, count_waiting(&model));
        if (offsets_take(offsets, slot, &taken))
            ck_assert_int_eq(taken, watermark);
        before = watermark;
    }
    offsets_free(offsets);
}
END_TEST

static double spent_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Nanoseconds a record, every tenth held until `ahead` more have come. */
static double cost_of_a_record(int64_t ahead)
{
    enum { NR = 1000000 };
    struct offsets *offsets = offsets_new();
    uint32_t slot = offsets_assign(offsets, SLICE("t"), 0);
    struct offset_mark mark = mark_of(offsets, slot, 0);
    double start = spent_ns();
    for (int64_t i = 0; i < NR; i++) {
        mark.offset = i;
        if (i % 10 == 0)
            offsets_hold(offsets, mark, 1);
        offsets_advance(offsets, mark);
        mark.offset = i - ahead;
        if (i % 10 == 0)
            offsets_release(offsets, mark);
    }
    double each = (spent_ns() - start) / NR;
    ck_assert_int_eq(offsets_slot(offsets, slot)->watermark, NR - ahead);
    offsets_free(offsets);
    if (getenv("CK_VERBOSITY"))
        printf("offsets: %.1f ns a record, %lld ahead\n", each, (long long)ahead);
    return each;
}

/* As a ratio, which neither a busy machine nor a sanitizer moves: the step does not grow. */
START_TEST(test_a_record_costs_the_same_whatever_is_held)
{
    double few = cost_of_a_record(100);
    ck_assert(cost_of_a_record(100000) < 10 * few);
}
END_TEST

static Suite *offsets_suite(void)
{
    Suite *suite = suite_create("offsets");
    TCase *tcase = tcase_create("tracker");
    tcase_add_test(tcase, test_nothing_is_stored_before_the_first_record);
    tcase_add_test(tcase, test_the_watermark_follows_the_frontier_and_is_taken_once);
    tcase_add_test(tcase, test_a_held_record_stops_the_watermark_until_its_last_completion);
    tcase_add_test(tcase, test_a_completion_of_an_earlier_assignment_is_ignored);
    tcase_add_test(tcase, test_slots_are_by_topic_and_partition);
    tcase_add_loop_test(tcase, test_any_order_agrees_with_a_plain_model, 0, ROUNDS);
    tcase_add_test(tcase, test_a_record_costs_the_same_whatever_is_held);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(offsets_suite)
