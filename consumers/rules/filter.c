#include "consumers/rules/filter.h"

#include <assert.h>

#include "consumers/base/hash.h"
#include "consumers/base/suggest.h"
#include "consumers/base/text.h"
#include "consumers/rules/encode.h"
#include "consumers/rules/moment.h"

static const struct filter_name {
    const char *name;
    const char *example; /* of a filter that takes an argument; NULL: it takes none */
} filters[] = {
    [FILTER_LOWER] = {"lower", NULL},
    [FILTER_UPPER] = {"upper", NULL},
    [FILTER_TRIM] = {"trim", NULL},
    [FILTER_DEFAULT] = {"default", "default:none"},
    [FILTER_MD5] = {"md5", NULL},
    [FILTER_DATE] = {"date", "date:%Y-%m-%d"},
    [FILTER_TIMESTAMP] = {"timestamp", NULL},
    [FILTER_STR] = {"str", NULL},
    [FILTER_JSON] = {"json", NULL},
};

const char *filter_name(size_t index)
{
    return index < ARRAY_NR(filters) ? filters[index].name : NULL;
}

static bool fail(struct template_problem *problem, const char *code, struct slice span,
                 struct slice text, struct slice message)
{
    *problem = (struct template_problem){
        .offset = (size_t)(span.ptr - text.ptr), .length = span.len, .message = message};
    memcpy(problem->code, code, strlen(code));
    return false;
}

static bool fail_unknown(struct slice name, struct slice text, struct arena *arena,
                         struct template_problem *problem)
{
    struct slice message =
        arena_printf(arena, "unknown filter \"%.*s\" (filters are:", SLICE_ARG(name));
    struct suggest suggest;

    suggest_init(&suggest, name);
    for (size_t i = 0; filter_name(i); i++) {
        suggest_offer(&suggest, slice_of(filter_name(i)));
        message = arena_printf(arena, "%.*s %s", SLICE_ARG(message), filter_name(i));
    }
    message = arena_printf(arena, "%.*s)", SLICE_ARG(message));
    fail(problem, "E204", name, text, message);
    problem->suggestion = suggest.best;
    return false;
}

static bool check_argument(const struct filter *filter, struct slice text, struct arena *arena,
                           struct template_problem *problem)
{
    const char *name = filters[filter->kind].name, *example = filters[filter->kind].example, *bad;

    if (example == NULL) {
        if (slice_is_absent(filter->arg))
            return true;
        return fail(problem, "E209", text, text,
                    arena_printf(arena, "filter \"%s\" takes no argument", name));
    }
    if (slice_is_absent(filter->arg) || (filter->kind == FILTER_DATE && filter->arg.len == 0))
        return fail(
            problem, "E209", text, text,
            arena_printf(arena, "filter \"%s\" needs an argument, as in %s", name, example));
    bad = filter->kind == FILTER_DATE ? moment_format_check(filter->arg) : NULL;
    if (bad == NULL)
        return true;
    return fail(
        problem, "E209", (struct slice){bad, bad + 1 < text.ptr + text.len ? 2 : 1}, text,
        SLICE("unknown directive in a date format (strftime's Y m d H M S f y j b B a A p I "
              "u w U W V G z e F T and %%)"));
}

bool filter_parse(struct slice text, struct arena *arena, struct filter *out,
                  struct template_problem *problem)
{
    const char *colon = memchr(text.ptr, ':', text.len);
    struct slice name = {text.ptr, colon ? (size_t)(colon - text.ptr) : text.len};

    out->arg = colon ? (struct slice){colon + 1, text.len - name.len - 1} : SLICE_ABSENT;
    for (size_t i = 0; i < ARRAY_NR(filters); i++) {
        if (slice_equals(name, slice_of(filters[i].name))) {
            out->kind = (enum filter_kind)i;
            return check_argument(out, text, arena, problem);
        }
    }
    return fail_unknown(name, text, arena, problem);
}

bool filter_text(const struct field *field, bool is_django, struct slice *out)
{
    switch (field->type) {
    case VALUE_STRING:
    case VALUE_NUMBER:
        *out = field->text;
        return true;
    case VALUE_NULL:
        *out = is_django ? SLICE("None") : SLICE("null");
        return true;
    case VALUE_TRUE:
        *out = is_django ? SLICE("True") : SLICE("true");
        return true;
    case VALUE_FALSE:
        *out = is_django ? SLICE("False") : SLICE("false");
        return true;
    case VALUE_MISSING:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return false;
}

bool filter_needs_value(enum filter_kind kind)
{
    return kind == FILTER_DATE || kind == FILTER_TIMESTAMP;
}

static bool apply_date(const struct filter *filter, struct arena *arena, struct field *field,
                       const char **why)
{
    struct moment moment;

    *why = "is not a date or date-time in ISO 8601 form";
    if (field->type != VALUE_STRING || !moment_parse(field->text, &moment))
        return false;
    *field = field_of_text(filter->kind == FILTER_DATE ? moment_format(&moment, filter->arg, arena)
                                                       : moment_timestamp(&moment, arena));
    return true;
}

static struct slice apply_str(struct slice text, struct arena *arena)
{
    struct moment moment;

    if (text.len < sizeof("2026-01-02T03:04") - 1 || text.ptr[10] != 'T' ||
        !moment_parse(text, &moment))
        return text;
    return moment_str(&moment, arena);
}

static struct slice apply_json(const struct field *field, struct arena *arena)
{
    struct sink sink;

    sink_init(&sink, arena);
    encode_json(&sink, field);
    return sink_slice(&sink);
}

static struct slice apply_md5(struct slice text, struct arena *arena)
{
    char hex[DIGEST_HEX_BYTES];
    size_t len = digest_hex(DIGEST_MD5, text, hex);

    return arena_copy(arena, (struct slice){hex, len});
}

static struct slice apply_text(enum filter_kind kind, struct slice text, struct arena *arena)
{
    switch (kind) {
    case FILTER_LOWER:
        return text_lower(text, arena);
    case FILTER_UPPER:
        return text_upper(text, arena);
    case FILTER_TRIM:
        return text_trim(text);
    case FILTER_MD5:
        return apply_md5(text, arena);
    case FILTER_STR:
        return apply_str(text, arena);
    case FILTER_DEFAULT:
    case FILTER_DATE:
    case FILTER_TIMESTAMP:
    case FILTER_JSON:
        break;
    }
    assert(kind == FILTER_DEFAULT);
    return text;
}

bool filter_apply(const struct filter *filter, bool is_django, struct arena *arena,
                  struct field *field, const char **why)
{
    struct slice text;

    if (filter->kind == FILTER_JSON) {
        *field = field_of_text(apply_json(field, arena));
        return true;
    }
    if (filter_needs_value(filter->kind))
        return apply_date(filter, arena, field, why);
    if (!filter_text(field, is_django, &text)) {
        *why = "is not a text";
        return false;
    }
    *field = field_of_text(apply_text(filter->kind, text, arena));
    return true;
}
