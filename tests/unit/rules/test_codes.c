#include "consumers/rules/codes.h"

#include <stdio.h>

#include "tests/unit/check_main.h"
#include "tests/unit/rules/loaded.h"

enum { CODES_MOST = 200 };

static bool has_code(const struct diagnostics *found, const char *code)
{
    for (size_t i = 0; i < found->nr; i++) {
        if (strcmp(found->items[i].code, code) == 0)
            return true;
    }
    return false;
}

static void assert_example(const struct code *code, const char *text, bool is_wrong)
{
    struct loaded loaded;
    struct rule_source source = {SLICE("rules.json"), SLICE_ABSENT};
    struct buffer out;

    loaded_init(&loaded);
    buffer_init(&out);
    source.text = code_example(text, &loaded.arena);
    loaded.set = load_sources(&source, 1, &loaded.found);
    diagnostics_print_text(&loaded.found, false, &out);
    ck_assert_msg(has_code(&loaded.found, code->code) == is_wrong, "%s, the %s example: %s",
                  code->code, is_wrong ? "wrong" : "right", out.ptr);
    ck_assert_msg(loaded.found.nr == (is_wrong ? 1 : 0), "%s: more than it shows: %s", code->code,
                  out.ptr);
    buffer_release(&out);
    loaded_release(&loaded);
}

/* What needs more than the file, a run of its tests or a sample of events, is shown by tests of that. */
static bool is_seen_in_the_file(const struct code *code)
{
    return strcmp(code->code, "E310") != 0 && strcmp(code->code, "W410") != 0;
}

START_TEST(examples_are_true)
{
    const struct code *code = code_at((size_t)_i);

    if (!code)
        return;
    assert_example(code, code->wrong, is_seen_in_the_file(code));
    assert_example(code, code->right, false);
}
END_TEST

START_TEST(table)
{
    const struct code *code;
    const char *previous = "";
    size_t nr;

    for (nr = 0; (code = code_at(nr)); nr++) {
        ck_assert_msg(strcmp(previous, code->code) < 0, "%s after %s", code->code, previous);
        ck_assert_ptr_eq(code_find(slice_of(code->code)), code);
        ck_assert_msg(code->why[0] != '\0', "%s", code->code);
        previous = code->code;
    }
    ck_assert_uint_gt(nr, 30);
    ck_assert_uint_lt(nr, CODES_MOST);
    ck_assert_ptr_null(code_find(SLICE("E999")));
}
END_TEST

static Suite *codes_suite(void)
{
    Suite *suite = suite_create("rules/codes");
    TCase *codes = tcase_create("codes");

    tcase_add_test(codes, table);
    tcase_add_loop_test(codes, examples_are_true, 0, CODES_MOST);
    suite_add_tcase(suite, codes);
    return suite;
}

CHECK_MAIN(codes_suite)
