#include "consumers/rules/diagnostics.h"

#include <stdlib.h>

#include "consumers/base/text.h"

enum { LONG_LINE_BYTES = 500, EXCERPT_BEFORE = 60, EXCERPT_CHARS = 160 };

void diagnostics_init(struct diagnostics *list)
{
    memset(list, 0, sizeof(*list));
    arena_init(&list->arena, 4096);
}

void diagnostics_release(struct diagnostics *list)
{
    arena_release(&list->arena);
    memset(list, 0, sizeof(*list));
}

bool diagnostics_skip(struct diagnostics *list, enum severity severity)
{
    if (list->nr < DIAGNOSTICS_MAX)
        return false;
    list->errors += severity == SEVERITY_ERROR;
    return true;
}

/* The text from its nth character (from 0) on. */
static struct slice skip_chars(struct slice text, unsigned nr)
{
    while (nr-- > 0 && text.len > 0) {
        uint32_t point;
        size_t len = text_decode(text, &point);

        len = len ? len : 1;
        text = (struct slice){text.ptr + len, text.len - len};
    }
    return text;
}

/* Of a line too long to read, what stands around the place. */
static void cut_source(struct diagnostic *d)
{
    struct slice rest;

    d->source_column = 1;
    if (d->source_line.len <= LONG_LINE_BYTES)
        return;
    if (d->column > EXCERPT_BEFORE)
        d->source_column = d->column - EXCERPT_BEFORE;
    d->source_line = skip_chars(d->source_line, d->source_column - 1);
    rest = skip_chars(d->source_line, EXCERPT_CHARS);
    d->source_is_cut = rest.len > 0;
    d->source_line.len -= rest.len;
}

void diagnostics_add(struct diagnostics *list, const struct diagnostic *diagnostic)
{
    struct diagnostic *copy;

    if (diagnostics_skip(list, diagnostic->severity))
        return;
    list->items =
        arena_grow(&list->arena, list->items, list->nr, &list->capacity, sizeof(*list->items));
    copy = &list->items[list->nr++];
    *copy = *diagnostic;
    copy->file = arena_copy(&list->arena, diagnostic->file);
    copy->message = arena_copy(&list->arena, diagnostic->message);
    copy->suggestion = arena_copy(&list->arena, diagnostic->suggestion);
    copy->help = arena_copy(&list->arena, diagnostic->help);
    cut_source(copy);
    copy->source_line = arena_copy(&list->arena, copy->source_line);
    if (diagnostic->severity == SEVERITY_ERROR)
        list->errors++;
    else
        list->warnings++;
}

void diagnostics_drop_warnings(struct diagnostics *list, size_t from)
{
    size_t to = from;

    for (size_t i = from; i < list->nr; i++) {
        if (list->items[i].severity == SEVERITY_ERROR)
            list->items[to++] = list->items[i];
        else
            list->warnings--;
    }
    list->nr = to;
}

