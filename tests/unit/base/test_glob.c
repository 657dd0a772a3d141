#include "consumers/base/glob.h"

#include "consumers/base/clock.h"
#include "tests/unit/base/assert_slice.h"
#include "tests/unit/base/scratch_redis.h"
#include "tests/unit/check_main.h"

static const struct {
    struct slice pattern;
    struct slice text;
    bool matches;
} cases[] = {
    {{"", 0}, {"", 0}, true},
    {{"", 0}, {"a", 1}, false},
    {{"*", 1}, {"", 0}, true},
    {{"**", 2}, {"", 0}, false},
    {{"*", 1}, {"a\0b", 3}, true},
    {{"?", 1}, {"", 0}, false},
    {{"?", 1}, {"\xff", 1}, true},
    {{"a*", 2}, {"a", 1}, true},
    {{"a**", 3}, {"a", 1}, true},
    {{"a*?", 3}, {"a", 1}, false},
    {{"*a*b", 4}, {"xxaxxab", 7}, true},
    {{"product:*:en", 12}, {"product:17:en", 13}, true},
    {{"product:*:en", 12}, {"product:17:enx", 14}, false},
    {{"[a-c]x", 6}, {"bx", 2}, true},
    {{"[c-a]x", 6}, {"bx", 2}, true},
    {{"[^a-c]", 6}, {"d", 1}, true},
    {{"[^a-c]", 6}, {"b", 1}, false},
    {{"[!a]", 4}, {"!", 1}, true},
    {{"[]", 2}, {"]", 1}, false},
    {{"[^]", 3}, {"x", 1}, true},
    {{"[^]x", 4}, {"]x", 2}, true},
    {{"[a", 2}, {"a", 1}, true},
    {{"[^", 2}, {"a", 1}, true},
    {{"[", 1}, {"[", 1}, false},
    {{"[a-]x]", 6}, {"^", 1}, true},
    {{"[\\]]", 4}, {"]", 1}, true},
    {{"[\\]", 3}, {"]", 1}, true},
    {{"[a\\-c]", 6}, {"b", 1}, false},
    {{"[a\\-c]", 6}, {"-", 1}, true},
    {{"\\*", 2}, {"*", 1}, true},
    {{"\\*", 2}, {"a", 1}, false},
    {{"\\", 1}, {"\\", 1}, true},
    {{"\\a", 2}, {"a", 1}, true},
    {{"A", 1}, {"a", 1}, false},
    {{"a\0b", 3}, {"a\0b", 3}, true},
    {{"a\0b", 3}, {"a\0c", 3}, false},
};

START_TEST(matches)
{
    ck_assert_msg(glob_match(cases[_i].pattern, cases[_i].text) == cases[_i].matches,
                  "%.*s on %.*s", SLICE_ARG(cases[_i].pattern), SLICE_ARG(cases[_i].text));
}
END_TEST

START_TEST(many_stars_cost_little)
{
    char pattern[4000];
    char text[4000];
    int64_t start = clock_steady_ms();

    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[sizeof(pattern) - 1] = 'b';
    memset(text, 'a', sizeof(text));
    ck_assert(
        !glob_match((struct slice){pattern, sizeof(pattern)}, (struct slice){text, sizeof(text)}));
    ck_assert(glob_match((struct slice){pattern, sizeof(pattern) - 2},
                         (struct slice){text, sizeof(text)}));
    ck_assert(!glob_covers((struct slice){pattern + 1, 1999}, (struct slice){pattern, 2000}));
    ck_assert_int_lt(clock_steady_ms() - start, 3000);
}
END_TEST

/* Random text over an alphabet; returns its length. */
static size_t random_text(uint64_t *state, const char *alphabet, char *out, size_t longest)
{
    size_t len = random_next(state) % (longest + 1);
    size_t letters = strlen(alphabet);

    for (size_t i = 0; i < len; i++)
        out[i] = alphabet[random_next(state) % letters];
    return len;
}

enum { KEYS = 700, KEY_BYTES = 10, PATTERNS = 3000, PATTERN_BYTES = 9 };

static const char all_signs[] = "ab*?[]^-\\\x80";

struct keys {
    char bytes[KEYS][KEY_BYTES];
    struct slice text[KEYS];
    bool found[KEYS];
};

