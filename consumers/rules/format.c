#include "consumers/rules/format.h"

#include "consumers/base/text.h"

enum { RULE_DEPTH = 2 };

struct comment {
    struct comment *next;
    struct slice text;
    size_t column;     /* blanks before it on its line; SIZE_MAX: something else is there */
    unsigned newlines; /* before it, since what came before */
};

struct comments {
    struct comment *first, **end;
};

/* A value with its name and its comments. */
struct item {
    struct item *next;
    struct comments above, beside; /* beside: on the line where the value ends */
    bool is_apart;                 /* a blank line before it, after the comments above */
    struct slice name;             /* quotes included; absent: not a member */
    char kind;                     /* '{', '[', or 0 for a scalar */
    struct slice scalar;
    struct item *items;
    struct comments below; /* before the closing bracket */
    bool has_comments;     /* anywhere inside */
    bool is_nested;        /* an item is an object or array that is not empty */
    size_t width;          /* in characters, on one line */
};

/* ---- reading: text that scan_check() found valid once its comments were blanked ---- */

struct reader {
    struct slice text;
    size_t at;
    unsigned newlines; /* since the last comment or token */
    struct arena *arena;
};

static char here(const struct reader *r)
{
    return r->at < r->text.len ? r->text.ptr[r->at] : '\0';
}

static void skip_space(struct reader *r)
{
    size_t end = scan_space(r->text, r->at);

    for (; r->at < end; r->at++)
        r->newlines += r->text.ptr[r->at] == '\n';
}

static size_t column_of(struct slice text, size_t at)
{
    size_t start = at;

    while (start > 0 && (text.ptr[start - 1] == ' ' || text.ptr[start - 1] == '\t'))
        start--;
    return start == 0 || text.ptr[start - 1] == '\n' ? at - start : SIZE_MAX;
}

static size_t comment_end(struct slice text, size_t at)
{
    bool is_line = text.ptr[at + 1] == '/';

    for (at += is_line ? 2 : 3; at < text.len; at++) {
        if (is_line && text.ptr[at] == '\n')
            return at;
        if (!is_line && text.ptr[at - 1] == '*' && text.ptr[at] == '/')
            return at + 1;
    }
    return text.len;
}

static void append(struct comments *to, struct comments from)
{
    if (!from.first)
        return;
    *(to->first ? to->end : &to->first) = from.first;
    to->end = from.end;
}

/* Comments up to the next token. */
static struct comments gather(struct reader *r)
{
    struct comments all = {NULL, NULL};

    r->newlines = 0;
    for (skip_space(r); here(r) == '/'; skip_space(r)) {
        struct comment *comment = arena_zero(r->arena, 1, sizeof(*comment));
        size_t end = comment_end(r->text, r->at);

        comment->column = column_of(r->text, r->at);
        comment->newlines = r->newlines;
        comment->text = (struct slice){r->text.ptr + r->at, end - r->at};
        while (scan_space(comment->text, comment->text.len - 1) == comment->text.len)
            comment->text.len--;
        append(&all, (struct comments){comment, &comment->next});
        r->at = end;
        r->newlines = 0;
    }
    return all;
}

/* Takes the comments that begin on the line where the last token stood. */
static struct comments take_beside(struct comments *all)
{
    struct comments beside = {NULL, NULL};

    while (all->first && all->first->newlines == 0) {
        struct comment *comment = all->first;

        all->first = comment->next;
        comment->next = NULL;
        append(&beside, (struct comments){comment, &comment->next});
    }
    return beside;
}

/* Whether the last of them takes the rest of its line. */
static bool ends_line(struct comments comments)
{
    const struct comment *last = comments.first;

    while (last && last->next)
        last = last->next;
    return last && last->text.ptr[1] == '/';
}

/* What follows a value up to the next item or the bracket: beside it, or above what comes next. */
static struct comments read_after(struct reader *r, struct item *item)
{
    struct comments rest = gather(r), more, beside;

