#include "consumers/event/field.h"

#include "consumers/event/tree.h"

enum { NUMBER_TEXT_BYTES = 20 }; /* of the largest uint64_t */

#define NAMED(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct slice root_texts[FIELD_ROOT_NR] = {
    [FIELD_ROW] = {NULL, 0},
    [FIELD_BEFORE] = NAMED("before"),
    [FIELD_AFTER] = NAMED("after"),
    [FIELD_PK] = NAMED("pk"),
    [FIELD_MODEL] = NAMED("model"),
    [FIELD_OP] = NAMED("op"),
    [FIELD_EVENT] = NAMED("event"),
    [FIELD_EVENT_ID] = NAMED("event_id"),
    [FIELD_TS] = NAMED("ts"),
    [FIELD_VERSION] = NAMED("version"),
    [FIELD_TENANT] = NAMED("tenant"),
    [FIELD_SOURCE] = NAMED("source"),
    [FIELD_TRACE] = NAMED("trace"),
    [FIELD_CREATED] = NAMED("created"),
    [FIELD_CHANGED] = NAMED("changed"),
    [FIELD_SENDER] = NAMED("sender"),
    [FIELD_META] = NAMED("meta"),
    [FIELD_M2M] = NAMED("m2m"),
};

struct slice field_root_text(enum field_root root)
{
    return root_texts[root];
}

bool field_root_parse(struct slice text, enum field_root *root)
{
    for (unsigned i = FIELD_ROW + 1; i < FIELD_ROOT_NR; i++) {
        if (slice_equals(text, root_texts[i])) {
            *root = (enum field_root)i;
            return true;
        }
    }
    return false;
}

bool field_has_side(const struct event *event, const struct row *row, enum side side)
{
    if (side == SIDE_NEW)
        return event->op != EVENT_DELETE;
    if (event->op == EVENT_DELETE)
        return true;
    return event->op != EVENT_CREATE && row->before != NULL;
}

static struct field absent(enum field_state state)
{
    return (struct field){.state = state};
}

static struct field of_value(const struct value *value)
{
    struct field field = {.state = FIELD_PRESENT, .value = value};

    if (value == NULL)
        return absent(FIELD_MISSING);
    field.type = tree_type(tree_val(value));
    if (field.type == VALUE_STRING || field.type == VALUE_NUMBER)
        field.text = tree_text(tree_val(value));
    return field;
}

static struct field of_text(struct slice text, const struct field_path *path)
{
    if (slice_is_absent(text) || path->parts_nr > 0)
        return absent(FIELD_MISSING);
    return (struct field){.state = FIELD_PRESENT, .type = VALUE_STRING, .text = text};
}

/* Two digits a division. */
static struct slice print_number(uint64_t number, struct arena *arena)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    char *text = arena_bytes(arena, NUMBER_TEXT_BYTES);
    char *digit = text + NUMBER_TEXT_BYTES;

    for (; number >= 10; number /= 100) {
        digit -= 2;
        memcpy(digit, pairs + number % 100 * 2, 2);
    }
    if (number > 0 || digit == text + NUMBER_TEXT_BYTES)
        *--digit = (char)('0' + number);
    return (struct slice){digit, (size_t)(text + NUMBER_TEXT_BYTES - digit)};
}

static struct field of_number(bool is_there, uint64_t number, const struct field_path *path,
                              struct arena *arena)
{
    if (!is_there || path->parts_nr > 0)
        return absent(FIELD_MISSING);
    return (struct field){
        .state = FIELD_PRESENT, .type = VALUE_NUMBER, .text = print_number(number, arena)};
}

static const struct value *step(const struct value *value, const struct field_part *part)
{
    yyjson_val *val = tree_val(value);

    if (slice_is_absent(part->name))
        return value_at(value, part->index);
    return yyjson_is_obj(val) ? tree_get(val, part->name) : NULL;
}

static struct field of_parts(const struct value *value, const struct field_path *path, size_t from)
{
    for (size_t i = from; i < path->parts_nr && value; i++)
        value = step(value, &path->parts[i]);
    return of_value(value);
}

/* One field in `first`, else in `second`; deeper parts go into whichever has it. */
static struct field of_images(const struct value *first, const struct value *second,
                              const struct field_path *path)
{
    const struct value *value;

    if (first == NULL && second == NULL)
        return absent(FIELD_UNKNOWN);
    if (path->parts_nr == 0)
        return of_value(first ? first : second);
    value = step(first, &path->parts[0]);
    if (value == NULL)
        value = step(second, &path->parts[0]);
    return of_parts(value, path, 1);
}

static struct field of_before(const struct event *event, const struct row *row,
                              const struct field_path *path)
{
    if (event->op == EVENT_CREATE)
        return absent(FIELD_NO_ROW);
    if (row->before == NULL)
        return absent(FIELD_UNKNOWN);
    return of_images(row->before, row->after, path);
}

static struct field of_after(const struct event *event, const struct row *row,
                             const struct field_path *path)
{
    if (event->op == EVENT_DELETE)
        return absent(FIELD_NO_ROW);
    return of_images(row->after, NULL, path);
}

static bool is_id(const struct field_path *path)
{
    return path->parts_nr > 0 && slice_equals(path->parts[0].name, SLICE("id"));
}

static struct field of_row(const struct event *event, const struct row *row, enum side side,
                           const struct field_path *path)
{
    struct field field;

    if (!field_has_side(event, row, side))
        return absent(FIELD_NO_ROW);
    field = side == SIDE_NEW ? of_images(row->after, NULL, path)
                             : of_images(row->before, row->after, path);
    if (is_id(path) && row->pk && field.state != FIELD_PRESENT)
        return of_parts(row->pk, path, 1);
    return field;
}

static struct field of_created(const struct event *event, const struct field_path *path)
{
    return event->op_is_guess ? absent(FIELD_UNKNOWN) : of_parts(event->created, path, 0);
}

struct field field_get(const struct event *event, const struct row *row, enum side side,
                       const struct field_path *path, struct arena *arena)
{
    switch (path->root) {
    case FIELD_ROW:
        return of_row(event, row, side, path);
    case FIELD_BEFORE:
        return of_before(event, row, path);
    case FIELD_AFTER:
        return of_after(event, row, path);
    case FIELD_PK:
        return of_parts(row->pk, path, 0);
    case FIELD_MODEL:
        return of_text(event->model, path);
    case FIELD_OP:
        return of_text(event->op_name, path);
    case FIELD_EVENT:
        return of_text(event->name, path);
    case FIELD_EVENT_ID:
        return of_text(event->id, path);
    case FIELD_TS:
        return of_number(event->has_ts, (uint64_t)event->ts_ms, path, arena);
    case FIELD_VERSION:
        return of_number(event->has_version, event->version, path, arena);
    case FIELD_TENANT:
        return of_text(event->tenant, path);
    case FIELD_SOURCE:
        return of_text(event->source, path);
    case FIELD_TRACE:
        return of_text(event->trace, path);
    case FIELD_SENDER:
        return of_text(event->sender, path);
    case FIELD_CREATED:
        return of_created(event, path);
    case FIELD_META:
        return of_parts(event->meta, path, 0);
    case FIELD_M2M:
        return of_parts(event->m2m, path, 0);
    case FIELD_CHANGED:
    case FIELD_ROOT_NR:
        break;
    }
    return absent(FIELD_MISSING);
}
