#include "consumers/base/text.h"

#include <stdlib.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "consumers/base/buffer.h"

static bool is_tail(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* The length a first byte announces and the bits of the code point in it; 0: never a first byte. */
static size_t read_first(unsigned char first, uint32_t *bits)
{
    if (first < 0x80) {
        *bits = first;
        return 1;
    }
    if (first >= 0xc2 && first < 0xe0) {
        *bits = first & 0x1fu;
        return 2;
    }
    if (first >= 0xe0 && first < 0xf0) {
        *bits = first & 0x0fu;
        return 3;
    }
    if (first >= 0xf0 && first < 0xf5) {
        *bits = first & 0x07u;
        return 4;
    }
    return 0;
}

static bool is_scalar(uint32_t c)
{
    return c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

size_t text_decode(struct slice text, uint32_t *code_point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t value = 0;
    size_t len = text.len > 0 ? read_first((unsigned char)text.ptr[0], &value) : 0;

    if (len == 0 || len > text.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if (!is_tail(text.ptr[i]))
            return 0;
        value = value << 6 | ((unsigned char)text.ptr[i] & 0x3fu);
    }
    if (value < least[len] || !is_scalar(value))
        return 0;
    *code_point = value;
    return len;
}

size_t text_encode(uint32_t code_point, char out[static 4])
{
    if (!is_scalar(code_point))
        code_point = 0xfffd;
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xc0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3f));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xe0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code_point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code_point >> 18);
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code_point & 0x3f));
    return 4;
}

static struct slice skip(struct slice text, size_t bytes)
{
    return (struct slice){text.ptr + bytes, text.len - bytes};
}

/* How many bytes at the start are ASCII; eight at a time. */
static size_t ascii_bytes(struct slice text)
{
    size_t at = 0;
    uint64_t word;

    while (text.len - at >= sizeof(word)) {
        memcpy(&word, text.ptr + at, sizeof(word));
        if (word & UINT64_C(0x8080808080808080))
            break;
        at += sizeof(word);
    }
    while (at < text.len && (unsigned char)text.ptr[at] < 0x80)
        at++;
    return at;
}

/* How many bytes at the start are UTF-8. */
static size_t valid_bytes(struct slice text)
{
    size_t at = ascii_bytes(text);

    while (at < text.len) {
        uint32_t code_point;
        size_t len = text_decode(skip(text, at), &code_point);

        if (len == 0)
            break;
        at += len;
    }
    return at;
}

bool text_is_utf8(struct slice text)
{
    return valid_bytes(text) == text.len;
}

size_t text_chars(struct slice text)
{
    size_t at = ascii_bytes(text);
    size_t chars = at;

    while (at < text.len) {
        uint32_t code_point;
        size_t len = text_decode(skip(text, at), &code_point);

        at += len ? len : 1;
        chars++;
    }
    return chars;
}

typedef uint8_t *map_function(const uint8_t *, size_t, const char *, uninorm_t, uint8_t *,
                              size_t *);

/* The mapping of text that is UTF-8. */
static void add_mapped(struct buffer *out, map_function *map, struct slice text)
{
    uint8_t room[256];
    size_t len = sizeof(room);
    uint8_t *mapped = map((const uint8_t *)text.ptr, text.len, NULL, NULL, room, &len);

    /* The text is valid, so memory is the only thing that can be missing. */
    if (mapped == NULL)
        abort();
    buffer_add(out, (struct slice){(const char *)mapped, len});
    if (mapped != room)
        free(mapped);
}

/* The last character, or 0 where the text ends in no UTF-8. */
static size_t last_char(struct slice text, uint32_t *code_point)
{
    size_t len = 1;

    while (len < 4 && len < text.len && is_tail(text.ptr[text.len - len]))
        len++;
    return text_decode(skip(text, text.len - len), code_point) == len ? len : 0;
}

static bool ends_cased(struct slice text)
{
    uint32_t c = 0;

    do {
        if (text.len == 0)
            return false;
        text.len -= last_char(text, &c);
    } while (uc_is_property_case_ignorable(c));
    return uc_is_property_cased(c);
}

static bool starts_cased(struct slice text)
{
    uint32_t c = 0;

    do {
        if (text.len == 0)
            return false;
        text = skip(text, text_decode(text, &c));
    } while (uc_is_property_case_ignorable(c));
    return uc_is_property_cased(c);
}

static const struct slice capital_sigma = {"\xce\xa3", 2};

/*
 * Sigma is the one letter whose small form hangs on its neighbours (Unicode, Final_Sigma). It is
 * decided here because u8_tolower() of libunistring 1.0 does not count the apostrophe as ignorable
 * and looks at letters that are both cased and ignorable, such as the raised h, in the other order
 * than Unicode and Python do.
 */