static int by_text(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* Random keys, sorted, each once; the empty one is among them. */
static size_t make_keys(struct keys *keys, uint64_t *state)
{
    size_t nr = 1;

    for (size_t i = 0; i < KEYS; i++)
        keys->text[i] = (struct slice){
            keys->bytes[i],
            i ? random_text(state, i % 2 ? all_signs : "ab", keys->bytes[i], i % 5 + 1) : 0};
    qsort(keys->text, KEYS, sizeof(keys->text[0]), by_text);
    for (size_t i = 1; i < KEYS; i++) {
        if (!slice_equals(keys->text[i], keys->text[nr - 1]))
            keys->text[nr++] = keys->text[i];
    }
    return nr;
}

/* The whole database in one step, so that the cursor is 0 again. */
static void scan(struct scratch_redis *redis, struct slice pattern, struct keys *keys, size_t nr)
{
    struct slice words[] = {SLICE("SCAN"), SLICE("0"),     SLICE("MATCH"),
                            pattern,       SLICE("COUNT"), SLICE("100000")};
    char cursor[24];
    long found;

    scratch_redis_send(redis, words, ARRAY_NR(words));
    ck_assert_int_eq(scratch_redis_read(redis, '*'), 2);
    ck_assert_uint_eq(scratch_redis_read_bulk(redis, cursor, sizeof(cursor)), 1);
    ck_assert_int_eq(cursor[0], '0');
    found = scratch_redis_read(redis, '*');
    memset(keys->found, 0, sizeof(keys->found));
    while (found-- > 0) {
        char bytes[KEY_BYTES];
        struct slice key = {bytes, scratch_redis_read_bulk(redis, bytes, sizeof(bytes))};
        const struct slice *at = bsearch(&key, keys->text, nr, sizeof(key), by_text);

        ck_assert_ptr_nonnull(at);
        keys->found[at - keys->text] = true;
    }
}

START_TEST(redis_matches_the_same)
{
    static struct keys keys;
    struct scratch_redis redis;
    uint64_t state = 11;
    size_t nr = make_keys(&keys, &state);

    scratch_redis_start(&redis);
    for (size_t i = 0; i < nr; i++) {
        scratch_redis_send(&redis, (struct slice[]){SLICE("SET"), keys.text[i], SLICE("")}, 3);
        scratch_redis_read(&redis, '+');
    }
    for (int round = 0; round < PATTERNS; round++) {
        char bytes[PATTERN_BYTES];
        struct slice pattern = {bytes, random_text(&state, all_signs, bytes, sizeof(bytes))};

        scan(&redis, pattern, &keys, nr);
        for (size_t i = 0; i < nr; i++)
            ck_assert_msg(glob_match(pattern, keys.text[i]) == keys.found[i], "%.*s on %.*s",
                          SLICE_ARG(pattern), SLICE_ARG(keys.text[i]));
    }
    scratch_redis_stop(&redis);
}
END_TEST

START_TEST(escaped_text_matches_itself_alone)
{
    uint64_t state = 3;

    for (int round = 0; round < 20000; round++) {
        char bytes[6];
        char other_bytes[6];
        char pattern[32] = "*x";
        struct slice text = {bytes, random_text(&state, all_signs, bytes, sizeof(bytes))};
        struct slice other = {other_bytes, text.len};
        size_t len = glob_escape(text, pattern + 2);

        ck_assert_uint_le(len, glob_escaped_bytes(text));
        ck_assert(glob_match((struct slice){pattern + 2, len}, text));
        memcpy(other_bytes, bytes, text.len);
        if (text.len > 0) {
            other_bytes[random_next(&state) % text.len] = all_signs[random_next(&state) % 10];
            ck_assert(glob_match((struct slice){pattern + 2, len}, other) ==
                      slice_equals(text, other));
        }
    }
}
END_TEST

START_TEST(escaped_text_is_one_member_after_another_in_a_class)
{
    char pattern[32] = "[";
    size_t len = 1 + glob_escape(SLICE("^a-c]*?\\"), pattern + 1);

    pattern[len++] = ']';
    for (int c = 1; c < 128; c++) {
        char byte = (char)c;

        ck_assert(glob_match((struct slice){pattern, len}, (struct slice){&byte, 1}) ==
                  (strchr("^a-c]*?\\", c) != NULL));
    }
}
END_TEST

static const struct {
    const char *pattern;
    const char *prefix;
} prefixes[] = {
    {"", ""},           {"*", ""},      {"product:*", "product:"},
    {"a\\*b?c", "a*b"}, {"abc", "abc"}, {"ab[c]", "ab"},
    {"\\", "\\"},       {"a\\", "a\\"}, {"[a", ""},
};

START_TEST(literal_prefixes)
{
    struct arena arena;

    arena_init(&arena, 1024);
    assert_slice(glob_literal_prefix(slice_of(prefixes[_i].pattern), &arena),
                 slice_of(prefixes[_i].prefix));
    arena_release(&arena);
}
END_TEST

static const struct {
    const char *pattern;
    bool is_open;
} endings[] = {
    {"", false},     {"a", false},   {"a*", false},    {"a\\", true},   {"a\\\\", false},
    {"[a", true},    {"[a]", false}, {"[", true},      {"[^", true},    {"[^]", false},
    {"[a-]", true},  {"[\\]", true}, {"[a-]]", false}, {"[a]\\", true}, {"[a]\\b", false},
    {"\\[a", false}, {"[]", false},  {"[a]b[", true},
};

START_TEST(open_endings)
{
    ck_assert_msg(glob_is_open(slice_of(endings[_i].pattern)) == endings[_i].is_open, "%s",
                  endings[_i].pattern);
}
END_TEST

static const struct {
    const char *wide;
    const char *narrow;
    bool covers;
    bool meet;
} relations[] = {
    {"*", "", true, true},
    {"**", "*", false, true},
    {"*", "**", true, true},
    {"*", "product:*", true, true},
    {"product:*", "product:1:*", true, true},
    {"product:*", "*", false, true},
    {"product:*", "product:?", true, true},
    {"product:?", "product:*", false, true},
    {"product:*", "order:*", false, false},
    {"*:en", "product:*:en", true, true},
    {"*:en", "*:de", false, false},
    {"a*b", "a*c*b", true, true},
    {"a*c*b", "a*b", false, true},
    {"[a-z]*", "b*", true, true},
    {"[^a]*", "a*", false, false},
    {"[^a]*", "[b-d]x", true, true},
    {"?*", "*?", true, true},
    {"*?", "?*", true, true},
    {"a\\*", "a*", false, true},
    {"a\\*", "a\\*", true, true},
    {"a\\*", "ab", false, false},
    {"ab", "abc", false, false},
    {"a*z", "ab", false, false},
    {"[]", "*", false, false},
};

START_TEST(known_relations)
{
    struct slice wide = slice_of(relations[_i].wide);
    struct slice narrow = slice_of(relations[_i].narrow);

    ck_assert(glob_covers(wide, narrow) == relations[_i].covers);
    ck_assert(glob_may_meet(wide, narrow) == relations[_i].meet);
    ck_assert(glob_may_meet(narrow, wide) == relations[_i].meet);
}
END_TEST

enum { TEXT_LETTERS = 4, TEXT_BYTES = 6 };

/* Against every text of up to TEXT_BYTES of a few letters. */
static void check_relation(struct slice a, struct slice b)
{
    static const char letters[TEXT_LETTERS] = {'a', 'b', '-', 'x'};
    bool covers = glob_covers(a, b);
    bool may_meet = glob_may_meet(a, b);
    unsigned all = 1;

    for (size_t len = 0; len <= TEXT_BYTES; len++, all *= TEXT_LETTERS) {
        for (unsigned code = 0; code < all; code++) {
            char bytes[TEXT_BYTES];
            struct slice text = {bytes, len};
            unsigned rest = code;

            for (size_t i = 0; i < len; i++, rest /= TEXT_LETTERS)
                bytes[i] = letters[rest % TEXT_LETTERS];
            ck_assert_msg(!covers || !glob_match(b, text) || glob_match(a, text),
                          "%.*s does not cover %.*s", SLICE_ARG(a), SLICE_ARG(b));
            ck_assert_msg(may_meet || !glob_match(b, text) || !glob_match(a, text),
                          "%.*s meets %.*s", SLICE_ARG(a), SLICE_ARG(b));
        }
    }
}

START_TEST(relations_never_promise_too_much)
{
    uint64_t state = 5;

    for (int round = 0; round < 500; round++) {
        char bytes_a[6];
        char bytes_b[6];
        const char *signs = round % 2 ? "ab*?" : "ab*?[]^-\\";
        struct slice a = {bytes_a, random_text(&state, signs, bytes_a, sizeof(bytes_a))};
        struct slice b = {bytes_b, random_text(&state, signs, bytes_b, sizeof(bytes_b))};

        check_relation(a, b);
    }
}
END_TEST

START_TEST(very_long_patterns_get_the_cautious_answer)
{
    static char a[10000];
    static char b[10000];

    memset(a, 'a', sizeof(a));
    memset(b, 'b', sizeof(b));
    ck_assert(glob_covers((struct slice){a, sizeof(a)}, (struct slice){a, sizeof(a)}));
    ck_assert(!glob_covers(SLICE("*"), (struct slice){a, sizeof(a)}));
    ck_assert(glob_may_meet((struct slice){b, sizeof(b)}, (struct slice){a, sizeof(a)}));
}
END_TEST

static Suite *glob_suite(void)
{
    Suite *suite = suite_create("glob");
    TCase *tests = tcase_create("glob");

    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, matches, 0, (int)ARRAY_NR(cases));
    tcase_add_test(tests, many_stars_cost_little);
    if (scratch_redis_is_installed())
        tcase_add_test(tests, redis_matches_the_same);
    else
        puts("skipped: redis_matches_the_same, for redis-server is not installed");
    tcase_add_test(tests, escaped_text_matches_itself_alone);
    tcase_add_test(tests, escaped_text_is_one_member_after_another_in_a_class);
    tcase_add_loop_test(tests, literal_prefixes, 0, (int)ARRAY_NR(prefixes));
    tcase_add_loop_test(tests, open_endings, 0, (int)ARRAY_NR(endings));
    tcase_add_loop_test(tests, known_relations, 0, (int)ARRAY_NR(relations));
    tcase_add_test(tests, relations_never_promise_too_much);
    tcase_add_test(tests, very_long_patterns_get_the_cautious_answer);
    suite_add_tcase(suite, tests);
    return suite;
}

CHECK_MAIN(glob_suite)
