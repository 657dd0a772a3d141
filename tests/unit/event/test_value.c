#include "consumers/event/value.h"

#include <stdio.h>
#include <stdlib.h>

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/event/decoded.h"

static const struct {
    const char *text;
    enum value_type type;
    const char *value_text; /* NULL: has none */
    size_t nr;
} types[] = {
    {"null", VALUE_NULL, NULL, 0},
    {"false", VALUE_FALSE, NULL, 0},
    {"true", VALUE_TRUE, NULL, 0},
    {"12.50", VALUE_NUMBER, "12.50", 0},
    {"-0", VALUE_NUMBER, "-0", 0},
    {"\"plain\"", VALUE_STRING, "plain", 0},
    {"\"e\\u0073c\\n\"", VALUE_STRING, "esc\n", 0},
    {"\"\"", VALUE_STRING, "", 0},
    {"[]", VALUE_ARRAY, NULL, 0},
    {"[1,[2,3]]", VALUE_ARRAY, NULL, 2},
    {"{}", VALUE_OBJECT, NULL, 0},
    {"{\"a\":1,\"b\":{\"c\":2}}", VALUE_OBJECT, NULL, 2},
};

START_TEST(types_and_texts)
{
    struct decoded decoded;
    const struct value *value;

    decoded_init(&decoded);
    value = decoded_json(&decoded, types[_i].text);
    ck_assert_int_eq(value_type(value), types[_i].type);
    ck_assert_uint_eq(value_nr(value), types[_i].nr);
    ck_assert(slice_is_absent(value_text(value)) == (types[_i].value_text == NULL));
    ck_assert(slice_equals(value_text(value), slice_of(types[_i].value_text)));
    decoded_release(&decoded);
}
END_TEST

START_TEST(null_is_a_missing_value)
{
    struct value_iter iter = value_walk(NULL);
    struct buffer out;

    buffer_init(&out);
    value_print(NULL, &out);
    ck_assert_uint_eq(out.len, 0);
    buffer_release(&out);
    ck_assert_int_eq(value_type(NULL), VALUE_MISSING);
    ck_assert(slice_is_absent(value_text(NULL)));
    ck_assert_uint_eq(value_nr(NULL), 0);
    ck_assert(value_get(NULL, SLICE("a")) == NULL);
    ck_assert(value_at(NULL, 0) == NULL);
    ck_assert(!value_next(&iter));
    ck_assert(value_equals(NULL, NULL));
}
END_TEST

START_TEST(members_and_elements)
{
    struct decoded decoded;
    const struct value *object;
    const struct value *array;

    decoded_init(&decoded);
    object = decoded_json(&decoded, "{\"a\":[1,2],\"b\":{\"a\":3},\"a\\u0000\":4,\"\":5}");
    assert_text(value_text(value_get(value_get(object, SLICE("b")), SLICE("a"))), "3");
    assert_text(value_text(value_get(object, SLICE("a\0"))), "4");
    assert_text(value_text(value_get(object, SLICE(""))), "5");
    ck_assert(value_get(object, SLICE("c")) == NULL);
    ck_assert(value_at(object, 0) == NULL);
    array = decoded_json(&decoded, "[1,[2,3],{\"x\":4},5]");
    assert_text(value_text(value_at(array, 3)), "5");
    assert_text(value_text(value_at(value_at(array, 1), 1)), "3");
    ck_assert(value_at(array, 4) == NULL);
    ck_assert(value_at(array, (size_t)-1) == NULL);
    ck_assert(value_get(array, SLICE("x")) == NULL);
    assert_text(value_text(value_at(decoded_json(&decoded, "[7,8,9]"), 2)), "9");
    ck_assert(value_at(decoded_json(&decoded, "[]"), 0) == NULL);
    decoded_release(&decoded);
}
END_TEST

/* Wherever a byte differs, and whatever lies behind the name that is asked for. */
START_TEST(members_by_names_of_every_length)
{
    struct decoded decoded;
    char name[] = "abcdefghijklmnopqrstuvwxy";
    struct slice asked = {name, (size_t)_i};
    const struct value *object;

    decoded_init(&decoded);
    object =
        decoded_json(&decoded, arena_printf(&decoded.arena, "{\"x\":0,\"%.*s\":1}", _i, name).ptr);
    assert_text(value_text(value_get(object, asked)), "1");
    asked.len++;
    ck_assert(value_get(object, asked) == NULL);
    asked.len--;
    for (int i = 0; i < _i; i++) {
        name[i] ^= 1;
        ck_assert(value_get(object, asked) == NULL);
        name[i] ^= 1;
    }
    decoded_release(&decoded);
}
END_TEST

START_TEST(walks_in_order)
{
    static const char *const names[] = {"z", "a", "m"};
    struct decoded decoded;
    struct value_iter iter;
    size_t i = 0;

    decoded_init(&decoded);
    iter = value_walk(decoded_json(&decoded, "{\"z\":[0,0],\"a\":{\"b\":1},\"m\":2}"));
    for (; value_next(&iter); i++)
        assert_text(iter.name, names[i]);
    ck_assert_uint_eq(i, 3);
    iter = value_walk(decoded_json(&decoded, "[0,[9,9],2]"));
    for (i = 0; value_next(&iter); i++) {
        ck_assert(slice_is_absent(iter.name));
        ck_assert(i == 1 || value_text(iter.item).ptr[0] == (char)('0' + i));
    }
    ck_assert_uint_eq(i, 3);
    iter = value_walk(decoded_json(&decoded, "7"));
    ck_assert(!value_next(&iter));
    decoded_release(&decoded);
}
END_TEST

