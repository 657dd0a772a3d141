#include "consumers/base/text.h"
#include "consumers/cli/test_suite.h"

enum { NAME_COLUMNS = 72, TEXT_COLUMNS = 44, NAMES_SHOWN = 8 };

static void pad(struct buffer *out, size_t start, size_t columns)
{
    size_t have = text_chars((struct slice){out->ptr + start, out->len - start});

    for (; have < columns; have++)
        buffer_add_char(out, ' ');
}

static void add_place(struct buffer *out, struct slice file, unsigned line)
{
    buffer_add_printable(out, file);
    buffer_printf(out, ":%u", line);
}

/* ---- for people ---- */

static void add_problem(struct buffer *out, const struct test_problem *problem)
{
    size_t start = out->len;

    buffer_printf(out, "      %c ", problem->sign);
    buffer_add(out, problem->text);
    pad(out, start, TEXT_COLUMNS);
    buffer_add_text(out, "  ");
    buffer_add(out, problem->note);
    if (problem->rule) {
        buffer_add_text(out, slice_equals(problem->note, SLICE("sent")) ? " by " : ", ");
        buffer_add(out, problem->rule->name);
        buffer_add_text(out, " (");
        add_place(out, problem->rule->file, problem->rule->line);
        buffer_add_char(out, ')');
    }
    buffer_add_char(out, '\n');
}

static void add_word(struct buffer *out, bool is_passed, bool is_coloured)
{
    const char *word = is_passed ? "PASS" : "FAIL";

    if (is_coloured)
        buffer_printf(out, "\033[%dm%s\033[0m", is_passed ? 32 : 31, word);
    else
        buffer_add_text(out, word);
    buffer_add_text(out, "  ");
}

static void print_text(const struct test_suite *suite, const struct test_outcome *result,
                       struct buffer *out)
{
    size_t start;

    add_word(out, result->is_passed, suite->is_coloured);
    start = out->len;
    buffer_add_printable(out, result->test->name);
    if (!result->is_passed) {
        pad(out, start, NAME_COLUMNS);
        buffer_add_text(out, "  ");
        add_place(out, result->test->file, result->test->line);
    }
    buffer_add_char(out, '\n');
    for (size_t i = 0; !result->is_passed && i < result->problems_nr; i++)
        add_problem(out, &result->problems[i]);
}

/* ---- for machines ---- */

static void add_json_place(struct buffer *out, struct slice file, unsigned line)
{
    buffer_add_text(out, "\"file\":");
    buffer_add_json_string(out, file);
    buffer_printf(out, ",\"line\":%u", line);
}

static void add_json_problem(struct buffer *out, const struct test_problem *problem)
{
    buffer_printf(out, "{\"sign\":\"%c\",\"text\":", problem->sign);
    buffer_add_json_string(out, problem->text);
    buffer_add_text(out, ",\"note\":");
    buffer_add_json_string(out, problem->note);
    if (problem->rule) {
        buffer_add_text(out, ",\"rule\":");
        buffer_add_json_string(out, problem->rule->name);
        buffer_add_char(out, ',');
        add_json_place(out, problem->rule->file, problem->rule->line);
    }
    buffer_add_text(out, problem->is_hint ? ",\"hint\":true}" : "}");
}

static void print_json(const struct test_outcome *result, struct buffer *out)
{
    buffer_add_text(out, "{\"test\":");
    buffer_add_json_string(out, result->test->name);
    buffer_add_char(out, ',');
    add_json_place(out, result->test->file, result->test->line);
    buffer_printf(out, ",\"passed\":%s,\"problems\":[", result->is_passed ? "true" : "false");
    for (size_t i = 0; i < result->problems_nr; i++) {
        if (i > 0)
            buffer_add_char(out, ',');
        add_json_problem(out, &result->problems[i]);
    }
    buffer_add_text(out, "]}\n");
}

void test_print_result(const struct test_suite *suite, const struct test_outcome *result,
                       struct buffer *out)
{
    if (suite->is_json)
        print_json(result, out);
    else
        print_text(suite, result, out);
}

/* ---- the end ---- */

