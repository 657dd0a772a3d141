#include <stdio.h>

#include <jansson.h>

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/event/decoded.h"

enum { TEXT_BYTES = 1 << 20, MUTATIONS = 60000, MUTATED_BYTES = 600 };

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static const struct slice valid[] = {
    TEXT("null"),
    TEXT("true"),
    TEXT("false"),
    TEXT("0"),
    TEXT("-0"),
    TEXT("12.50"),
    TEXT("1e5"),
    TEXT("1E+5"),
    TEXT("-1.5e-7"),
    TEXT("123456789012345678901234567890"),
    TEXT("\"\""),
    TEXT("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    TEXT("\"\\u0000\""),
    TEXT("\"\\u00e9\\ud83d\\ude00\""),
    TEXT("\"\xc3\xa9\xf0\x9f\x98\x80\""),
    TEXT("[]"),
    TEXT("{}"),
    TEXT(" \t\r\n[ 1 , 2 ] \n"),
    TEXT("[[],{},[[]]]"),
    TEXT("{\"a\":{\"a\":{\"a\":1}}}"),
    TEXT("{\"\":1}"),
    TEXT("{\"a\":1,\"A\":2}"),
    TEXT("{\"a\":1,\"a\\u0000\":2,\"a\\u0000b\":3}"),
    TEXT("{\"abcdefgh1\":1,\"abcdefgh2\":2,\"abcdefgh\":3}"),
    TEXT("[{\"a\":1},{\"a\":1}]"),
    TEXT("\xef\xbb\xbf{\"a\":1}"),
    TEXT("\"\x7f\""),
};

START_TEST(is_json)
{
    struct decoded decoded;
    size_t position;

    decoded_init(&decoded);
    ck_assert_msg(decode_json(valid[_i], &decoded.arena, &position, &decoded.err) != NULL,
                  "%.*s: %s", SLICE_ARG(valid[_i]), decoded.err.text);
    ck_assert_int_eq(decoded.err.kind, ERROR_NONE);
    decoded_release(&decoded);
}
END_TEST

