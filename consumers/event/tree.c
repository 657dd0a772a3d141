#include "consumers/event/tree.h"

#include "consumers/base/decimal.h"
/*
 * Up to this many members a name is first looked up in a small bit set, and compared with those
 * before it only if its bit was set: cheaper than any table at the sizes that rows have. Larger
 * objects are sorted, because whoever fills a JSON column chooses the names in it, and neither
 * comparing all pairs nor a hash without a secret would have a bound then.
 */
enum {
    FILTER_MAX_MEMBERS = 64,
    FILTER_WORDS = 32,
    FILTER_FEW = 16,
    FILTER_FEW_WORDS = 8,
    FILTER_FEW_BYTES = 128
};

struct check {
    struct arena *arena;
    struct slice duplicate;
    unsigned max_depth;
};

static int compare_names(const yyjson_val *a, const yyjson_val *b)
{
    return slice_compare(tree_text(a), tree_text(b));
}

static void merge(yyjson_val **out, yyjson_val **left, yyjson_val **right, yyjson_val **end)
{
    yyjson_val **middle = right;

    while (left < middle && right < end)
        *out++ = compare_names(*left, *right) <= 0 ? *left++ : *right++;
    while (left < middle)
        *out++ = *left++;
    while (right < end)
        *out++ = *right++;
}

void tree_sort_names(const struct value *object, yyjson_val **out, yyjson_val **scratch)
{
    yyjson_val *name = unsafe_yyjson_get_first(tree_val(object));
    size_t nr = unsafe_yyjson_get_len(tree_val(object));

    for (size_t i = 0; i < nr; i++, name = unsafe_yyjson_get_next(name + 1))
        out[i] = name;
    for (size_t run = 1; run < nr; run *= 2) {
        for (size_t i = 0; i < nr; i += 2 * run) {
            size_t middle = i + run < nr ? i + run : nr;
            size_t end = middle + run < nr ? middle + run : nr;

            merge(scratch + i, out + i, out + middle, out + end);
        }
        memcpy(out, scratch, nr * sizeof(void *));
    }
}

static bool has_duplicate_sorted(struct check *check, yyjson_val *object)
{
    struct arena_mark mark = arena_mark(check->arena);
    size_t nr = unsafe_yyjson_get_len(object);
    yyjson_val **names = arena_alloc(check->arena, 2 * nr * sizeof(void *));
    bool found = false;

    tree_sort_names(tree_value(object), names, names + nr);
    for (size_t i = 1; i < nr && !found; i++) {
        found = compare_names(names[i - 1], names[i]) == 0;
        if (found)
            check->duplicate = tree_text(names[i]);
    }
    arena_rewind(check->arena, mark);
    return found;
}

/* A name's last eight bytes, its first and its length, mixed so that the upper bits depend on all. */
static inline uint64_t mix_name(const yyjson_val *name)
{
    const char *text = name->uni.str;
    size_t len = (size_t)(name->tag >> YYJSON_TAG_BIT);
    size_t shown = len < 8 ? len : 8;
    uint64_t last = tree_word(text + len - shown) & tree_word_mask(shown);
    uint64_t first = (unsigned char)*text; /* of an empty name the NUL behind it */

    return (last + len + (first << 32)) * UINT64_C(0x9e3779b97f4a7c15);
}

static bool stands_before(yyjson_val *object, const yyjson_val *name)
{
    yyjson_val *other = unsafe_yyjson_get_first(object);

    while (other != name && !slice_equals(tree_text(other), tree_text(name)))
        other = unsafe_yyjson_get_next(other + 1);
    return other != name;
}

static enum tree_fault check_container(struct check *check, yyjson_val *container, unsigned depth);

static enum tree_fault check_object(struct check *check, yyjson_val *object, unsigned depth)
{
    uint64_t filter[FILTER_WORDS];
    size_t nr = unsafe_yyjson_get_len(object);
    size_t words = nr <= FILTER_FEW ? FILTER_FEW_WORDS : FILTER_WORDS;
    bool is_small = nr <= FILTER_MAX_MEMBERS;
    yyjson_val *name = unsafe_yyjson_get_first(object);

    if (!is_small && has_duplicate_sorted(check, object))
        return TREE_DUPLICATE;
    memset(filter, 0, words * sizeof(*filter));
    for (; nr > 0; nr--) {
        uint64_t mix = mix_name(name);
        uint64_t *word = &filter[(mix >> 48) & (words - 1)];
        uint64_t mask = (uint64_t)1 << (mix >> 58);

        if ((*word & mask) && is_small && stands_before(object, name)) {
            check->duplicate = tree_text(name);
            return TREE_DUPLICATE;
        }
        *word |= mask;
        if (unsafe_yyjson_is_ctn(name + 1)) {
            enum tree_fault fault = check_container(check, name + 1, depth + 1);

            if (fault != TREE_SOUND)
                return fault;
            name = unsafe_yyjson_get_next(name + 1);
        } else {
            name += 2;
        }
    }
    return TREE_SOUND;
}