static void add_json_cover(struct buffer *out, const struct test_cover *covers, size_t nr)
{
    const char *comma = "";

    buffer_add_text(out, ",\"never_hit\":[");
    for (size_t i = 0; i < nr; i++) {
        if (covers[i].is_hit)
            continue;
        buffer_printf(out, "%s{\"rule\":", comma);
        buffer_add_json_string(out, covers[i].rule->name);
        buffer_add_char(out, ',');
        add_json_place(out, covers[i].rule->file, covers[i].rule->line);
        buffer_add_char(out, '}');
        comma = ",";
    }
    buffer_add_char(out, ']');
}

static void add_never_hit(struct buffer *out, const struct test_cover *covers, size_t nr)
{
    size_t told = 0, left = 0;

    for (size_t i = 0; i < nr; i++) {
        if (covers[i].is_hit)
            continue;
        if (told == NAMES_SHOWN) {
            left++;
            continue;
        }
        buffer_add_text(out, told++ ? ", " : " (never hit: ");
        buffer_add(out, covers[i].rule->name);
    }
    if (left > 0)
        buffer_printf(out, " and %zu more", left);
    if (told > 0)
        buffer_add_char(out, ')');
}

static void add_cover_lines(struct buffer *out, const struct test_cover *covers, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        size_t start = out->len;

        buffer_add_text(out, covers[i].is_hit ? "covered    " : "never hit  ");
        buffer_add(out, covers[i].rule->name);
        pad(out, start, TEXT_COLUMNS);
        buffer_add_text(out, "  ");
        add_place(out, covers[i].rule->file, covers[i].rule->line);
        buffer_add_char(out, '\n');
    }
}

void test_print_summary(struct test_suite *suite, bool with_coverage, struct buffer *out)
{
    size_t nr, hit;
    const struct test_cover *covers = test_suite_cover(suite, &nr, &hit);

    if (suite->is_json) {
        buffer_printf(out, "{\"passed\":%zu,\"failed\":%zu,\"rules\":%zu,\"covered\":%zu",
                      suite->passed, suite->failed, nr, hit);
        add_json_cover(out, covers, nr);
        buffer_add_text(out, "}\n");
        return;
    }
    if (with_coverage)
        add_cover_lines(out, covers, nr);
    buffer_printf(out, "%zu passed, %zu failed    rules covered %zu/%zu", suite->passed,
                  suite->failed, hit, nr);
    if (!with_coverage)
        add_never_hit(out, covers, nr);
    buffer_add_char(out, '\n');
}

/* ---- JUnit ---- */

/* XML has no place for control characters, so they are shown escaped. */
static void add_xml(struct buffer *out, struct slice text)
{
    struct buffer plain;

    buffer_init(&plain);
    buffer_add_printable(&plain, text);
    for (size_t i = 0; i < plain.len; i++) {
        char c = plain.ptr[i];

        if (c == '&')
            buffer_add_text(out, "&amp;");
        else if (c == '<')
            buffer_add_text(out, "&lt;");
        else if (c == '>')
            buffer_add_text(out, "&gt;");
        else if (c == '"')
            buffer_add_text(out, "&quot;");
        else
            buffer_add_char(out, c);
    }
    buffer_release(&plain);
}

static void add_failure(struct buffer *out, const struct test_outcome *result)
{
    struct buffer line;

    buffer_init(&line);
    buffer_add_text(out, "<failure>");
    for (size_t i = 0; i < result->problems_nr; i++) {
        buffer_clear(&line);
        add_problem(&line, &result->problems[i]);
        line.len--; /* its end stays an end of line */
        add_xml(out, buffer_slice(&line));
        buffer_add_char(out, '\n');
    }
    buffer_add_text(out, "</failure>");
    buffer_release(&line);
}

void test_print_junit(const struct test_suite *suite, struct buffer *out)
{
    buffer_printf(out,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
                  "<testsuite name=\"unstale\" tests=\"%zu\" failures=\"%zu\">\n",
                  suite->results_nr, suite->failed);
    for (size_t i = 0; i < suite->results_nr; i++) {
        const struct test_outcome *result = &suite->results[i];

        buffer_add_text(out, "<testcase classname=\"");
        add_xml(out, result->test->file);
        buffer_add_text(out, "\" name=\"");
        add_xml(out, result->test->name);
        buffer_printf(out, "\" line=\"%u\">", result->test->line);
        if (!result->is_passed)
            add_failure(out, result);
        buffer_add_text(out, "</testcase>\n");
    }
    buffer_add_text(out, "</testsuite>\n</testsuites>\n");
}
