#include "consumers/event/build.h"

static const struct value *build_text(struct slice text, uint8_t type, struct arena *arena)
{
    yyjson_val *val = arena_alloc(arena, sizeof(*val));
    char *copy = arena_bytes(arena, text.len + TREE_PADDING_BYTES);

    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    memset(copy + text.len, 0, TREE_PADDING_BYTES);
    val->tag = (uint64_t)text.len << YYJSON_TAG_BIT | type;
    val->uni.str = copy;
    return tree_value(val);
}

const struct value *build_string(struct slice text, struct arena *arena)
{
    return build_text(text, YYJSON_TYPE_STR, arena);
}

const struct value *build_number(struct slice text, struct arena *arena)
{
    return build_text(text, YYJSON_TYPE_RAW, arena);
}

static void set_container(yyjson_val *container, uint8_t type, size_t nr, const yyjson_val *end)
{
    container->tag = (uint64_t)nr << YYJSON_TAG_BIT | type;
    container->uni.ofs = (size_t)(end - container) * sizeof(*container);
}

const struct value *build_array(const struct value *const *items, size_t nr, struct arena *arena)
{
    yyjson_val *array = arena_alloc(arena, (nr + 1) * sizeof(*array));

    for (size_t i = 0; i < nr; i++)
        array[i + 1] = *tree_val(items[i]);
    set_container(array, YYJSON_TYPE_ARR, nr, array + 1 + nr);
    return tree_value(array);
}

static bool drops_any(const struct value *object, bool (*drops)(const struct value *value))
{
    struct value_iter iter = value_walk(object);

    while (value_next(&iter)) {
        if (drops(iter.item))
            return true;
    }
    return false;
}

/* A member's values are contiguous and refer to each other by distance, so they may be moved. */
const struct value *build_without(const struct value *object,
                                  bool (*drops)(const struct value *value), struct arena *arena)
{
    yyjson_val *name = unsafe_yyjson_get_first(tree_val(object));
    const yyjson_val *end = unsafe_yyjson_get_next(tree_val(object));
    yyjson_val *copy;
    yyjson_val *next;
    size_t nr = 0;

    if (!drops_any(object, drops))
        return object;
    copy = arena_alloc(arena, (size_t)(end - tree_val(object)) * sizeof(*copy));
    next = copy + 1;
    for (size_t left = value_nr(object); left > 0; left--) {
        yyjson_val *following = unsafe_yyjson_get_next(name + 1);
        size_t vals = (size_t)(following - name);

        if (!drops(tree_value(name + 1))) {
            memcpy(next, name, vals * sizeof(*next));
            next += vals;
            nr++;
        }
        name = following;
    }
    set_container(copy, YYJSON_TYPE_OBJ, nr, next);
    return tree_value(copy);
}
