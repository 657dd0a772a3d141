#include "consumers/rules/locate.h"

#include <stdio.h>

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/rules/loaded.h"

/* ---- syntax: what is said, and which bytes it is about ---- */

static const struct {
    const char *text;
    const char *at; /* the bytes; empty: the end */
    const char *message;
} refused[] = {
    {"", "", "the file ends here, expected a value"},
    {"  \n", "", "the file ends here, expected a value"},
    {"{\"a\": 1", "", "the file ends here, expected \",\" or \"}\""},
    {"[1", "", "the file ends here, expected \",\" or \"]\""},
    {"{\"a\" 1}", "1", "expected \":\" after the name, not 1"},
    {"{a: 1}", "a", "expected a name in double quotes, not a"},
    {"{'a': 1}", "'", "expected a name in double quotes, not '"},
    {"{\"a\": nil}", "nil", "expected a value, not nil"},
    {"{\"a\": True}", "True", "expected a value, not True"},
    {"[1 2]", "2", "expected \",\" or \"]\", not 2"},
    {"{\"a\":1 \"b\":2}", "\"", "expected \",\" or \"}\", not \""},
    {"{} x", "x", "expected nothing after the value, not x"},
    {"[1,]", ",]", "a trailing comma: remove it (only .jsonc files may have one)"},
    {"{\"a\":1,\n}", ",\n", "a trailing comma: remove it (only .jsonc files may have one)"},
    {"// x\n{}", "//", "a comment that is not closed, or not in a .jsonc file"},
    {"{\"a\":1 /* x }", "/*", "a comment that is not closed, or not in a .jsonc file"},
    {"[01]", "01", "not a number as JSON writes them"},
    {"[1.]", "1.", "not a number as JSON writes them"},
    {"[-]", "-]", "not a number as JSON writes them"},
    {"[1e]", "1e", "not a number as JSON writes them"},
    {"[.5]", ".", "expected a value, not ."},
    {"[+5]", "+", "expected a value, not +"},
    {"[\"a]", "\"a]", "a string without its closing quote"},
    {"[\"a\nb\"]", "\"a\n", "a string without its closing quote"},
    {"[\"a\tb\"]", "\tb", "a control character in a string: write it as an escape"},
    {"[\"\\x\"]", "\\x", "unknown escape in a string"},
    {"[\"\\u12g4\"]", "\\u1", "\\u needs four hexadecimal digits"},
    {"[\"\\u0000\"]", "\\u0000", "a NUL character is not allowed here"},
    {"[\"\\ud83d\"]", "\\ud83d", "half of a surrogate pair"},
    {"[\"\\ude00\"]", "\\ude00", "half of a surrogate pair"},
    {"[\"\xff\"]", "\xff", "not UTF-8"},
    {"[\xc3\xa9]", "\xc3\xa9", "expected a value, not \xc3\xa9"},
};

START_TEST(refused_at_the_byte_that_is_wrong)
{
    struct slice text = slice_of(refused[_i].text);
    struct scan_problem problem;
    struct arena arena;

    arena_init(&arena, 1024);
    ck_assert(!scan_check(text, &arena, &problem));
    loaded_assert(problem.message, slice_of(refused[_i].message), refused[_i].text);
    ck_assert_uint_le(problem.span.start, text.len);
    ck_assert_uint_le(problem.span.end, text.len);
    ck_assert_msg(strncmp(text.ptr + problem.span.start, refused[_i].at, strlen(refused[_i].at)) ==
                      0,
                  "%s: at %zu", refused[_i].text, problem.span.start);
    if (refused[_i].at[0] == '\0')
        ck_assert_uint_eq(problem.span.start, text.len);
    arena_release(&arena);
}
END_TEST

START_TEST(accepted)
{
    static const char *const texts[] = {
        "null",
        " true ",
        "-0.5e+10",
        "\"\"",
        "[]",
        "{ }",
        "[[],{}]",
        "\t\r\n{\"a\":[1,\"\\u00e9\"]}",
        "\"\\ud83d\\ude00\\/\\\"\"",
        "[1,2 , 3]",
        "0",
    };
    struct scan_problem problem;
    struct arena arena;

    arena_init(&arena, 1024);
    ck_assert(scan_check(slice_of(texts[_i]), &arena, &problem));
    arena_release(&arena);
}
END_TEST

