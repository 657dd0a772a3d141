#include "consumers/pipeline/holds.h"

#include <stdlib.h>

#include "tests/unit/check_main.h"

struct fixture {
    struct offsets *offsets;
    struct holds *holds;
    struct offset_mark mark;
};

static struct fixture set_up(void)
{
    struct fixture f = {.offsets = offsets_new(), .holds = holds_new()};
    f.mark.slot = offsets_assign(f.offsets, SLICE("model-events"), 0);
    f.mark.epoch = offsets_slot(f.offsets, f.mark.slot)->epoch;
    return f;
}

static void tear_down(struct fixture *f)
{
    holds_free(f->holds);
    offsets_free(f->offsets);
}

static struct offset_mark at(const struct fixture *f, int64_t offset)
{
    return (struct offset_mark){f->mark.slot, f->mark.epoch, offset};
}

static int64_t watermark(const struct fixture *f)
{
    return offsets_slot(f->offsets, f->mark.slot)->watermark;
}

START_TEST(a_ticket_holds_every_record_that_contributed)
{
    struct fixture f = set_up();
    struct offset_mark marks[] = {at(&f, 5), at(&f, 7)};
    offsets_hold(f.offsets, marks[0], 1);
    offsets_advance(f.offsets, at(&f, 6));
    offsets_hold(f.offsets, marks[1], 1);
    offsets_advance(f.offsets, at(&f, 9));
    uint64_t ticket = holds_give(f.holds, marks, 2);
    ck_assert_int_eq(watermark(&f), 5);
    ck_assert_uint_eq(holds_nr(f.holds), 1);
    holds_take_back(f.holds, ticket, f.offsets);
    ck_assert_int_eq(watermark(&f), 10);
    ck_assert_uint_eq(holds_nr(f.holds), 0);
    tear_down(&f);
}
END_TEST

START_TEST(a_record_that_contributed_twice_waits_for_both)
{
    struct fixture f = set_up();
    struct offset_mark mark = at(&f, 3);
    offsets_hold(f.offsets, mark, 2);
    offsets_advance(f.offsets, mark);
    uint64_t first = holds_give(f.holds, &mark, 1);
    uint64_t second = holds_give(f.holds, &mark, 1);
    ck_assert_uint_ne(first, second);
    holds_take_back(f.holds, second, f.offsets);
    ck_assert_int_eq(watermark(&f), 3);
    holds_take_back(f.holds, first, f.offsets);
    ck_assert_int_eq(watermark(&f), 4);
    tear_down(&f);
}
END_TEST

START_TEST(a_ticket_of_an_earlier_assignment_moves_nothing)
{
    struct fixture f = set_up();
    struct offset_mark old = at(&f, 3);
    offsets_hold(f.offsets, old, 1);
    uint64_t ticket = holds_give(f.holds, &old, 1);
    offsets_revoke(f.offsets, f.mark.slot);
    offsets_assign(f.offsets, SLICE("model-events"), 0);
    f.mark.epoch++;
    offsets_hold(f.offsets, at(&f, 3), 1);
    offsets_advance(f.offsets, at(&f, 3));
    holds_take_back(f.holds, ticket, f.offsets);
    ck_assert_int_eq(watermark(&f), 3);
    tear_down(&f);
}
END_TEST

START_TEST(tickets_are_used_again)
{
    struct fixture f = set_up();
    for (int round = 0; round < 100; round++) {
        uint64_t tickets[10];
        for (int i = 0; i < 10; i++)
            tickets[i] = holds_give(f.holds, NULL, 0);
        for (int i = 0; i < 10; i++) {
            ck_assert_uint_lt(tickets[i], 10);
            holds_take_back(f.holds, tickets[i], f.offsets);
        }
    }
    tear_down(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("pipeline/holds");
    TCase *t = tcase_create("holds");
    tcase_add_test(t, a_ticket_holds_every_record_that_contributed);
    tcase_add_test(t, a_record_that_contributed_twice_waits_for_both);
    tcase_add_test(t, a_ticket_of_an_earlier_assignment_moves_nothing);
    tcase_add_test(t, tickets_are_used_again);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite)
