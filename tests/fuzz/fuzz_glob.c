/*
 * fuzz_glob - a text and two patterns: matched, escaped, compared.
 *
 * The matcher agrees with one written down here once more, as plainly as Redis' language can be said;
 * an escaped text matches itself and no other; what is said of two patterns holds for the text. Parts:
 * pattern, text, other pattern.
 */
#include "consumers/base/glob.h"
#include "tests/fuzz/fuzz.h"

enum { PART_BYTES_MAX = 200 };

/* A class from behind its `[`: does it take c, and how long is it, its `]` included? */
static size_t class_takes(const char *p, size_t nr, char c, bool *takes)
{
    bool negated = nr > 0 && p[0] == '^';
    bool found = false;
    size_t i = negated;

    while (i < nr && p[i] != ']') {
        char from = p[i], to = p[i];

        if (p[i] == '\\' && i + 1 < nr) {
            from = to = p[i + 1];
            i += 2;
        } else if (i + 2 < nr && p[i + 1] == '-') {
            from = p[i] < p[i + 2] ? p[i] : p[i + 2];
            to = p[i] < p[i + 2] ? p[i + 2] : p[i];
            i += 3;
        } else {
            i++;
        }
        found |= c >= from && c <= to;
    }
    *takes = found != negated;
    return i < nr ? i + 1 : i;
}

/* Where the element at p (no star) ends, and whether it takes c. */
static size_t element_takes(const char *p, size_t nr, char c, bool *takes)
{
    size_t class_bytes;

    if (p[0] == '[') {
        class_bytes = class_takes(p + 1, nr - 1, c, takes);
        return 1 + class_bytes;
    }
    if (p[0] == '\\' && nr > 1) {
        *takes = p[1] == c;
        return 2;
    }
    *takes = p[0] == '?' || p[0] == c;
    return 1;
}

struct grid {
    struct slice pattern, text;
    signed char known[PART_BYTES_MAX + 1][PART_BYTES_MAX + 1]; /* 0: not yet; 1: yes; -1: no */
};

static bool plainly(struct grid *grid, size_t i, size_t j);

static bool look(struct grid *grid, size_t i, size_t j)
{
    size_t left = grid->pattern.len - i;
    const char *p = grid->pattern.ptr + i;
    bool takes;
    size_t taken;

    if (left == 0)
        return j == grid->text.len;
    if (p[0] == '*')
        return plainly(grid, i + 1, j) || (j < grid->text.len && plainly(grid, i, j + 1));
    if (j == grid->text.len)
        return false;
    taken = element_takes(p, left, grid->text.ptr[j], &takes);
    return takes && plainly(grid, i + taken, j + 1);
}

static bool plainly(struct grid *grid, size_t i, size_t j)
{
    signed char *known = &grid->known[i][j];

    if (*known == 0)
        *known = look(grid, i, j) ? 1 : -1;
    return *known > 0;
}

/* Redis looks at the pattern only while there is text, so of the empty text but this is said. */
static bool matches_plainly(struct slice pattern, struct slice text)
{
    static struct grid grid;

    if (text.len == 0)
        return pattern.len == 0 || slice_equals(pattern, SLICE("*"));
    grid.pattern = pattern;
    grid.text = text;
    memset(grid.known, 0, (pattern.len + 1) * sizeof(grid.known[0]));
    return plainly(&grid, 0, 0);
}

static void check_match(struct slice pattern, struct slice text, struct arena *arena)
{
    bool matches = glob_match(pattern, text);

    need(matches == matches_plainly(pattern, text));
    if (matches)
        need(slice_starts_with(text, glob_literal_prefix(pattern, arena)));
}

static void check_escape(struct slice text, struct slice other, struct arena *arena)
{
    char *bytes = arena_bytes(arena, glob_escaped_bytes(text) + 1);
    struct slice escaped = {bytes, glob_escape(text, bytes)};

    need(escaped.len <= glob_escaped_bytes(text));
    need(glob_match(escaped, text));
    need(slice_equals(glob_literal_prefix(escaped, arena), text));
    need(glob_match(escaped, other) == slice_equals(text, other));
}

static void check_pair(struct slice a, struct slice b, struct slice text)
{
    bool both = glob_match(a, text) && glob_match(b, text);

    need(glob_covers(a, a) && glob_covers(b, b));
    need(glob_may_meet(a, b) == glob_may_meet(b, a));
    need(glob_may_meet(a, b) || !both);
    need(!glob_covers(a, b) || glob_match(a, text) || !glob_match(b, text));
    need(!glob_covers(b, a) || glob_match(b, text) || !glob_match(a, text));
}

static struct slice cut(struct slice part)
{
    if (slice_is_absent(part))
        return SLICE("");
    return (struct slice){part.ptr, part.len < PART_BYTES_MAX ? part.len : PART_BYTES_MAX};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = fuzz_input(data, size);
    struct slice pattern = cut(fuzz_part(&rest)), text = cut(fuzz_part(&rest));
    struct slice other = cut(fuzz_part(&rest));
    struct arena arena;

    arena_init(&arena, 1 << 12);
    check_match(pattern, text, &arena);
    check_match(other, text, &arena);
    check_match(pattern, other, &arena);
    check_escape(text, other, &arena);
    check_escape(pattern, text, &arena);
    check_pair(pattern, other, text);
    check_pair(pattern, text, other);
    arena_release(&arena);
    return 0;
}