static int compare_numbers(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare(const void *left, const void *right)
{
    const struct diagnostic *a = left, *b = right;
    int order = slice_compare(a->file, b->file);

    if (order == 0)
        order = compare_numbers(a->line, b->line);
    if (order == 0)
        order = compare_numbers(a->column, b->column);
    if (order == 0)
        order = compare_numbers(a->order, b->order);
    return order;
}

void diagnostics_sort(struct diagnostics *list)
{
    for (size_t i = 0; i < list->nr; i++)
        list->items[i].order = i;
    if (list->nr > 1)
        qsort(list->items, list->nr, sizeof(*list->items), compare);
}

static const char *severity_text(enum severity severity)
{
    return severity == SEVERITY_ERROR ? "error" : "warning";
}

/* A tab is one column here, so it is shown as one blank; what cannot be shown is a question mark. */
static void add_source(struct buffer *out, struct slice line)
{
    while (line.len > 0) {
        uint32_t point;
        size_t len = text_decode(line, &point);

        if (len == 0 || point == 0x7f || (point < 0x20 && point != '\t') ||
            (point >= 0x80 && point < 0xa0))
            buffer_add_char(out, '?');
        else if (point == '\t')
            buffer_add_char(out, ' ');
        else
            buffer_add(out, (struct slice){line.ptr, len});
        len = len ? len : 1;
        line = (struct slice){line.ptr + len, line.len - len};
    }
}

static void add_repeated(struct buffer *out, char c, unsigned times)
{
    while (times-- > 0)
        buffer_add_char(out, c);
}

static void add_advice(struct buffer *out, const struct diagnostic *d)
{
    if (!slice_is_absent(d->suggestion)) {
        buffer_add_text(out, " did you mean \"");
        buffer_add_printable(out, d->suggestion);
        buffer_add_text(out, "\"?");
    }
    if (!slice_is_absent(d->help)) {
        buffer_add_text(out, slice_is_absent(d->suggestion) ? " " : "  ");
        buffer_add_printable(out, d->help);
    }
}

static void add_excerpt(struct buffer *out, const struct diagnostic *d, bool coloured)
{
    unsigned width = 1, before = d->column - d->source_column, carets = 1;
    bool is_behind = d->source_column > 1;

    for (unsigned line = d->line; line >= 10; line /= 10)
        width++;
    add_repeated(out, ' ', width + 1);
    buffer_printf(out, "|\n%u | %s", d->line, is_behind ? "…" : "");
    add_source(out, d->source_line);
    buffer_add_text(out, d->source_is_cut ? "…\n" : "\n");
    add_repeated(out, ' ', width + 1);
    buffer_add_text(out, "| ");
    add_repeated(out, ' ', before + is_behind);
    buffer_add_text(out, coloured ? "\033[1;32m^" : "^");
    if (d->end_column > d->column)
        carets = d->end_column - d->column;
    if (d->source_is_cut && carets > EXCERPT_CHARS - before)
        carets = EXCERPT_CHARS - before;
    add_repeated(out, '~', carets - 1);
    buffer_add_text(out, coloured ? "\033[0m" : "");
    add_advice(out, d);
    buffer_add_char(out, '\n');
}

static void add_heading(struct buffer *out, const struct diagnostic *d, bool coloured)
{
    const char *colour = d->severity == SEVERITY_ERROR ? "\033[1;31m" : "\033[1;33m";

    buffer_add_printable(out, d->file);
    if (d->line > 0)
        buffer_printf(out, ":%u:%u", d->line, d->column);
    buffer_printf(out, ": %s%s[%s]%s: ", coloured ? colour : "", severity_text(d->severity),
                  d->code, coloured ? "\033[0m" : "");
    buffer_add_printable(out, d->message);
    buffer_add_char(out, '\n');
}

void diagnostics_print_text(const struct diagnostics *list, bool coloured, struct buffer *out)
{
    for (size_t i = 0; i < list->nr; i++) {
        add_heading(out, &list->items[i], coloured);
        if (!slice_is_absent(list->items[i].source_line))
            add_excerpt(out, &list->items[i], coloured);
    }
    if (list->nr == DIAGNOSTICS_MAX)
        buffer_printf(out, "only the first %d are shown\n", DIAGNOSTICS_MAX);
}

static void add_member(struct buffer *out, const char *name, struct slice text)
{
    if (slice_is_absent(text))
        return;
    buffer_printf(out, ",\"%s\":", name);
    buffer_add_json_string(out, text);
}

void diagnostics_print_json(const struct diagnostics *list, struct buffer *out)
{
    buffer_add_char(out, '[');
    for (size_t i = 0; i < list->nr; i++) {
        const struct diagnostic *d = &list->items[i];

        buffer_add_text(out, i ? ",{\"file\":" : "{\"file\":");
        buffer_add_json_string(out, d->file);
        if (d->line > 0)
            buffer_printf(out, ",\"line\":%u,\"column\":%u,\"end_column\":%u", d->line, d->column,
                          d->end_column);
        buffer_printf(out, ",\"severity\":\"%s\",\"code\":\"%s\"", severity_text(d->severity),
                      d->code);
        add_member(out, "message", d->message);
        add_member(out, "suggestion", d->suggestion);
        add_member(out, "help", d->help);
        buffer_add_char(out, '}');
    }
    buffer_add_char(out, ']');
}
