#include "consumers/rules/template.h"

#include <stdio.h>

#include "consumers/base/glob.h"
#include "tests/unit/check_main.h"
#include "tests/unit/rules/event_of.h"

static struct arena arena;

static void setup(void)
{
    arena_init(&arena, 1 << 16);
}

static void teardown(void)
{
    arena_release(&arena);
}

static struct template parse(const char *text)
{
    struct template_problems problems = {.nr = 0};
    struct template tpl;
    bool ok = template_parse(slice_of(text), &arena, &tpl, &problems);

    ck_assert_msg(ok, "%s: %.*s", text, SLICE_ARG(problems.items[0].message));
    return tpl;
}

#define DJANGO                                                                                     \
    {                                                                                              \
        .is_django = true                                                                          \
    }
#define RAW                                                                                        \
    {                                                                                              \
        .is_django = false                                                                         \
    }
#define PATTERN                                                                                    \
    {                                                                                              \
        .is_django = true, .is_pattern = true, .null_is_error = true                               \
    }
#define REFRESH_KEY                                                                                \
    {                                                                                              \
        .is_django = true, .null_is_error = true                                                   \
    }

#define EVENT                                                                                      \
    "{\"event\":\"post_save\",\"created\":false,\"model\":\"shop.Product\",\"pk\":42,\"ts\":5,"    \
    "\"tenant\":\"acme\",\"meta\":{\"a\":{\"b\":[\"x\",\"y\"]}},"                                  \
    "\"before\":{\"n\":1,\"gone\":\"was\"},"                                                       \
    "\"after\":{\"n\":2,\"name\":\"Mug\",\"price\":12.50,\"big\":123456789012345678901234567890,"  \
    "\"nul\":null,\"empty\":\"\",\"yes\":true,\"no\":false,\"star\":\"a*b[c]?\\\\\","              \
    "\"tags\":[1,2,null],\"none\":[],\"items\":[{\"sku\":\"a\"},{\"sku\":\"b\"},{}],"              \
    "\"csv\":\"a,b,,c\",\"csvs\":[\"x;y\",\"z\"],"                                                 \
    "\"mix\":{\"b\":1e5,\"a\":12.50,\"B\":[1,-2.5,true,null,-0],\"c\":{},\"d\":[]},"               \
    "\"obj\":{\"k\":\"v\"},\"version\":9,\"created\":\"2026\",\"d\":{\"e\":{\"f\":7}}}}"

