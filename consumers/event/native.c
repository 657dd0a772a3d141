#include "consumers/event/native.h"
#include "consumers/base/compiler.h"
#include "consumers/base/text.h"
#include "consumers/base/zero.h"
#include "consumers/event/envelope.h"
#include "consumers/event/rows.h"

enum { NAME_MAX_CHARS = 200, ID_MAX_CHARS = 128 };

#define VERSION_MAX INT64_C(9007199254740991) /* 2^53-1: what Lua compares exactly */

#define NAMED(text) text, sizeof(text) - 1

static const struct {
    const char *name;
    size_t len;
    enum event_op op;
} ops[] = {
    {NAMED("post_save"), EVENT_UPDATE},   {NAMED("post_delete"), EVENT_DELETE},
    {NAMED("m2m_changed"), EVENT_M2M},    {NAMED("bulk_create"), EVENT_CREATE},
    {NAMED("bulk_update"), EVENT_UPDATE}, {NAMED("bulk_delete"), EVENT_DELETE},
    {NAMED("create"), EVENT_CREATE},      {NAMED("update"), EVENT_UPDATE},
    {NAMED("delete"), EVENT_DELETE},      {NAMED("m2m"), EVENT_M2M},
    {NAMED("truncate"), EVENT_TRUNCATE},  {NAMED("read"), EVENT_READ},
};

/* Of a member whose type was checked. */
static inline struct slice text_of(const struct value *string)
{
    return string ? tree_text(tree_val(string)) : SLICE_ABSENT;
}

/* Where nothing was sent the slice stays absent, as it began. */
static inline void take_text(struct slice *text, const struct value *string)
{
    if (string)
        *text = tree_text(tree_val(string));
}

static bool check_text(struct slice text, const char *name, size_t max_chars, struct error *err)
{
    if (text.len > max_chars && text_chars(text) > max_chars)
        return error_fail(err, ERROR_REJECT, "\"%s\" must have at most %zu characters", name,
                          max_chars);
    return true;
}

static inline enum event_op op_of(struct slice name)
{
    for (size_t i = 0; i < ARRAY_NR(ops); i++) {
        if (name.len == ops[i].len && tree_same(name.ptr, ops[i].name, name.len))
            return ops[i].op;
    }
    return EVENT_CUSTOM;
}

enum event_op native_op(struct slice name)
{
    return op_of(name);
}

static void read_op(struct event *event)
{
    event->op = op_of(event->name);
    if (event->op == EVENT_UPDATE && slice_equals(event->name, SLICE("post_save"))) {
        event->op_is_guess = event->created == NULL;
        if (tree_type_of(event->created) == VALUE_TRUE)
            event->op = EVENT_CREATE;
    }
    event->op_name = event->op == EVENT_CUSTOM ? event->name : event_op_text(event->op);
}

static bool read_names(struct reader *reader, const struct value *root)
{
    const struct value *const *value = reader->members->value;
    struct event *event = reader->event;

    if (value[MEMBER_EVENT] == NULL)
        return member_fail_missing(root, "event", "\"event\" is missing", reader->err);
    if (value[MEMBER_MODEL] == NULL)
        return member_fail_missing(root, "model", "\"model\" is missing", reader->err);
    event->name = text_of(value[MEMBER_EVENT]);
    event->model = text_of(value[MEMBER_MODEL]);
    if (event->name.len == 0 || event->model.len == 0)
        return error_fail(reader->err, ERROR_REJECT, "\"%s\" must not be empty",
                          event->name.len == 0 ? "event" : "model");
    take_text(&event->id, value[MEMBER_ID]);
    if (event->id.len == 0)
        event->id = SLICE_ABSENT;
    return check_text(event->name, "event", NAME_MAX_CHARS, reader->err) &&
           check_text(event->model, "model", NAME_MAX_CHARS, reader->err) &&
           check_text(event->id, "id", ID_MAX_CHARS, reader->err);
}

/* A time before 1970 or beyond any clock is kept out here; the record's time comes in later. */
static bool read_time(struct reader *reader)
{
    const struct value *value = reader->members->value[MEMBER_TS];
    struct event *event = reader->event;
    int64_t ms;

    if (value == NULL)
        return true;
    if (tree_integer(tree_val(value), &ms) && ms >= 0) {
        event->has_ts = true;
        event->ts_ms = ms;
        return true;
    }
    event->ts_replaced = true;
    return member_is_integer(value_text(value)) ||
           member_fail_type(&member_expected[MEMBER_TS], value, reader->err);
}

