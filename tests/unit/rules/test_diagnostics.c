#include "consumers/rules/diagnostics.h"

#include <stdio.h>

#include "consumers/rules/codes.h"
#include "tests/unit/check_main.h"
#include "tests/unit/rules/loaded.h"

static const char sample[] =
    "{\n"
    "  'version': 1, 'caches': {\n"
    "      'default': { 'keys': 'django', 'prefix': 'myapp' } },\n"
    "  'models': { 'shop.Product': { 'fields': { 'price': 'decimal', 'category_id': 'int' } } },\n"
    "  'rules': [\n"
    "    { 'name': 'one',\n"
    "      'when': { 'model': 'shop.Product', 'chnaged': ['price'] },\n"
    "      'do': { 'delete': 'products:category:{categroy_id}',\n"
    "              'purge': '*' } },\n"
    "    { 'name': 'two',\n"
    "      'when': { 'model': 'shop.Product', 'after.price': [{ 'numeric': ['=>', 10] }] },\n"
    "      'do': { 'refresh': { 'key': 'product:{pk}', 'value': { 'id': '{pk}' } } } }\n"
    "  ]\n"
    "}\n";

static const char sample_text[] =
    "rules.json:7:42: error[E201]: unknown field \"chnaged\" in \"when\" (events have: changed, "
    "created, before.*, after.*, …)\n"
    "  |\n"
    "7 |       \"when\": { \"model\": \"shop.Product\", \"chnaged\": [\"price\"] },\n"
    "  |                                          ^~~~~~~~~ did you mean \"changed\"?\n"
    "rules.json:8:44: error[E205]: model \"shop.Product\" has no field \"categroy_id\"\n"
    "  |\n"
    "8 |       \"do\": { \"delete\": \"products:category:{categroy_id}\",\n"
    "  |                                            ^~~~~~~~~~~~~ did you mean \"category_id\"?  "
    "(catalogue: rules.json:4)\n"
    "rules.json:9:24: error[E301]: purge \"*\" would delete every key of cache \"default\" "
    "(myapp:1:*)\n"
    "  |\n"
    "9 |               \"purge\": \"*\" } },\n"
    "  |                        ^~~ name a literal prefix, e.g. \"products:*\"; bump a version key "
    "instead; or see: unstale help E301\n"
    "rules.json:11:72: error[E203]: unknown numeric operator \"=>\"\n"
    "   |\n"
    "11 |       \"when\": { \"model\": \"shop.Product\", \"after.price\": [{ \"numeric\": "
    "[\"=>\", 10] }] },\n"
    "   |                                                                        ^~~~ did you mean "
    "\">=\"?\n"
    "rules.json:12:15: error[E304]: \"refresh\" into cache \"default\", which declares no "
    "\"serializer\": readers could fail on every value\n"
    "   |\n"
    "12 |       \"do\": { \"refresh\": { \"key\": \"product:{pk}\", \"value\": { \"id\": "
    "\"{pk}\" } } } }\n"
    "   |               ^~~~~~~~~ add \"serializer\" to the cache (rules.json:3:18): \"pickle\" is "
    "django-redis' default, \"json\" with JSONSerializer, \"raw\" for plain text\n"
    "rules.json:12:26: error[E303]: \"refresh\" needs \"ttl\" (a key without one lives forever)\n"
    "   |\n"
    "12 |       \"do\": { \"refresh\": { \"key\": \"product:{pk}\", \"value\": { \"id\": "
    "\"{pk}\" } } } }\n"
    "   |                          ^ add \"ttl\": \"1h\"\n";

START_TEST(six_mistakes_word_for_word)
{
    struct loaded loaded;
    struct buffer out;

    loaded_init(&loaded);
    loaded_read(&loaded, sample);
    buffer_init(&out);
    diagnostics_print_text(&loaded.found, false, &out);
    ck_assert_ptr_null(loaded.set);
    ck_assert_str_eq(out.ptr, sample_text);
    ck_assert_uint_eq(loaded.found.errors, 6);
    ck_assert_uint_eq(loaded.found.warnings, 0);
    ck_assert_uint_eq(loaded.found.rules_nr, 2);
    ck_assert_uint_eq(loaded.found.files_nr, 1);
    buffer_release(&out);
    loaded_release(&loaded);
}
END_TEST

