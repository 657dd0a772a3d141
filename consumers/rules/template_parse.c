#include "consumers/rules/template.h"

#include <ctype.h>

#include "consumers/base/glob.h"
#include "consumers/rules/digest.h"
#include "consumers/rules/filter.h"

/*
 * Codes: E110 a brace alone, E111 an empty or malformed placeholder, E204 unknown filter, E208 a
 * second [], E209 bad filter argument, E210 a member of a root that has none.
 */
struct parser {
    struct slice text;
    size_t at;
    struct arena *arena;
    struct segment *segments;
    size_t nr, capacity;
    bool has_fan_out;
    struct template_problems *problems;
};

static bool problem(struct parser *p, const char *code, struct slice span, struct slice message)
{
    struct template_problem *item;

    if (p->problems->nr == TEMPLATE_MAX_PROBLEMS)
        return false;
    item = &p->problems->items[p->problems->nr++];
    *item = (struct template_problem){
        .offset = (size_t)(span.ptr - p->text.ptr), .length = span.len, .message = message};
    memcpy(item->code, code, strlen(code));
    return false;
}

static void add_segment(struct parser *p, const struct segment *segment)
{
    p->segments = arena_grow(p->arena, p->segments, p->nr, &p->capacity, sizeof(*p->segments));
    p->segments[p->nr++] = *segment;
}

/* Bytes up to the next `{` that is not doubled: at least what a literal from here takes. */
static size_t literal_bytes(const struct parser *p)
{
    size_t at = p->at;

    while (at < p->text.len) {
        bool is_doubled = at + 1 < p->text.len && p->text.ptr[at + 1] == p->text.ptr[at];

        if (p->text.ptr[at] == '{' && !is_doubled)
            break;
        at += p->text.ptr[at] == '{' ? 2 : 1;
    }
    return at - p->at;
}

/* Up to the next placeholder; doubled braces become one. */
static void parse_literal(struct parser *p)
{
    char *out = arena_bytes(p->arena, literal_bytes(p) + 1), *to = out;

    while (p->at < p->text.len) {
        char c = p->text.ptr[p->at];

        if (c == '{' || c == '}') {
            bool is_doubled = p->at + 1 < p->text.len && p->text.ptr[p->at + 1] == c;

            if (!is_doubled && c == '{')
                break;
            if (is_doubled)
                p->at++;
            else
                problem(p, "E110", (struct slice){p->text.ptr + p->at, 1},
                        SLICE("\"}\" without \"{\"; write }} for a brace in the key"));
        }
        *to++ = c;
        p->at++;
    }
    if (to > out)
        add_segment(p, &(struct segment){.literal = {out, (size_t)(to - out)}});
}

static bool is_name_char(char c)
{
    return strchr(".[]{}|:?\"'!=", c) == NULL && !isspace((unsigned char)c) &&
           (unsigned char)c >= 0x20;
}

struct path_reader {
    struct parser *parser;
    struct slice text; /* the path, without `?` and filters */
    size_t at;
    struct field_part *parts;
    size_t nr, capacity;
    size_t fan_out_at; /* parts before the `[]`; SIZE_MAX: none */
};

static bool path_problem(struct path_reader *r, const char *what)
{
    struct slice span = {r->text.ptr + r->at, r->at < r->text.len ? 1 : 0};

    if (span.len == 0)
        span = r->text;
    return problem(r->parser, "E111", span,
                   arena_printf(r->parser->arena,
                                "%s in \"%.*s\"; a placeholder is a field such as {pk}, "
                                "{after.name} or {tags[]}, then filters such as |lower",
                                what, SLICE_ARG(r->text)));
}

static void add_part(struct path_reader *r, struct field_part part)
{
    r->parts = arena_grow(r->parser->arena, r->parts, r->nr, &r->capacity, sizeof(*r->parts));
    r->parts[r->nr++] = part;
}

static bool read_name(struct path_reader *r, struct slice *name)
{
    size_t start = r->at;

    while (r->at < r->text.len && is_name_char(r->text.ptr[r->at]))
        r->at++;
    *name = (struct slice){r->text.ptr + start, r->at - start};
    if (name->len > 0)
        return true;
    return path_problem(r, start < r->text.len && r->text.ptr[start] == ' ' ? "a blank"
                                                                            : "a name is expected");
}

static bool read_fan_out(struct path_reader *r)
{
    if (r->parser->has_fan_out)
        return problem(r->parser, "E208", (struct slice){r->text.ptr + r->at - 1, 2},
                       SLICE("a second [] in one template; one array may be fanned out"));
    r->parser->has_fan_out = true;
    r->fan_out_at = r->nr;
    r->at++;
    return true;
}