static const struct render_row {
    const char *template;
    struct render_style style;
    enum render_status status;
    const char *texts; /* joined by a blank; what was rendered beside a failure too */
    enum reason reason;
    const char *field;
} render_rows[] = {
    {"plain", DJANGO, RENDER_OK, "plain", 0, NULL},
    {"", DJANGO, RENDER_OK, "", 0, NULL},
    {"{{a}}", DJANGO, RENDER_OK, "{a}", 0, NULL},
    {"{{u-{pk}}}:c", DJANGO, RENDER_OK, "{u-42}:c", 0, NULL},
    {"p_{pk}:{name}", DJANGO, RENDER_OK, "p_42:Mug", 0, NULL},
    {"{price}", DJANGO, RENDER_OK, "12.50", 0, NULL},
    {"{big}", DJANGO, RENDER_OK, "123456789012345678901234567890", 0, NULL},
    {"{id}", DJANGO, RENDER_OK, "42", 0, NULL},
    {"{n}", DJANGO, RENDER_OK, "2", 0, NULL},
    {"{before.n}-{after.n}", DJANGO, RENDER_OK, "1-2", 0, NULL},
    {"{before.name}", DJANGO, RENDER_OK, "Mug", 0, NULL},
    {"{after.gone}", DJANGO, RENDER_FAILED, "", REASON_MISSING_FIELD, "after.gone"},
    {"{created}", DJANGO, RENDER_OK, "2026", 0, NULL},
    {"{tags|len}", DJANGO, RENDER_OK, "3", 0, NULL},
    {"{obj|pyjson}", DJANGO, RENDER_OK, "{\"k\": \"v\"}", 0, NULL},
    {"{mix|pyjson}", DJANGO, RENDER_OK,
     "{\"B\": [1, -2.5, true, null, 0], \"a\": 12.5, \"b\": 100000.0, \"c\": {}, \"d\": []}", 0,
     NULL},
    {"{csv[]|split:,}", DJANGO, RENDER_OK, "a b  c", 0, NULL},
    {"k:{csv[]|upper|split:,|md5|trunc:3}", DJANGO, RENDER_OK, "k:7fc k:9d5 k:d41 k:0d6", 0, NULL},
    {"{csvs[]|split:;}", DJANGO, RENDER_OK, "x y z", 0, NULL},
    {"{items[].sku|split:x}", DJANGO, RENDER_FAILED, "a b", REASON_MISSING_FIELD, "items[].sku"},
    {"{nul[]|split:,}", DJANGO, RENDER_NULL_DROPPED, "", 0, NULL},
    {"{lost[]?|split:,}", DJANGO, RENDER_DROPPED, "", 0, NULL},
    {"kkk{csv[]|split:,}", PATTERN, RENDER_FAILED, "kkka kkkb kkkc", REASON_EMPTY_FIELD, "csv[]"},
    {"{n[]|split:,}", DJANGO, RENDER_OK, "2", 0, NULL},
    {"{csv[]|date:%F|split:,}", DJANGO, RENDER_FAILED, "", REASON_BAD_VALUE, "csv[]"},
    {"{version}", DJANGO, RENDER_FAILED, "", REASON_MISSING_FIELD, "version"},
    {"{after.version}", DJANGO, RENDER_OK, "9", 0, NULL},
    {"{model}:{op}:{event}:{ts}:{tenant}", DJANGO, RENDER_OK,
     "shop.Product:update:post_save:5:acme", 0, NULL},
    {"{event_id}", DJANGO, RENDER_FAILED, "", REASON_MISSING_FIELD, "event_id"},
    {"{d.e.f}", DJANGO, RENDER_OK, "7", 0, NULL},
    {"{meta.a.b[1]}", DJANGO, RENDER_OK, "y", 0, NULL},
    {"{meta.a.b[2]}", DJANGO, RENDER_FAILED, "", REASON_MISSING_FIELD, "meta.a.b[2]"},
    {"{meta.a.b[]}", DJANGO, RENDER_OK, "x y", 0, NULL},
    /* missing */
    {"x{lost}", DJANGO, RENDER_FAILED, "", REASON_MISSING_FIELD, "lost"},
    {"x{lost?}", DJANGO, RENDER_DROPPED, "", 0, NULL},
    {"x{lost|default:0}", DJANGO, RENDER_OK, "x0", 0, NULL},
    {"x{lost|default:}", DJANGO, RENDER_OK, "x", 0, NULL},
    {"x{lost|upper|default:a|upper}", DJANGO, RENDER_OK, "xA", 0, NULL},
    /* null */
    {"x{nul}", DJANGO, RENDER_OK, "xNone", 0, NULL},
    {"x{nul?}", DJANGO, RENDER_OK, "xNone", 0, NULL},
    {"x{nul|default:0}", DJANGO, RENDER_OK, "xNone", 0, NULL},
    {"x{nul}", RAW, RENDER_NULL_DROPPED, "", 0, NULL},
    {"x{nul?}", RAW, RENDER_DROPPED, "", 0, NULL},
    {"x{nul}", PATTERN, RENDER_FAILED, "", REASON_NULL_FIELD, "nul"},
    {"x{nul?}", PATTERN, RENDER_DROPPED, "", 0, NULL},
    {"x{nul|default:z}", PATTERN, RENDER_OK, "xz", 0, NULL},
    {"x{nul}", REFRESH_KEY, RENDER_FAILED, "", REASON_NULL_FIELD, "nul"},
    {"x{nul|timestamp}", DJANGO, RENDER_FAILED, "", REASON_NULL_FIELD, "nul"},
    /* empty */
    {"x{empty}", DJANGO, RENDER_OK, "x", 0, NULL},
    {"x{empty}", RAW, RENDER_OK, "x", 0, NULL},
    {"x{empty|default:z}", DJANGO, RENDER_OK, "x", 0, NULL},
    {"x{empty}", PATTERN, RENDER_FAILED, "", REASON_EMPTY_FIELD, "empty"},
    {"x{empty?}", PATTERN, RENDER_DROPPED, "", 0, NULL},
    {"x{empty|default:z}", PATTERN, RENDER_OK, "xz", 0, NULL},
    /* booleans */
    {"{yes}{no}", DJANGO, RENDER_OK, "TrueFalse", 0, NULL},
    {"{yes}{no}", RAW, RENDER_OK, "truefalse", 0, NULL},
    /* arrays and objects */
    {"t:{tags}", DJANGO, RENDER_FAILED, "", REASON_ARRAY_FIELD, "tags"},
    {"t:{tags[]}:p", DJANGO, RENDER_OK, "t:1:p t:2:p t:None:p", 0, NULL},
    {"t:{tags[]}:p", RAW, RENDER_OK, "t:1:p t:2:p", 0, NULL},
    {"t:{tags[]}:p", PATTERN, RENDER_FAILED, "t:1:p t:2:p", REASON_NULL_FIELD, "tags[]"},
    {"t:{tags[]?}:p", PATTERN, RENDER_OK, "t:1:p t:2:p", 0, NULL},
    {"t:{none[]}", DJANGO, RENDER_OK, "", 0, NULL},
    {"t:{lost[]}", DJANGO, RENDER_FAILED, "", REASON_MISSING_FIELD, "lost[]"},
    {"t:{lost[]?}", DJANGO, RENDER_DROPPED, "", 0, NULL},
    {"t:{nul[]}", DJANGO, RENDER_NULL_DROPPED, "", 0, NULL},
    {"t:{nul[]|default:z}", DJANGO, RENDER_OK, "t:z", 0, NULL},
    {"t:{name[]}", DJANGO, RENDER_OK, "t:Mug", 0, NULL},
    {"s:{items[].sku}", DJANGO, RENDER_FAILED, "s:a s:b", REASON_MISSING_FIELD, "items[].sku"},
    {"s:{items[].sku?}", DJANGO, RENDER_OK, "s:a s:b", 0, NULL},
    {"s:{items[0].sku}", DJANGO, RENDER_OK, "s:a", 0, NULL},
    {"o:{obj}", DJANGO, RENDER_FAILED, "", REASON_BAD_VALUE, "obj"},
    {"o:{obj|json}", DJANGO, RENDER_OK, "o:{\"k\":\"v\"}", 0, NULL},
    {"o:{obj[]}", DJANGO, RENDER_FAILED, "", REASON_BAD_VALUE, "obj[]"},
    /* globs */
    {"a*{star}?", PATTERN, RENDER_OK, "a*a\\*b\\[c\\]\\?\\\\?", 0, NULL},
};

