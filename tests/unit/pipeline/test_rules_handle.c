#include "consumers/pipeline/rules_handle.h"

#include <pthread.h>

#include "tests/unit/check_main.h"
#include "tests/unit/pipeline/stage.h"

#define RULE(name) "{\"name\":\"" name "\",\"when\":{\"model\":\"m.M\"},\"do\":{\"delete\":\"k\"}}"

static bool is_named(const struct rules_ref *ref, const char *name)
{
    return slice_equals(ref->ruleset->rules[0].name, slice_of(name));
}

START_TEST(nothing_is_there_before_the_first_publish)
{
    struct rules_handle *handle = rules_handle_new();
    ck_assert_uint_eq(rules_handle_generation(handle), 0);
    ck_assert_ptr_null(rules_handle_take(handle));
    rules_handle_free(handle);
}
END_TEST

START_TEST(a_taken_set_outlives_its_successor_and_the_handle)
{
    struct rules_handle *handle = rules_handle_new();
    rules_handle_publish(handle, stage_ruleset(RULE("old")));
    ck_assert_uint_eq(rules_handle_generation(handle), 1);
    struct rules_ref *old = rules_handle_take(handle);
    rules_handle_publish(handle, stage_ruleset(RULE("new")));
    ck_assert_uint_eq(rules_handle_generation(handle), 2);
    struct rules_ref *new = rules_handle_take(handle);
    rules_handle_free(handle);
    ck_assert(is_named(old, "old"));
    ck_assert(is_named(new, "new"));
    rules_ref_drop(old);
    rules_ref_drop(new);
}
END_TEST

static unsigned references_of(struct rules_ref *ref)
{
    return atomic_load(&ref->references);
}

START_TEST(every_keep_needs_its_drop)
{
    struct rules_handle *handle = rules_handle_new();
    rules_handle_publish(handle, stage_ruleset(RULE("only")));
    struct rules_ref *ref = rules_handle_take(handle);
    ck_assert_ptr_eq(rules_ref_keep(ref), ref);
    ck_assert_uint_eq(references_of(ref), 3);
    rules_ref_drop(ref);
    rules_handle_free(handle);
    ck_assert_uint_eq(references_of(ref), 1);
    rules_ref_drop(ref);
}
END_TEST

struct reader {
    struct rules_handle *handle;
    uint64_t last;
    bool went_back;
};

/* Takes and drops until the last generation is there. */
static void *read_on(void *argument)
{
    struct reader *reader = argument;
    uint64_t seen = 0;
    while (seen < reader->last) {
        uint64_t generation = rules_handle_generation(reader->handle);
        struct rules_ref *ref = rules_handle_take(reader->handle);
        reader->went_back |= generation < seen || ref->ruleset->rules_nr != 1;
        seen = generation;
        rules_ref_drop(ref);
    }
    return NULL;
}

START_TEST(many_may_take_while_one_publishes)
{
    enum { READERS = 3, TURNS = 200 };
    struct rules_handle *handle = rules_handle_new();
    struct reader readers[READERS];
    pthread_t threads[READERS];
    rules_handle_publish(handle, stage_ruleset(RULE("r")));
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.handle = handle, .last = TURNS};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_on, &readers[i]), 0);
    }
    for (int i = 1; i < TURNS; i++)
        rules_handle_publish(handle, stage_ruleset(RULE("r")));
    for (size_t i = 0; i < READERS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert(!readers[i].went_back);
    }
    rules_handle_free(handle);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("pipeline/rules_handle");
    TCase *t = tcase_create("rules_handle");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, nothing_is_there_before_the_first_publish);
    tcase_add_test(t, a_taken_set_outlives_its_successor_and_the_handle);
    tcase_add_test(t, every_keep_needs_its_drop);
    tcase_add_test(t, many_may_take_while_one_publishes);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite)
