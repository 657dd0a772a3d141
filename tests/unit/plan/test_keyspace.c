#include "consumers/plan/keyspace.h"

#include "tests/unit/check_main.h"

enum { NOW_MS = 1000000 };

static struct arena arena;
static struct keyspace space;
static const struct slice protected_names[] = {{"sessions*", 9}};
static const struct cache cache = {
    .redis = {"default", 7}, .protect = protected_names, .protect_nr = 1};
static struct action action;
static const char *why;

static void setup(void)
{
    arena_init(&arena, 1 << 12);
    keyspace_init(&space, &arena);
    action = (struct action){.cache = &cache, .ttl_ms = 60000};
    why = NULL;
}

static void teardown(void)
{
    arena_release(&arena);
}

static void write(const char *key, const char *value, int64_t ttl_ms)
{
    struct test_key written = {
        .key = slice_of(key), .redis = cache.redis, .value = slice_of(value), .ttl_ms = ttl_ms};

    keyspace_write(&space, &written, NOW_MS);
}

static struct op *new_op(enum verb verb, const char *key)
{
    struct op *op = arena_zero(&arena, 1, sizeof(*op));

    *op = (struct op){.verb = verb,
                      .action = &action,
                      .cache = &cache,
                      .key = slice_of(key),
                      .at_least = -1,
                      .times = 1};
    return op;
}

static bool run(struct op *op, int64_t after_ms)
{
    return keyspace_run(&space, op, NOW_MS + after_ms, &why);
}

static void refresh(const char *value, enum guard_source source, int64_t guard)
{
    struct op *op = new_op(VERB_REFRESH, "k");

    op->value = slice_of(value);
    op->guard_source = source;
    op->guard = guard;
    ck_assert(run(op, 0));
}

/* NULL: the key is not there. */
static void check(const char *key, const char *value, int64_t after_ms)
{
    const struct keyspace_entry *entry = keyspace_find(&space, slice_of(key));
    bool is_there = entry && keyspace_has(entry, NOW_MS + after_ms);

    ck_assert_int_eq(is_there, value != NULL);
    if (value)
        ck_assert_msg(slice_equals(entry->value, slice_of(value)), "%.*s", SLICE_ARG(entry->value));
}

/* What a second refresh leaves of the first one's "a". */
static const struct {
    enum guard_source first, second;
    int64_t first_guard, second_guard;
    const char *value, *left;
} orders[] = {
    {OP_GUARD_EXPLICIT, OP_GUARD_EXPLICIT, 7, 8, "b", "b"},
    {OP_GUARD_EXPLICIT, OP_GUARD_EXPLICIT, 7, 7, "a", "a"},
    {OP_GUARD_EXPLICIT, OP_GUARD_EXPLICIT, 7, 7, "b", NULL},
    {OP_GUARD_EXPLICIT, OP_GUARD_EXPLICIT, 7, 6, "b", "a"},
    {OP_GUARD_CLOCK, OP_GUARD_CLOCK, 7, 8, "b", "b"},
    {OP_GUARD_CLOCK, OP_GUARD_CLOCK, 7, 7, "b", NULL},
    {OP_GUARD_CLOCK, OP_GUARD_CLOCK, 7, 6, "b", NULL},
    {OP_GUARD_EXPLICIT, OP_GUARD_CLOCK, 7, 8, "b", NULL},
    {OP_GUARD_CLOCK, OP_GUARD_EXPLICIT, 7, 8, "b", NULL},
    {OP_UNGUARDED, OP_GUARD_EXPLICIT, 0, 1, "b", "b"},
    {OP_GUARD_EXPLICIT, OP_UNGUARDED, 7, 0, "b", "b"},
};

START_TEST(versions_are_ordered)
{
    refresh("a", orders[_i].first, orders[_i].first_guard);
    check("k", "a", 0);
    refresh(orders[_i].value, orders[_i].second, orders[_i].second_guard);
    check("k", orders[_i].left, 0);
}
END_TEST

START_TEST(a_tombstone_holds_for_an_hour)
{
    struct op *op = new_op(VERB_DELETE, "k");

    op->guard_source = OP_GUARD_EXPLICIT;
    op->guard = 9;
    write("k", "x", -1);
    ck_assert(run(op, 0));
    check("k", NULL, 0);
    refresh("old", OP_GUARD_EXPLICIT, 8);
    check("k", NULL, 0);
    op = new_op(VERB_REFRESH, "k");
    op->value = SLICE("late");
    op->guard_source = OP_GUARD_EXPLICIT;
    op->guard = 8;
    ck_assert(run(op, 3600000));
    check("k", "late", 3600000);
}
END_TEST

START_TEST(an_older_delete_spares_a_newer_value)
{
    struct op *op = new_op(VERB_DELETE, "k");

    refresh("new", OP_GUARD_EXPLICIT, 9);
    op->guard_source = OP_GUARD_EXPLICIT;
    op->guard = 8;
    ck_assert(run(op, 0));
    check("k", "new", 0);
    op->guard_source = OP_UNGUARDED;
    ck_assert(run(op, 0));
    check("k", NULL, 0);
}
END_TEST