static void add(struct diagnostics *list, const char *file, unsigned line, unsigned column,
                const char *code)
{
    struct diagnostic d = {.severity = code[0] == 'E' ? SEVERITY_ERROR : SEVERITY_WARNING,
                           .file = slice_of(file),
                           .line = line,
                           .column = column,
                           .end_column = column + 2,
                           .message = slice_of(code),
                           .source_line = SLICE("\ta\x01 \xff z")};

    snprintf(d.code, sizeof(d.code), "%s", code);
    diagnostics_add(list, &d);
}

START_TEST(sorted_by_place_and_else_as_added)
{
    static const char *const order[] = {"E105", "W405", "E104", "E103", "E102", "E101"};
    struct diagnostics list;

    diagnostics_init(&list);
    add(&list, "b.json", 1, 1, "E101");
    add(&list, "a.json", 10, 1, "E102");
    add(&list, "a.json", 9, 7, "E103");
    add(&list, "a.json", 9, 2, "W405");
    add(&list, "a.json", 9, 2, "E104");
    add(&list, "a.json", 0, 0, "E105");
    diagnostics_sort(&list);
    for (size_t i = 0; i < list.nr; i++)
        ck_assert_str_eq(list.items[i].code, order[i]);
    ck_assert_uint_eq(list.errors, 5);
    ck_assert_uint_eq(list.warnings, 1);
    diagnostics_release(&list);
}
END_TEST

START_TEST(warnings_are_taken_back)
{
    struct diagnostics list;

    diagnostics_init(&list);
    add(&list, "a.json", 1, 1, "W405");
    add(&list, "a.json", 2, 1, "W406");
    add(&list, "a.json", 3, 1, "E101");
    add(&list, "a.json", 4, 1, "W408");
    diagnostics_drop_warnings(&list, 1);
    ck_assert_uint_eq(list.nr, 2);
    ck_assert_uint_eq(list.warnings, 1);
    ck_assert_str_eq(list.items[0].code, "W405");
    ck_assert_str_eq(list.items[1].code, "E101");
    diagnostics_release(&list);
}
END_TEST

START_TEST(one_line_of_mistakes_stays_small)
{
    enum { RULES = 3000 };
    static char text[RULES * 40 + 100];
    struct loaded loaded;
    struct buffer out;
    int len = sprintf(text, "{\"version\":1,\"rules\":[");

    for (int i = 0; i < RULES; i++)
        len += sprintf(text + len, "%s{\"name\":\"r%d\",\"whn\":{}}", i ? "," : "", i);
    sprintf(text + len, "]}");
    loaded_init(&loaded);
    loaded_read(&loaded, text);
    ck_assert_uint_ge(loaded.found.errors, RULES);
    ck_assert_uint_eq(loaded.found.nr, DIAGNOSTICS_MAX);
    ck_assert_uint_lt(arena_used(&loaded.found.arena), 2 << 20);
    buffer_init(&out);
    diagnostics_print_text(&loaded.found, false, &out);
    ck_assert_uint_lt(out.len, 2 << 20);
    ck_assert(strstr(out.ptr, "only the first 1000 are shown\n") != NULL);
    buffer_release(&out);
    loaded_release(&loaded);
}
END_TEST

static const struct {
    unsigned column, end_column;
    const char *begin, *carets;
} cuts[] = {
    {1, 3,
     "1 | \xc3\xa9"
     "bcdefghij",
     "  | ^~\n"},
    {60, 61,
     "1 | \xc3\xa9"
     "bcdefghij",
     "^\n"},
    {101, 104,
     "1 | \xe2\x80\xa6\xc3\xa9"
     "bcdefghij",
     "^~~\n"},
    {101, 900,
     "1 | \xe2\x80\xa6\xc3\xa9"
     "bcdefghij",
     "^~~~~~~~~~"},
};

/* Of a long line, the characters around the place; the caret stands below the same character. */
START_TEST(of_a_long_line_a_part_is_shown)
{
    struct diagnostic d = {.code = "E101", .file = SLICE("f"), .line = 1, .message = SLICE("m")};
    char line[4000];
    struct diagnostics list;
    struct buffer out;
    const char *carets;
    size_t len = 0;

    for (int i = 0; i < 100; i++)
        len += (size_t)sprintf(line + len, "\xc3\xa9"
                                           "bcdefghij");
    d.source_line = (struct slice){line, len};
    d.column = cuts[_i].column;
    d.end_column = cuts[_i].end_column;
    diagnostics_init(&list);
    buffer_init(&out);
    diagnostics_add(&list, &d);
    diagnostics_print_text(&list, false, &out);
    ck_assert_msg(strstr(out.ptr, cuts[_i].begin) != NULL, "%s", out.ptr);
    ck_assert_msg(strstr(out.ptr, "\xe2\x80\xa6\n") != NULL, "%s", out.ptr);
    carets = strchr(out.ptr, '^');
    ck_assert_msg(strstr(out.ptr, cuts[_i].carets) != NULL, "%s", out.ptr);
    ck_assert_uint_lt(strlen(carets), 170);
    ck_assert_int_eq(carets - strrchr(out.ptr, '|') - 2, d.column <= 61 ? (long)d.column - 1 : 61);
    buffer_release(&out);
    diagnostics_release(&list);
}
END_TEST

