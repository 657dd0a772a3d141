#include "consumers/rules/loader.h"

#include <inttypes.h>

#include "consumers/base/duration.h"
#include "consumers/base/suggest.h"

static const struct {
    unsigned types;
    const char *text;
} type_texts[] = {
    {SHAPE_STRING, "a string"}, {SHAPE_INTEGER, "an integer"}, {SHAPE_REAL, "a number"},
    {SHAPE_BOOL, "a boolean"},  {SHAPE_OBJECT, "an object"},   {SHAPE_ARRAY, "an array"},
    {SHAPE_NULL, "null"},
};

static const char *type_text(const json_t *json)
{
    unsigned type = 1u << json_typeof(json);

    for (size_t i = 0; i < ARRAY_NR(type_texts); i++) {
        if (type_texts[i].types & type)
            return type_texts[i].text;
    }
    return "nothing";
}

/* "a string, an object or an array" */
static struct slice types_text(struct loader *loader, unsigned types)
{
    struct slice text = SLICE("");

    for (size_t i = 0; i < ARRAY_NR(type_texts); i++) {
        unsigned here = type_texts[i].types;
        bool is_last = true;

        if (!(types & here))
            continue;
        types &= ~here;
        for (size_t j = i + 1; j < ARRAY_NR(type_texts); j++)
            is_last = is_last && !(types & type_texts[j].types);
        text = arena_printf(loader->arena, "%.*s%s%s", SLICE_ARG(text),
                            text.len == 0 ? ""
                            : is_last     ? " or "
                                          : ", ",
                            type_texts[i].text);
    }
    return text;
}

/* "50" where 50 is meant. */
static struct slice unquoted(struct loader *loader, const struct cursor *at, unsigned types)
{
    json_t *meant;
    bool is_meant;

    if (!json_is_string(at->json))
        return SLICE_ABSENT;
    meant = json_loads(json_string_value(at->json), JSON_DECODE_ANY, NULL);
    is_meant = meant && (json_is_boolean(meant) || json_is_number(meant)) &&
               (types & (1u << json_typeof(meant)));
    json_decref(meant);
    return is_meant
               ? arena_printf(loader->arena, "write %s without quotes", json_string_value(at->json))
               : SLICE_ABSENT;
}

bool shape_is(struct loader *loader, const struct cursor *at, unsigned types)
{
    bool is_element = slice_is_absent(at->step.name) && at->step.parent;
    struct slice name = cursor_name(at);
    const char *quote = at->step.parent ? "\"" : "";

    if (types & (1u << json_typeof(at->json)))
        return true;
    report(loader, at, (struct remark){.code = "E103", .help = unquoted(loader, at, types)},
           "%s%s%.*s%s must be %.*s, not %s", is_element ? "an element of " : "", quote,
           SLICE_ARG(name), quote, SLICE_ARG(types_text(loader, types)), type_text(at->json));
    return false;
}

struct slice shape_list(struct loader *loader, struct names names)
{
    struct buffer text;
    struct slice list;

    buffer_init(&text);
    for (size_t i = 0; i < names.nr; i++)
        buffer_printf(&text, "%s%s", i ? ", " : "", names.items[i]);
    list = arena_copy(loader->arena, buffer_slice(&text));
    buffer_release(&text);
    return list;
}

static struct slice nearest(struct slice typed, struct names names)
{
    struct suggest suggest;

    suggest_init(&suggest, typed);
    for (size_t i = 0; i < names.nr; i++)
        suggest_offer(&suggest, slice_of(names.items[i]));
    return suggest.best;
}

static bool is_one_of(struct slice text, struct names names, size_t *index)
{
    for (*index = 0; *index < names.nr; ++*index) {
        if (slice_equals(text, slice_of(names.items[*index])))
            return true;
    }
    return false;
}

