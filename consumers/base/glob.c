#include "consumers/base/glob.h"

#include <stdint.h>
#include <stdlib.h>

#include "consumers/base/alloc.h"

enum part_kind { PART_BYTE, PART_ANY, PART_CLASS, PART_STARS };

/* One element of a pattern. */
struct part {
    enum part_kind kind;
    char byte;            /* PART_BYTE: what it matches */
    bool negated;         /* PART_CLASS */
    struct slice members; /* PART_CLASS: what stands between the brackets, without the `^` */
};

struct span {
    char from;
    char to;
};

/* Takes the next member of a class off *rest; a single byte is a span of one. */
static struct span take_member(struct slice *rest)
{
    const char *p = rest->ptr;
    size_t taken = 1;
    struct span span = {p[0], p[0]};

    if (p[0] == '\\' && rest->len >= 2) {
        span = (struct span){p[1], p[1]};
        taken = 2;
    } else if (rest->len >= 3 && p[1] == '-') {
        span = p[0] <= p[2] ? (struct span){p[0], p[2]} : (struct span){p[2], p[0]};
        taken = 3;
    }
    rest->ptr += taken;
    rest->len -= taken;
    return span;
}

/* at is behind the `[`; returns where the pattern goes on. */
static size_t take_class(struct slice pattern, size_t at, struct part *part)
{
    struct slice rest;

    part->kind = PART_CLASS;
    part->negated = at < pattern.len && pattern.ptr[at] == '^';
    at += part->negated;
    rest = (struct slice){pattern.ptr + at, pattern.len - at};
    part->members.ptr = rest.ptr;
    /* The end is looked for as members are read, for `]` may be the end of a range. */
    while (rest.len > 0 && rest.ptr[0] != ']')
        take_member(&rest);
    part->members.len = (size_t)(rest.ptr - part->members.ptr);
    at += part->members.len;
    return rest.len > 0 ? at + 1 : at;
}

static size_t take_part(struct slice pattern, size_t at, struct part *part)
{
    char c = pattern.ptr[at++];

    if (c == '[')
        return take_class(pattern, at, part);
    if (c == '*') {
        part->kind = PART_STARS;
        while (at < pattern.len && pattern.ptr[at] == '*')
            at++;
        return at;
    }
    part->kind = c == '?' ? PART_ANY : PART_BYTE;
    part->byte = c;
    if (c == '\\' && at < pattern.len)
        part->byte = pattern.ptr[at++];
    return at;
}

/*
 * The members are read again with the whole rest of the pattern in the first reading, but with the
 * class alone here; both read the same, since the class ends where a member ended.
 */
static bool class_has(const struct part *part, char c)
{
    struct slice rest = part->members;

    while (rest.len > 0) {
        struct span span = take_member(&rest);

        if (c >= span.from && c <= span.to)
            return !part->negated;
    }
    return part->negated;
}

static bool part_has(const struct part *part, char c)
{
    switch (part->kind) {
    case PART_BYTE:
        return part->byte == c;
    case PART_CLASS:
        return class_has(part, c);
    default:
        return true;
    }
}

static bool is_plain(char c)
{
    return c != '*' && c != '?' && c != '[' && c != '\\';
}

/* How many plain bytes both begin with: most of a pattern, and worth a short loop of its own. */
static size_t common_plain(struct slice pattern, size_t at, struct slice text, size_t in_text)
{
    size_t nr = 0;

    while (at + nr < pattern.len && in_text + nr < text.len &&
           pattern.ptr[at + nr] == text.ptr[in_text + nr] && is_plain(pattern.ptr[at + nr]))
        nr++;
    return nr;
}

/* Where in the text, from there on, the parts at `at` (not the end) can begin to match at all. */
static size_t next_start(struct slice pattern, size_t at, struct slice text, size_t from)
{
    const char *found;

    if (!is_plain(pattern.ptr[at]))
        return from;
    found = memchr(text.ptr + from, pattern.ptr[at], text.len - from);
    return found ? (size_t)(found - text.ptr) : text.len;
}

static bool matches_empty(struct slice pattern)
{
    return pattern.len == 0 || (pattern.len == 1 && pattern.ptr[0] == '*');
}