START_TEST(a_line_that_cannot_be_shown_keeps_its_columns)
{
    struct diagnostics list;
    struct buffer out;

    diagnostics_init(&list);
    buffer_init(&out);
    add(&list, "a\nb.json", 3, 4, "W405");
    diagnostics_print_text(&list, false, &out);
    ck_assert_str_eq(out.ptr, "a\\x0ab.json:3:4: warning[W405]: W405\n"
                              "  |\n"
                              "3 |  a? ? z\n"
                              "  |    ^~\n");
    diagnostics_release(&list);
    buffer_release(&out);
}
END_TEST

START_TEST(colour_only_when_asked)
{
    struct diagnostics list;
    struct buffer out;

    diagnostics_init(&list);
    buffer_init(&out);
    add(&list, "a.json", 3, 4, "E101");
    diagnostics_print_text(&list, false, &out);
    ck_assert_ptr_null(strchr(out.ptr, '\033'));
    buffer_clear(&out);
    diagnostics_print_text(&list, true, &out);
    ck_assert_ptr_nonnull(strstr(out.ptr, "\033[1;31merror[E101]\033[0m"));
    diagnostics_release(&list);
    buffer_release(&out);
}
END_TEST

START_TEST(as_json)
{
    struct diagnostics list;
    struct diagnostic whole = {.severity = SEVERITY_ERROR,
                               .code = "E101",
                               .file = SLICE("none\".json"),
                               .message = SLICE("No such file")};
    struct buffer out;

    diagnostics_init(&list);
    buffer_init(&out);
    diagnostics_print_json(&list, &out);
    ck_assert_str_eq(out.ptr, "[]");
    buffer_clear(&out);
    diagnostics_add(&list, &whole);
    whole = (struct diagnostic){.severity = SEVERITY_WARNING,
                                .code = "W405",
                                .file = SLICE("a.json"),
                                .line = 7,
                                .column = 42,
                                .end_column = 51,
                                .message = SLICE("m"),
                                .suggestion = SLICE("s"),
                                .help = SLICE("h")};
    diagnostics_add(&list, &whole);
    diagnostics_print_json(&list, &out);
    ck_assert_str_eq(out.ptr,
                     "[{\"file\":\"none\\\".json\",\"severity\":\"error\",\"code\":\"E101\","
                     "\"message\":\"No such file\"},"
                     "{\"file\":\"a.json\",\"line\":7,\"column\":42,\"end_column\":51,"
                     "\"severity\":\"warning\",\"code\":\"W405\",\"message\":\"m\","
                     "\"suggestion\":\"s\",\"help\":\"h\"}]");
    diagnostics_release(&list);
    buffer_release(&out);
}
END_TEST

START_TEST(codes_are_in_order_and_found)
{
    const struct code *code;

    for (size_t i = 0; (code = code_at(i)); i++) {
        ck_assert_ptr_eq(code_find(slice_of(code->code)), code);
        ck_assert(code->title[0] != '\0');
        if (i > 0)
            ck_assert_str_lt(code_at(i - 1)->code, code->code);
    }
    ck_assert_ptr_null(code_find(SLICE("E999")));
}
END_TEST

static Suite *diagnostics_suite(void)
{
    Suite *suite = suite_create("diagnostics");
    TCase *tcase = tcase_create("diagnostics");

    tcase_add_test(tcase, six_mistakes_word_for_word);
    tcase_add_test(tcase, sorted_by_place_and_else_as_added);
    tcase_add_test(tcase, warnings_are_taken_back);
    tcase_add_test(tcase, a_line_that_cannot_be_shown_keeps_its_columns);
    tcase_add_test(tcase, one_line_of_mistakes_stays_small);
    tcase_add_loop_test(tcase, of_a_long_line_a_part_is_shown, 0, (int)ARRAY_NR(cuts));
    tcase_add_test(tcase, colour_only_when_asked);
    tcase_add_test(tcase, as_json);
    tcase_add_test(tcase, codes_are_in_order_and_found);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(diagnostics_suite)