/* After `[`. */
static bool read_index(struct path_reader *r)
{
    size_t index = 0, start = r->at;

    if (r->at < r->text.len && r->text.ptr[r->at] == ']')
        return read_fan_out(r);
    for (; r->at < r->text.len && isdigit((unsigned char)r->text.ptr[r->at]); r->at++)
        index = index * 10 + (size_t)(r->text.ptr[r->at] - '0');
    if (r->at == start || r->at - start > 6 || r->at == r->text.len || r->text.ptr[r->at] != ']')
        return path_problem(r, "[] or an index such as [0] is expected");
    r->at++;
    add_part(r, (struct field_part){.index = index});
    return true;
}

static bool read_parts(struct path_reader *r)
{
    while (r->at < r->text.len) {
        char c = r->text.ptr[r->at];
        struct slice name;

        if (c != '.' && c != '[')
            return path_problem(r, c == ' ' ? "a blank" : "an unexpected character");
        r->at++;
        if (c == '[') {
            if (!read_index(r))
                return false;
            continue;
        }
        if (!read_name(r, &name))
            return false;
        add_part(r, (struct field_part){.name = name});
    }
    return true;
}

/* Names that are no root in a template (created, changed, sender) are fields of the row. */
static enum field_root root_of(struct slice name)
{
    enum field_root root;

    if (!field_root_parse(name, &root) || root == FIELD_CREATED || root == FIELD_CHANGED ||
        root == FIELD_SENDER)
        return FIELD_ROW;
    return root;
}

static bool check_root(struct path_reader *r, enum field_root root)
{
    bool has_members = root == FIELD_ROW || root == FIELD_BEFORE || root == FIELD_AFTER ||
                       root == FIELD_META || root == FIELD_M2M;
    struct slice name = field_root_text(root);

    if (has_members || r->nr == 0 ||
        (root == FIELD_PK && slice_is_absent(r->parts[0].name) && r->nr == 1))
        return true;
    return problem(r->parser, "E210", r->text,
                   arena_printf(r->parser->arena,
                                "\"%.*s\" has no members (a field of the row is after.%.*s)",
                                SLICE_ARG(name), SLICE_ARG(r->text)));
}

static bool parse_path(struct parser *p, struct slice text, struct segment *out)
{
    struct path_reader r = {.parser = p, .text = text, .fan_out_at = SIZE_MAX};
    enum field_root root;
    struct slice name;
    size_t own;

    if (!read_name(&r, &name))
        return false;
    root = root_of(name);
    if (root == FIELD_ROW)
        add_part(&r, (struct field_part){.name = name});
    if (!read_parts(&r) || !check_root(&r, root))
        return false;
    out->is_fanned_out = r.fan_out_at != SIZE_MAX;
    own = out->is_fanned_out ? r.fan_out_at : r.nr;
    out->path = (struct field_path){root, r.parts, own, text};
    out->element = (struct field_path){FIELD_ROW, NULL, r.nr - own, text};
    if (r.nr > own)
        out->element.parts = r.parts + own;
    return true;
}

static bool parse_filters(struct parser *p, struct slice text, struct segment *out)
{
    struct filter *filters = NULL;
    size_t nr = 0, capacity = 0;
    const char *end = text.ptr + text.len;
    bool ok = true;

    for (const char *at = text.ptr; at <= end;) {
        const char *bar = memchr(at, '|', (size_t)(end - at));
        struct slice one = {at, (size_t)((bar ? bar : end) - at)};
        struct template_problem found;

        filters = arena_grow(p->arena, filters, nr, &capacity, sizeof(*filters));
        if (!filter_parse(one, p->arena, &filters[nr++], &found)) {
            ok = problem(p, found.code, (struct slice){one.ptr + found.offset, found.length},
                         found.message);
            if (p->problems->nr)
                p->problems->items[p->problems->nr - 1].suggestion = found.suggestion;
        }
        at = (bar ? bar : end) + 1;
    }
    out->filters = filters;
    out->filters_nr = nr;
    return ok;
}

/* A split makes an array, and an array wants []. */
static bool check_splits(struct parser *p, struct slice body, const struct segment *segment)
{
    size_t nr = 0;

    for (size_t i = 0; i < segment->filters_nr; i++)
        nr += segment->filters[i].kind == FILTER_SPLIT;
    if (nr == 0 || (nr == 1 && segment->is_fanned_out))
        return true;
    return problem(p, "E209", body,
                   nr > 1
                       ? SLICE("a second split in one placeholder")
                       : arena_printf(p->arena,
                                      "split makes several texts of one: write {%.*s[]|split:...}",
                                      SLICE_ARG(segment->text)));
}

