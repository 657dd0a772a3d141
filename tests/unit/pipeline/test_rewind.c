/* Where a partition goes back to: notes of how far it was worked off, and when. */
#include "tests/unit/check_main.h"

#include "consumers/pipeline/rewind.h"

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS };

static struct rewind_notes *notes;

static void setup(void)
{
    notes = rewind_notes_new(MINUTE_MS);
}

static void teardown(void)
{
    rewind_notes_free(notes);
}

static int64_t at(int64_t ms)
{
    int64_t offset = -1;

    return rewind_look_up(notes, ms, &offset) ? offset : -1;
}

START_TEST(without_notes_nothing_is_known)
{
    ck_assert_int_eq(at(INT64_MAX), -1);
}
END_TEST

START_TEST(the_newest_that_is_old_enough)
{
    rewind_note(notes, 1000, 10);
    rewind_note(notes, 2000, 25);
    rewind_note(notes, 3000, 40);
    ck_assert_int_eq(at(999), -1);
    ck_assert_int_eq(at(1000), 10);
    ck_assert_int_eq(at(2999), 25);
    ck_assert_int_eq(at(HOUR_MS), 40);
}
END_TEST

/* What stood still needs no notes: those from before an outage are still there after it. */
START_TEST(an_outage_forgets_none)
{
    for (int second = 0; second < 120; second++)
        rewind_note(notes, second * 1000, second);
    for (int second = 120; second < 7200; second++)
        rewind_note(notes, second * 1000, 119);
    ck_assert_int_eq(at(60 * 1000), 60);
    ck_assert_int_eq(at(119 * 1000), 119);
}
END_TEST

/* One older than `longest` is kept, so that there is always one to go back to. */
START_TEST(old_ones_are_dropped)
{
    for (int second = 0; second < 600; second++)
        rewind_note(notes, second * 1000, second);
    ck_assert_int_eq(at(540 * 1000), 540);
    ck_assert_int_eq(at(539 * 1000), 539);
    ck_assert_int_eq(at(100 * 1000), 539);
}
END_TEST

START_TEST(a_long_rewind_notes_less_often)
{
    rewind_notes_free(notes);
    notes = rewind_notes_new(HOUR_MS);
    for (int second = 0; second < 7200; second++)
        rewind_note(notes, second * 1000, second);
    for (int second = 3700; second < 7200; second += 97) {
        ck_assert_int_le(at(second * 1000), second);
        ck_assert_int_ge(at(second * 1000), second - 60);
    }
}
END_TEST

/* After going back to 50 no note may claim more: that work is done again, now. */
START_TEST(going_back_caps_what_was_noted)
{
    for (int second = 0; second < 100; second++)
        rewind_note(notes, second * 1000, second);
    rewind_notes_cap(notes, 50);
    ck_assert_int_eq(at(45 * 1000), 45);
    ck_assert_int_eq(at(90 * 1000), 50);
    rewind_note(notes, 100 * 1000, 70);
    ck_assert_int_eq(at(99 * 1000), 50);
    ck_assert_int_eq(at(100 * 1000), 70);
}
END_TEST

static Suite *rewind_suite(void)
{
    Suite *suite = suite_create("rewind");
    TCase *tcase = tcase_create("notes");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, without_notes_nothing_is_known);
    tcase_add_test(tcase, the_newest_that_is_old_enough);
    tcase_add_test(tcase, an_outage_forgets_none);
    tcase_add_test(tcase, old_ones_are_dropped);
    tcase_add_test(tcase, a_long_rewind_notes_less_often);
    tcase_add_test(tcase, going_back_caps_what_was_noted);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(rewind_suite)
