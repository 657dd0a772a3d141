#include "consumers/service/settings_draft.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"

enum { SECRET_MAX_BYTES = 4096 };

static void set_fallback(struct settings_draft *draft, enum setting_id id);

void draft_init(struct settings_draft *draft, struct buffer *errors)
{
    *draft = (struct settings_draft){.errors = errors};
    for (unsigned id = 0; id < SETTINGS_NR; id++)
        set_fallback(draft, id);
}

void given_release(struct given *given)
{
    for (size_t i = 0; i < given->nr; i++)
        free(given->items[i]);
    free(given->items);
    free(given->origin);
    *given = (struct given){0};
}

void draft_release(struct settings_draft *draft)
{
    for (unsigned id = 0; id < SETTINGS_NR; id++)
        given_release(&draft->rows[id]);
    for (size_t i = 0; i < draft->redis_nr; i++) {
        free(draft->redis[i].name);
        given_release(&draft->redis[i].url);
        for (unsigned member = 0; member < REDIS_MEMBERS_NR; member++)
            given_release(&draft->redis[i].members[member]);
    }
    free(draft->redis);
    free(draft->file);
}

void draft_error(struct settings_draft *draft, const char *origin, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buffer_printf(draft->errors, "%s: ", origin);
    buffer_vprintf(draft->errors, format, args);
    buffer_add_char(draft->errors, '\n');
    va_end(args);
}

void given_start(struct given *given, const char *origin)
{
    given_release(given);
    given->origin = alloc_text(origin);
}

/* Options of all sources add up, name by name; everything else is replaced by the later source. */
static struct given *begin(struct settings_draft *draft, enum setting_id id, const char *origin)
{
    struct given *given = &draft->rows[id];
    if (setting_rows[id].type != SETTING_OPTIONS) {
        given_start(given, origin);
        return given;
    }
    free(given->origin);
    given->origin = alloc_text(origin);
    return given;
}

void given_add(struct given *given, struct slice item)
{
    given->items = alloc_grow(given->items, given->nr, &given->capacity, sizeof(*given->items));
    given->items[given->nr++] = alloc_text_n(item.ptr, item.len);
}

struct redis_draft *draft_redis(struct settings_draft *draft, struct slice name)
{
    for (size_t i = 0; i < draft->redis_nr; i++)
        if (slice_equals(slice_of(draft->redis[i].name), name))
            return &draft->redis[i];
    draft->redis =
        alloc_grow(draft->redis, draft->redis_nr, &draft->redis_capacity, sizeof(*draft->redis));
    struct redis_draft *redis = &draft->redis[draft->redis_nr++];
    *redis = (struct redis_draft){.name = alloc_text_n(name.ptr, name.len)};
    return redis;
}

static const char *const wanted[] = {
    [SETTING_TEXT] = "a string",
    [SETTING_TEXTS] = "an array of strings",
    [SETTING_OPTIONS] = "an object of strings, numbers and booleans",
    [SETTING_INT] = "an integer",
    [SETTING_DURATION] = "a duration such as \"20s\"",
    [SETTING_CHOICE] = "a string",
    [SETTING_LISTEN] = "a string such as \"127.0.0.1:8089\"",
    [SETTING_SECRET] = "a string",
};

/* Strings, numbers and booleans as they would be typed on a command line. */
static bool scalar_text(const json_t *value, struct buffer *out)
{
    buffer_clear(out);
    if (json_is_string(value))
        buffer_add(out, (struct slice){json_string_value(value), json_string_length(value)});
    else if (json_is_integer(value))
        buffer_add_int(out, json_integer_value(value));
    else if (json_is_boolean(value))
        buffer_add_text(out, json_is_true(value) ? "true" : "false");
    else if (json_is_real(value))
        buffer_printf(out, "%g", json_real_value(value));
    else
        return false;
    return true;
}

static bool add_texts(struct given *given, const json_t *array)
{
    size_t index;
    const json_t *item;
    if (!json_is_array(array))
        return false;
    json_array_foreach(array, index, item)
    {
        if (!json_is_string(item))
            return false;
        given_add(given, (struct slice){json_string_value(item), json_string_length(item)});
    }
    return true;
}

