#include "consumers/event/member.h"

#include "consumers/base/suggest.h"

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
 * The names by a hash without collisions: first character, middle one and length. One load and one
 * compare find a name or tell that nobody knows it.
 */
enum { SLOTS = 32 };

#define SLOT(first, middle, len) (((first) + 2u * (middle) + 7u * (len)) & (SLOTS - 1u))

static const struct slot {
    char name[8];
    unsigned char len;
    unsigned char member;
} slots[SLOTS] = {
    [SLOT('e', 'e', 5)] = {"event", 5, MEMBER_EVENT},
    [SLOT('m', 'd', 5)] = {"model", 5, MEMBER_MODEL},
    [SLOT('p', 'k', 2)] = {"pk", 2, MEMBER_PK},
    [SLOT('p', 'k', 3)] = {"pks", 3, MEMBER_PKS},
    [SLOT('r', 'w', 4)] = {"rows", 4, MEMBER_ROWS},
    [SLOT('c', 'a', 7)] = {"created", 7, MEMBER_CREATED},
    [SLOT('c', 'n', 7)] = {"changed", 7, MEMBER_CHANGED},
    [SLOT('b', 'o', 6)] = {"before", 6, MEMBER_BEFORE},
    [SLOT('a', 't', 5)] = {"after", 5, MEMBER_AFTER},
    [SLOT('i', 'd', 2)] = {"id", 2, MEMBER_ID},
    [SLOT('t', 's', 2)] = {"ts", 2, MEMBER_TS},
    [SLOT('v', 's', 7)] = {"version", 7, MEMBER_VERSION},
    [SLOT('s', 'r', 6)] = {"source", 6, MEMBER_SOURCE},
    [SLOT('t', 'a', 6)] = {"tenant", 6, MEMBER_TENANT},
    [SLOT('t', 'a', 5)] = {"trace", 5, MEMBER_TRACE},
    [SLOT('s', 'd', 6)] = {"sender", 6, MEMBER_SENDER},
    [SLOT('m', '2', 3)] = {"m2m", 3, MEMBER_M2M},
    [SLOT('m', 't', 4)] = {"meta", 4, MEMBER_META},
    [SLOT('p', 'e', 7)] = {"parents", 7, MEMBER_PARENTS},
};

static inline enum member find_member(struct slice name)
{
    const unsigned char *text = (const unsigned char *)name.ptr;
    const struct slot *slot = &slots[SLOT(text[0], text[name.len / 2], name.len)];
    uint64_t want;

    memcpy(&want, slot->name, sizeof(want));
    if (slot->len != name.len || name.len == 0 || tree_word(name.ptr, name.len) != want)
        return MEMBER_NR;
    return (enum member)slot->member;
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
        enum member member = find_member(tree_text(name));
        const yyjson_val *val = name + 1;

        if (member == MEMBER_NR)
            members->unknown++;
        else if (member_expected[member].types & (1u << tree_type(val)))
            members->value[member] = tree_value(val);
        else
            return member_fail_type(&member_expected[member], tree_value(val), err);
        name = unsafe_yyjson_get_next(name + 1);
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
        if (find_member(iter.name) == MEMBER_NR)
            suggest_offer(&suggest, iter.name);
    }
    if (slice_is_absent(suggest.best))
        return error_fail(err, ERROR_REJECT, "%s", text);
    return error_fail(err, ERROR_REJECT, "%s (there is \"%.*s\")", text, SLICE_ARG(suggest.best));
}

bool member_is_integer(struct slice number)
{
    for (size_t i = 0; i < number.len; i++) {
        if (number.ptr[i] == '.' || number.ptr[i] == 'e' || number.ptr[i] == 'E')
            return false;
    }
    return true;
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

bool member_read_pk(const struct value *value, const struct value **pk, struct error *err)
{
    enum value_type type = tree_type_of(value);

    *pk = value;
    if (type == VALUE_STRING || (type == VALUE_NUMBER && member_is_integer(value_text(value))))
        return true;
    if (type != VALUE_ARRAY)
        return member_fail_type(&member_expected[MEMBER_PK], value, err);
    if (value_nr(value) == 1)
        *pk = value_at(value, 0);
    return check_pk_parts(value, err);
}