/*
 * Every part but the stars takes one byte, so only the last stars need to be tried again: if the
 * parts behind them match nowhere further on, moving earlier stars cannot help. Nor can anything
 * once the text is used up.
 */
bool glob_match(struct slice pattern, struct slice text)
{
    size_t at = 0;
    size_t in_text = 0;
    size_t retry_at = SIZE_MAX;
    size_t retry_in_text = 0;

    if (text.len == 0)
        return matches_empty(pattern);
    while (at < pattern.len || in_text < text.len) {
        struct part part = {.kind = PART_BYTE};
        size_t plain = common_plain(pattern, at, text, in_text);
        size_t behind;

        at += plain;
        in_text += plain;
        behind = at < pattern.len ? take_part(pattern, at, &part) : at;
        if (behind > at && part.kind == PART_STARS) {
            if (behind == pattern.len)
                return true;
            retry_at = at = behind;
            retry_in_text = in_text = next_start(pattern, at, text, in_text);
        } else if (behind > at && in_text < text.len && part_has(&part, text.ptr[in_text])) {
            at = behind;
            in_text++;
        } else if (retry_at != SIZE_MAX && in_text < text.len) {
            at = retry_at;
            retry_in_text = in_text = next_start(pattern, at, text, retry_in_text + 1);
        } else {
            return at == pattern.len && in_text == text.len;
        }
    }
    return true;
}

size_t glob_escape(struct slice text, char *out)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\0' && strchr("*?[]\\^-", text.ptr[i]))
            out[len++] = '\\';
        out[len++] = text.ptr[i];
    }
    return len;
}

bool glob_is_open(struct slice pattern)
{
    bool is_open = false;

    for (size_t at = 0; at < pattern.len;) {
        struct part part = {.kind = PART_BYTE};
        size_t start = at;

        at = take_part(pattern, at, &part);
        /* A closed class has one byte more than its brackets and members: the `]`. */
        is_open = part.kind == PART_CLASS
                      ? at == start + 1 + part.negated + part.members.len
                      : part.kind == PART_BYTE && pattern.ptr[start] == '\\' && at == start + 1;
    }
    return is_open;
}

struct slice glob_literal_prefix(struct slice pattern, struct arena *arena)
{
    char *out = arena_bytes(arena, pattern.len);
    size_t len = 0;
    size_t at = 0;

    while (at < pattern.len) {
        struct part part;

        at = take_part(pattern, at, &part);
        if (part.kind != PART_BYTE)
            break;
        out[len++] = part.byte;
    }
    return (struct slice){out, len};
}

/* A part as the set of bytes it takes, or stars. */
struct step {
    uint64_t bytes[4];
    bool stars;
};

struct steps {
    struct step *items;
    size_t nr;
};

/* Longer patterns are not compared: the answer is then the cautious one. */
enum { COMPARED_BYTES_MAX = 2048 };

static void add_byte(struct step *step, unsigned byte)
{
    step->bytes[byte / 64] |= UINT64_C(1) << byte % 64;
}

static void set_step(struct step *step, const struct part *part)
{
    *step = (struct step){{0, 0, 0, 0}, part->kind == PART_STARS};
    if (part->kind == PART_BYTE) {
        add_byte(step, (unsigned char)part->byte);
        return;
    }
    for (unsigned c = 0; c < 256; c++) {
        if (part_has(part, (char)c))
            add_byte(step, c);
    }
}

static bool is_any(const struct step *step)
{
    return (step->bytes[0] & step->bytes[1] & step->bytes[2] & step->bytes[3]) == UINT64_MAX;
}

/* Among stars and `?` the order has no meaning; stars once and last is the form compared. */
static void add_step(struct steps *steps, const struct step *step)
{
    struct step *last = steps->nr > 0 ? &steps->items[steps->nr - 1] : NULL;

    if (last && last->stars && is_any(step)) {
        if (step->stars)
            return;
        steps->items[steps->nr++] = *last;
        *last = *step;
        return;
    }
    steps->items[steps->nr++] = *step;
}