START_TEST(test_render)
{
    const struct render_row *row = &render_rows[_i];
    struct event *event = event_of(EVENT, &arena);
    struct template tpl = parse(row->template);
    struct render_failure failure = {.reason = REASON_NONE};
    struct texts texts = {NULL, 0, 0};
    char joined[512] = "";
    enum render_status status =
        template_render(&tpl, &(struct render_input){event, &event->rows[0], SIDE_NEW, &arena},
                        row->style, &texts, &failure);

    for (size_t i = 0; i < texts.nr; i++)
        snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%.*s", i ? " " : "",
                 SLICE_ARG(texts.items[i]));
    ck_assert_msg(status == row->status, "%s: status %d", row->template, (int)status);
    ck_assert_str_eq(joined, row->texts);
    ck_assert_int_eq(failure.reason, row->reason);
    if (row->field)
        ck_assert_msg(slice_equals(failure.field, slice_of(row->field)), "%s: field %.*s",
                      row->template, SLICE_ARG(failure.field));
}
END_TEST

static const struct {
    const char *template, *code, *span, *suggestion;
} problem_rows[] = {
    {"a{b", "E110", "{", NULL},
    {"a{b{c}", "E110", "{", NULL},
    {"a}b", "E110", "}", NULL},
    {"a{}b", "E111", "{}", NULL},
    {"a{|lower}b", "E111", "{|lower}", NULL},
    {"a{b..c}", "E111", ".", NULL},
    {"a{b c}", "E111", " ", NULL},
    {"a{b[}", "E111", "b[", NULL},
    {"a{b[x]}", "E111", "x", NULL},
    {"{a[]}{b[]}", "E208", "[]", NULL},
    {"{a|lowr}", "E204", "lowr", "lower"},
    {"{a|}", "E204", "", NULL},
    {"{a|date}", "E209", "date", NULL},
    {"{a|date:}", "E209", "date:", NULL},
    {"{a|date:%Y-%q}", "E209", "%q", NULL},
    {"{a|date:%}", "E209", "%", NULL},
    {"{a|lower:x}", "E209", "lower:x", NULL},
    {"{a|default}", "E209", "default", NULL},
    {"{model.x}", "E210", "model.x", NULL},
    {"{pk.x}", "E210", "pk.x", NULL},
};

START_TEST(test_problem)
{
    const char *text = problem_rows[_i].template;
    char suggestion[64], span[64];
    struct template_problems problems = {.nr = 0};
    struct template tpl;

    ck_assert(!template_parse(slice_of(text), &arena, &tpl, &problems));
    ck_assert_uint_ge(problems.nr, 1);
    ck_assert_str_eq(problems.items[0].code, problem_rows[_i].code);
    snprintf(span, sizeof(span), "%.*s", (int)problems.items[0].length,
             text + problems.items[0].offset);
    ck_assert_str_eq(span, problem_rows[_i].span);
    snprintf(suggestion, sizeof(suggestion), "%.*s", SLICE_ARG(problems.items[0].suggestion));
    ck_assert_str_eq(suggestion, problem_rows[_i].suggestion ? problem_rows[_i].suggestion : "");
}
END_TEST

