/*
 * fuzz_template - any bytes as a template, rendered for an event in every style and for both rows.
 *
 * A mistake stands inside the text and has a message; a rendering that fails says why; rendering
 * again gives the same. In a pattern nothing that came from the event is glob: with its own literals
 * escaped too, the pattern is the plain key escaped. Escaped text is a constant that comes to the text.
 * Parts: template, event (a stock one when there is none).
 */
#include "consumers/base/glob.h"
#include "consumers/event/decode.h"
#include "consumers/rules/template.h"
#include "tests/fuzz/fuzz.h"

static const char stock[] =
    "{\"event\":\"post_save\",\"created\":false,\"model\":\"shop.Product\",\"pk\":[42,\"a*b\"],"
    "\"id\":\"e-1\",\"version\":7,\"tenant\":\"[t]\",\"meta\":{\"a\":{\"b\":\"?\"},\"n\":null},"
    "\"before\":{\"a\":\"\\\\\",\"n\":1.50,\"x\":null},\"after\":{\"a\":\"*\","
    "\"at\":\"2026-11-21T09:00:00.5+02:00\",\"list\":[\"^\",1,\"\",null,{\"y\":\"-\"}],"
    "\"csv\":\"a,*,,b\",\"big\":123456789012345678901234567890,\"t\":true,\"o\":{\"a\":[1]},"
    "\"e\":\"\",\"u\":\"\xc3\x84\xf0\x9f\x98\x80 %/\"}}";

static void check_problems(const struct template_problems *found, struct slice text)
{
    need(found->nr > 0 && found->nr <= TEMPLATE_MAX_PROBLEMS);
    for (size_t i = 0; i < found->nr; i++) {
        const struct template_problem *problem = &found->items[i];

        need(problem->offset <= text.len && problem->length <= text.len - problem->offset);
        need(problem->code[0] == 'E' && problem->message.len > 0);
    }
}

static bool is_same(const struct texts *a, const struct texts *b)
{
    if (a->nr != b->nr)
        return false;
    for (size_t i = 0; i < a->nr; i++) {
        if (!slice_equals(a->items[i], b->items[i]))
            return false;
    }
    return true;
}

static enum render_status render(const struct template *tpl, const struct render_input *input,
                                 struct render_style style, struct texts *out)
{
    struct render_failure failure = {.reason = REASON_NONE}, again_failure = failure;
    struct texts again = {NULL, 0, 0};
    enum render_status status;

    *out = again;
    status = template_render(tpl, input, style, out, &failure);
    need(template_render(tpl, input, style, &again, &again_failure) == status);
    need(is_same(out, &again));
    need(status != RENDER_OK || out->nr > 0);
    need(out->nr <= 1 || !tpl->is_constant);
    if (status == RENDER_FAILED)
        need(failure.reason != REASON_NONE && reason_text(failure.reason) &&
             failure.field.len > 0 && failure.detail.len > 0);
    return status;
}

static struct slice escaped(struct slice text, struct arena *arena)
{
    char *out = arena_bytes(arena, glob_escaped_bytes(text) + 1);

    return (struct slice){out, glob_escape(text, out)};
}

/* The same template with what it says itself escaped. */
static struct template with_escaped_literals(const struct template *tpl, struct arena *arena)
{
    struct template copy = *tpl;
    struct segment *segments = arena_alloc(arena, (tpl->segments_nr + 1) * sizeof(*segments));

    for (size_t i = 0; i < tpl->segments_nr; i++) {
        segments[i] = tpl->segments[i];
        if (slice_is_absent(segments[i].text))
            segments[i].literal = escaped(segments[i].literal, arena);
    }
    copy.segments = segments;
    return copy;
}

static void check_pattern(const struct template *tpl, const struct render_input *input,
                          struct render_style style)
{
    struct template inert = with_escaped_literals(tpl, input->arena);
    struct texts plain, pattern;
    enum render_status status;

    style.is_pattern = false;
    status = render(tpl, input, style, &plain);
    style.is_pattern = true;
    need(render(&inert, input, style, &pattern) == status);
    need(plain.nr == pattern.nr);
    for (size_t i = 0; i < plain.nr; i++)
        need(slice_equals(escaped(plain.items[i], input->arena), pattern.items[i]));
}

static void check_styles(const struct template *tpl, const struct render_input *input)
{
    for (unsigned bits = 0; bits < 4; bits++) {
        struct render_style style = {.is_django = bits & 1, .null_is_error = bits & 2};
        struct texts texts;

        check_pattern(tpl, input, style);
        style.is_pattern = true;
        render(tpl, input, style, &texts);
    }
    for (size_t i = 0; i < tpl->segments_nr; i++) {
        struct render_failure failure = {.reason = REASON_NONE};
        struct field field;

        if (slice_is_absent(tpl->segments[i].text) || tpl->segments[i].is_fanned_out)
            continue;
        need(segment_value(&tpl->segments[i], input, &field, &failure) != RENDER_FAILED ||
             failure.reason != REASON_NONE);
    }
}

static void check_rows(const struct template *tpl, const struct event *event, struct arena *arena)
{
    for (size_t i = 0; i < event->rows_nr && i < 3; i++) {
        for (enum side side = SIDE_OLD; side <= SIDE_NEW; side++)
            check_styles(tpl, &(struct render_input){event, &event->rows[i], side, arena});
    }
}

static void check_text(struct slice text, struct arena *arena)
{
    struct template_problems found = {.nr = 0};
    struct template tpl;

    need(template_parse(template_escape(text, arena), arena, &tpl, &found));
    need(tpl.is_constant && tpl.segments_nr <= 1);
    need(slice_equals(tpl.segments_nr ? tpl.segments[0].literal : SLICE(""), text));
}

static void check_template(struct slice text, const struct event *event, struct arena *arena)
{
    struct template_problems found = {.nr = 0};
    struct template tpl, prefix = template_literal(SLICE("my[app]:"), arena);
    struct template joined;

    if (!template_parse(text, arena, &tpl, &found)) {
        check_problems(&found, text);
        return;
    }
    need(found.nr == 0);
    check_rows(&tpl, event, arena);
    joined = template_join(&prefix, &tpl, true, arena);
    check_rows(&joined, event, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size), text = fuzz_part(&rest);
    struct record record = {.timestamp_ms = 1795341600200, .value = rest};
    struct error err = ERROR_INIT;
    const char *skipped;
    struct event event;
    struct arena arena;

    arena_init(&arena, 1 << 12);
    if (rest.len == 0)
        record.value = SLICE(stock);
    check_text(text, &arena);
    if (decode_record(&record, NULL, &arena, &event, &skipped, &err) == DECODE_EVENT)
        check_template(text, &event, &arena);
    arena_release(&arena);
    return 0;
}