static bool add_options(struct given *given, const json_t *object)
{
    struct buffer text, pair;
    bool ok = json_is_object(object);
    buffer_init(&text);
    buffer_init(&pair);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        ok = ok && scalar_text(value, &text);
        buffer_clear(&pair);
        buffer_printf(&pair, "%s=%s", name, text.ptr);
        given_add(given, buffer_slice(&pair));
    }
    buffer_release(&text);
    buffer_release(&pair);
    return ok;
}

static bool add_scalar(struct given *given, enum setting_type type, const json_t *value)
{
    if (type == SETTING_INT ? !json_is_integer(value) : !json_is_string(value))
        return false;
    struct buffer text;
    buffer_init(&text);
    bool ok = scalar_text(value, &text);
    given_add(given, buffer_slice(&text));
    buffer_release(&text);
    return ok;
}

/* As if nothing had been said, so that one mistake is told once. */
static void set_fallback(struct settings_draft *draft, enum setting_id id)
{
    json_t *fallback = json_loads(setting_rows[id].fallback, JSON_DECODE_ANY, NULL);
    given_release(&draft->rows[id]);
    draft_set_json(draft, id, fallback, "default");
    json_decref(fallback);
}

void draft_set_json(struct settings_draft *draft, enum setting_id id, const json_t *value,
                    const char *origin)
{
    const struct setting_row *row = &setting_rows[id];
    struct given *given = begin(draft, id, origin);
    if (json_is_null(value) && strcmp(row->fallback, "null") == 0)
        return;
    bool ok = row->type == SETTING_TEXTS     ? add_texts(given, value)
              : row->type == SETTING_OPTIONS ? add_options(given, value)
                                             : add_scalar(given, row->type, value);
    if (ok)
        return;
    draft_error(draft, origin, "\"%s\" must be %s", row->key, wanted[row->type]);
    set_fallback(draft, id);
}

static void split(struct given *given, const char *text, char separator)
{
    while (*text) {
        const char *end = strchr(text, separator);
        size_t len = end ? (size_t)(end - text) : strlen(text);
        struct slice item = {text, len};
        while (item.len > 0 && (item.ptr[0] == ' ' || item.ptr[0] == '\n'))
            item = (struct slice){item.ptr + 1, item.len - 1};
        while (item.len > 0 && strchr(" \r\n", item.ptr[item.len - 1]))
            item.len--;
        if (item.len > 0)
            given_add(given, item);
        text += end ? len + 1 : len;
    }
}

void draft_set_variable(struct settings_draft *draft, enum setting_id id, const char *text)
{
    const struct setting_row *row = &setting_rows[id];
    struct given *given = begin(draft, id, row->variable);
    if (row->type == SETTING_TEXTS)
        split(given, text, ',');
    else if (row->type == SETTING_OPTIONS)
        split(given, text, strchr(text, '\n') ? '\n' : ';');
    else
        given_add(given, slice_of(text));
}

void draft_add_flag(struct settings_draft *draft, enum setting_id id, const char *text)
{
    const struct setting_row *row = &setting_rows[id];
    struct given *given = &draft->rows[id];
    bool goes_on = row->type == SETTING_TEXTS && strcmp(given->origin, row->flag) == 0;
    given_add(goes_on ? given : begin(draft, id, row->flag), slice_of(text));
}

void given_read_file(struct settings_draft *draft, struct given *given, const char *path,
                     const char *origin)
{
    char text[SECRET_MAX_BYTES + 1];
    FILE *file = fopen(path, "re");
    size_t len = file ? fread(text, 1, sizeof(text), file) : 0;
    bool is_read = file && !ferror(file);
    if (!is_read)
        draft_error(draft, origin, "cannot read \"%s\": %s", path, strerror(errno));
    if (file)
        fclose(file);
    if (!is_read)
        return;
    bool is_too_large = len > SECRET_MAX_BYTES;
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (is_too_large || len == 0)
        draft_error(draft, origin, "\"%s\" is %s", path, len ? "too large for a secret" : "empty");
    given_start(given, origin);
    given_add(given, (struct slice){text, len});
}

void draft_set_secret_file(struct settings_draft *draft, enum setting_id id, const char *path,
                           const char *origin)
{
    given_read_file(draft, &draft->rows[id], path, origin);
}
