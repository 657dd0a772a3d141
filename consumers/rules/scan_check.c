/* The strict half of scan.h: what is wrong with text that jansson refused, and where exactly. */
#include "consumers/rules/scan.h"

#include "consumers/base/decimal.h"
#include "consumers/base/text.h"

struct checker {
    struct slice text;
    size_t at;
    struct arena *arena;
    struct scan_problem *problem;
};

static bool value(struct checker *c, unsigned depth);

static bool fail(struct checker *c, size_t start, size_t end, const char *message)
{
    c->problem->span = (struct span){start, end < c->text.len ? end : c->text.len};
    c->problem->message = slice_of(message);
    return false;
}

static struct slice here(const struct checker *c)
{
    return (struct slice){c->text.ptr + c->at, c->text.len - c->at};
}

static char peek(struct checker *c)
{
    c->at = scan_space(c->text, c->at);
    return c->at < c->text.len ? c->text.ptr[c->at] : '\0';
}

/* A run of letters and digits is one unexpected thing, and so is any other character. */
static size_t token_end(const struct checker *c)
{
    uint32_t point;
    size_t end = c->at, len;

    while (end < c->text.len &&
           ((c->text.ptr[end] >= '0' && c->text.ptr[end] <= '9') || c->text.ptr[end] == '_' ||
            ((c->text.ptr[end] | 0x20) >= 'a' && (c->text.ptr[end] | 0x20) <= 'z')))
        end++;
    if (end > c->at || end == c->text.len)
        return end;
    len = text_decode(here(c), &point);
    return end + (len ? len : 1);
}

static bool unexpected(struct checker *c, const char *wanted)
{
    size_t end = token_end(c);
    struct slice found = {c->text.ptr + c->at, end - c->at};

    if (c->at >= c->text.len) {
        c->problem->message = arena_printf(c->arena, "the file ends here, expected %s", wanted);
        c->problem->span = (struct span){c->text.len, c->text.len};
        return false;
    }
    if (slice_starts_with(here(c), SLICE("//")) || slice_starts_with(here(c), SLICE("/*")))
        return fail(c, c->at, c->at + 2, "a comment that is not closed, or not in a .jsonc file");
    c->problem->message = arena_printf(c->arena, "expected %s, not %.*s", wanted, SLICE_ARG(found));
    c->problem->span = (struct span){c->at, end};
    return false;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool hex4(const struct checker *c, size_t at)
{
    if (at + 4 > c->text.len)
        return false;
    for (size_t i = 0; i < 4; i++) {
        if (!is_hex(c->text.ptr[at + i]))
            return false;
    }
    return true;
}

/* Whether the \u escape at `at` is one code point; a high surrogate needs its low one. */
static bool unicode_escape(struct checker *c, size_t at)
{
    const char *digits = c->text.ptr + at + 2;

    if (!hex4(c, at + 2))
        return fail(c, at, at + 2, "\\u needs four hexadecimal digits");
    if (memcmp(digits, "0000", 4) == 0)
        return fail(c, at, at + 6, "a NUL character is not allowed here");
    c->at = at + 6;
    if ((digits[0] | 0x20) != 'd' || digits[1] < '8')
        return true;
    if ((digits[1] | 0x20) > 'b' || !slice_starts_with(here(c), SLICE("\\u")) ||
        !hex4(c, c->at + 2) || (c->text.ptr[c->at + 2] | 0x20) != 'd' ||
        (c->text.ptr[c->at + 3] | 0x20) < 'c')
        return fail(c, at, at + 6, "half of a surrogate pair");
    c->at += 6;
    return true;
}

static bool string_character(struct checker *c)
{
    unsigned char byte = (unsigned char)c->text.ptr[c->at];
    uint32_t point;
    size_t len;

    if (byte < 0x20)
        return fail(c, c->at, c->at + 1, "a control character in a string: write it as an escape");
    if (byte == '\\') {
        if (c->at + 1 < c->text.len && c->text.ptr[c->at + 1] == 'u')
            return unicode_escape(c, c->at);
        if (c->at + 1 >= c->text.len || c->text.ptr[c->at + 1] == '\0' ||
            !strchr("\"\\/bfnrt", c->text.ptr[c->at + 1]))
            return fail(c, c->at, c->at + 2, "unknown escape in a string");
        c->at += 2;
        return true;
    }
    len = text_decode(here(c), &point);
    if (len == 0)
        return fail(c, c->at, c->at + 1, "not UTF-8");
    c->at += len;
    return true;
}

static bool string(struct checker *c)
{
    size_t start = c->at++;

    while (c->at < c->text.len && c->text.ptr[c->at] != '"') {
        if (c->text.ptr[c->at] == '\n' || c->text.ptr[c->at] == '\r')
            break;
        if (!string_character(c))
            return false;
    }
    if (c->at >= c->text.len || c->text.ptr[c->at] != '"')
        return fail(c, start, c->at, "a string without its closing quote");
    c->at++;
    return true;
}

static bool scalar(struct checker *c)
{
    static const char *const words[] = {"true", "false", "null"};
    size_t start = c->at, end = start;
    struct slice text;

    while (end < c->text.len && !strchr(" \t\r\n,:[]{}\"", c->text.ptr[end]))
        end++;
    text = (struct slice){c->text.ptr + start, end - start};
    for (size_t i = 0; i < ARRAY_NR(words); i++) {
        if (slice_equals(text, slice_of(words[i]))) {
            c->at = end;
            return true;
        }
    }
    if (text.len == 0 || (text.ptr[0] != '-' && (text.ptr[0] < '0' || text.ptr[0] > '9')))
        return unexpected(c, "a value");
    if (!decimal_is_number(text))
        return fail(c, start, end, "not a number as JSON writes them");
    c->at = end;
    return true;
}

static bool member(struct checker *c, unsigned depth)
{
    if (peek(c) != '"')
        return unexpected(c, "a name in double quotes");
    if (!string(c))
        return false;
    if (peek(c) != ':')
        return unexpected(c, "\":\" after the name");
    c->at++;
    return value(c, depth);
}

static bool container(struct checker *c, char close, unsigned depth)
{
    size_t start = c->at++, comma;

    if (depth > SCAN_MAX_DEPTH)
        return fail(c, start, start + 1, "nested too deep");
    if (peek(c) == close) {
        c->at++;
        return true;
    }
    for (;;) {
        if (!(close == '}' ? member(c, depth) : value(c, depth)))
            return false;
        if (peek(c) == close)
            break;
        if (peek(c) != ',')
            return unexpected(c, close == '}' ? "\",\" or \"}\"" : "\",\" or \"]\"");
        comma = c->at++;
        if (peek(c) == close)
            return fail(c, comma, comma + 1,
                        "a trailing comma: remove it (only .jsonc files may have one)");
    }
    c->at++;
    return true;
}

static bool value(struct checker *c, unsigned depth)
{
    switch (peek(c)) {
    case '{':
        return container(c, '}', depth + 1);
    case '[':
        return container(c, ']', depth + 1);
    case '"':
        return string(c);
    default:
        return scalar(c);
    }
}

bool scan_check(struct slice text, struct arena *arena, struct scan_problem *problem)
{
    struct checker c = {.text = text, .arena = arena, .problem = problem};

    if (!value(&c, 0))
        return false;
    peek(&c);
    return c.at >= text.len || unexpected(&c, "nothing after the value");
}