static const struct {
    struct slice text;
    size_t position;
    const char *says; /* a beginning and, behind a star, an end; NULL: any words of yyjson's */
} invalid[] = {
    {TEXT(""), 0, "not JSON: empty"},
    {TEXT("\xef\xbb\xbf"), 0, "not JSON: empty"},
    {TEXT("   "), 0, NULL},
    {TEXT("{\"event\":\"a\",\"pk\":,}"), 18, "not JSON: unexpected character* at byte 18"},
    {TEXT("{\n  \"a\": 1,\n  \"\xc3\xa9\" 2\n}"), 19,
     "not JSON: unexpected character* at byte 19 (line 3, column 7)"},
    {TEXT("{} {}"), 3, NULL},
    {TEXT("{}x"), 2, NULL},
    {TEXT("[1]\0"), 3, NULL},
    {TEXT("{"), 1, NULL},
    {TEXT("["), 1, NULL},
    {TEXT("[1"), 2, NULL},
    {TEXT("[1,]"), 2, NULL},
    {TEXT("{\"a\":1,}"), 6, NULL},
    {TEXT("{a:1}"), 1, NULL},
    {TEXT("{'a':1}"), 1, NULL},
    {TEXT("{1:1}"), 1, NULL},
    {TEXT("{\"a\"}"), 4, NULL},
    {TEXT("[1 2]"), 3, NULL},
    {TEXT("]"), 0, NULL},
    {TEXT("01"), 0, NULL},
    {TEXT("1."), 2, NULL},
    {TEXT(".5"), 0, NULL},
    {TEXT("+1"), 0, NULL},
    {TEXT("1e"), 2, NULL},
    {TEXT("-"), 1, NULL},
    {TEXT("0x10"), 1, NULL},
    {TEXT("NaN"), 0, NULL},
    {TEXT("Infinity"), 0, NULL},
    {TEXT("-Infinity"), 1, NULL},
    {TEXT("nul"), 3, NULL},
    {TEXT("True"), 0, NULL},
    {TEXT("// x\n1"), 0, NULL},
    {TEXT("/* x */1"), 0, NULL},
    {TEXT("\"a"), 2, NULL},
    {TEXT("\"a\nb\""), 2, NULL},
    {TEXT("\"a\0b\""), 2, NULL},
    {TEXT("\"\\x41\""), 2, NULL},
    {TEXT("\"\\u12g4\""), 1, NULL},
    {TEXT("\"\\ud800\""), 7, NULL},
    {TEXT("\"\\udc00\""), 1, NULL},
    {TEXT("\"\\ud800\\u0041\""), 7, NULL},
    {TEXT("\"\xff\""), 1, NULL},
    {TEXT("\"\xc3\""), 1, NULL},
    {TEXT("\"\xc0\xaf\""), 1, NULL},
    {TEXT("\"\xed\xa0\x80\""), 1, NULL},
    {TEXT("\"\xf4\x90\x80\x80\""), 1, NULL},
    {TEXT("\xef\xbb\xbf{\"a\" 1}"), 8, "not JSON: unexpected character* at byte 8"},
    {TEXT("\xff\xfe{\0}\0"), 0, NULL},
    {TEXT("{\"a\":1,\"a\":2}"), 8, "duplicate name \"a\" at byte 8"},
    {TEXT("{\"a\":1,\"\\u0061\":2}"), 8, "duplicate name \"a\" at byte 8"},
    {TEXT("{\"\":1,\"\":2}"), 7, "duplicate name \"\" at byte 7"},
    {TEXT("[{\"x\":{\"b\":1,\"c\":[],\"b\":2}}]"), 21, "duplicate name \"b\" at byte 21"},
    {TEXT("{\"abcdefghij\":1,\"x\":0,\"abcdefghij\":1}"), 23,
     "duplicate name \"abcdefghij\" at byte 23"},
    {TEXT("\xef\xbb\xbf{\"a\":1,\"a\":2}"), 11, "duplicate name \"a\" at byte 11"},
};

static bool says(const char *text, const char *expected)
{
    const char *star = strchr(expected, '*');
    struct slice begin = {expected, star ? (size_t)(star - expected) : strlen(expected)};

    if (star == NULL)
        return strcmp(text, expected) == 0;
    return slice_starts_with(slice_of(text), begin) &&
           slice_ends_with(slice_of(text), slice_of(star + 1));
}

START_TEST(is_no_json)
{
    struct decoded decoded;
    size_t position = 0;

    decoded_init(&decoded);
    ck_assert_msg(decode_json(invalid[_i].text, &decoded.arena, &position, &decoded.err) == NULL,
                  "accepted: %.*s", SLICE_ARG(invalid[_i].text));
    ck_assert_int_eq(decoded.err.kind, ERROR_REJECT);
    ck_assert_msg(says(decoded.err.text, invalid[_i].says ? invalid[_i].says : "not JSON: *"), "%s",
                  decoded.err.text);
    ck_assert_msg(position == invalid[_i].position, "%.*s: position %zu, expected %zu",
                  SLICE_ARG(invalid[_i].text), position, invalid[_i].position);
    decoded_release(&decoded);
}
END_TEST

/* depth containers, the deepest empty; opens and closes are one character each. */
static struct slice nested(char *text, size_t depth, const char *open, const char *close)
{
    size_t len = 0;

    for (size_t i = 0; i < depth; i++)
        len += (size_t)sprintf(text + len, "%s", open);
    if (open[0] == '{')
        len += (size_t)sprintf(text + len, "1");
    for (size_t i = 0; i < depth; i++)
        len += (size_t)sprintf(text + len, "%s", close);
    return (struct slice){text, len};
}

