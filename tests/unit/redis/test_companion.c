#include "tests/unit/check_main.h"

#include "consumers/redis/companion.h"

static const struct {
    const char *key;
    const char *companion; /* NULL: it can have none */
} keys[] = {
    {"product:1", "{product:1}:v"},
    {":1:product:1", "{:1:product:1}:v"},
    {"{tag}:product", "{tag}:unstale:v:{tag}:product"},
    {"a{tag}b", "{tag}:unstale:v:a{tag}b"},
    {"a{t}b{u}", "{t}:unstale:v:a{t}b{u}"},
    {"{{a}", "{{a}:unstale:v:{{a}"},
    {"a{}b", NULL},
    {"a{b", NULL},
    {"a}b", NULL},
    {"}{", NULL},
};

static const struct {
    const char *key;
    bool is;
} texts[] = {
    {"{product:1}:v", true},
    {"{tag}:unstale:v:{tag}:product", true},
    {"{{a}:unstale:v:{{a}", true},
    {"product:1", false},
    {"product:1:v", false},
    {"{tag}:product", false},
    {"{}:v", false},
    {"x{a}:v", false},
    {"", false},
};

START_TEST(a_key_has_its_companion)
{
    struct buffer out;
    bool is_possible;

    buffer_init(&out);
    is_possible = companion_write(slice_of(keys[_i].key), &out);
    ck_assert_int_eq(is_possible, keys[_i].companion != NULL);
    ck_assert_int_eq(companion_is_possible(slice_of(keys[_i].key)), is_possible);
    ck_assert_str_eq(out.ptr, is_possible ? keys[_i].companion : "");
    if (is_possible)
        ck_assert(companion_is(buffer_slice(&out)));
    buffer_release(&out);
}
END_TEST

START_TEST(a_companion_is_known)
{
    ck_assert_int_eq(companion_is(slice_of(texts[_i].key)), texts[_i].is);
}
END_TEST

static Suite *companion_suite(void)
{
    Suite *suite = suite_create("companion");
    TCase *tcase = tcase_create("keys");

    tcase_add_loop_test(tcase, a_key_has_its_companion, 0, (int)(sizeof(keys) / sizeof(keys[0])));
    tcase_add_loop_test(tcase, a_companion_is_known, 0, (int)(sizeof(texts) / sizeof(texts[0])));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(companion_suite)