/* What stands between the braces. */
static bool parse_body(struct parser *p, struct slice body, struct segment *out)
{
    const char *bar = memchr(body.ptr, '|', body.len);
    struct slice path = {body.ptr, bar ? (size_t)(bar - body.ptr) : body.len};
    bool ok;

    if (path.len == 0)
        return problem(p, "E111", (struct slice){body.ptr - 1, body.len + 2},
                       SLICE("empty placeholder; name a field, or write {{ and }} for braces"));
    if (path.ptr[path.len - 1] == '?') {
        out->is_optional = true;
        path.len--;
    }
    out->text = path;
    ok = parse_path(p, path, out);
    if (bar &&
        !parse_filters(p, (struct slice){bar + 1, body.len - (size_t)(bar + 1 - body.ptr)}, out))
        ok = false;
    return ok && check_splits(p, body, out);
}

static void parse_placeholder(struct parser *p)
{
    const char *open = p->text.ptr + p->at, *end = p->text.ptr + p->text.len;
    const char *close = memchr(open, '}', (size_t)(end - open));
    const char *other = open + 1 < end ? memchr(open + 1, '{', (size_t)(end - open - 1)) : NULL;
    struct segment segment = {.offset = p->at};
    struct slice body;

    if (close == NULL || (other != NULL && other < close)) {
        problem(p, "E110", (struct slice){open, 1},
                SLICE("\"{\" is never closed: add \"}\", or write {{ for a brace in the key"));
        p->at = close == NULL ? p->text.len : (size_t)(close + 1 - p->text.ptr);
        return;
    }
    body = (struct slice){open + 1, (size_t)(close - open - 1)};
    segment.length = body.len + 2;
    p->at += segment.length;
    if (parse_body(p, body, &segment))
        add_segment(p, &segment);
}

static bool segment_uses_row(const struct segment *segment)
{
    if (segment->digest == NULL)
        return segment->path.root == FIELD_ROW;
    for (size_t i = 0; i < segment->digest->parts_nr; i++) {
        if (segment->digest->parts[i].uses_row)
            return true;
    }
    return false;
}

static struct template finish(struct slice source, const struct segment *segments, size_t nr)
{
    struct template tpl = {
        .source = source, .segments = segments, .segments_nr = nr, .is_constant = true};

    for (size_t i = 0; i < nr; i++) {
        if (slice_is_absent(segments[i].text))
            continue;
        tpl.is_constant = false;
        tpl.uses_row = tpl.uses_row || segment_uses_row(&segments[i]);
    }
    return tpl;
}

bool template_parse(struct slice text, struct arena *arena, struct template *out,
                    struct template_problems *problems)
{
    struct parser p = {.text = text, .arena = arena, .problems = problems};
    size_t before = problems->nr;

    if (p.text.ptr == NULL)
        p.text.ptr = "";
    while (p.at < p.text.len) {
        parse_literal(&p);
        if (p.at < p.text.len)
            parse_placeholder(&p);
    }
    *out = finish(text, p.segments, p.nr);
    return problems->nr == before;
}

struct template template_literal(struct slice text, struct arena *arena)
{
    struct segment *segment = arena_zero(arena, 1, sizeof(*segment));

    segment->literal = text;
    return finish(text, segment, text.len > 0);
}

struct slice template_escape(struct slice text, struct arena *arena)
{
    char *out = arena_bytes(arena, text.len * 2 + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        out[len++] = text.ptr[i];
        if (text.ptr[i] == '{' || text.ptr[i] == '}')
            out[len++] = text.ptr[i];
    }
    return (struct slice){out, len};
}

static struct slice escape(struct slice literal, struct arena *arena)
{
    char *out = arena_bytes(arena, glob_escaped_bytes(literal) + 1);

    return (struct slice){out, glob_escape(literal, out)};
}

static struct slice concatenate(struct slice a, struct slice b, struct arena *arena)
{
    char *out = arena_bytes(arena, a.len + b.len + 1);

    memcpy(out, a.ptr, a.len);
    memcpy(out + a.len, b.ptr, b.len);
    return (struct slice){out, a.len + b.len};
}

struct template template_join(const struct template *before, const struct template *after,
                              bool escape_before, struct arena *arena)
{
    size_t nr = 0, total = before->segments_nr + after->segments_nr;
    struct segment *segments = arena_zero(arena, total + 1, sizeof(*segments));

    for (size_t i = 0; i < total; i++) {
        bool is_before = i < before->segments_nr;
        struct segment next =
            is_before ? before->segments[i] : after->segments[i - before->segments_nr];
        bool is_literal = slice_is_absent(next.text);

        if (is_literal && is_before && escape_before)
            next.literal = escape(next.literal, arena);
        if (is_literal && nr > 0 && slice_is_absent(segments[nr - 1].text))
            segments[nr - 1].literal = concatenate(segments[nr - 1].literal, next.literal, arena);
        else
            segments[nr++] = next;
    }
    struct template joined = finish(after->source, segments, nr);
    joined.head = before;
    return joined;
}
