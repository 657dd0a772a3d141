/*
 * fuzz_format - any bytes laid out, strict and with comments: refused, or the same rules.
 *
 * What is formatted stays formatted when it is formatted again, and but for white space, commas and
 * comments it holds the bytes it held; where it was JSON it is JSON of the same value. A refusal
 * stands inside the text and adds nothing.
 */
#include <jansson.h>

#include "consumers/rules/format.h"
#include "tests/fuzz/fuzz.h"

static struct slice meaning(struct slice text, bool has_comments, struct arena *arena)
{
    struct slice mark = SLICE("\xef\xbb\xbf");

    if (slice_starts_with(text, mark))
        text = (struct slice){text.ptr + mark.len, text.len - mark.len};
    if (has_comments)
        text = scan_blank_comments(text, arena);
    return scan_compact(text, (struct span){0, text.len}, arena);
}

/* Of JSON alone: comments and commas are not known to jansson. */
static void check_value(struct slice text, struct slice formatted)
{
    json_t *before = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_t *after;

    if (before == NULL)
        return;
    after = json_loadb(formatted.ptr, formatted.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    need(after != NULL && json_equal(before, after));
    json_decref(after);
    json_decref(before);
}

static void format(struct slice text, bool has_comments)
{
    struct scan_problem problem = {.message = SLICE_ABSENT};
    struct buffer once, twice;
    struct arena arena;

    arena_init(&arena, 1 << 12);
    buffer_init(&once);
    buffer_init(&twice);
    if (format_json(text, has_comments, &once, &arena, &problem)) {
        need(format_json(buffer_slice(&once), has_comments, &twice, &arena, &problem));
        need(slice_equals(buffer_slice(&once), buffer_slice(&twice)));
        need(slice_equals(meaning(text, has_comments, &arena),
                          meaning(buffer_slice(&once), has_comments, &arena)));
        check_value(text, buffer_slice(&once));
    } else {
        need(once.len == 0 && problem.message.len > 0);
        need(problem.span.start <= problem.span.end && problem.span.end <= text.len);
    }
    buffer_release(&twice);
    buffer_release(&once);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = fuzz_input(data, size);

    format(text, false);
    format(text, true);
    return 0;
}