static struct steps steps_of(struct slice pattern)
{
    struct steps steps = {alloc_bytes((pattern.len + 1) * sizeof(*steps.items)), 0};

    for (size_t at = 0; at < pattern.len;) {
        struct part part;
        struct step step;

        at = take_part(pattern, at, &part);
        set_step(&step, &part);
        add_step(&steps, &step);
    }
    return steps;
}

static bool is_subset(const struct step *inner, const struct step *outer)
{
    return !(inner->bytes[0] & ~outer->bytes[0]) && !(inner->bytes[1] & ~outer->bytes[1]) &&
           !(inner->bytes[2] & ~outer->bytes[2]) && !(inner->bytes[3] & ~outer->bytes[3]);
}

static bool have_common(const struct step *a, const struct step *b)
{
    return (a->bytes[0] & b->bytes[0]) || (a->bytes[1] & b->bytes[1]) ||
           (a->bytes[2] & b->bytes[2]) || (a->bytes[3] & b->bytes[3]);
}

/*
 * What is known of the two rests of a pair of patterns: answers for the rest of a from this step on
 * (`here`) and from the next one (`below`), each by the position in b.
 */
struct rows {
    const bool *below;
    bool *here;
};

typedef bool cell_function(const struct step *a, const struct steps *b, size_t j,
                           const struct rows *rows);

/* May the rests be matched by one text? Exact: a walk through both patterns at once. */
static bool meet_cell(const struct step *a, const struct steps *b, size_t j,
                      const struct rows *rows)
{
    const struct step *other = j < b->nr ? &b->items[j] : NULL;

    if (a == NULL)
        return other == NULL || (other->stars && rows->here[j + 1]);
    if (other == NULL)
        return a->stars && rows->below[j];
    /* Stars take any byte the other side can take; a class may be empty and take none. */
    if (a->stars)
        return rows->below[j] || (have_common(a, other) && rows->here[j + 1]);
    if (other->stars)
        return rows->here[j + 1] || (have_common(a, other) && rows->below[j]);
    return have_common(a, other) && rows->below[j + 1];
}

/* Does the wide rest (a) follow every move of the narrow one? Sound, not complete. */
static bool cover_cell(const struct step *a, const struct steps *b, size_t j,
                       const struct rows *rows)
{
    const struct step *narrow = j < b->nr ? &b->items[j] : NULL;

    if (a == NULL)
        return narrow == NULL;
    if (a->stars)
        return rows->below[j] || (narrow && rows->here[j + 1]);
    return narrow && !narrow->stars && is_subset(narrow, a) && rows->below[j + 1];
}

/* Fills the table from the ends of both patterns to their starts, two rows at a time. */
static bool walk(const struct steps *a, const struct steps *b, cell_function *cell)
{
    bool *table = alloc_zero(2 * (b->nr + 1), sizeof(*table));
    bool answer;

    for (size_t i = a->nr + 1; i-- > 0;) {
        struct rows rows = {
            .below = table + ((i + 1) % 2) * (b->nr + 1),
            .here = table + (i % 2) * (b->nr + 1),
        };

        for (size_t j = b->nr + 1; j-- > 0;)
            rows.here[j] = cell(i < a->nr ? &a->items[i] : NULL, b, j, &rows);
    }
    answer = table[0];
    free(table);
    return answer;
}

static bool compare(struct slice a, struct slice b, cell_function *cell)
{
    struct steps steps_a = steps_of(a);
    struct steps steps_b = steps_of(b);
    bool answer = walk(&steps_a, &steps_b, cell);

    free(steps_a.items);
    free(steps_b.items);
    return answer;
}

bool glob_covers(struct slice wide, struct slice narrow)
{
    if (slice_equals(wide, narrow))
        return true;
    if (matches_empty(narrow) && !matches_empty(wide))
        return false;
    if (wide.len > COMPARED_BYTES_MAX || narrow.len > COMPARED_BYTES_MAX)
        return false;
    return compare(wide, narrow, cover_cell);
}

bool glob_may_meet(struct slice a, struct slice b)
{
    if (a.len > COMPARED_BYTES_MAX || b.len > COMPARED_BYTES_MAX)
        return true;
    return compare(a, b, meet_cell);
}
