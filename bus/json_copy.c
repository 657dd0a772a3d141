#include "bus/json.h"

/*
 * A recursive-descent reader of RFC 8259 whose only output is the text itself: what lies between
 * two flushes is copied, white space between tokens is what is left out.
 */
struct copier {
    const char *text;
    size_t length;
    size_t at;
    struct bus_buffer *buffer;
    struct unstale_error *err;
};

static bool copy_value(struct copier *copier, unsigned depth);

static bool fail_at(struct copier *copier, const char *what)
{
    return bus_fail(copier->err, UNSTALE_REJECT, "not JSON at byte %zu: %s", copier->at, what);
}

static void skip_space(struct copier *copier)
{
    while (copier->at < copier->length) {
        char c = copier->text[copier->at];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return;
        copier->at++;
    }
}

/* The next byte, white space aside; NUL at the end, which no JSON token begins with. */
static char peek(struct copier *copier)
{
    skip_space(copier);
    return copier->at < copier->length ? copier->text[copier->at] : '\0';
}

static bool take(struct copier *copier, size_t length)
{
    if (!bus_buffer_add(copier->buffer, copier->text + copier->at, length))
        return bus_fail_memory(copier->err);
    copier->at += length;
    return true;
}

/* The four digits after a \u; -1 when they are none. */
static int hex_unit(const struct copier *copier, size_t at)
{
    int unit = 0;

    if (copier->length - at < 4)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        unsigned char c = (unsigned char)copier->text[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        if (digit < 0 || digit > 15 || (c > '9' && (c | 0x20) < 'a'))
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* Bytes of the escape at the reader, surrogate pairs as one; 0 when it is none. */
static size_t escape_length(const struct copier *copier)
{
    size_t at = copier->at;
    int unit;

    if (copier->length - at < 2)
        return 0;
    if (copier->text[at + 1] != 'u')
        return copier->text[at + 1] && strchr("\"\\/bfnrt", copier->text[at + 1]) ? 2 : 0;
    unit = hex_unit(copier, at + 2);
    if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return 0;
    if (unit < 0xd800 || unit > 0xdbff)
        return 6;
    if (copier->length - at < 12 || memcmp(copier->text + at + 6, "\\u", 2) != 0)
        return 0;
    unit = hex_unit(copier, at + 8);
    return unit >= 0xdc00 && unit <= 0xdfff ? 12 : 0;
}

static bool copy_string(struct copier *copier)
{
    if (!take(copier, 1))
        return false;
    for (;;) {
        size_t run = bus_json_plain_run(copier->text + copier->at, copier->length - copier->at);
        if (!take(copier, run))
            return false;
        if (copier->at == copier->length)
            return fail_at(copier, "a string does not end");
        if (copier->text[copier->at] == '"')
            return take(copier, 1);
        if (copier->text[copier->at] != '\\')
            return fail_at(copier, "a control character, or not UTF-8");
        run = escape_length(copier);
        if (run == 0)
            return fail_at(copier, "an escape that is none");
        if (!take(copier, run))
            return false;
    }
}

static bool copy_literal(struct copier *copier, const char *literal)
{
    size_t length = strlen(literal);

    if (copier->length - copier->at < length ||
        memcmp(copier->text + copier->at, literal, length) != 0)
        return fail_at(copier, "a value was expected");
    return take(copier, length);
}

static bool copy_number(struct copier *copier)
{
    size_t length = bus_json_number_length(copier->text + copier->at, copier->length - copier->at);

    return length > 0 ? take(copier, length) : fail_at(copier, "a number that is none");
}

static bool copy_member_name(struct copier *copier)
{
    if (peek(copier) != '"')
        return fail_at(copier, "a member's name was expected");
    if (!copy_string(copier))
        return false;
    if (peek(copier) != ':')
        return fail_at(copier, "':' was expected");
    return take(copier, 1);
}

static bool copy_container(struct copier *copier, unsigned depth)
{
    bool is_object = copier->text[copier->at] == '{';
    char close = is_object ? '}' : ']';

    if (depth == UNSTALE_JSON_DEPTH)
        return bus_fail(copier->err, UNSTALE_REJECT, "nested deeper than %d levels",
                        UNSTALE_JSON_DEPTH);
    if (!take(copier, 1))
        return false;
    if (peek(copier) == close)
        return take(copier, 1);
    for (;;) {
        if (is_object && !copy_member_name(copier))
            return false;
        if (!copy_value(copier, depth + 1))
            return false;
        if (peek(copier) == close)
            return take(copier, 1);
        if (peek(copier) != ',')
            return fail_at(copier,
                           is_object ? "',' or '}' was expected" : "',' or ']' was expected");
        if (!take(copier, 1))
            return false;
    }
}

static bool copy_value(struct copier *copier, unsigned depth)
{
    switch (peek(copier)) {
    case '{':
    case '[':
        return copy_container(copier, depth);
    case '"':
        return copy_string(copier);
    case 't':
        return copy_literal(copier, "true");
    case 'f':
        return copy_literal(copier, "false");
    case 'n':
        return copy_literal(copier, "null");
    case '\0':
        return fail_at(copier, "a value was expected");
    default:
        return copy_number(copier);
    }
}

bool bus_json_copy(struct bus_buffer *buffer, const char *text, size_t length,
                   struct unstale_error *err)
{
    size_t start = buffer->length;
    struct copier copier = {text, length, 0, buffer, err};
    bool ok = copy_value(&copier, 0);

    skip_space(&copier);
    if (ok && copier.at < length)
        ok = fail_at(&copier, "more than one value");
    if (!ok)
        buffer->length = start;
    return ok;
}