static const struct {
    const char *a;
    const char *b;
    bool equal;
} pairs[] = {
    {"1", "1", true},
    {"5", "5.0", true},
    {"5", "50e-1", true},
    {"0", "-0", true},
    {"9007199254740993", "9007199254740992", false},
    {"0.1", "0.10", true},
    {"1", "\"1\"", false},
    {"1", "true", false},
    {"true", "true", true},
    {"true", "false", false},
    {"null", "null", true},
    {"null", "false", false},
    {"\"a\"", "\"\\u0061\"", true},
    {"\"a\"", "\"A\"", false},
    {"\"a\"", "\"a\\u0000\"", false},
    {"[]", "{}", false},
    {"[1,2]", "[1,2]", true},
    {"[1,2]", "[2,1]", false},
    {"[1,2]", "[1]", false},
    {"[]", "[null]", false},
    {"{}", "{}", true},
    {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1.0}", true},
    {"{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}", false},
    {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
    {"{\"a\":1}", "{\"b\":1}", false},
    {"{\"a\":null}", "{\"b\":null}", false},
    {"{\"a\":null,\"b\":1}", "{\"b\":1,\"c\":null}", false},
    {"{\"a\":[{\"x\":{\"p\":1,\"q\":2}}]}", "{\"a\":[{\"x\":{\"q\":2,\"p\":1}}]}", true},
};

START_TEST(equality)
{
    struct decoded decoded;
    const struct value *a;
    const struct value *b;

    decoded_init(&decoded);
    a = decoded_json(&decoded, pairs[_i].a);
    b = decoded_json(&decoded, pairs[_i].b);
    ck_assert(value_equals(a, b) == pairs[_i].equal);
    ck_assert(value_equals(b, a) == pairs[_i].equal);
    ck_assert(value_equals(a, a) && value_equals(b, b));
    ck_assert(!value_equals(a, NULL) && !value_equals(NULL, b));
    decoded_release(&decoded);
}
END_TEST

/* Members i*step mod nr, so that the order differs; one of them renamed or changed if odd >= 0. */
static const struct value *wide(struct decoded *decoded, int nr, int step, int odd, bool rename)
{
    char *text = malloc((size_t)nr * 32 + 8);
    const struct value *value;
    int len = sprintf(text, "{");

    for (int i = 0; i < nr; i++) {
        int member = i * step % nr;

        len +=
            sprintf(text + len, "%s\"%s%d\":%d", i ? "," : "", member == odd && rename ? "x" : "m",
                    member, member == odd && !rename ? -1 : member);
    }
    sprintf(text + len, "}");
    value = decoded_json(decoded, text);
    free(text);
    return value;
}

START_TEST(equality_of_wide_objects_in_any_order)
{
    static const int sizes[] = {64, 65, 1000, 30000}; /* none divisible by 7 */
    struct decoded decoded;
    int nr = sizes[_i];
    const struct value *sorted;

    decoded_init(&decoded);
    sorted = wide(&decoded, nr, 1, -1, false);
    ck_assert(value_equals(sorted, wide(&decoded, nr, 1, -1, false)));
    ck_assert(value_equals(sorted, wide(&decoded, nr, 7, -1, false)));
    ck_assert(!value_equals(sorted, wide(&decoded, nr, 7, nr / 2, false)));
    ck_assert(!value_equals(sorted, wide(&decoded, nr, 7, nr / 2, true)));
    decoded_release(&decoded);
}
END_TEST

static const struct {
    const char *text;
    const char *prints; /* NULL: the same */
} printed[] = {
    {"null", NULL},
    {"[true,false,null]", NULL},
    {"{\"z\":1,\"a\":[],\"m\":{}}", NULL},
    {"[12.50,1E5,-0,123456789012345678901234567890]", NULL},
    {" { \"a\" : [ 1 , 2 ] } ", "{\"a\":[1,2]}"},
    {"\"\\u0041\\/\"", "\"A/\""},
    {"{\"a\\\"b\":\"c\\\\d\\n\"}", "{\"a\\\"b\":\"c\\\\d\\n\"}"},
    {"\"\xc3\xa9\"", NULL},
};

START_TEST(prints_compact_json)
{
    struct decoded decoded;
    struct buffer out;

    decoded_init(&decoded);
    buffer_init(&out);
    value_print(decoded_json(&decoded, printed[_i].text), &out);
    ck_assert_str_eq(out.ptr, printed[_i].prints ? printed[_i].prints : printed[_i].text);
    buffer_release(&out);
    decoded_release(&decoded);
}
END_TEST

static Suite *value_suite(void)
{
    Suite *suite = suite_create("value");
    TCase *tcase = tcase_create("value");

    tcase_add_loop_test(tcase, types_and_texts, 0, ARRAY_NR(types));
    tcase_add_test(tcase, null_is_a_missing_value);
    tcase_add_test(tcase, members_and_elements);
    tcase_add_loop_test(tcase, members_by_names_of_every_length, 0, 25);
    tcase_add_test(tcase, walks_in_order);
    tcase_add_loop_test(tcase, equality, 0, ARRAY_NR(pairs));
    tcase_add_loop_test(tcase, equality_of_wide_objects_in_any_order, 0, 4);
    tcase_add_loop_test(tcase, prints_compact_json, 0, ARRAY_NR(printed));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(value_suite)
