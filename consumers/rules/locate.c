#include "consumers/rules/locate.h"

#include <assert.h>

#include "consumers/base/text.h"

static bool is_this(struct slice text, const struct scan_walk *walk, struct slice name)
{
    struct slice raw = {text.ptr + walk->name.start + 1, walk->name.end - walk->name.start - 2};
    struct arena arena;
    bool same;

    if (raw.len == 0 || !memchr(raw.ptr, '\\', raw.len))
        return slice_equals(raw, name);
    arena_init(&arena, 256);
    same = slice_equals(scan_decode(text, walk->name.start, &arena), name);
    arena_release(&arena);
    return same;
}

static struct located locate_step(struct slice text, size_t container, const struct step *step)
{
    struct scan_walk walk = scan_walk(text, container);
    struct located found = {{0, 0}, {0, 0}};

    for (size_t i = 0; scan_next(&walk); i++) {
        if (slice_is_absent(step->name)) {
            if (i == step->index)
                return (struct located){{0, 0}, walk.value};
        } else if (is_this(text, &walk, step->name)) {
            found = (struct located){walk.name, walk.value};
        }
    }
    assert(found.value.end > 0);
    return found;
}

struct located locate(struct slice text, const struct step *step)
{
    const struct step *path[SCAN_MAX_DEPTH + 1];
    struct located found;
    size_t nr = 0;
    size_t start;

    for (; step->parent && !step->start; step = step->parent) {
        assert(nr < SCAN_MAX_DEPTH + 1);
        path[nr++] = step;
    }
    start = step->start ? step->start : scan_space(text, 0);
    found = (struct located){{0, 0}, {start, nr ? start : scan_value(text, start)}};
    while (nr > 0)
        found = locate_step(text, found.value.start, path[--nr]);
    return found;
}

struct span locate_inside(struct slice text, size_t string, size_t offset, size_t length)
{
    return (struct span){scan_raw_offset(text, string, offset),
                         scan_raw_offset(text, string, offset + length)};
}

struct place locate_place(struct slice text, struct span span)
{
    struct place place = {.line = 1};
    size_t line = 0, end;

    if (span.start > text.len)
        span.start = text.len;
    for (size_t i = 0; i < span.start; i++) {
        if (text.ptr[i] == '\n') {
            place.line++;
            line = i + 1;
        }
    }
    for (end = line; end < text.len && text.ptr[end] != '\n'; end++)
        ;
    if (end > line && text.ptr[end - 1] == '\r')
        end--;
    if (span.start > end)
        span.start = end;
    if (span.end > end)
        span.end = end;
    if (span.end < span.start)
        span.end = span.start;
    place.source_line = (struct slice){text.ptr + line, end - line};
    place.column = (unsigned)text_chars((struct slice){text.ptr + line, span.start - line}) + 1;
    place.end_column = place.column + (unsigned)text_chars((struct slice){text.ptr + span.start,
                                                                          span.end - span.start});
    return place;
}
