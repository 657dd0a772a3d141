#include "consumers/plan/key_set.h"

#include "consumers/base/compiler.h"
#include "consumers/base/hash.h"
#include "tests/unit/check_main.h"

static const struct cache one_cache, other_cache;

#define DELETES .verb = VERB_DELETE, .cache = &one_cache
#define BUMPS .verb = VERB_BUMP, .cache = &one_cache
#define PURGES .verb = VERB_PURGE, .cache = &one_cache
#define EXPIRES .verb = VERB_EXPIRE, .cache = &one_cache
#define REFRESHES .verb = VERB_REFRESH, .cache = &one_cache

/* Two actions on the same key: is the second the same operation? */
static const struct {
    struct action first, second;
    bool is_same;
} pairs[] = {
    {{DELETES}, {DELETES}, true},
    {{DELETES}, {BUMPS}, false},
    {{DELETES}, {.verb = VERB_DELETE, .cache = &other_cache}, false},
    {{DELETES, .again_after_ms = 1000}, {DELETES, .again_after_ms = 1000}, true},
    {{DELETES, .again_after_ms = 1000}, {DELETES}, false},
    {{DELETES, .guard = GUARD_VERSION}, {DELETES}, false},
    {{DELETES}, {DELETES, .guard = GUARD_VERSION}, false},
    {{BUMPS, .start = 1}, {BUMPS, .start = 1}, true},
    {{BUMPS, .start = 1}, {BUMPS, .start = 2}, false},
    {{BUMPS, .start = 1, .to_increment = true}, {BUMPS, .start = 1}, false},
    {{PURGES, .coalesce_ms = 5, .rate = 6}, {PURGES, .coalesce_ms = 5, .rate = 6}, true},
    {{PURGES, .coalesce_ms = 5}, {PURGES}, false},
    {{PURGES, .rate = 5}, {PURGES}, false},
    {{PURGES, .slow_above = 5}, {PURGES}, false},
    {{EXPIRES, .ttl_ms = 5, .jitter_ms = 1}, {EXPIRES, .ttl_ms = 5, .jitter_ms = 1}, true},
    {{EXPIRES, .ttl_ms = 5}, {EXPIRES, .ttl_ms = 6}, false},
    {{EXPIRES, .ttl_ms = 5, .jitter_ms = 1}, {EXPIRES, .ttl_ms = 5}, false},
    {{EXPIRES, .ttl_ms = 5, .is_pattern = true}, {EXPIRES, .ttl_ms = 5}, false},
    {{.verb = VERB_PURGE_TAG, .cache = &one_cache},
     {.verb = VERB_PURGE_TAG, .cache = &one_cache},
     true},
    {{REFRESHES, .ttl_ms = 5}, {REFRESHES, .ttl_ms = 5}, false},
};

static struct key_entry entry_of(const struct action *action, struct slice key)
{
    return (struct key_entry){action, key, hash_slice(key)};
}

START_TEST(options_make_operations_differ)
{
    struct arena arena;
    struct key_set set;
    struct key_entry first = entry_of(&pairs[_i].first, SLICE("k"));
    struct key_entry second = entry_of(&pairs[_i].second, SLICE("k"));
    struct key_entry other = entry_of(&pairs[_i].first, SLICE("l"));

    arena_init(&arena, 1 << 12);
    key_set_init(&set, &arena);
    ck_assert(key_set_add(&set, &first));
    ck_assert(!key_set_add(&set, &first));
    ck_assert_int_eq(key_set_add(&set, &second), !pairs[_i].is_same);
    ck_assert(key_set_add(&set, &other));
    arena_release(&arena);
}
END_TEST

/* Each key twice, across the sizes where the set changes how it looks them up. */
START_TEST(many_keys_are_kept_once)
{
    enum { MANY = 3000 };
    static const struct action action = {DELETES};
    struct arena arena;
    struct key_set set;

    arena_init(&arena, 1 << 16);
    key_set_init(&set, &arena);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            struct key_entry entry = entry_of(&action, arena_printf(&arena, "product:%d", i));

            ck_assert_int_eq(key_set_add(&set, &entry), round == 0);
        }
    }
    ck_assert_uint_eq(set.nr, MANY);
    for (int i = 0; i < MANY; i++) {
        struct slice key = arena_printf(&arena, "product:%d", i);

        ck_assert(slice_equals(set.entries[i].key, key));
    }
    key_set_clear(&set);
    ck_assert_uint_eq(set.nr, 0);
    ck_assert(key_set_add(&set, &(struct key_entry){&action, SLICE("product:1"), 1}));
    arena_release(&arena);
}
END_TEST

static Suite *key_set_suite(void)
{
    Suite *suite = suite_create("plan/key_set");
    TCase *tcase = tcase_create("key set");

    tcase_add_loop_test(tcase, options_make_operations_differ, 0, ARRAY_NR(pairs));
    tcase_add_test(tcase, many_keys_are_kept_once);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(key_set_suite)
