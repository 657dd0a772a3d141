#include "consumers/event/member.h"

#include "consumers/base/suggest.h"
#include "consumers/event/decode.h"

const struct expected member_expected[MEMBER_NR] = {
    [MEMBER_EVENT] = {"event", IS_STRING, "a string"},
    [MEMBER_MODEL] = {"model", IS_STRING, "a string"},
    [MEMBER_PK] = {"pk", IS_STRING | IS_NUMBER | IS_ARRAY, "a string, an integer or an array"},
    [MEMBER_PKS] = {"pks", IS_ARRAY, "an array"},
    [MEMBER_ROWS] = {"rows", IS_ARRAY, "an array of objects"},
    [MEMBER_CREATED] = {"created", IS_BOOLEAN, "true or false"},
    [MEMBER_CHANGED] = {"changed", IS_ARRAY, "an array of strings"},
    [MEMBER_BEFORE] = {"before", IS_OBJECT | IS_NULL, "an object or null"},
    [MEMBER_AFTER] = {"after", IS_OBJECT | IS_NULL, "an object or null"},
    [MEMBER_ID] = {"id", IS_STRING, "a string"},
    [MEMBER_TS] = {"ts", IS_NUMBER, "an integer (milliseconds since 1970)"},
    [MEMBER_VERSION] = {"version", IS_NUMBER, "an integer"},
    [MEMBER_SOURCE] = {"source", IS_STRING, "a string"},
    [MEMBER_TENANT] = {"tenant", IS_STRING, "a string"},
    [MEMBER_TRACE] = {"trace", IS_STRING, "a string"},
    [MEMBER_SENDER] = {"sender", IS_STRING, "a string"},
    [MEMBER_M2M] = {"m2m", IS_OBJECT, "an object"},
    [MEMBER_META] = {"meta", IS_OBJECT, "an object"},
    [MEMBER_PARENTS] = {"parents", IS_ARRAY, "an array of strings"},
};

static const struct expected expected_pk_part = {"pk", IS_STRING | IS_NUMBER | IS_BOOLEAN,
                                                 "made of strings, numbers and booleans"};

/*
 * The names by a hash without collisions, of the first two bytes and the length. One load and one
 * compare find a name or tell that nobody knows it; what it may be lies beside it.
 */
enum { SLOTS = 32 };

#define SLOT(first, second, len)                                                                   \
    ((uint32_t)(((first) | (uint32_t)(second) << 8) + (uint32_t)(len)) * 0x1ade67cfu >> 27)
#define MASKED(name, i) (sizeof(name) - 1 > (i) ? 0xff : 0)
#define NAMED(name, member, tags)                                                                  \
    {                                                                                              \
        name, {MASKED(name, 0), MASKED(name, 1), MASKED(name, 2), MASKED(name, 3),                 \
               MASKED(name, 4), MASKED(name, 5), MASKED(name, 6), MASKED(name, 7)},                \
            sizeof(name) - 1, tags, member                                                         \
    }

/* What a member may be, as bits by the low five of a yyjson tag. */
enum {
    TAG_STRING = 1 << YYJSON_TYPE_STR | 1 << (YYJSON_TYPE_STR | YYJSON_SUBTYPE_NOESC),
    TAG_NUMBER = 1 << YYJSON_TYPE_RAW,
    TAG_BOOLEAN = 1 << (YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_FALSE) |
                  1 << (YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_TRUE),
    TAG_ARRAY = 1 << YYJSON_TYPE_ARR,
    TAG_OBJECT = 1 << YYJSON_TYPE_OBJ,
    TAG_NULL = 1 << YYJSON_TYPE_NULL
};

