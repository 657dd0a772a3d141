#include "consumers/event/rows.h"

#include "consumers/event/decode.h"

/* The names of an array that was sent as `changed`: one list, which all its rows share. */
static bool read_changed(struct reader *reader, const struct value *array, struct changed *changed)
{
    yyjson_val *item = unsafe_yyjson_get_first(tree_val(array));
    size_t nr = unsafe_yyjson_get_len(tree_val(array));
    struct slice *names = arena_alloc(reader->arena, nr * sizeof(*names));

    changed->state = CHANGED_NAMES;
    changed->names = names;
    changed->nr = nr;
    for (size_t i = 0; i < nr; i++, item++) {
        if (!unsafe_yyjson_is_str(item))
            return member_fail_type(&member_expected[MEMBER_CHANGED], tree_value(item),
                                    reader->err);
        names[i] = tree_text(item);
    }
    return true;
}

static const struct value *object_or_null(const struct value *value)
{
    return tree_type_of(value) == VALUE_OBJECT ? value : NULL;
}

static bool read_row(struct reader *reader, const struct value *item, struct row *row)
{
    const struct value *pk = value_get(item, SLICE("pk"));
    const struct value *before = value_get(item, SLICE("before"));
    const struct value *after = value_get(item, SLICE("after"));
    const struct value *changed = value_get(item, SLICE("changed"));

    if (tree_type_of(item) != VALUE_OBJECT)
        return member_fail_type(&member_expected[MEMBER_ROWS], item, reader->err);
    if (pk == NULL)
        return error_fail(reader->err, ERROR_REJECT, "\"pk\" is missing");
    if (before && !member_check_type(&member_expected[MEMBER_BEFORE], before, reader->err))
        return false;
    if (after && !member_check_type(&member_expected[MEMBER_AFTER], after, reader->err))
        return false;
    if (changed && !member_check_type(&member_expected[MEMBER_CHANGED], changed, reader->err))
        return false;
    row->before = object_or_null(before);
    row->after = object_or_null(after);
    return member_read_pk(pk, &row->pk, reader->err) &&
           (changed == NULL || read_changed(reader, changed, &row->changed));
}

static bool add_rows(struct reader *reader, struct changed changed)
{
    struct value_iter iter = value_walk(reader->members->value[MEMBER_ROWS]);
    struct event *event = reader->event;

    for (size_t i = 0; value_next(&iter); i++) {
        struct row *row = &event->rows[event->rows_nr++];

        row->changed = changed;
        if (!read_row(reader, iter.item, row)) {
            error_wrap(reader->err, "rows[%zu]", i);
            return false;
        }
    }
    return true;
}

static bool add_pks(struct reader *reader, struct changed changed)
{
    struct value_iter iter = value_walk(reader->members->value[MEMBER_PKS]);
    struct event *event = reader->event;

    for (size_t i = 0; value_next(&iter); i++) {
        struct row *row = &event->rows[event->rows_nr++];

        row->changed = changed;
        if (!member_read_pk(iter.item, &row->pk, reader->err)) {
            error_wrap(reader->err, "pks[%zu]", i);
            return false;
        }
    }
    return true;
}

static inline bool read_own(struct reader *reader, struct row *row)
{
    const struct value *const *value = reader->members->value;

    row->before = object_or_null(value[MEMBER_BEFORE]);
    row->after = object_or_null(value[MEMBER_AFTER]);
    row->pk = NULL;
    return value[MEMBER_PK] == NULL || member_read_pk(value[MEMBER_PK], &row->pk, reader->err);
}

static bool check_nr(const struct value *array, const char *name, size_t max_nr, struct error *err)
{
    if (array == NULL)
        return true;
    if (value_nr(array) == 0)
        return error_fail(err, ERROR_REJECT, "\"%s\" must not be empty", name);
    if (value_nr(array) > max_nr)
        return error_fail(err, ERROR_REJECT, "\"%s\" must have at most %zu elements, not %zu", name,
                          max_nr, value_nr(array));
    return true;
}

/* The own row's pk and images apart, one row for each element of `rows` and `pks`. */
static bool read_many(struct reader *reader)
{
    const struct value *const *value = reader->members->value;
    struct event *event = reader->event;
    size_t many = value_nr(value[MEMBER_ROWS]) + value_nr(value[MEMBER_PKS]);
    bool has_own = value[MEMBER_PK] != NULL;
    struct changed changed = {0};

    if (!check_nr(value[MEMBER_ROWS], "rows", DECODE_MAX_ROWS, reader->err) ||
        !check_nr(value[MEMBER_PKS], "pks", DECODE_MAX_PKS, reader->err))
        return false;
    if (event->sent_changed && !read_changed(reader, event->sent_changed, &changed))
        return false;
    event->rows = arena_zero(reader->arena, many + has_own, sizeof(*event->rows));
    if (!add_rows(reader, changed) || !add_pks(reader, changed))
        return false;
    if (!has_own)
        return true;
    event->rows[many].changed = changed;
    event->rows_nr++;
    return read_own(reader, &event->rows[many]);
}

static bool read_one(struct reader *reader, const struct value *root)
{
    struct event *event = reader->event;
    struct row *row = arena_alloc(reader->arena, sizeof(*row));

    if (reader->members->value[MEMBER_PK] == NULL && event->op != EVENT_TRUNCATE)
        return member_fail_missing(root, "pk", "one of \"pk\", \"pks\" and \"rows\" must be there",
                                   reader->err);
    row->changed = (struct changed){0};
    if (event->sent_changed && !read_changed(reader, event->sent_changed, &row->changed))
        return false;
    event->rows = row;
    event->rows_nr = 1;
    return read_own(reader, row);
}

bool rows_read(struct reader *reader, const struct value *root)
{
    const struct value *const *value = reader->members->value;

    reader->event->sent_changed = value[MEMBER_CHANGED];
    if (value[MEMBER_ROWS] == NULL && value[MEMBER_PKS] == NULL)
        return read_one(reader, root);
    return read_many(reader);
}