START_TEST(conditions_of_a_refresh)
{
    action.condition = REFRESH_EXISTS;
    refresh("a", OP_UNGUARDED, 0);
    check("k", NULL, 0);
    action.condition = REFRESH_MISSING;
    refresh("b", OP_UNGUARDED, 0);
    check("k", "b", 0);
    refresh("c", OP_UNGUARDED, 0);
    check("k", "b", 0);
    action.condition = REFRESH_EXISTS;
    refresh("d", OP_UNGUARDED, 0);
    check("k", "d", 0);
    check("k", "d", 59999);
    check("k", NULL, 60000);
}
END_TEST

/* start: of the rule; before: NULL: no counter. */
static const struct {
    const char *before;
    int64_t start, at_least;
    uint32_t times;
    bool to_increment;
    const char *after; /* NULL: refused */
} bumps[] = {
    {NULL, 1, -1, 1, true, "2"},
    {NULL, 1, -1, 3, true, "4"},
    {NULL, 1, -1, 1, false, "1000000"},
    {NULL, 1, 2000000, 1, false, "2000000"},
    {NULL, 5000000, -1, 2, false, "5000002"},
    {"7", 1, -1, 1, false, "8"},
    {"7", 1, 2000000, 3, false, "2000000"},
    {"-7", 1, -1, 1, true, "-6"},
    {"x", 1, -1, 1, false, NULL},
    {"1.5", 1, -1, 1, true, NULL},
    {"9223372036854775807", 1, -1, 1, true, NULL},
};

START_TEST(counters)
{
    struct op *op = new_op(VERB_BUMP, "k");

    if (bumps[_i].before)
        write("k", bumps[_i].before, 5000);
    action.start = bumps[_i].start;
    action.to_increment = bumps[_i].to_increment;
    op->at_least = bumps[_i].at_least;
    op->times = bumps[_i].times;
    ck_assert_int_eq(run(op, 0), bumps[_i].after != NULL);
    check("k", bumps[_i].after ? bumps[_i].after : bumps[_i].before, 0);
    /* A counter that was moved has no end any more. */
    check("k", bumps[_i].after, 5000);
}
END_TEST

START_TEST(patterns_heed_target_and_protection)
{
    struct test_key far = {
        .key = SLICE("p:1:b"), .redis = SLICE("far"), .value = SLICE("x"), .ttl_ms = -1};
    struct op *op = new_op(VERB_PURGE, "p:1:*");

    write("p:1:a", "x", -1);
    write("p:1:sessionsx", "x", -1);
    write("p:2:a", "x", -1);
    keyspace_write(&space, &far, NOW_MS);
    action.is_pattern = true;
    op->prefix_bytes = 4;
    ck_assert(run(op, 0));
    check("p:1:a", NULL, 0);
    check("p:1:sessionsx", "x", 0);
    check("p:2:a", "x", 0);
    check("p:1:b", "x", 0);
    ck_assert_ptr_eq(keyspace_find(&space, SLICE("p:1:a"))->touched_by, op);
}
END_TEST

START_TEST(lives_are_only_shortened)
{
    write("k", "x", 30000);
    write("l", "x", -1);
    ck_assert(run(new_op(VERB_EXPIRE, "k"), 0));
    check("k", NULL, 30000);
    ck_assert(run(new_op(VERB_EXPIRE, "l"), 0));
    check("l", "x", 59999);
    check("l", NULL, 60000);
    ck_assert(run(new_op(VERB_EXPIRE, "none"), 0));
    check("none", NULL, 0);
}
END_TEST

START_TEST(a_tag_must_be_a_set)
{
    static const struct slice members[] = {{"a", 1}, {"sessions1", 9}};
    struct test_key tag = {.key = SLICE("t"),
                           .redis = SLICE("default"),
                           .is_set = true,
                           .members = {members, 2},
                           .ttl_ms = -1};

    write("t", "x", -1);
    ck_assert(!run(new_op(VERB_PURGE_TAG, "t"), 0));
    ck_assert_str_eq(why, "the tag is not a set");
    keyspace_write(&space, &tag, NOW_MS);
    write("a", "x", -1);
    write("sessions1", "x", -1);
    ck_assert(run(new_op(VERB_PURGE_TAG, "t"), 0));
    check("a", NULL, 0);
    check("sessions1", "x", 0);
    check("t", NULL, 0);
    ck_assert(run(new_op(VERB_PURGE_TAG, "none"), 0));
}
END_TEST

static Suite *keyspace_suite(void)
{
    Suite *suite = suite_create("keyspace");
    TCase *cases = tcase_create("keys");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, versions_are_ordered, 0, (int)ARRAY_NR(orders));
    tcase_add_test(cases, a_tombstone_holds_for_an_hour);
    tcase_add_test(cases, an_older_delete_spares_a_newer_value);
    tcase_add_test(cases, conditions_of_a_refresh);
    tcase_add_loop_test(cases, counters, 0, (int)ARRAY_NR(bumps));
    tcase_add_test(cases, patterns_heed_target_and_protection);
    tcase_add_test(cases, lives_are_only_shortened);
    tcase_add_test(cases, a_tag_must_be_a_set);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(keyspace_suite)
