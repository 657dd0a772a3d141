#include "consumers/event/event.h"

#include "consumers/base/compiler.h"
#include "consumers/event/tree.h"

enum { NARROW_MEMBERS = 64, FEW_SEARCHES = 8 };

#define NAMED(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

struct slice event_op_text(enum event_op op)
{
    static const struct slice texts[EVENT_OP_NR] = {
        [EVENT_CREATE] = NAMED("create"),     [EVENT_UPDATE] = NAMED("update"),
        [EVENT_DELETE] = NAMED("delete"),     [EVENT_M2M] = NAMED("m2m"),
        [EVENT_TRUNCATE] = NAMED("truncate"), [EVENT_READ] = NAMED("read"),
        [EVENT_CUSTOM] = NAMED("custom"),
    };

    return texts[op];
}

static void take_all(struct changed *changed, const struct value *image, struct arena *arena)
{
    struct value_iter iter = value_walk(image);
    struct slice *names = arena_alloc(arena, iter.left * sizeof(*names));

    changed->state = CHANGED_ALL;
    changed->names = names;
    changed->nr = iter.left;
    while (value_next(&iter))
        *names++ = iter.name;
}

static void take_one(struct changed *changed, struct slice name, struct arena *arena)
{
    struct slice *names = arena_alloc(arena, sizeof(*names));

    *names = name;
    changed->state = CHANGED_NAMES;
    changed->names = names;
    changed->nr = 1;
}

/*
 * Members of an image by name: from where the last one was found, as long as both images stand in the
 * same order; else one by one, or, when a wide image is searched often, by its sorted names: nothing
 * bounds the members of an image but the size of the event.
 */
struct finder {
    const struct value *image;
    struct value_iter turn;
    unsigned searches;
    yyjson_val **names; /* sorted; NULL: not yet */
    struct arena *arena;
};

static const struct value *find_sorted(struct finder *finder, struct slice name)
{
    size_t low = 0, high = value_nr(finder->image);

    if (finder->names == NULL) {
        finder->names = arena_alloc(finder->arena, 2 * high * sizeof(*finder->names));
        tree_sort_names(finder->image, finder->names, finder->names + high);
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(name, tree_text(finder->names[middle]));

        if (order == 0)
            return tree_value(finder->names[middle] + 1);
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static const struct value *find(struct finder *finder, struct slice name)
{
    struct value_iter *turn = &finder->turn;

    if (value_next(turn) && slice_equals(turn->name, name))
        return turn->item;
    if (value_nr(finder->image) > NARROW_MEMBERS && finder->searches++ >= FEW_SEARCHES)
        return find_sorted(finder, name);
    *turn = value_walk(finder->image);
    while (value_next(turn)) {
        if (slice_equals(turn->name, name))
            return turn->item;
    }
    return NULL;
}

static void compare_images(struct changed *changed, const struct row *row, struct arena *arena)
{
    struct value_iter iter = value_walk(row->before);
    struct finder finder = {.image = row->after, .turn = value_walk(row->after), .arena = arena};
    struct slice *names = arena_alloc(arena, iter.left * sizeof(*names));

    changed->state = CHANGED_NAMES;
    changed->names = names;
    while (value_next(&iter)) {
        const struct value *now = find(&finder, iter.name);

        if (!value_equals(iter.item, now))
            names[changed->nr++] = iter.name;
    }
}

static void derive(const struct event *event, struct row *row, struct arena *arena)
{
    const struct value *m2m_field = value_get(event->m2m, SLICE("field"));
    struct changed *changed = &row->changed;

    changed->state = CHANGED_UNKNOWN;
    if (event->op == EVENT_CREATE)
        take_all(changed, row->after, arena);
    else if (event->op == EVENT_DELETE)
        take_all(changed, row->before ? row->before : row->after, arena);
    else if (event->op == EVENT_M2M && m2m_field)
        take_one(changed, value_text(m2m_field), arena);
    else if (event->op != EVENT_M2M && row->before && row->after)
        compare_images(changed, row, arena);
}

const struct changed *event_changed(const struct event *event, struct row *row, struct arena *arena)
{
    if (row->changed.state == CHANGED_NOT_LOOKED_AT)
        derive(event, row, arena);
    return &row->changed;
}