START_TEST(nesting_is_limited)
{
    char text[2 * (SCAN_MAX_DEPTH + 1) + 1] = {0};
    struct scan_problem problem;
    struct arena arena;

    arena_init(&arena, 1024);
    memset(text, '[', SCAN_MAX_DEPTH);
    memset(text + SCAN_MAX_DEPTH, ']', SCAN_MAX_DEPTH);
    ck_assert(scan_check(slice_of(text), &arena, &problem));
    memset(text, '[', SCAN_MAX_DEPTH + 1);
    memset(text + SCAN_MAX_DEPTH + 1, ']', SCAN_MAX_DEPTH + 1);
    ck_assert(!scan_check(slice_of(text), &arena, &problem));
    loaded_assert(problem.message, SLICE("nested too deep"), "depth");
    ck_assert_uint_eq(problem.span.start, SCAN_MAX_DEPTH);
    arena_release(&arena);
}
END_TEST

/* ---- comments ---- */

static const struct {
    const char *text, *blanked;
} comments[] = {
    {"{} // x", "{}     "},
    {"/* a\n b */{}", "    \n     {}"},
    {"[1, 2,]", "[1, 2 ]"},
    {"[1, // one\n]", "[1        \n]"},
    {"{\"a\": 1, /* x */ }", "{\"a\": 1          }"},
    {"[\"// no\", \"/* no */\", \"a,]\"]", "[\"// no\", \"/* no */\", \"a,]\"]"},
    {"[\"\\\"//\",]", "[\"\\\"//\" ]"},
    {"[1,,]", "[1, ]"},
    {"[,]", "[,]"},
    {"/* open", "/* open"},
    {"/", "/"},
    {"/*/", "/*/"},
    {"// \xc3\xa9\n{}", "     \n{}"},
};

START_TEST(comments_become_blanks)
{
    struct arena arena;
    struct slice blanked;

    arena_init(&arena, 1024);
    blanked = scan_blank_comments(slice_of(comments[_i].text), &arena);
    ck_assert_ptr_nonnull(blanked.ptr);
    loaded_assert(blanked, slice_of(comments[_i].blanked), comments[_i].text);
    arena_release(&arena);
}
END_TEST

/* ---- strings and walks ---- */

static const struct {
    const char *raw, *decoded;
    size_t offset, length; /* of decoded bytes */
    const char *inside;    /* as written */
} strings[] = {
    {"\"abc\"", "abc", 1, 1, "b"},
    {"\"\"", "", 0, 0, ""},
    {"\"a\\\"b\"", "a\"b", 1, 1, "\\\""},
    {"\"a\\u00e9b\"",
     "a\xc3\xa9"
     "b",
     1, 2, "\\u00e9"},
    {"\"\\ud83d\\ude00x\"", "\xf0\x9f\x98\x80x", 4, 1, "x"},
    {"\"\\\\{pk}\"", "\\{pk}", 1, 4, "{pk}"},
    {"\"\\n\\t\\b\\f\\r\\/z\"", "\n\t\b\f\r/z", 6, 1, "z"},
    {"\"\xc3\xa9{x}\"", "\xc3\xa9{x}", 2, 3, "{x}"},
};

START_TEST(a_part_of_a_string_is_found_behind_escapes)
{
    struct slice raw = slice_of(strings[_i].raw);
    struct span span = locate_inside(raw, 0, strings[_i].offset, strings[_i].length);
    struct arena arena;

    arena_init(&arena, 1024);
    loaded_assert(scan_decode(raw, 0, &arena), slice_of(strings[_i].decoded), raw.ptr);
    loaded_assert((struct slice){raw.ptr + span.start, span.end - span.start},
                  slice_of(strings[_i].inside), raw.ptr);
    ck_assert_uint_eq(scan_string(raw, 0), raw.len);
    arena_release(&arena);
}
END_TEST

static void count_duplicate(struct span name, struct span first, void *context)
{
    struct span *seen = context;

    seen[0].start++;
    seen[1] = name;
    seen[2] = first;
}

START_TEST(duplicates_at_any_depth_and_behind_escapes)
{
    struct slice text = SLICE("{\"a\":1,\"b\":[{\"x\":1,\"\\u0078\":2}],\"c\":{\"a\":1}}");
    struct span seen[3] = {{0, 0}, {0, 0}, {0, 0}};

    scan_duplicates(text, count_duplicate, seen);
    ck_assert_uint_eq(seen[0].start, 1);
    loaded_assert((struct slice){text.ptr + seen[1].start, seen[1].end - seen[1].start},
                  SLICE("\"\\u0078\""), "duplicate");
    loaded_assert((struct slice){text.ptr + seen[2].start, seen[2].end - seen[2].start},
                  SLICE("\"x\""), "first");
}
END_TEST

