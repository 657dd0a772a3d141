#include "consumers/event/value.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/decimal.h"
#include "consumers/event/tree.h"

/* Above this many members in another order, objects are compared by sorting their names. */
enum { SEARCH_MAX_MEMBERS = 64 };

enum value_type value_type(const struct value *value)
{
    return value ? tree_type(tree_val(value)) : VALUE_MISSING;
}

struct slice value_text(const struct value *value)
{
    enum value_type type = value_type(value);

    if (type != VALUE_STRING && type != VALUE_NUMBER)
        return SLICE_ABSENT;
    return tree_text(tree_val(value));
}

size_t value_nr(const struct value *value)
{
    yyjson_val *val = tree_val(value);

    return yyjson_is_ctn(val) ? unsafe_yyjson_get_len(val) : 0;
}

const struct value *value_get(const struct value *object, struct slice name)
{
    yyjson_val *val = tree_val(object);

    return yyjson_is_obj(val) ? tree_get(val, name) : NULL;
}

const struct value *value_at(const struct value *array, size_t index)
{
    yyjson_val *val = tree_val(array);
    size_t nr;

    if (!yyjson_is_arr(val) || index >= unsafe_yyjson_get_len(val))
        return NULL;
    nr = unsafe_yyjson_get_len(val);
    /* An array without containers ends nr values after it begins: no walk. */
    if (unsafe_yyjson_get_next(val) == val + 1 + nr)
        return tree_value(val + 1 + index);
    for (val = unsafe_yyjson_get_first(val); index > 0; index--)
        val = unsafe_yyjson_get_next(val);
    return tree_value(val);
}

struct value_iter value_walk(const struct value *container)
{
    yyjson_val *val = tree_val(container);
    struct value_iter iter = {0};

    if (!yyjson_is_ctn(val))
        return iter;
    iter.next = unsafe_yyjson_get_first(val);
    iter.left = unsafe_yyjson_get_len(val);
    iter.is_object = unsafe_yyjson_is_obj(val);
    return iter;
}

bool value_next(struct value_iter *iter)
{
    yyjson_val *val = tree_val(iter->next);

    if (iter->left == 0)
        return false;
    if (iter->is_object)
        iter->name = tree_text(val++);
    iter->item = tree_value(val);
    iter->next = unsafe_yyjson_get_next(val);
    iter->left--;
    return true;
}

static bool arrays_equal(const struct value *a, const struct value *b)
{
    struct value_iter left = value_walk(a);
    struct value_iter right = value_walk(b);

    if (left.left != right.left)
        return false;
    while (value_next(&left) && value_next(&right)) {
        if (!value_equals(left.item, right.item))
            return false;
    }
    return true;
}

static bool objects_equal_sorted(const struct value *a, const struct value *b)
{
    size_t nr = value_nr(a);
    yyjson_val **left = alloc_zero(3 * nr, sizeof(void *));
    yyjson_val **right = left + nr;
    bool equal = true;

    tree_sort_names(a, left, left + 2 * nr);
    tree_sort_names(b, right, left + 2 * nr);
    for (size_t i = 0; i < nr && equal; i++) {
        equal = slice_equals(tree_text(left[i]), tree_text(right[i])) &&
                value_equals(tree_value(left[i] + 1), tree_value(right[i] + 1));
    }
    free(left);
    return equal;
}

static bool have_same_order(const struct value *a, const struct value *b)
{
    struct value_iter left = value_walk(a);
    struct value_iter right = value_walk(b);

    while (value_next(&left) && value_next(&right)) {
        if (!slice_equals(left.name, right.name))
            return false;
    }
    return true;
}

static bool objects_equal(const struct value *a, const struct value *b)
{
    struct value_iter iter = value_walk(a);

    if (value_nr(a) != value_nr(b))
        return false;
    if (have_same_order(a, b))
        return arrays_equal(a, b);
    if (value_nr(a) > SEARCH_MAX_MEMBERS)
        return objects_equal_sorted(a, b);
    while (value_next(&iter)) {
        if (!value_equals(iter.item, value_get(b, iter.name)))
            return false;
    }
    return true;
}

bool value_equals(const struct value *a, const struct value *b)
{
    enum value_type type = value_type(a);

    if (type != value_type(b))
        return false;
    switch (type) {
    case VALUE_NUMBER:
        return slice_equals(value_text(a), value_text(b)) ||
               decimal_compare(value_text(a), value_text(b)) == 0;
    case VALUE_STRING:
        return slice_equals(value_text(a), value_text(b));
    case VALUE_ARRAY:
        return arrays_equal(a, b);
    case VALUE_OBJECT:
        return objects_equal(a, b);
    default:
        return true;
    }
}

static void print_container(const struct value *container, struct buffer *out)
{
    struct value_iter iter = value_walk(container);
    bool is_object = iter.is_object;
    bool is_first = true;

    buffer_add_char(out, is_object ? '{' : '[');
    while (value_next(&iter)) {
        if (!is_first)
            buffer_add_char(out, ',');
        is_first = false;
        if (is_object) {
            buffer_add_json_string(out, iter.name);
            buffer_add_char(out, ':');
        }
        value_print(iter.item, out);
    }
    buffer_add_char(out, is_object ? '}' : ']');
}

void value_print(const struct value *value, struct buffer *out)
{
    switch (value_type(value)) {
    case VALUE_MISSING:
        break;
    case VALUE_NULL:
        buffer_add(out, SLICE("null"));
        break;
    case VALUE_FALSE:
        buffer_add(out, SLICE("false"));
        break;
    case VALUE_TRUE:
        buffer_add(out, SLICE("true"));
        break;
    case VALUE_NUMBER:
        buffer_add(out, value_text(value));
        break;
    case VALUE_STRING:
        buffer_add_json_string(out, value_text(value));
        break;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        print_container(value, out);
        break;
    }
}