static enum tree_fault check_array(struct check *check, yyjson_val *array, unsigned depth)
{
    size_t nr = unsafe_yyjson_get_len(array);
    yyjson_val *item = unsafe_yyjson_get_first(array);

    for (; nr > 0; nr--, item = unsafe_yyjson_get_next(item)) {
        enum tree_fault fault = TREE_SOUND;

        if (unsafe_yyjson_is_ctn(item))
            fault = check_container(check, item, depth + 1);
        if (fault != TREE_SOUND)
            return fault;
    }
    return TREE_SOUND;
}

static enum tree_fault check_container(struct check *check, yyjson_val *container, unsigned depth)
{
    if (depth > check->max_depth)
        return TREE_TOO_DEEP;
    if (unsafe_yyjson_is_obj(container))
        return check_object(check, container, depth);
    return check_array(check, container, depth);
}

enum tree_fault tree_check(const struct value *root, unsigned max_depth, struct arena *arena,
                           struct slice *name)
{
    struct check check = {.arena = arena, .max_depth = max_depth};
    yyjson_val *val = tree_val(root);
    enum tree_fault fault = TREE_SOUND;

    if (unsafe_yyjson_is_ctn(val))
        fault = check_container(&check, val, 1);
    *name = check.duplicate;
    return fault;
}

/* Of an object of few members without a container among them, as rows are. A byte says what a bit does above. */
static NOT_INLINED bool has_unique_names(yyjson_val *object, size_t nr)
{
    unsigned char filter[FILTER_FEW_BYTES] = {0};
    yyjson_val *name = unsafe_yyjson_get_first(object);

    for (; nr > 0; nr--, name += 2) {
        unsigned char *seen = &filter[mix_name(name) / (UINT64_MAX / FILTER_FEW_BYTES + 1)];

        if (*seen && stands_before(object, name))
            return false;
        *seen = 1;
    }
    return true;
}

static inline bool are_different(const yyjson_val *name, const yyjson_val *other)
{
    return unsafe_yyjson_get_len((void *)name) != unsafe_yyjson_get_len((void *)other) ||
           !tree_same(name->uni.str, other->uni.str, unsafe_yyjson_get_len((void *)name));
}

static NOT_INLINED bool is_sound_inside(yyjson_val *container, unsigned max_depth,
                                        struct arena *arena)
{
    struct check check = {.arena = arena, .max_depth = max_depth};

    return check_container(&check, container, 2) == TREE_SOUND;
}

bool tree_is_sound(yyjson_val *container, unsigned max_depth, struct arena *arena)
{
    size_t nr = unsafe_yyjson_get_len(container);
    size_t vals = (size_t)(tree_behind(container) - container) - 1;

    /* Without containers among them the values stand in a row. */
    if (unsafe_yyjson_is_arr(container) && vals == nr)
        return true;
    if (unsafe_yyjson_is_arr(container) || vals != 2 * nr || nr > FILTER_FEW)
        return is_sound_inside(container, max_depth, arena);
    if (nr > 2)
        return has_unique_names(container, nr);
    return nr < 2 || are_different(container + 1, container + 3);
}

/*
 * Eight digits at once: pairs, then fours, then all, each step adding neighbours with their weights
 * in one multiplication. Needs the first digit in the lowest byte.
 */
static uint64_t eight_digits(uint64_t word)
{
    word = ((word & UINT64_C(0x0f0f0f0f0f0f0f0f)) * 2561) >> 8;
    word = ((word & UINT64_C(0x00ff00ff00ff00ff)) * 6553601) >> 16;
    return ((word & UINT64_C(0x0000ffff0000ffff)) * UINT64_C(42949672960001)) >> 32;
}

static inline bool are_digits(uint64_t word)
{
    return (word & TREE_DIGIT_BITS) == TREE_DIGIT_BITS;
}

/* Up to sixteen digits and nothing else, on machines that store the lowest byte first. */
static bool short_integer(struct slice text, int64_t *integer)
{
    size_t head = text.len < 8 ? text.len : text.len - 8;
    unsigned shift = (unsigned)(8 - head) * 8;
    uint64_t first;
    uint64_t second = 0;

    if (text.len == 0 || head == 0 || head > 8 || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
        return false;
    memcpy(&first, text.ptr, sizeof(first));
    if (shift > 0)
        first = first << shift | UINT64_C(0x3030303030303030) >> (64 - shift);
    if (!are_digits(first))
        return false;
    *integer = (int64_t)eight_digits(first);
    if (text.len < 8)
        return true;
    memcpy(&second, text.ptr + head, sizeof(second));
    *integer = *integer * 100000000 + (int64_t)eight_digits(second);
    return are_digits(second);
}

bool tree_integer(const yyjson_val *number, int64_t *integer)
{
    return short_integer(tree_text(number), integer) ||
           decimal_to_int64(tree_text(number), integer);
}
