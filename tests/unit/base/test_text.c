#include "consumers/base/text.h"

#include "tests/unit/base/assert_slice.h"
#include "tests/unit/check_main.h"

static struct arena arena;

static void setup(void)
{
    arena_init(&arena, 4096);
}

static void teardown(void)
{
    arena_release(&arena);
}

static const struct {
    struct slice text;
    bool valid;
    size_t chars;
} utf8s[] = {
    {{"", 0}, true, 0},
    {{NULL, 0}, true, 0},
    {{"plain text of some length", 25}, true, 25},
    {{"a\0b", 3}, true, 3},
    {{"12345678\xc3\xa9", 10}, true, 9},
    {{"\xe2\x82\xac\xf0\x9f\x98\x80", 7}, true, 2},
    {{"\xf4\x8f\xbf\xbf", 4}, true, 1},
    {{"\xef\xbf\xbf", 3}, true, 1},
    {{"\xf4\x90\x80\x80", 4}, false, 4},
    {{"\xed\xa0\x80", 3}, false, 3},
    {{"\xc0\x80", 2}, false, 2},
    {{"\xc1\xbf", 2}, false, 2},
    {{"\xe0\x9f\xbf", 3}, false, 3},
    {{"\xf0\x8f\xbf\xbf", 4}, false, 4},
    {{"\xf5\x80\x80\x80", 4}, false, 4},
    {{"\x80", 1}, false, 1},
    {{"\xff", 1}, false, 1},
    {{"a\xc3", 2}, false, 2},
    {{"\xe2\x82", 2}, false, 2},
    {{"\xe2\x82z", 3}, false, 3},
    {{"1234567\xff", 8}, false, 8},
};

START_TEST(validity_and_length)
{
    ck_assert(text_is_utf8(utf8s[_i].text) == utf8s[_i].valid);
    ck_assert_uint_eq(text_chars(utf8s[_i].text), utf8s[_i].chars);
}
END_TEST