static const struct slot {
    char name[8];
    unsigned char mask[8];
    uint64_t len;
    uint32_t tags, member;
} slots[SLOTS] = {
    [SLOT('e', 'v', 5)] = NAMED("event", MEMBER_EVENT, TAG_STRING),
    [SLOT('m', 'o', 5)] = NAMED("model", MEMBER_MODEL, TAG_STRING),
    [SLOT('p', 'k', 2)] = NAMED("pk", MEMBER_PK, TAG_STRING | TAG_NUMBER | TAG_ARRAY),
    [SLOT('p', 'k', 3)] = NAMED("pks", MEMBER_PKS, TAG_ARRAY),
    [SLOT('r', 'o', 4)] = NAMED("rows", MEMBER_ROWS, TAG_ARRAY),
    [SLOT('c', 'r', 7)] = NAMED("created", MEMBER_CREATED, TAG_BOOLEAN),
    [SLOT('c', 'h', 7)] = NAMED("changed", MEMBER_CHANGED, TAG_ARRAY),
    [SLOT('b', 'e', 6)] = NAMED("before", MEMBER_BEFORE, TAG_OBJECT | TAG_NULL),
    [SLOT('a', 'f', 5)] = NAMED("after", MEMBER_AFTER, TAG_OBJECT | TAG_NULL),
    [SLOT('i', 'd', 2)] = NAMED("id", MEMBER_ID, TAG_STRING),
    [SLOT('t', 's', 2)] = NAMED("ts", MEMBER_TS, TAG_NUMBER),
    [SLOT('v', 'e', 7)] = NAMED("version", MEMBER_VERSION, TAG_NUMBER),
    [SLOT('s', 'o', 6)] = NAMED("source", MEMBER_SOURCE, TAG_STRING),
    [SLOT('t', 'e', 6)] = NAMED("tenant", MEMBER_TENANT, TAG_STRING),
    [SLOT('t', 'r', 5)] = NAMED("trace", MEMBER_TRACE, TAG_STRING),
    [SLOT('s', 'e', 6)] = NAMED("sender", MEMBER_SENDER, TAG_STRING),
    [SLOT('m', '2', 3)] = NAMED("m2m", MEMBER_M2M, TAG_OBJECT),
    [SLOT('m', 'e', 4)] = NAMED("meta", MEMBER_META, TAG_OBJECT),
    [SLOT('p', 'a', 7)] = NAMED("parents", MEMBER_PARENTS, TAG_ARRAY),
};

/* NULL: nobody knows the name. */
static inline const struct slot *find_slot(const yyjson_val *name)
{
    const char *text = name->uni.str;
    size_t len = (size_t)(name->tag >> YYJSON_TAG_BIT);
    const struct slot *slot = &slots[SLOT((unsigned char)text[0], (unsigned char)text[1], len)];
    uint64_t want;
    uint64_t mask;

    memcpy(&want, slot->name, sizeof(want));
    memcpy(&mask, slot->mask, sizeof(mask));
    return slot->len == len && len > 0 && (tree_word(text) & mask) == want ? slot : NULL;
}

static inline bool may_be(const struct slot *slot, const yyjson_val *val)
{
    return slot->tags >> (val->tag & 31) & 1;
}

bool member_fail_type(const struct expected *expected, const struct value *value, struct error *err)
{
    static const char *const names[] = {
        [VALUE_MISSING] = "missing", [VALUE_NULL] = "null",        [VALUE_FALSE] = "false",
        [VALUE_TRUE] = "true",       [VALUE_NUMBER] = "a number",  [VALUE_STRING] = "a string",
        [VALUE_ARRAY] = "an array",  [VALUE_OBJECT] = "an object",
    };
    enum value_type type = value_type(value);

    if (type == VALUE_NUMBER && value_text(value).len <= 32)
        return error_fail(err, ERROR_REJECT, "\"%s\" must be %s, not %.*s", expected->name,
                          expected->text, SLICE_ARG(value_text(value)));
    return error_fail(err, ERROR_REJECT, "\"%s\" must be %s, not %s", expected->name,
                      expected->text, names[type]);
}