START_TEST(along_a_path)
{
    struct slice text = SLICE(" {\"a\": [1, {\"b\\u0063\" : \"v\"}, [] ], \"a2\": -1.5e3}");
    struct step root = {.parent = NULL};
    struct step a = {.parent = &root, .name = SLICE("a")};
    struct step one = {.parent = &a, .index = 1};
    struct step bc = {.parent = &one, .name = SLICE("bc")};
    struct step number = {.parent = &root, .name = SLICE("a2")};
    struct located found = locate(text, &bc);

    loaded_assert((struct slice){text.ptr + found.name.start, found.name.end - found.name.start},
                  SLICE("\"b\\u0063\""), "name");
    loaded_assert((struct slice){text.ptr + found.value.start, found.value.end - found.value.start},
                  SLICE("\"v\""), "value");
    found = locate(text, &number);
    loaded_assert((struct slice){text.ptr + found.value.start, found.value.end - found.value.start},
                  SLICE("-1.5e3"), "number");
    found = locate(text, &one);
    ck_assert_uint_eq(found.name.end, 0);
    ck_assert_uint_eq(locate(text, &root).value.start, 1);
    /* With a known start the search begins there. */
    one.start = locate(text, &one).value.start;
    one.parent = &bc;
    ck_assert_uint_eq(locate(text, &one).value.start, one.start);
}
END_TEST

START_TEST(compact_keeps_strings)
{
    struct slice text = SLICE("[ 1 , \"a b\\\" \" ,\n { \"c\" : null } ]");
    struct arena arena;

    arena_init(&arena, 1024);
    loaded_assert(scan_compact(text, (struct span){0, text.len}, &arena),
                  SLICE("[1,\"a b\\\" \",{\"c\":null}]"), "compact");
    arena_release(&arena);
}
END_TEST

/* ---- lines and columns ---- */

static const struct {
    const char *text, *at;
    unsigned line, column, end_column;
    const char *source_line;
} places[] = {
    {"abc", "b", 1, 2, 3, "abc"},
    {"a\nbc\n", "c", 2, 2, 3, "bc"},
    {"a\r\nbc\r\n", "bc", 2, 1, 3, "bc"},
    {"\t\tx", "x", 1, 3, 4, "\t\tx"},
    {"\xc3\xa9\xf0\x9f\x98\x80x", "x", 1, 3, 4, "\xc3\xa9\xf0\x9f\x98\x80x"},
    {"x\xc3\xa9y", "\xc3\xa9", 1, 2, 3, "x\xc3\xa9y"},
    {"ab\ncd", "b\nc", 1, 2, 3, "ab"},
};

START_TEST(columns_are_characters)
{
    struct slice text = slice_of(places[_i].text);
    size_t start = (size_t)(strstr(text.ptr, places[_i].at) - text.ptr);
    struct place place = locate_place(text, (struct span){start, start + strlen(places[_i].at)});

    ck_assert_uint_eq(place.line, places[_i].line);
    ck_assert_uint_eq(place.column, places[_i].column);
    ck_assert_uint_eq(place.end_column, places[_i].end_column);
    loaded_assert(place.source_line, slice_of(places[_i].source_line), text.ptr);
}
END_TEST

START_TEST(the_end_of_a_text_is_a_place)
{
    struct place place = locate_place(SLICE("ab\n"), (struct span){99, 100});

    ck_assert_uint_eq(place.line, 2);
    ck_assert_uint_eq(place.column, 1);
    ck_assert_uint_eq(place.end_column, 1);
}
END_TEST

static Suite *locate_suite(void)
{
    Suite *suite = suite_create("locate");
    TCase *tcase = tcase_create("locate");

    tcase_add_loop_test(tcase, refused_at_the_byte_that_is_wrong, 0, ARRAY_NR(refused));
    tcase_add_loop_test(tcase, accepted, 0, 11);
    tcase_add_test(tcase, nesting_is_limited);
    tcase_add_loop_test(tcase, comments_become_blanks, 0, ARRAY_NR(comments));
    tcase_add_loop_test(tcase, a_part_of_a_string_is_found_behind_escapes, 0, ARRAY_NR(strings));
    tcase_add_test(tcase, duplicates_at_any_depth_and_behind_escapes);
    tcase_add_test(tcase, along_a_path);
    tcase_add_test(tcase, compact_keeps_strings);
    tcase_add_loop_test(tcase, columns_are_characters, 0, ARRAY_NR(places));
    tcase_add_test(tcase, the_end_of_a_text_is_a_place);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(locate_suite)
