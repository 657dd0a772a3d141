#include "consumers/rules/scan.h"

#include "consumers/base/text.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

size_t scan_space(struct slice text, size_t at)
{
    while (at < text.len && is_space(text.ptr[at]))
        at++;
    return at;
}

size_t scan_string(struct slice text, size_t at)
{
    for (at++; at < text.len && text.ptr[at] != '"'; at++) {
        if (text.ptr[at] == '\\')
            at++;
    }
    return at < text.len ? at + 1 : text.len;
}

static bool ends_scalar(char c)
{
    return is_space(c) || c == ',' || c == ']' || c == '}' || c == ':';
}

static size_t container_end(struct slice text, size_t at)
{
    size_t depth = 0;

    while (at < text.len) {
        char c = text.ptr[at];

        if (c == '"') {
            at = scan_string(text, at);
            continue;
        }
        at++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            break;
    }
    return at;
}

size_t scan_value(struct slice text, size_t at)
{
    if (text.ptr[at] == '"')
        return scan_string(text, at);
    if (text.ptr[at] == '{' || text.ptr[at] == '[')
        return container_end(text, at);
    while (at < text.len && !ends_scalar(text.ptr[at]))
        at++;
    return at;
}

static unsigned hex_value(const char *digits)
{
    unsigned value = 0;

    for (int i = 0; i < 4; i++) {
        char c = digits[i];

        value = value * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

/* One character of a string: its bytes into out; *at moves past what was read. */
static size_t decode_one(struct slice text, size_t *at, char out[static 4])
{
    static const char escapes[] = "b\bf\fn\nr\rt\t";
    const char *c = text.ptr + *at;
    uint32_t point;

    if (*c != '\\') {
        out[0] = *c;
        *at += 1;
        return 1;
    }
    *at += 2;
    if (c[1] != 'u') {
        const char *found = strchr(escapes, c[1]);

        out[0] = found ? found[1] : c[1];
        return 1;
    }
    point = hex_value(c + 2);
    *at += 4;
    if (point >= 0xd800 && point < 0xdc00) {
        point = 0x10000 + ((point - 0xd800) << 10) + (hex_value(c + 8) - 0xdc00);
        *at += 6;
    }
    return text_encode(point, out);
}

struct slice scan_decode(struct slice text, size_t at, struct arena *arena)
{
    size_t end = scan_string(text, at) - 1;
    struct slice raw = {text.ptr + at + 1, end - at - 1};
    char *out;
    size_t len = 0;

    if (raw.len == 0 || !memchr(raw.ptr, '\\', raw.len))
        return raw;
    out = arena_bytes(arena, raw.len + 4);
    for (at++; at < end;)
        len += decode_one(text, &at, out + len);
    return (struct slice){out, len};
}

size_t scan_raw_offset(struct slice text, size_t at, size_t offset)
{
    size_t end = scan_string(text, at) - 1;
    size_t decoded = 0;
    char out[4];

    for (at++; at < end && decoded < offset;)
        decoded += decode_one(text, &at, out);
    return at;
}

struct scan_walk scan_walk(struct slice text, size_t container)
{
    return (struct scan_walk){
        .text = text, .at = container + 1, .is_object = text.ptr[container] == '{'};
}

bool scan_next(struct scan_walk *walk)
{
    size_t at = scan_space(walk->text, walk->at);

    if (at < walk->text.len && walk->text.ptr[at] == ',')
        at = scan_space(walk->text, at + 1);
    if (at >= walk->text.len || walk->text.ptr[at] == '}' || walk->text.ptr[at] == ']')
        return false;
    if (walk->is_object) {
        walk->name = (struct span){at, scan_string(walk->text, at)};
        at = scan_space(walk->text, scan_space(walk->text, walk->name.end) + 1);
    }
    walk->value = (struct span){at, scan_value(walk->text, at)};
    walk->at = walk->value.end;
    return true;
}

struct duplicates {
    struct slice text;
    struct arena arena;
    void (*visit)(struct span name, struct span first, void *context);
    void *context;
};

struct member_name {
    struct slice name;
    struct span span;
};

static void duplicates_below(struct duplicates *look, size_t container)
{
    struct scan_walk walk = scan_walk(look->text, container);
    struct member_name *names = NULL;
    size_t nr = 0, capacity = 0;

    while (scan_next(&walk)) {
        char first = look->text.ptr[walk.value.start];

        if (walk.is_object) {
            struct slice name = scan_decode(look->text, walk.name.start, &look->arena);
            size_t i = 0;

            while (i < nr && !slice_equals(names[i].name, name))
                i++;
            if (i < nr)
                look->visit(walk.name, names[i].span, look->context);
            names = arena_grow(&look->arena, names, nr, &capacity, sizeof(*names));
            names[nr++] = (struct member_name){name, walk.name};
        }
        if (first == '{' || first == '[')
            duplicates_below(look, walk.value.start);
    }
}

void scan_duplicates(struct slice text,
                     void (*visit)(struct span name, struct span first, void *context),
                     void *context)
{
    struct duplicates look = {.text = text, .visit = visit, .context = context};
    size_t at = scan_space(text, 0);

    if (at >= text.len || (text.ptr[at] != '{' && text.ptr[at] != '['))
        return;
    arena_init(&look.arena, 4096);
    duplicates_below(&look, at);
    arena_release(&look.arena);
}

/* One past a comment that starts at `at`; `at` itself if none does or it is not closed. */
static size_t comment_end(struct slice text, size_t at)
{
    size_t end = at + 2;

    if (end > text.len || text.ptr[at] != '/')
        return at;
    if (text.ptr[at + 1] == '/') {
        while (end < text.len && text.ptr[end] != '\n')
            end++;
        return end;
    }
    if (text.ptr[at + 1] != '*')
        return at;
    for (; end + 1 < text.len; end++) {
        if (text.ptr[end] == '*' && text.ptr[end + 1] == '/')
            return end + 2;
    }
    return at;
}

static void blank(char *out, size_t from, size_t to)
{
    for (; from < to; from++) {
        if (!is_space(out[from]))
            out[from] = ' ';
    }
}

struct commas {
    size_t last; /* after a value, while only white space follows; else beyond the text */
    char before; /* the last byte of what is neither white space nor comment */
};

static void blank_comma(char *out, size_t at, size_t beyond, struct commas *commas)
{
    char c = out[at];

    if ((c == '}' || c == ']') && commas->last < beyond)
        out[commas->last] = ' ';
    if (is_space(c))
        return;
    commas->last = c == ',' && commas->before != '[' && commas->before != '{' ? at : beyond;
    commas->before = c;
}

struct slice scan_blank_comments(struct slice text, struct arena *arena)
{
    char *out = arena_bytes(arena, text.len + 1);
    struct commas commas = {text.len, '\0'};

    memcpy(out, text.ptr, text.len);
    for (size_t at = 0; at < text.len;) {
        size_t end = comment_end(text, at);

        if (end > at) {
            blank(out, at, end);
        } else if (text.ptr[at] == '"') {
            end = scan_string(text, at);
            commas = (struct commas){text.len, '"'};
        } else {
            end = at + 1;
            blank_comma(out, at, text.len, &commas);
        }
        at = end;
    }
    return (struct slice){out, text.len};
}

struct slice scan_compact(struct slice text, struct span value, struct arena *arena)
{
    char *out = arena_bytes(arena, value.end - value.start + 1);
    size_t len = 0;

    for (size_t at = value.start; at < value.end;) {
        size_t end = text.ptr[at] == '"' ? scan_string(text, at) : at + 1;

        if (!is_space(text.ptr[at])) {
            memcpy(out + len, text.ptr + at, end - at);
            len += end - at;
        }
        at = end;
    }
    return (struct slice){out, len};
}