static void add_lower(struct buffer *out, struct slice run)
{
    struct slice rest = run;
    const char *sigma;

    while ((sigma = memmem(rest.ptr, rest.len, capital_sigma.ptr, capital_sigma.len)) != NULL) {
        struct slice before = {run.ptr, (size_t)(sigma - run.ptr)};
        struct slice piece = {rest.ptr, (size_t)(sigma - rest.ptr)};

        rest = skip(rest, piece.len + capital_sigma.len);
        add_mapped(out, u8_tolower, piece);
        buffer_add_text(out, ends_cased(before) && !starts_cased(rest) ? "\xcf\x82" : "\xcf\x83");
    }
    add_mapped(out, u8_tolower, rest);
}

static void add_upper(struct buffer *out, struct slice run)
{
    add_mapped(out, u8_toupper, run);
}

/* Runs of UTF-8 mapped, the bytes between them as they are. */
static struct slice map_text(void (*add_run)(struct buffer *, struct slice), struct slice text,
                             struct arena *arena)
{
    struct buffer out;
    struct slice mapped;

    buffer_init(&out);
    while (text.len > 0) {
        struct slice run = {text.ptr, valid_bytes(text)};

        add_run(&out, run);
        text = skip(text, run.len);
        if (text.len > 0) {
            buffer_add_char(&out, text.ptr[0]);
            text = skip(text, 1);
        }
    }
    mapped = arena_copy(arena, buffer_slice(&out));
    buffer_release(&out);
    return mapped;
}

struct slice text_ascii(struct slice text, struct arena *arena)
{
    char *out = arena_bytes(arena, text.len + 1), *from;
    size_t len = 0, ascii = 0;

    if (ascii_bytes(text) == text.len)
        return text;
    from = (char *)u8_normalize(UNINORM_NFKD, (const uint8_t *)text.ptr, text.len, NULL, &len);
    /* NULL: bytes that are no UTF-8, which have no parts. */
    if (from)
        out = arena_bytes(arena, len + 1);
    for (size_t i = 0, nr = from ? len : text.len; i < nr; i++) {
        char c = from ? from[i] : text.ptr[i];

        if ((unsigned char)c < 0x80)
            out[ascii++] = c;
    }
    free(from);
    return (struct slice){out, ascii};
}

static struct slice shift_ascii(struct slice text, char first, char last, struct arena *arena)
{
    char *out = arena_bytes(arena, text.len);

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        out[i] = c >= first && c <= last ? (char)(c ^ 0x20) : c;
    }
    return (struct slice){out, text.len};
}

struct slice text_lower(struct slice text, struct arena *arena)
{
    if (text.len == 0)
        return text;
    if (ascii_bytes(text) == text.len)
        return shift_ascii(text, 'A', 'Z', arena);
    return map_text(add_lower, text, arena);
}

struct slice text_upper(struct slice text, struct arena *arena)
{
    if (text.len == 0)
        return text;
    if (ascii_bytes(text) == text.len)
        return shift_ascii(text, 'a', 'z', arena);
    return map_text(add_upper, text, arena);
}

/* What Python's str.isspace() is true for: bidirectional type WS, B or S, or category Zs. */
static bool is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

struct slice text_trim(struct slice text)
{
    uint32_t c = 0;
    size_t len;

    while ((len = text_decode(text, &c)) > 0 && is_space(c))
        text = skip(text, len);
    while (text.len > 0 && (len = last_char(text, &c)) > 0 && is_space(c))
        text.len -= len;
    return text;
}

/*
 * libunistring has the full folding only. Where that gives one character it is the simple folding
 * too; where it gives more, the simple one is the lower-case letter, except for the capital I with
 * dot, which has none (CaseFolding.txt of Unicode, status C and S against F and T).
 */
static uint32_t fold(uint32_t c)
{
    uint32_t folded[8];
    size_t len = ARRAY_NR(folded);

    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
    if (c == 0x130)
        return c;
    if (u32_casefold(&c, 1, NULL, NULL, folded, &len) != folded)
        return c;
    return len == 1 ? folded[0] : uc_tolower(c);
}

/* A byte that is no UTF-8 counts as a character of its own, beyond all others. */
static size_t next_folded(struct slice text, uint32_t *c)
{
    size_t len = text_decode(text, c);

    if (len == 0) {
        *c = 0x110000u + (unsigned char)text.ptr[0];
        return 1;
    }
    *c = fold(*c);
    return len;
}

bool text_equals_ignore_case(struct slice a, struct slice b)
{
    while (a.len > 0 && b.len > 0) {
        uint32_t x;
        uint32_t y;

        a = skip(a, next_folded(a, &x));
        b = skip(b, next_folded(b, &y));
        if (x != y)
            return false;
    }
    return a.len == b.len;
}
