/* What other tools read: SARIF logs and workflow commands. */
#include <jansson.h>

#include "tests/unit/check_main.h"
#include "tests/unit/rules/loaded.h"

static void add(struct diagnostics *list, struct diagnostic d, const char *code)
{
    memcpy(d.code, code, 5);
    diagnostics_add(list, &d);
}

static void fill(struct diagnostics *list)
{
    diagnostics_init(list);
    add(list,
        (struct diagnostic){.severity = SEVERITY_ERROR,
                            .file = SLICE("a b/%,r:\xc3\xa9.json"),
                            .line = 7,
                            .column = 3,
                            .end_column = 6,
                            .message = SLICE("50% of \"x\n::error::y\""),
                            .suggestion = SLICE("z")},
        "E201");
    add(list,
        (struct diagnostic){.severity = SEVERITY_WARNING,
                            .file = SLICE("/etc/r.json"),
                            .line = 1,
                            .column = 2,
                            .end_column = 2,
                            .message = SLICE("m"),
                            .help = SLICE("h: 1,2")},
        "W405");
    add(list,
        (struct diagnostic){
            .severity = SEVERITY_ERROR, .file = SLICE("gone.json"), .message = SLICE("no file")},
        "E201");
}

START_TEST(github)
{
    struct diagnostics list;
    struct buffer out;

    fill(&list);
    buffer_init(&out);
    diagnostics_print_github(&list, &out);
    ck_assert_str_eq(
        out.ptr, "::error file=a b/%25%2Cr%3A\xc3\xa9.json,line=7,col=3,endColumn=5,title=E201::"
                 "50%25 of \"x\\x0a::error::y\" (did you mean \"z\"?)\n"
                 "::warning file=/etc/r.json,line=1,col=2,endColumn=2,title=W405::m: h: 1,2\n"
                 "::error file=gone.json,title=E201::no file\n");
    buffer_release(&out);
    diagnostics_release(&list);
}
END_TEST

static const char *text_at(const json_t *result, const char *name)
{
    return json_string_value(json_object_get(json_object_get(result, "message"), name));
}

static const json_t *place_of(const json_t *result)
{
    return json_object_get(json_array_get(json_object_get(result, "locations"), 0),
                           "physicalLocation");
}

static const char *uri_of(const json_t *result)
{
    return json_string_value(
        json_object_get(json_object_get(place_of(result), "artifactLocation"), "uri"));
}

static const json_t *run_of(struct buffer *out, json_t **log)
{
    json_error_t error;

    *log = json_loads(out->ptr, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(*log != NULL, "%s in %s", error.text, out->ptr);
    ck_assert_str_eq(json_string_value(json_object_get(*log, "version")), "2.1.0");
    ck_assert_uint_eq(json_array_size(json_object_get(*log, "runs")), 1);
    return json_array_get(json_object_get(*log, "runs"), 0);
}

static void assert_region(const json_t *result, int line, int start, int end)
{
    const json_t *region = json_object_get(place_of(result), "region");

    ck_assert_int_eq(json_integer_value(json_object_get(region, "startLine")), line);
    ck_assert_int_eq(json_integer_value(json_object_get(region, "startColumn")), start);
    ck_assert_int_eq(json_integer_value(json_object_get(region, "endColumn")), end);
}

START_TEST(sarif)
{
    const json_t *run, *driver, *results, *rules;
    struct diagnostics list;
    struct buffer out;
    json_t *log;

    fill(&list);
    buffer_init(&out);
    diagnostics_print_sarif(&list, "9.8.7", &out);
    run = run_of(&out, &log);
    driver = json_object_get(json_object_get(run, "tool"), "driver");
    ck_assert_str_eq(json_string_value(json_object_get(driver, "name")), "unstale");
    ck_assert_str_eq(json_string_value(json_object_get(driver, "version")), "9.8.7");
    rules = json_object_get(driver, "rules");
    ck_assert_uint_eq(json_array_size(rules), 2);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(rules, 1), "id")), "W405");
    results = json_object_get(run, "results");
    ck_assert_uint_eq(json_array_size(results), 3);
    ck_assert_str_eq(text_at(json_array_get(results, 0), "text"),
                     "50% of \"x\n::error::y\": did you mean \"z\"?");
    ck_assert_str_eq(uri_of(json_array_get(results, 0)), "a%20b/%25%2Cr%3A%C3%A9.json");
    assert_region(json_array_get(results, 0), 7, 3, 6);
    ck_assert_str_eq(uri_of(json_array_get(results, 1)), "file:///etc/r.json");
    assert_region(json_array_get(results, 1), 1, 2, 3);
    ck_assert_ptr_null(json_object_get(place_of(json_array_get(results, 2)), "region"));
    json_decref(log);
    buffer_release(&out);
    diagnostics_release(&list);
}
END_TEST

START_TEST(sarif_without_findings)
{
    struct diagnostics list;
    struct buffer out;
    json_t *log;

    diagnostics_init(&list);
    buffer_init(&out);
    diagnostics_print_sarif(&list, "1", &out);
    ck_assert_uint_eq(json_array_size(json_object_get(run_of(&out, &log), "results")), 0);
    json_decref(log);
    buffer_release(&out);
    diagnostics_release(&list);
}
END_TEST

static Suite *forms_suite(void)
{
    Suite *suite = suite_create("rules/report_forms");
    TCase *forms = tcase_create("forms");

    tcase_add_test(forms, github);
    tcase_add_test(forms, sarif);
    tcase_add_test(forms, sarif_without_findings);
    suite_add_tcase(suite, forms);
    return suite;
}

CHECK_MAIN(forms_suite)