START_TEST(every_code_point_is_written_and_read)
{
    for (uint32_t c = 0; c < 0x110000; c++) {
        char out[4];
        size_t len = text_encode(c, out);
        uint32_t back = 0;

        ck_assert_uint_eq(text_decode((struct slice){out, len}, &back), len);
        ck_assert_uint_eq(back, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
        ck_assert_uint_eq(text_decode((struct slice){out, len - 1}, &back), 0);
    }
}
END_TEST

/* From Python 3.11: str.lower() and str.upper(). */
static const struct {
    const char *text;
    const char *lower;
    const char *upper;
} cases[] = {
    {"", "", ""},
    {"Shop [@`{] 09", "shop [@`{] 09", "SHOP [@`{] 09"},
    {"\u00c9t\u00e9", "\u00e9t\u00e9", "\u00c9T\u00c9"},
    {"stra\u00dfe", "stra\u00dfe", "STRASSE"},
    {"\u0391\u03a3", "\u03b1\u03c2", "\u0391\u03a3"},
    {"\u0391\u03a3\u0391", "\u03b1\u03c3\u03b1", "\u0391\u03a3\u0391"},
    {"\u03a3", "\u03c3", "\u03a3"},
    {"\u0391\u03a3 \u0391", "\u03b1\u03c2 \u03b1", "\u0391\u03a3 \u0391"},
    {"\u0391\u03a3.", "\u03b1\u03c2.", "\u0391\u03a3."},
    {"\u0391\u03a3'\u0391", "\u03b1\u03c3'\u03b1", "\u0391\u03a3'\u0391"},
    {"\u02b0\u03a3", "\u02b0\u03c3", "\u02b0\u03a3"},
    {"A'\u03a3\xff", "a'\u03c2\xff", "A'\u03a3\xff"},
    {"A\xff\u03a3", "a\xff\u03c3", "A\xff\u03a3"},
    {"\u0130", "i\u0307", "\u0130"},
    {"I\u0131", "i\u0131", "II"},
    {"\ufb01\u0149", "\ufb01\u0149", "FI\u02bcN"},
    {"\u01c5", "\u01c6", "\u01c4"},
    {"\u1f88", "\u1f80", "\u1f08\u0399"},
    {"\U00010400\U00010428", "\U00010428\U00010428", "\U00010400\U00010400"},
    {"\u4e2d\u6587", "\u4e2d\u6587", "\u4e2d\u6587"},
    {"\xff\xc3\x89\xff"
     "A\xc3",
     "\xff\xc3\xa9\xff"
     "a\xc3",
     "\xff\xc3\x89\xff"
     "A\xc3"},
};

START_TEST(case_mappings)
{
    struct slice text = slice_of(cases[_i].text);

    assert_slice(text_lower(text, &arena), slice_of(cases[_i].lower));
    assert_slice(text_upper(text, &arena), slice_of(cases[_i].upper));
}
END_TEST

static const struct {
    const char *text;
    const char *trimmed;
} trims[] = {
    {"", ""},
    {"a", "a"},
    {"  \t\n\v\f\r\x1c\x1d\x1e\x1f", ""},
    {" a b\t", "a b"},
    {"\u00a0\xc2\x85\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000x\u3000\u205f\xc2\x85 ", "x"},
    {"\u200bx\u200b", "\u200bx\u200b"},
    {"\ufeffx\u180e", "\ufeffx\u180e"},
    {" \xff ", "\xff"},
    {"x\x85", "x\x85"},
    {"x\xa0 ", "x\xa0"},
    {"\xe3\x80 x", "\xe3\x80 x"},
};

START_TEST(trim)
{
    assert_slice(text_trim(slice_of(trims[_i].text)), slice_of(trims[_i].trimmed));
}
END_TEST

START_TEST(trim_of_nothing)
{
    ck_assert_uint_eq(text_trim(SLICE_ABSENT).len, 0);
}
END_TEST

static const struct {
    const char *a;
    const char *b;
    bool equal;
} pairs[] = {
    {"", "", true},
    {"Shop.Product", "sHOP.pRODUCT", true},
    {"a", "ab", false},
    {"[", "{", false},
    {"\u00c9", "\u00e9", true},
    {"\u03a3", "\u03c2", true},
    {"\u03c3", "\u03c2", true},
    {"K", "\u212a", true},
    {"s", "\u017f", true},
    {"\u1e9e", "\u00df", true},
    {"\u00df", "ss", false},
    {"\ufb01", "fi", false},
    {"\u1f88", "\u1f80", true},
    {"\u0130", "i", false},
    {"\u0131", "I", false},
    {"\u00b5", "\u03bc", true},
    {"\u13a0", "\uab70", true},
    {"\U00010400", "\U00010428", true},
    {"\xff", "\xff", true},
    {"\xff", "\xfe", false},
    {"\xc3", "\xe3", false},
    {"\xe9", "\u00e9", false},
};

START_TEST(equality_without_case)
{
    ck_assert(text_equals_ignore_case(slice_of(pairs[_i].a), slice_of(pairs[_i].b)) ==
              pairs[_i].equal);
    ck_assert(text_equals_ignore_case(slice_of(pairs[_i].b), slice_of(pairs[_i].a)) ==
              pairs[_i].equal);
}
END_TEST

static Suite *text_suite(void)
{
    Suite *suite = suite_create("text");
    TCase *tests = tcase_create("text");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, validity_and_length, 0, (int)ARRAY_NR(utf8s));
    tcase_add_test(tests, every_code_point_is_written_and_read);
    tcase_add_loop_test(tests, case_mappings, 0, (int)ARRAY_NR(cases));
    tcase_add_loop_test(tests, trim, 0, (int)ARRAY_NR(trims));
    tcase_add_test(tests, trim_of_nothing);
    tcase_add_loop_test(tests, equality_without_case, 0, (int)ARRAY_NR(pairs));
    suite_add_tcase(suite, tests);
    return suite;
}

CHECK_MAIN(text_suite)