bool member_collect(const struct value *root, struct members *members, struct error *err)
{
    yyjson_val *name = unsafe_yyjson_get_first(tree_val(root));

    for (size_t left = value_nr(root); left > 0; left--) {
        const struct slot *slot = find_slot(name);
        const yyjson_val *val = name + 1;

        if (slot == NULL)
            members->unknown++;
        else if (may_be(slot, val))
            members->value[slot->member] = tree_value(val);
        else
            return member_fail_type(&member_expected[slot->member], tree_value(val), err);
        name = unsafe_yyjson_get_next(name + 1);
    }
    return true;
}

bool member_take(const struct value *root, struct members *members, struct arena *arena)
{
    yyjson_val *name = unsafe_yyjson_get_first(tree_val(root));

    for (size_t left = unsafe_yyjson_get_len(tree_val(root)); left > 0; left--) {
        const struct slot *slot = find_slot(name);
        yyjson_val *val = name + 1;

        if (slot == NULL) {
            if (members->unknown++ > 0)
                return false; /* perhaps one name twice */
        } else if (members->value[slot->member] || !may_be(slot, val)) {
            return false;
        } else {
            members->value[slot->member] = tree_value(val);
        }
        if (!unsafe_yyjson_is_ctn(val)) {
            name += 2;
            continue;
        }
        if (!tree_is_sound(val, DECODE_MAX_DEPTH, arena))
            return false;
        name = tree_behind(val);
    }
    return true;
}

bool member_fail_missing(const struct value *root, const char *name, const char *text,
                         struct error *err)
{
    struct value_iter iter = value_walk(root);
    struct suggest suggest;

    suggest_init(&suggest, slice_of(name));
    while (value_next(&iter)) {
        if (find_slot(tree_val(iter.item) - 1) == NULL)
            suggest_offer(&suggest, iter.name);
    }
    if (slice_is_absent(suggest.best))
        return error_fail(err, ERROR_REJECT, "%s", text);
    return error_fail(err, ERROR_REJECT, "%s (there is \"%.*s\")", text, SLICE_ARG(suggest.best));
}

/* Of the text of a number in a tree: most are short and all digits. */
static inline bool is_integer(struct slice number)
{
    uint64_t others = ~tree_word(number.ptr) & TREE_DIGIT_BITS;

    if (number.len <= 8 && (others & tree_word_mask(number.len)) == 0)
        return true;
    for (size_t i = 0; i < number.len; i++) {
        if (number.ptr[i] == '.' || (number.ptr[i] | 0x20) == 'e')
            return false;
    }
    return true;
}

bool member_is_integer(struct slice number)
{
    return is_integer(number);
}

bool member_check_strings(const struct value *array, const struct expected *expected,
                          struct error *err)
{
    struct value_iter iter = value_walk(array);

    while (value_next(&iter)) {
        if (value_type(iter.item) != VALUE_STRING)
            return member_fail_type(expected, iter.item, err);
    }
    return true;
}

static bool check_pk_parts(const struct value *array, struct error *err)
{
    struct value_iter iter = value_walk(array);

    if (iter.left == 0)
        return error_fail(err, ERROR_REJECT, "\"pk\" must not be an empty array");
    while (value_next(&iter)) {
        if (!member_check_type(&expected_pk_part, iter.item, err))
            return false;
    }
    return true;
}

static NOT_INLINED bool read_pk_parts(const struct value *value, const struct value **pk,
                                      struct error *err)
{
    if (tree_type_of(value) != VALUE_ARRAY)
        return member_fail_type(&member_expected[MEMBER_PK], value, err);
    if (value_nr(value) == 1)
        *pk = value_at(value, 0);
    return check_pk_parts(value, err);
}

bool member_read_pk(const struct value *value, const struct value **pk, struct error *err)
{
    enum value_type type = tree_type_of(value);

    *pk = value;
    if (type == VALUE_STRING || (type == VALUE_NUMBER && is_integer(tree_text(tree_val(value)))))
        return true;
    return read_pk_parts(value, pk, err);
}