START_TEST(test_every_problem_is_found)
{
    struct template_problems problems = {.nr = 0};
    struct template tpl;

    ck_assert(!template_parse(SLICE("{}{a|no}{b..c}}"), &arena, &tpl, &problems));
    ck_assert_uint_eq(problems.nr, 4);
}
END_TEST

START_TEST(test_flags)
{
    ck_assert(parse("a").is_constant);
    ck_assert(!parse("a").uses_row);
    ck_assert(!parse("{pk}").is_constant);
    ck_assert(!parse("{pk}{before.x}{meta.y}").uses_row);
    ck_assert(parse("{pk}{x}").uses_row);
    ck_assert(parse("{created}").uses_row);
}
END_TEST

START_TEST(test_join)
{
    struct event *event = event_of(EVENT, &arena);
    struct template head = parse("a[1]{tenant}:1:"), tail = parse("k:{pk}"), constant = parse("k");
    struct template joined = template_join(&head, &tail, true, &arena);
    struct template fixed = template_join(&constant, &constant, false, &arena);
    struct render_failure failure;
    struct texts texts = {NULL, 0, 0};
    struct render_style style = {.is_django = true};

    ck_assert_uint_eq(joined.segments_nr, 4);
    ck_assert(fixed.is_constant && fixed.segments_nr == 1);
    ck_assert_int_eq(
        template_render(&joined, &(struct render_input){event, &event->rows[0], SIDE_NEW, &arena},
                        style, &texts, &failure),
        RENDER_OK);
    ck_assert(slice_equals(texts.items[0], SLICE("a\\[1\\]acme:1:k:42")));
}
END_TEST

/* Old row: what `before` does not hold comes from `after`. */
START_TEST(test_sides)
{
    struct event *event = event_of(EVENT, &arena);
    struct template tpl = parse("{n}:{name}");
    struct render_failure failure;
    struct texts texts = {NULL, 0, 0};
    struct render_style style = {.is_django = true};

    ck_assert_int_eq(
        template_render(&tpl, &(struct render_input){event, &event->rows[0], SIDE_OLD, &arena},
                        style, &texts, &failure),
        RENDER_OK);
    ck_assert(slice_equals(texts.items[0], SLICE("1:Mug")));
}
END_TEST

/* Whatever bytes a value has, its pattern matches that value and nothing else of its length. */
START_TEST(test_escaped_values_match_only_themselves)
{
    static const char bytes[] = "ab*?[]\\^-";
    struct template tpl = parse("k:{after.x}");
    struct render_style style = PATTERN;

    for (unsigned round = 0; round < 500; round++) {
        char value[5], json[200], other[8];
        struct event *event;
        struct texts texts = {NULL, 0, 0};
        struct render_failure failure;
        size_t at = 0;
        unsigned number = round * 2654435761u;

        for (int i = 0; i < 4; i++, number /= 9)
            value[i] = bytes[number % 9];
        value[4] = '\0';
        at = (size_t)snprintf(json, sizeof(json),
                              "{\"event\":\"e\",\"model\":\"m.M\",\"pk\":1,\"after\":{\"x\":\"");
        for (int i = 0; i < 4; i++)
            at += (size_t)snprintf(json + at, sizeof(json) - at, "\\u%04x", (unsigned)value[i]);
        snprintf(json + at, sizeof(json) - at, "\"}}");
        event = event_of(json, &arena);
        ck_assert_int_eq(
            template_render(&tpl, &(struct render_input){event, &event->rows[0], SIDE_NEW, &arena},
                            style, &texts, &failure),
            RENDER_OK);
        snprintf(other, sizeof(other), "k:%s", value);
        ck_assert(glob_match(texts.items[0], slice_of(other)));
        other[2 + round % 4] = 'z';
        ck_assert(!glob_match(texts.items[0], slice_of(other)));
    }
}
END_TEST

static Suite *template_suite(void)
{
    Suite *suite = suite_create("template");
    TCase *cases = tcase_create("template");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, test_render, 0, (int)ARRAY_NR(render_rows));
    tcase_add_loop_test(cases, test_problem, 0, (int)ARRAY_NR(problem_rows));
    tcase_add_test(cases, test_every_problem_is_found);
    tcase_add_test(cases, test_flags);
    tcase_add_test(cases, test_join);
    tcase_add_test(cases, test_sides);
    tcase_add_test(cases, test_escaped_values_match_only_themselves);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(template_suite)
