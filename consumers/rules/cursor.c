#include "consumers/rules/loader.h"

#include <stdarg.h>

static const struct cursor *new_cursor(const struct cursor *parent, json_t *json)
{
    struct cursor *at = arena_zero(parent->file->arena, 1, sizeof(*at));

    at->step.parent = &parent->step;
    at->file = parent->file;
    at->json = json;
    return at;
}

const struct cursor *cursor_root(const struct rule_file *file)
{
    struct cursor *at = arena_zero(file->arena, 1, sizeof(*at));

    at->file = file;
    at->json = file->root;
    return at;
}

const struct cursor *cursor_member(const struct cursor *object, const char *name)
{
    json_t *json = json_object_get(object->json, name);
    struct cursor *at;

    if (!json)
        return NULL;
    at = (struct cursor *)new_cursor(object, json);
    at->step.name = slice_of(name);
    return at;
}

const struct cursor *cursor_element(const struct cursor *array, size_t index)
{
    struct cursor *at = (struct cursor *)new_cursor(array, json_array_get(array->json, index));

    at->step.index = index;
    return at;
}

struct cursor_iter cursor_walk(const struct cursor *container)
{
    return (struct cursor_iter){.container = container,
                                .member = json_object_iter(container->json)};
}

static const struct cursor *next_element(struct cursor_iter *iter)
{
    const struct cursor *array = iter->container;
    struct slice text = array->file->clean;
    struct cursor *at;

    if (iter->index >= json_array_size(array->json))
        return NULL;
    if (iter->index == 0)
        iter->walk = scan_walk(text, locate(text, &array->step).value.start);
    at = (struct cursor *)cursor_element(array, iter->index++);
    if (scan_next(&iter->walk))
        at->step.start = iter->walk.value.start;
    return at;
}

const struct cursor *cursor_next(struct cursor_iter *iter)
{
    const struct cursor *at;

    if (!json_is_object(iter->container->json))
        return next_element(iter);
    if (!iter->member)
        return NULL;
    at = cursor_member(iter->container, json_object_iter_key(iter->member));
    iter->member = json_object_iter_next(iter->container->json, iter->member);
    return at;
}

struct cursor_places cursor_places(const struct cursor *array)
{
    struct slice text = array->file->clean;

    return (struct cursor_places){
        .array = array, .walk = scan_walk(text, locate(text, &array->step).value.start), .line = 1};
}

const struct cursor *cursor_next_placed(struct cursor_places *iter)
{
    const struct cursor *array = iter->array;
    struct cursor *at;

    if (iter->index >= json_array_size(array->json) || !scan_next(&iter->walk))
        return NULL;
    for (; iter->counted < iter->walk.value.start; iter->counted++)
        iter->line += array->file->text.ptr[iter->counted] == '\n';
    at = (struct cursor *)cursor_element(array, iter->index++);
    at->step.start = iter->walk.value.start;
    at->line = iter->line;
    return at;
}

struct slice cursor_name(const struct cursor *at)
{
    const struct step *step = &at->step;

    while (step && slice_is_absent(step->name))
        step = step->parent;
    return step ? step->name : SLICE("the file");
}

struct slice cursor_string(const struct cursor *at)
{
    struct slice text = {json_string_value(at->json), json_string_length(at->json)};

    return arena_copy(at->file->arena, text);
}

struct slice cursor_compact(const struct cursor *at)
{
    return scan_compact(at->file->clean, locate(at->file->clean, &at->step).value, at->file->arena);
}

static struct span span_of(const struct cursor *at, const struct remark *remark)
{
    struct located found = locate(at->file->clean, &at->step);

    if (remark->on_name && found.name.end > 0)
        return found.name;
    if (remark->is_inside)
        return locate_inside(at->file->clean, found.value.start, remark->offset, remark->length);
    if (json_is_object(at->json) || json_is_array(at->json))
        found.value.end = found.value.start + 1;
    return found.value;
}

/* Counts from the nearest place whose line is known: a rule's start, else the file's. */
unsigned cursor_line(const struct cursor *at)
{
    struct remark remark = {.on_name = true};
    size_t end = span_of(at, &remark).start, start = 0;
    const struct cursor *near = at;
    unsigned line = 1;

    while (near && near->line == 0)
        near = (const struct cursor *)near->step.parent;
    if (near) {
        start = near->step.start;
        line = near->line;
    }
    for (; start < end; start++)
        line += at->file->text.ptr[start] == '\n';
    return line;
}

struct slice report_place(struct loader *loader, const struct cursor *at)
{
    struct remark remark = {.code = NULL};
    struct place place = locate_place(at->file->text, span_of(at, &remark));

    return arena_printf(loader->arena, "%.*s:%u:%u", SLICE_ARG(at->file->name), place.line,
                        place.column);
}

static bool is_ignored(const struct loader *loader, const char *code)
{
    const struct rule_options *options = loader->options ? loader->options : &loader->defaults;

    for (size_t i = 0; i < options->ignore_nr; i++) {
        if (slice_equals(options->ignore[i], slice_of(code)))
            return true;
    }
    return false;
}

void report(struct loader *loader, const struct cursor *at, struct remark remark,
            const char *format, ...)
{
    enum severity severity = remark.code[0] == 'W' ? SEVERITY_WARNING : SEVERITY_ERROR;
    struct diagnostic d = {.severity = severity,
                           .file = at->file->name,
                           .suggestion = remark.suggestion,
                           .help = remark.help};
    struct buffer message;
    struct place place;
    va_list args;

    if (severity == SEVERITY_WARNING && is_ignored(loader, remark.code))
        return;
    if (diagnostics_skip(loader->found, severity))
        return;
    place = locate_place(at->file->text, span_of(at, &remark));
    d.line = place.line;
    d.column = place.column;
    d.end_column = place.end_column;
    d.source_line = place.source_line;
    memcpy(d.code, remark.code, 5);
    buffer_init(&message);
    va_start(args, format);
    buffer_vprintf(&message, format, args);
    va_end(args);
    d.message = buffer_slice(&message);
    diagnostics_add(loader->found, &d);
    buffer_release(&message);
}