void shape_known(struct loader *loader, const struct cursor *at, struct names known,
                 const char *what)
{
    struct cursor_iter it = cursor_walk(at);
    const struct cursor *member;
    size_t index;

    while ((member = cursor_next(&it))) {
        if (is_one_of(member->step.name, known, &index))
            continue;
        report(loader, member,
               (struct remark){.code = "E201",
                               .on_name = true,
                               .suggestion = nearest(member->step.name, known)},
               "unknown member \"%.*s\" %s (known: %.*s)", SLICE_ARG(member->step.name), what,
               SLICE_ARG(shape_list(loader, known)));
    }
}

bool shape_text(struct loader *loader, const struct cursor *at, struct slice *out)
{
    if (!at || !shape_is(loader, at, SHAPE_STRING))
        return false;
    *out = cursor_string(at);
    return true;
}

bool shape_flag(struct loader *loader, const struct cursor *at, bool *out)
{
    if (!at || !shape_is(loader, at, SHAPE_BOOL))
        return false;
    *out = json_is_true(at->json);
    return true;
}

bool shape_integer(struct loader *loader, const struct cursor *at, int64_t least, int64_t most,
                   int64_t *out)
{
    struct slice name;

    if (!at || !shape_is(loader, at, SHAPE_INTEGER))
        return false;
    *out = json_integer_value(at->json);
    if (*out >= least && *out <= most)
        return true;
    name = cursor_name(at);
    report(loader, at, (struct remark){.code = "E105"},
           "\"%.*s\" must be from %" PRId64 " to %" PRId64, SLICE_ARG(name), least, most);
    return false;
}

bool shape_duration(struct loader *loader, const struct cursor *at, int64_t *ms)
{
    struct slice text, name;

    if (at && json_is_integer(at->json)) {
        name = cursor_compact(at);
        report(loader, at,
               (struct remark){.code = "E103",
                               .help = arena_printf(loader->arena, "write \"%.*ss\" for seconds",
                                                    SLICE_ARG(name))},
               "\"%.*s\" must be a string with a unit, as in \"30s\", not an integer",
               SLICE_ARG(cursor_name(at)));
        return false;
    }
    if (!shape_text(loader, at, &text))
        return false;
    if (duration_parse(text, ms))
        return true;
    name = cursor_name(at);
    report(loader, at, (struct remark){.code = "E105"},
           "\"%.*s\" must be digits and one of ms, s, m, h, d, as in \"30s\"", SLICE_ARG(name));
    return false;
}

bool shape_word(struct loader *loader, const struct cursor *at, struct names words, unsigned *out)
{
    struct slice text, name;
    size_t index;

    if (!shape_text(loader, at, &text))
        return false;
    if (is_one_of(text, words, &index)) {
        *out = (unsigned)index;
        return true;
    }
    name = cursor_name(at);
    report(loader, at, (struct remark){.code = "E105", .suggestion = nearest(text, words)},
           "\"%.*s\" must be one of %.*s", SLICE_ARG(name), SLICE_ARG(shape_list(loader, words)));
    return false;
}

static bool add_text(struct loader *loader, const struct cursor *at, struct slices *out)
{
    struct slice text;

    if (!shape_text(loader, at, &text))
        return false;
    out->items =
        arena_grow(loader->arena, out->items, out->nr, &out->capacity, sizeof(*out->items));
    out->items[out->nr++] = text;
    return true;
}

bool shape_texts(struct loader *loader, const struct cursor *at, struct slices *out)
{
    struct cursor_iter it;
    const struct cursor *element;
    bool is_fine = true;

    if (!at || !shape_is(loader, at, SHAPE_STRING | SHAPE_ARRAY))
        return false;
    if (json_is_string(at->json))
        return add_text(loader, at, out);
    it = cursor_walk(at);
    while ((element = cursor_next(&it)))
        is_fine = add_text(loader, element, out) && is_fine;
    return is_fine;
}

bool shape_needs(struct loader *loader, const struct cursor *at, const char *name,
                 const struct cursor **out)
{
    struct slice owner = cursor_name(at);
    const char *quote = at->step.parent ? "\"" : "";

    *out = cursor_member(at, name);
    if (*out)
        return true;
    report(loader, at, (struct remark){.code = "E104"}, "%s%.*s%s needs \"%s\"", quote,
           SLICE_ARG(owner), quote, name);
    return false;
}