static bool read_version(struct reader *reader)
{
    const struct value *value = reader->members->value[MEMBER_VERSION];
    int64_t version;

    if (value == NULL)
        return true;
    if (!tree_integer(tree_val(value), &version) || version < 0 || version > VERSION_MAX)
        return error_fail(reader->err, ERROR_REJECT,
                          "\"version\" must be an integer from 0 to 9007199254740991, not %.*s",
                          SLICE_ARG(value_text(value)));
    reader->event->has_version = true;
    reader->event->version = (uint64_t)version;
    if (version > 0) /* -0 is 0 */
        reader->event->version_text = text_of(value);
    return true;
}

static bool check_m2m(const struct value *m2m, struct error *err)
{
    static const struct expected expected_field = {"field", IS_STRING, "a string"};
    static const struct expected expected_action = {"action", IS_STRING, "add, remove or clear"};
    const struct value *field = value_get(m2m, SLICE("field"));
    const struct value *action = value_get(m2m, SLICE("action"));
    const struct value *pks = value_get(m2m, SLICE("pks"));
    struct value_iter iter = value_walk(pks);
    struct slice text = value_text(action);
    const struct value *pk;

    if (field && !member_check_type(&expected_field, field, err))
        return false;
    if (action && !member_check_type(&expected_action, action, err))
        return false;
    if (action && !slice_equals(text, SLICE("add")) && !slice_equals(text, SLICE("remove")) &&
        !slice_equals(text, SLICE("clear")))
        return error_fail(err, ERROR_REJECT,
                          "\"action\" must be add, remove or clear, not \"%.*s\"",
                          text.len < 64 ? (int)text.len : 64, text.ptr);
    if (pks && !member_check_type(&member_expected[MEMBER_PKS], pks, err))
        return false;
    while (value_next(&iter)) {
        if (!member_read_pk(iter.item, &pk, err))
            return false;
    }
    return true;
}

static bool read_m2m(struct reader *reader)
{
    const struct value *m2m = reader->members->value[MEMBER_M2M];

    reader->event->m2m = m2m;
    if (m2m == NULL || check_m2m(m2m, reader->err))
        return true;
    error_wrap(reader->err, "m2m");
    return false;
}

static bool read_shared(struct reader *reader)
{
    const struct value *const *value = reader->members->value;
    struct event *event = reader->event;

    event->envelope = ENVELOPE_NATIVE;
    event->unknown_members = reader->members->unknown;
    event->created = value[MEMBER_CREATED];
    event->meta = value[MEMBER_META];
    event->parents = value[MEMBER_PARENTS];
    take_text(&event->sender, value[MEMBER_SENDER]);
    take_text(&event->source, value[MEMBER_SOURCE]);
    take_text(&event->tenant, value[MEMBER_TENANT]);
    take_text(&event->trace, value[MEMBER_TRACE]);
    return (event->parents == NULL ||
            member_check_strings(event->parents, &member_expected[MEMBER_PARENTS], reader->err)) &&
           read_m2m(reader);
}

bool native_read_members(struct reader *reader, const struct value *root)
{
    reader->event->root = root;
    if (!read_names(reader, root) || !read_shared(reader) || !read_time(reader) ||
        !read_version(reader))
        return false;
    read_op(reader->event);
    return rows_read(reader, root);
}

static enum decode_result read_root(const struct value *root, struct arena *arena,
                                    struct event *event, struct error *err)
{
    static const struct expected expected_root = {"the event", IS_OBJECT, "an object"};
    struct members members = {0};
    struct reader reader = {&members, arena, event, err};

    return member_check_type(&expected_root, root, err) && member_collect(root, &members, err) &&
                   native_read_members(&reader, root)
               ? DECODE_EVENT
               : DECODE_BAD;
}

bool native_take(const struct value *root, struct arena *arena, struct event *event)
{
    struct members members;
    struct reader reader = {&members, arena, event, NULL};

    zero_bytes(&members, sizeof(members));
    return tree_type_of(root) == VALUE_OBJECT && member_take(root, &members, arena) &&
           members.value[MEMBER_EVENT] && members.value[MEMBER_MODEL] &&
           native_read_members(&reader, root);
}

enum decode_result decode_native(const struct value *root, struct arena *arena, struct event *event,
                                 struct error *err)
{
    memset(event, 0, sizeof(*event));
    return read_root(root, arena, event, err);
}

static enum decode_result read_native(const struct envelope_input *input, struct event *event,
                                      const char **skipped, struct error *err)
{
    (void)skipped;
    return read_root(input->root, input->arena, event, err);
}

const struct envelope_format envelope_native = {NULL, read_native};