    append(&item->beside, take_beside(&rest));
    if (here(r) != ',')
        return rest;
    r->at++;
    more = gather(r);
    beside = take_beside(&more);
    /* A comment with the next item on its own line belongs to that. */
    if (rest.first || ends_line(item->beside) ||
        (!more.first && r->newlines == 0 && here(r) != '}' && here(r) != ']'))
        append(&rest, beside);
    else
        append(&item->beside, beside);
    append(&rest, more);
    return rest;
}

static void read_value(struct reader *r, struct item *item);

static void measure(struct item *item, const struct item *child)
{
    item->has_comments |= child->has_comments || child->above.first || child->beside.first;
    item->is_nested |= child->items != NULL;
    item->width += child->width + (child == item->items ? 0 : 2);
    if (!slice_is_absent(child->name))
        item->width += text_chars(child->name) + 2;
}

/* Comments between a name and its value go above both. */
static void read_name(struct reader *r, struct item *item)
{
    size_t start = r->at;
    struct comments inside;

    r->at = scan_string(r->text, r->at);
    item->name = (struct slice){r->text.ptr + start, r->at - start};
    inside = gather(r);
    r->at++;
    append(&inside, gather(r));
    for (struct comment *comment = inside.first; comment; comment = comment->next)
        comment->newlines = comment == inside.first && item->is_apart ? 2 : 1;
    item->is_apart = item->is_apart && !inside.first;
    append(&item->above, inside);
}

static void read_items(struct reader *r, struct item *container)
{
    char close = container->kind == '{' ? '}' : ']';
    struct item **end = &container->items;
    struct comments above;

    r->at++;
    above = gather(r);
    while (here(r) != close) {
        struct item *item = arena_zero(r->arena, 1, sizeof(*item));

        item->above = above;
        item->is_apart = r->newlines > 1;
        if (close == '}')
            read_name(r, item);
        read_value(r, item);
        above = read_after(r, item);
        *end = item;
        end = &item->next;
        measure(container, item);
    }
    container->below = above;
    container->has_comments |= above.first != NULL;
    container->width += container->kind == '{' && container->items ? 4 : 2;
    r->at++;
}

static void read_value(struct reader *r, struct item *item)
{
    size_t start = r->at;

    if (here(r) == '{' || here(r) == '[') {
        item->kind = here(r);
        read_items(r, item);
        return;
    }
    while (r->at < r->text.len && here(r) != '/' && !strchr(" \t\r\n,:[]{}\"", here(r)))
        r->at++;
    if (r->at == start)
        r->at = scan_string(r->text, start);
    item->scalar = (struct slice){r->text.ptr + start, r->at - start};
    item->width = text_chars(item->scalar);
}

/* ---- writing ---- */

static void add_indent(struct buffer *out, size_t columns)
{
    while (columns-- > 0)
        buffer_add_char(out, ' ');
}

static struct slice next_line(struct slice *text)
{
    const char *end = memchr(text->ptr, '\n', text->len);
    struct slice line = {text->ptr, end ? (size_t)(end - text->ptr) : text->len};
    size_t taken = end ? line.len + 1 : line.len;