START_TEST(depth_is_bounded)
{
    static char text[TEXT_BYTES];
    struct decoded decoded;
    size_t position;

    decoded_init(&decoded);
    for (int i = 0; i < 2; i++) {
        const char *open = i ? "{\"[\":" : "[";
        const char *close = i ? "}" : "]";

        ck_assert(decode_json(nested(text, DECODE_MAX_DEPTH, open, close), &decoded.arena,
                              &position, NULL) != NULL);
        error_clear(&decoded.err);
        ck_assert(decode_json(nested(text, DECODE_MAX_DEPTH + 1, open, close), &decoded.arena,
                              &position, &decoded.err) == NULL);
        ck_assert_uint_eq(position, DECODE_MAX_DEPTH * strlen(open));
        ck_assert(strstr(decoded.err.text, "nested deeper than 64 levels at byte") != NULL);
        ck_assert(decode_json(nested(text, 100000, open, close), &decoded.arena, &position, NULL) ==
                  NULL);
    }
    decoded_release(&decoded);
}
END_TEST

/* An object of nr members, `same` of which has the name of member 0; same 0: none has. */
static struct slice wide(char *text, int nr, int same)
{
    int len = sprintf(text, "{");

    for (int i = 0; i < nr; i++)
        len += sprintf(text + len, "%s\"column_%05d\":%d", i ? "," : "", i == same ? 0 : i, i);
    len += sprintf(text + len, "}");
    return (struct slice){text, (size_t)len};
}

START_TEST(duplicates_in_objects_of_every_size)
{
    static const int sizes[] = {2, 3, 15, 16, 17, 63, 64, 65, 100, 1000, 20000};
    static char text[TEXT_BYTES];
    struct decoded decoded;
    int nr = sizes[_i];
    size_t position;

    decoded_init(&decoded);
    ck_assert(decode_json(wide(text, nr, 0), &decoded.arena, &position, NULL) != NULL);
    for (int same = 1; same < nr; same += nr / 7 + 1) {
        struct slice name = SLICE("column_00000");
        size_t last;

        arena_reset(&decoded.arena, 0);
        error_clear(&decoded.err);
        ck_assert(decode_json(wide(text, nr, same), &decoded.arena, &position, &decoded.err) ==
                  NULL);
        ck_assert(strstr(decoded.err.text, "duplicate name \"column_00000\"") != NULL);
        last = (size_t)(strstr(text + 3, name.ptr) - text);
        ck_assert_uint_eq(position, last);
    }
    decoded_release(&decoded);
}
END_TEST

START_TEST(long_duplicate_names_are_cut_and_escaped)
{
    struct decoded decoded;
    char text[1024];
    size_t position;
    int len = 0;

    decoded_init(&decoded);
    for (int i = 0; i < 2; i++)
        len += sprintf(text + len, "%s\"a\\n%0300d\":1", i ? "," : "{", 7);
    len += sprintf(text + len, "}");
    ck_assert(decode_json((struct slice){text, (size_t)len}, &decoded.arena, &position,
                          &decoded.err) == NULL);
    ck_assert(strlen(decoded.err.text) < 200);
    ck_assert(strchr(decoded.err.text, '\n') == NULL);
    decoded_release(&decoded);
}
END_TEST

static const char mixed[] =
    "{\"event\":\"post_save\",\"model\":\"shop.Product\",\"pk\":42,\"created\":false,"
    "\"ts\":1795341600123,\"changed\":[\"price\"],\"before\":{\"price\":\"1.50\"},"
    "\"after\":{\"price\":2.5e1,\"a\":null}}";
static const char listed[] =
    "[0,-1,2.50,1e2,true,false,null,\"\\u00e9\\ud83d\\ude00 \xc3\xa9\",[],{},"
    "{\"a\":{\"b\":[{}]}}]";
