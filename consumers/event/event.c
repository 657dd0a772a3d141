#include "consumers/event/event.h"

#include "consumers/base/compiler.h"

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

/* The member of `other` with this name, looked for from where the last one was found. */
static const struct value *find_in_turn(const struct value *other, struct value_iter *turn,
                                        struct slice name)
{
    if (value_next(turn) && slice_equals(turn->name, name))
        return turn->item;
    *turn = value_walk(other);
    while (value_next(turn)) {
        if (slice_equals(turn->name, name))
            return turn->item;
    }
    return NULL;
}

static void compare_images(struct changed *changed, const struct row *row, struct arena *arena)
{
    struct value_iter iter = value_walk(row->before);
    struct value_iter turn = value_walk(row->after);
    struct slice *names = arena_alloc(arena, iter.left * sizeof(*names));

    changed->state = CHANGED_NAMES;
    changed->names = names;
    while (value_next(&iter)) {
        const struct value *now = find_in_turn(row->after, &turn, iter.name);

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