    *text = (struct slice){text->ptr + taken, text->len - taken};
    while (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* The later lines of a comment move with its first. */
static void add_comment(struct buffer *out, const struct comment *comment, size_t indent)
{
    struct slice rest = comment->text;

    buffer_add(out, next_line(&rest));
    while (rest.len > 0) {
        struct slice line = next_line(&rest);
        size_t blanks = 0, wanted;

        while (blanks < line.len && line.ptr[blanks] == ' ')
            blanks++;
        wanted = blanks;
        if (comment->column != SIZE_MAX)
            wanted = blanks + indent > comment->column ? blanks + indent - comment->column : 0;
        buffer_add_char(out, '\n');
        add_indent(out, blanks < line.len ? wanted : 0);
        buffer_add(out, (struct slice){line.ptr + blanks, line.len - blanks});
    }
}

/* Each on a line of its own; the line before has ended. */
static void add_above(struct buffer *out, struct comments above, size_t indent, bool is_first)
{
    for (const struct comment *comment = above.first; comment; comment = comment->next) {
        if (comment->newlines > 1 && !(is_first && comment == above.first))
            buffer_add_char(out, '\n');
        add_indent(out, indent);
        add_comment(out, comment, indent);
        buffer_add_char(out, '\n');
    }
}

static void add_beside(struct buffer *out, struct comments beside)
{
    for (const struct comment *comment = beside.first; comment; comment = comment->next) {
        struct comment as_is = *comment;

        as_is.column = SIZE_MAX;
        buffer_add_char(out, ' ');
        add_comment(out, &as_is, 0);
    }
}

static void add_name(struct buffer *out, const struct item *item)
{
    if (slice_is_absent(item->name))
        return;
    buffer_add(out, item->name);
    buffer_add_text(out, ": ");
}

static void add_flat(struct buffer *out, const struct item *item)
{
    bool is_padded = item->kind == '{' && item->items;

    if (!item->kind) {
        buffer_add(out, item->scalar);
        return;
    }
    buffer_add_char(out, item->kind);
    buffer_add_text(out, is_padded ? " " : "");
    for (const struct item *child = item->items; child; child = child->next) {
        add_name(out, child);
        add_flat(out, child);
        buffer_add_text(out, child->next ? ", " : "");
    }
    buffer_add_text(out, is_padded ? " " : "");
    buffer_add_char(out, item->kind == '{' ? '}' : ']');
}

struct position {
    size_t depth, column; /* column: where the value begins */
    bool in_array, has_comma;
};

static bool is_flat(const struct item *item, struct position at)
{
    if (!item->kind)
        return true;
    if (item->has_comments)
        return false;
    if (item->items && (at.depth == 0 || (at.depth == 1 && item->is_nested) ||
                        (at.depth == RULE_DEPTH && at.in_array)))
        return false;
    return at.column + item->width + at.has_comma <= FORMAT_COLUMNS;
}

static void add_value(struct buffer *out, const struct item *item, struct position at)
{
    struct position below = {.depth = at.depth + 1, .in_array = item->kind == '['};
    size_t indent = below.depth * 2;

    if (is_flat(item, at)) {
        add_flat(out, item);
        return;
    }
    buffer_add_char(out, item->kind);
    buffer_add_char(out, '\n');
    for (const struct item *child = item->items; child; child = child->next) {
        add_above(out, child->above, indent, child == item->items);
        if (child->is_apart && (child != item->items || child->above.first))
            buffer_add_char(out, '\n');
        add_indent(out, indent);
        add_name(out, child);
        below.column = indent + (slice_is_absent(child->name) ? 0 : text_chars(child->name) + 2);
        below.has_comma = child->next != NULL;
        add_value(out, child, below);
        buffer_add_text(out, child->next ? "," : "");
        add_beside(out, child->beside);
        buffer_add_char(out, '\n');
    }
    add_above(out, item->below, indent, !item->items);
    add_indent(out, at.depth * 2);
    buffer_add_char(out, item->kind == '{' ? '}' : ']');
}

bool format_json(struct slice text, bool has_comments, struct buffer *out, struct arena *arena,
                 struct scan_problem *problem)
{
    struct reader r = {.arena = arena};
    struct item root = {.kind = 0};
    struct comments below;

    if (slice_starts_with(text, SLICE("\xef\xbb\xbf")))
        text = (struct slice){text.ptr + 3, text.len - 3};
    r.text = text;
    if (!scan_check(has_comments ? scan_blank_comments(text, arena) : text, arena, problem))
        return false;
    root.above = gather(&r);
    root.is_apart = r.newlines > 1 && root.above.first;
    read_value(&r, &root);
    below = gather(&r);
    append(&root.beside, take_beside(&below));
    add_above(out, root.above, 0, true);
    buffer_add_text(out, root.is_apart ? "\n" : "");
    add_value(out, &root, (struct position){.depth = 0});
    add_beside(out, root.beside);
    buffer_add_char(out, '\n');
    add_above(out, below, 0, false);
    return true;
}