static const char nested_names[] =
    "{\"a\":1,\"b\":2,\"c\":{\"a\":1,\"b\":[1,2,{\"a\":\"\\\"\\\\\"}]},\"d\":\" \\t\","
    "\"e\":\"\xf0\x9f\x98\x80\"}";

static const char *const seeds[] = {mixed, listed, nested_names};

/* One small change: a byte set, dropped or doubled, two swapped, or a piece repeated. */
static size_t mutate(char *text, size_t len, uint64_t *state)
{
    static const char alphabet[] = "{}[]:,\"\\0123456789.eE+-tfnul ab\n\t\xc3\xa9\xff\x80/";
    size_t at = random_next(state) % len;
    size_t other = random_next(state) % len;
    char c = text[at];

    switch (random_next(state) % 5) {
    case 0:
        text[at] = alphabet[random_next(state) % (sizeof(alphabet) - 1)];
        return len;
    case 1:
        memmove(text + at, text + at + 1, len - at - 1);
        return len > 1 ? len - 1 : len;
    case 2:
        memmove(text + at + 1, text + at, len - at);
        return len + 1;
    case 3:
        text[at] = text[other];
        text[other] = c;
        return len;
    default:
        other = random_next(state) % 12 + 1;
        other = at + other < len ? other : len - at;
        memmove(text + at + other, text + at, len - at);
        return len + other;
    }
}

/*
 * Where jansson may differ and is not to be asked: numbers beyond its range, and NUL in a name,
 * which it cannot hold. Only its own refusal counts as different.
 */
static bool is_known_difference(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);

    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key;
}

START_TEST(accepts_what_jansson_accepts)
{
    static const uint64_t start = 20261125;
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    struct decoded decoded;
    uint64_t state = start;
    unsigned accepted = 0;
    unsigned skipped = 0;
    char text[2 * MUTATED_BYTES];

    decoded_init(&decoded);
    for (unsigned i = 0; i < MUTATIONS; i++) {
        const char *seed = seeds[i % ARRAY_NR(seeds)];
        size_t len = strlen(seed);
        json_error_t error;
        json_t *theirs;
        const struct value *ours;
        size_t position;

        memcpy(text, seed, len + 1);
        for (unsigned changes = random_next(&state) % 4; changes > 0 && len < MUTATED_BYTES;
             changes--)
            len = mutate(text, len, &state);
        arena_reset(&decoded.arena, 0);
        error_clear(&decoded.err);
        ours = decode_json((struct slice){text, len}, &decoded.arena, &position, &decoded.err);
        theirs = json_loadb(text, len, flags, &error);
        if (theirs == NULL && is_known_difference(&error)) {
            skipped++;
            continue;
        }
        ck_assert_msg((ours != NULL) == (theirs != NULL),
                      "start %llu, number %u: %.*s\nours: %s\njansson: %s",
                      (unsigned long long)start, i, (int)len, text,
                      ours ? "accepted" : decoded.err.text, theirs ? "accepted" : error.text);
        accepted += ours != NULL;
        json_decref(theirs);
    }
    /* Both kinds must have been tried in earnest. */
    ck_assert_uint_gt(accepted, MUTATIONS / 4);
    ck_assert_uint_lt(accepted, MUTATIONS / 4 * 3);
    ck_assert_uint_lt(skipped, MUTATIONS / 100);
    decoded_release(&decoded);
}
END_TEST

static Suite *parse_suite(void)
{
    Suite *suite = suite_create("parse");
    TCase *tcase = tcase_create("parse");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, is_json, 0, ARRAY_NR(valid));
    tcase_add_loop_test(tcase, is_no_json, 0, ARRAY_NR(invalid));
    tcase_add_test(tcase, depth_is_bounded);
    tcase_add_loop_test(tcase, duplicates_in_objects_of_every_size, 0, 11);
    tcase_add_test(tcase, long_duplicate_names_are_cut_and_escaped);
    tcase_add_test(tcase, accepts_what_jansson_accepts);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(parse_suite)
