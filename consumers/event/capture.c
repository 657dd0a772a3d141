#include "consumers/event/capture.h"

#include "consumers/event/build.h"
#include "consumers/event/member.h"

struct slice capture_model(const struct envelope_input *input, struct slice schema,
                           struct slice table)
{
    size_t dot = schema.len > 0;
    struct slice name = {NULL, schema.len + dot + table.len};
    char *text = arena_bytes(input->arena, name.len);
    struct slice model;

    if (schema.len > 0) {
        memcpy(text, schema.ptr, schema.len);
        text[schema.len] = '.';
    }
    memcpy(text + schema.len + dot, table.ptr, table.len);
    name.ptr = text;
    model = tables_model(input->tables, name);
    return slice_is_absent(model) ? name : model;
}

const struct value *capture_pk(const struct value *const *columns, size_t nr, struct arena *arena)
{
    if (nr <= 1)
        return nr == 1 ? columns[0] : NULL;
    return build_array(columns, nr, arena);
}

bool capture_is_column(const struct value *value)
{
    return (1u << value_type(value) & (IS_STRING | IS_NUMBER | IS_BOOLEAN)) != 0;
}

bool capture_image(const struct value *value, const char *name, const struct value **image,
                   struct error *err)
{
    const struct expected expected = {name, IS_OBJECT | IS_NULL, "an object or null"};

    *image = value_type(value) == VALUE_OBJECT ? value : NULL;
    return value == NULL || member_check_type(&expected, value, err);
}

void capture_op(struct event *event, enum event_op op)
{
    event->op = op;
    event->op_name = event_op_text(op);
    event->name = event->op_name;
}

struct row *capture_row(struct event *event, struct arena *arena)
{
    event->rows = arena_zero(arena, 1, sizeof(*event->rows));
    event->rows_nr = 1;
    return event->rows;
}
