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

static inline bool has_side(const struct event *event, const struct row *row, enum side side)
{
    if (side == SIDE_NEW)
        return event->op != EVENT_DELETE;
    if (event->op == EVENT_DELETE)
        return true;
    return event->op != EVENT_CREATE && row->before != NULL;
}

bool field_has_side(const struct event *event, const struct row *row, enum side side)
{
    return has_side(event, row, side);
}

/*
 * The functions below fill *out, which begins all zero, in place: a result handed up by value
 * through several of them costs more than the look-up.
 */
static inline void set_value(struct field *out, const struct value *value)
{
    if (value == NULL) {
        out->state = FIELD_MISSING;
        return;
    }
    out->state = FIELD_PRESENT;
    out->value = value;
    out->type = tree_type(tree_val(value));
    if (out->type == VALUE_STRING || out->type == VALUE_NUMBER)
        out->text = tree_text(tree_val(value));
}

static void set_computed(struct field *out, enum value_type type, struct slice text,
                         const struct field_path *path)
{
    if (slice_is_absent(text) || path->parts_nr > 0) {
        out->state = FIELD_MISSING;
        return;
    }
    out->state = FIELD_PRESENT;
    out->type = type;
    out->text = text;
}

static void set_text(struct field *out, struct slice text, const struct field_path *path)
{
    set_computed(out, VALUE_STRING, text, path);
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

static void set_number(struct field *out, uint64_t number, const struct field_path *path,
                       struct arena *arena)
{
    set_computed(out, VALUE_NUMBER, print_number(number, arena), path);
}

static const struct value *step(const struct value *value, const struct field_part *part)
{
    yyjson_val *val = tree_val(value);

    if (slice_is_absent(part->name))
        return value_at(value, part->index);
    return yyjson_is_obj(val) ? tree_get(val, part->name) : NULL;
}

static NOT_INLINED const struct value *walk(const struct value *value,
                                            const struct field_path *path, size_t from)
{
    for (size_t i = from; i < path->parts_nr && value; i++)
        value = step(value, &path->parts[i]);
    return value;
}

static void set_parts(struct field *out, const struct value *value, const struct field_path *path,
                      size_t from)
{
    if (from < path->parts_nr)
        value = walk(value, path, from);
    set_value(out, value);
}

/* One field in `first`, else in `second`; deeper parts go into whichever has it. */
static void set_image(struct field *out, const struct value *first, const struct value *second,
                      const struct field_path *path)
{
    const struct value *value = first ? first : second;

    if (value == NULL) {
        out->state = FIELD_UNKNOWN;
        return;
    }
    if (path->parts_nr > 0) {
        value = step(first, &path->parts[0]);
        if (value == NULL && second)
            value = step(second, &path->parts[0]);
    }
    if (path->parts_nr > 1)
        set_parts(out, value, path, 1);
    else
        set_value(out, value);
}

static void set_before(struct field *out, const struct event *event, const struct row *row,
                       const struct field_path *path)
{
    if (event->op == EVENT_CREATE)
        out->state = FIELD_NO_ROW;
    else if (row->before == NULL)
        out->state = FIELD_UNKNOWN;
    else
        set_image(out, row->before, row->after, path);
}

static void set_after(struct field *out, const struct event *event, const struct row *row,
                      const struct field_path *path)
{
    if (event->op == EVENT_DELETE)
        out->state = FIELD_NO_ROW;
    else
        set_image(out, row->after, NULL, path);
}

static bool is_id(const struct field_path *path)
{
    return path->parts_nr > 0 && slice_equals(path->parts[0].name, SLICE("id"));
}

static NOT_INLINED void set_row_part(struct field *out, const struct row *row, enum side side,
                                     const struct field_path *path)
{
    if (side == SIDE_NEW)
        set_image(out, row->after, NULL, path);
    else
        set_image(out, row->before, row->after, path);
    if (out->state != FIELD_PRESENT && row->pk && is_id(path))
        set_parts(out, row->pk, path, 1);
}

/* What nearly every path is, one name that the image has, is found without a call. */
static NOT_INLINED void set_row(struct field *out, const struct event *event, const struct row *row,
                                enum side side, const struct field_path *path)
{
    const struct value *image = side == SIDE_NEW ? row->after : row->before;
    const struct value *value = NULL;

    if (!has_side(event, row, side)) {
        out->state = FIELD_NO_ROW;
        return;
    }
    if (image && path->parts_nr == 1 && !slice_is_absent(path->parts[0].name))
        value = tree_get(tree_val(image), path->parts[0].name);
    if (value)
        set_value(out, value);
    else
        set_row_part(out, row, side, path);
}

static void set_created(struct field *out, const struct event *event, const struct field_path *path)
{
    if (event->op_is_guess)
        out->state = FIELD_UNKNOWN;
    else
        set_parts(out, event->created, path, 0);
}

static void set_version(struct field *out, const struct event *event, const struct field_path *path,
                        struct arena *arena)
{
    if (!slice_is_absent(event->version_text))
        set_computed(out, VALUE_NUMBER, event->version_text, path);
    else if (event->has_version)
        set_number(out, event->version, path, arena);
}

/* NOLINTNEXTLINE(readability-function-size): field_get()'s five and where the answer goes. */
void field_fill(struct field *out, const struct event *event, const struct row *row, enum side side,
                const struct field_path *path, struct arena *arena)
{
    if (path->root == FIELD_ROW) {
        set_row(out, event, row, side, path);
        return;
    }
    switch (path->root) {
    case FIELD_BEFORE:
        set_before(out, event, row, path);
        break;
    case FIELD_AFTER:
        set_after(out, event, row, path);
        break;
    case FIELD_PK:
        set_parts(out, row->pk, path, 0);
        break;
    case FIELD_MODEL:
        set_text(out, event->model, path);
        break;
    case FIELD_OP:
        set_text(out, event->op_name, path);
        break;
    case FIELD_EVENT:
        set_text(out, event->name, path);
        break;
    case FIELD_EVENT_ID:
        set_text(out, event->id, path);
        break;
    case FIELD_TS:
        if (event->has_ts)
            set_number(out, (uint64_t)event->ts_ms, path, arena);
        break;
    case FIELD_VERSION:
        set_version(out, event, path, arena);
        break;
    case FIELD_TENANT:
        set_text(out, event->tenant, path);
        break;
    case FIELD_SOURCE:
        set_text(out, event->source, path);
        break;
    case FIELD_TRACE:
        set_text(out, event->trace, path);
        break;
    case FIELD_CREATED:
        set_created(out, event, path);
        break;
    case FIELD_SENDER:
        set_text(out, event->sender, path);
        break;
    case FIELD_META:
        set_parts(out, event->meta, path, 0);
        break;
    case FIELD_M2M:
        set_parts(out, event->m2m, path, 0);
        break;
    default:
        break;
    }
}
