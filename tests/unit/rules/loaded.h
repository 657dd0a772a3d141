/*
 * loaded - rule files as text for a test: single quotes stand for double ones.
 */
#ifndef TESTS_UNIT_RULES_LOADED_H
#define TESTS_UNIT_RULES_LOADED_H

#include <check.h>

#include "consumers/rules/load.h"

struct loaded {
    struct arena arena;
    struct diagnostics found;
    struct ruleset *set;
};

static inline struct slice loaded_quoted(struct loaded *loaded, const char *text)
{
    size_t len = strlen(text);
    char *out = arena_bytes(&loaded->arena, len + 1);

    for (size_t i = 0; i <= len; i++)
        out[i] = text[i];
    for (size_t i = 0; i < len; i++) {
        if (out[i] == '\'')
            out[i] = '"';
    }
    return (struct slice){out, len};
}

static inline void loaded_init(struct loaded *loaded)
{
    arena_init(&loaded->arena, 4096);
    diagnostics_init(&loaded->found);
    loaded->set = NULL;
}

static inline void loaded_release(struct loaded *loaded)
{
    ruleset_free(loaded->set);
    diagnostics_release(&loaded->found);
    arena_release(&loaded->arena);
}

/* One file, rules.json. */
static inline void loaded_read(struct loaded *loaded, const char *text)
{
    struct rule_source source = {SLICE("rules.json"), loaded_quoted(loaded, text)};

    loaded->set = load_sources(&source, 1, &loaded->found);
}

/* A set that must be good. */
static inline void loaded_need(struct loaded *loaded, const char *text)
{
    struct buffer out;

    loaded_read(loaded, text);
    buffer_init(&out);
    diagnostics_print_text(&loaded->found, false, &out);
    ck_assert_msg(loaded->set != NULL, "%s", out.ptr);
    buffer_release(&out);
}

/* A template as its text, placeholders by their path. */
static inline struct slice loaded_text(struct loaded *loaded, const struct template *tpl)
{
    struct slice text = SLICE("");

    for (size_t i = 0; i < tpl->segments_nr; i++) {
        const struct segment *segment = &tpl->segments[i];

        if (slice_is_absent(segment->text))
            text = arena_printf(&loaded->arena, "%.*s%.*s", SLICE_ARG(text),
                                SLICE_ARG(segment->literal));
        else
            text = arena_printf(&loaded->arena, "%.*s<%.*s>", SLICE_ARG(text),
                                SLICE_ARG(segment->text));
    }
    return text;
}

static inline void loaded_assert(struct slice actual, struct slice expected, const char *what)
{
    ck_assert_msg(actual.ptr != NULL || actual.len == 0, "%s: a length without text", what);
    ck_assert_msg(slice_equals(actual, expected), "%s: got <%.*s>, expected <%.*s>", what,
                  SLICE_ARG(actual), SLICE_ARG(expected));
}

/* The bytes of the source line that a diagnostic underlines. */
static inline struct slice loaded_underlined(const struct diagnostic *d)
{
    size_t start = d->source_line.len, end = d->source_line.len;
    unsigned column = d->source_column - 1;

    for (size_t i = 0; i < d->source_line.len; i++) {
        if (((unsigned char)d->source_line.ptr[i] & 0xc0) == 0x80)
            continue;
        column++;
        if (column == d->column)
            start = i;
        if (column == d->end_column)
            end = i;
    }
    return (struct slice){d->source_line.ptr + start, end - start};
}

#endif
