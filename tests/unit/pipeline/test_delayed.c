#include "consumers/pipeline/delayed.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "tests/unit/check_main.h"

static struct ruleset *empty_ruleset(void)
{
    struct ruleset *ruleset = alloc_zero(1, sizeof(*ruleset));
    arena_init(&ruleset->arena, 1024);
    ruleset_build_index(ruleset);
    return ruleset;
}

struct fixture {
    struct rules_handle *handle;
    struct rules_ref *rules;
    struct delayed *delayed;
};

static struct fixture set_up(void)
{
    struct fixture f = {.handle = rules_handle_new(), .delayed = delayed_new()};
    rules_handle_publish(f.handle, empty_ruleset());
    f.rules = rules_handle_take(f.handle);
    return f;
}

static void tear_down(struct fixture *f)
{
    delayed_free(f->delayed);
    rules_ref_drop(f->rules);
    rules_handle_free(f->handle);
}

static void add(struct fixture *f, int64_t due_ms, const char *key)
{
    struct op op = {.verb = VERB_DELETE, .key = slice_of(key)};
    struct offset_mark mark = {.slot = 0, .epoch = 1, .offset = due_ms};
    delayed_add(f->delayed, due_ms, &op, mark, f->rules);
}

START_TEST(nothing_waits_at_first)
{
    struct fixture f = set_up();
    struct delayed_delete entry;
    ck_assert_int_eq(delayed_wait_ms(f.delayed, 1000), -1);
    ck_assert(!delayed_take(f.delayed, INT64_MAX, &entry));
    tear_down(&f);
}
END_TEST

START_TEST(an_entry_is_taken_when_it_is_due_and_not_before)
{
    struct fixture f = set_up();
    struct delayed_delete entry;
    add(&f, 2000, "a");
    ck_assert_int_eq(delayed_wait_ms(f.delayed, 1500), 500);
    ck_assert(!delayed_take(f.delayed, 1999, &entry));
    ck_assert_int_eq(delayed_wait_ms(f.delayed, 2500), 0);
    ck_assert(delayed_take(f.delayed, 2000, &entry));
    ck_assert(slice_equals(entry.op.key, SLICE("a")));
    ck_assert_int_eq(entry.mark.offset, 2000);
    delayed_release(&entry);
    ck_assert_uint_eq(delayed_nr(f.delayed), 0);
    tear_down(&f);
}
END_TEST

START_TEST(entries_come_in_the_order_of_their_time)
{
    struct fixture f = set_up();
    struct delayed_delete entry;
    srand(20261125);
    for (int i = 0; i < 1000; i++)
        add(&f, rand() % 500, "k");
    int64_t last = 0;
    for (int i = 0; i < 1000; i++) {
        ck_assert(delayed_take(f.delayed, 500, &entry));
        ck_assert_int_ge(entry.due_ms, last);
        last = entry.due_ms;
        delayed_release(&entry);
    }
    ck_assert(!delayed_take(f.delayed, 500, &entry));
    tear_down(&f);
}
END_TEST

START_TEST(the_key_outlives_the_batch_and_the_rules_their_swap)
{
    struct fixture f = set_up();
    struct delayed_delete entry;
    char key[] = "product:42";
    add(&f, 10, key);
    memset(key, 'x', sizeof(key) - 1);
    rules_handle_publish(f.handle, empty_ruleset());
    ck_assert(delayed_take(f.delayed, 10, &entry));
    ck_assert(slice_equals(entry.op.key, SLICE("product:42")));
    ck_assert_uint_eq(entry.rules->ruleset->rules_nr, 0);
    delayed_release(&entry);
    tear_down(&f);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("pipeline/delayed");
    TCase *t = tcase_create("delayed");
    tcase_add_test(t, nothing_waits_at_first);
    tcase_add_test(t, an_entry_is_taken_when_it_is_due_and_not_before);
    tcase_add_test(t, entries_come_in_the_order_of_their_time);
    tcase_add_test(t, the_key_outlives_the_batch_and_the_rules_their_swap);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite)
