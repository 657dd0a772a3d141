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

/* With the length settled, each compare is a word or two. */
#define IS(literal) (memcmp(name.ptr, literal, sizeof(literal) - 1) == 0)

static enum member find_member(struct slice name)
{
    switch (name.len) {
    case 2:
        return IS("pk") ? MEMBER_PK : IS("ts") ? MEMBER_TS : IS("id") ? MEMBER_ID : MEMBER_NR;
    case 3:
        return IS("pks") ? MEMBER_PKS : IS("m2m") ? MEMBER_M2M : MEMBER_NR;
    case 4:
        return IS("rows") ? MEMBER_ROWS : IS("meta") ? MEMBER_META : MEMBER_NR;
    case 5:
        return IS("event")   ? MEMBER_EVENT
               : IS("model") ? MEMBER_MODEL
               : IS("after") ? MEMBER_AFTER
               : IS("trace") ? MEMBER_TRACE
                             : MEMBER_NR;
    case 6:
        return IS("before")   ? MEMBER_BEFORE
               : IS("source") ? MEMBER_SOURCE
               : IS("tenant") ? MEMBER_TENANT
               : IS("sender") ? MEMBER_SENDER
                              : MEMBER_NR;
    case 7:
        return IS("changed")   ? MEMBER_CHANGED
               : IS("created") ? MEMBER_CREATED
               : IS("version") ? MEMBER_VERSION
               : IS("parents") ? MEMBER_PARENTS
                               : MEMBER_NR;
    default:
        return MEMBER_NR;
    }
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
    struct value_iter iter = value_walk(root);

    while (value_next(&iter)) {
        enum member member = find_member(iter.name);

        if (member == MEMBER_NR) {
            members->unknown++;
            continue;
        }
        if (!member_check_type(&member_expected[member], iter.item, err))
            return false;
        members->value[member] = iter.item;
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

bool member_read_pk(const struct value *value, const struct value **pk, struct error *err)
{
    struct value_iter iter = value_walk(value);

    if (!member_check_type(&member_expected[MEMBER_PK], value, err))
        return false;
    if (value_type(value) == VALUE_NUMBER && !member_is_integer(value_text(value)))
        return member_fail_type(&member_expected[MEMBER_PK], value, err);
    if (value_type(value) == VALUE_ARRAY && iter.left == 0)
        return error_fail(err, ERROR_REJECT, "\"pk\" must not be an empty array");
    while (value_next(&iter)) {
        if (!member_check_type(&expected_pk_part, iter.item, err))
            return false;
    }
    *pk = value_type(value) == VALUE_ARRAY && value_nr(value) == 1 ? value_at(value, 0) : value;
    return true;
}
