#include "consumers/rules/filter.h"

#include <assert.h>

#include "consumers/base/hash.h"
#include "consumers/base/suggest.h"
#include "consumers/base/text.h"
#include "consumers/rules/encode.h"
#include "consumers/rules/moment.h"
#include "consumers/rules/python.h"

static const struct filter_name {
    const char *name;
    const char *example; /* of a filter that takes an argument; NULL: it takes none */
} filters[] = {
    [FILTER_LOWER] = {"lower", NULL},
    [FILTER_UPPER] = {"upper", NULL},
    [FILTER_TRIM] = {"trim", NULL},
    [FILTER_DEFAULT] = {"default", "default:none"},
    [FILTER_SLUG] = {"slug", NULL},
    [FILTER_URLENCODE] = {"urlencode", NULL},
    [FILTER_MD5] = {"md5", NULL},
    [FILTER_SHA1] = {"sha1", NULL},
    [FILTER_SHA256] = {"sha256", NULL},
    [FILTER_PAD] = {"pad", "pad:8"},
    [FILTER_TRUNC] = {"trunc", "trunc:20"},
    [FILTER_SPLIT] = {"split", "split:,"},
    [FILTER_LEN] = {"len", NULL},
    [FILTER_DATE] = {"date", "date:%Y-%m-%d"},
    [FILTER_TIMESTAMP] = {"timestamp", NULL},
    [FILTER_STR] = {"str", NULL},
    [FILTER_JSON] = {"json", NULL},
    [FILTER_PYJSON] = {"pyjson", NULL},
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

/* 1 to 10000: a key of more characters is no key. */
static bool read_number(struct slice text, size_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || *number > 1000)
            return false;
        *number = *number * 10 + (size_t)(text.ptr[i] - '0');
    }
    return *number > 0;
}

static bool check_argument(struct filter *filter, struct slice text, struct arena *arena,
                           struct template_problem *problem)
{
    const char *name = filters[filter->kind].name, *example = filters[filter->kind].example, *bad;

    if (example == NULL) {
        if (slice_is_absent(filter->arg))
            return true;
        return fail(problem, "E209", text, text,
                    arena_printf(arena, "filter \"%s\" takes no argument", name));
    }
    if (slice_is_absent(filter->arg) || (filter->kind != FILTER_DEFAULT && filter->arg.len == 0))
        return fail(
            problem, "E209", text, text,
            arena_printf(arena, "filter \"%s\" needs an argument, as in %s", name, example));
    if ((filter->kind == FILTER_PAD || filter->kind == FILTER_TRUNC) &&
        !read_number(filter->arg, &filter->number))
        return fail(problem, "E209", filter->arg, text,
                    arena_printf(arena, "filter \"%s\" takes a number from 1 to 10000", name));
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

    out->number = 0;
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
        out->ptr = field->text.ptr;
        out->len = field->text.len;
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

static struct slice apply_json(enum filter_kind kind, const struct field *field,
                               struct arena *arena)
{
    struct sink sink;

    sink_init(&sink, arena);
    if (kind == FILTER_JSON)
        encode_json(&sink, field);
    else
        python_json(&sink, field);
    return sink_slice(&sink);
}

static struct slice apply_digest(enum digest kind, struct slice text, struct arena *arena)
{
    char hex[DIGEST_HEX_BYTES];
    size_t len = digest_hex(kind, text, hex);

    return arena_copy(arena, (struct slice){hex, len});
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* What Python's \s is among ASCII, and the hyphen. */
static bool is_gap(char c)
{
    return c == '-' || c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

static struct slice apply_slug(struct slice text, struct arena *arena)
{
    struct slice ascii = text_lower(text_ascii(text, arena), arena);
    char *out = arena_bytes(arena, ascii.len + 1);
    size_t len = 0, start = 0;

    for (size_t i = 0; i < ascii.len; i++) {
        if (is_word(ascii.ptr[i]))
            out[len++] = ascii.ptr[i];
        else if (is_gap(ascii.ptr[i]) && (len == 0 || out[len - 1] != '-'))
            out[len++] = '-';
    }
    while (len > 0 && strchr("-_", out[len - 1]))
        len--;
    while (start < len && strchr("-_", out[start]))
        start++;
    return (struct slice){out + start, len - start};
}

static struct slice apply_urlencode(struct slice text, struct arena *arena)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = arena_bytes(arena, text.len * 3 + 1), *to = out;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (is_word((char)c) || c == '.' || c == '-' || c == '~') {
            *to++ = (char)c;
            continue;
        }
        *to++ = '%';
        *to++ = hex[c >> 4];
        *to++ = hex[c & 15];
    }
    return (struct slice){out, (size_t)(to - out)};
}

/* As str.zfill(): behind a sign. */
static struct slice apply_pad(struct slice text, size_t width, struct arena *arena)
{
    size_t chars = text_chars(text), zeros = chars < width ? width - chars : 0;
    size_t sign = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+') ? 1 : 0;
    char *out;

    if (zeros == 0)
        return text;
    out = arena_bytes(arena, text.len + zeros);
    memcpy(out, text.ptr, sign);
    memset(out + sign, '0', zeros);
    memcpy(out + sign + zeros, text.ptr + sign, text.len - sign);
    return (struct slice){out, text.len + zeros};
}

static struct slice apply_trunc(struct slice text, size_t chars)
{
    struct slice rest = text;

    for (; chars > 0 && rest.len > 0; chars--) {
        uint32_t c;
        size_t len = text_decode(rest, &c);

        len = len ? len : 1;
        rest = (struct slice){rest.ptr + len, rest.len - len};
    }
    return (struct slice){text.ptr, text.len - rest.len};
}

static struct slice apply_text(const struct filter *filter, struct slice text, struct arena *arena)
{
    switch (filter->kind) {
    case FILTER_LOWER:
        return text_lower(text, arena);
    case FILTER_UPPER:
        return text_upper(text, arena);
    case FILTER_TRIM:
        return text_trim(text);
    case FILTER_SLUG:
        return apply_slug(text, arena);
    case FILTER_URLENCODE:
        return apply_urlencode(text, arena);
    case FILTER_MD5:
        return apply_digest(DIGEST_MD5, text, arena);
    case FILTER_SHA1:
        return apply_digest(DIGEST_SHA1, text, arena);
    case FILTER_SHA256:
        return apply_digest(DIGEST_SHA256, text, arena);
    case FILTER_PAD:
        return apply_pad(text, filter->number, arena);
    case FILTER_TRUNC:
        return apply_trunc(text, filter->number);
    case FILTER_LEN:
        return arena_printf(arena, "%zu", text_chars(text));
    case FILTER_STR:
        return apply_str(text, arena);
    case FILTER_DEFAULT:
    case FILTER_SPLIT:
    case FILTER_DATE:
    case FILTER_TIMESTAMP:
    case FILTER_JSON:
    case FILTER_PYJSON:
        break;
    }
    assert(false && "a filter that takes no text");
    return text;
}

bool filter_split(const struct filter *filter, struct slice *text, struct slice *piece)
{
    const char *found;

    if (slice_is_absent(*text))
        return false;
    found = memmem(text->ptr, text->len, filter->arg.ptr, filter->arg.len);
    *piece = (struct slice){text->ptr, found ? (size_t)(found - text->ptr) : text->len};
    if (found)
        *text = (struct slice){found + filter->arg.len, text->len - piece->len - filter->arg.len};
    else
        *text = SLICE_ABSENT;
    return true;
}

bool filter_takes_container(enum filter_kind kind)
{
    return kind == FILTER_JSON || kind == FILTER_PYJSON || kind == FILTER_LEN;
}

static bool is_container(const struct field *field)
{
    return field->type == VALUE_ARRAY || field->type == VALUE_OBJECT;
}

bool filter_apply(const struct filter *filter, bool is_django, struct arena *arena,
                  struct field *field, const char **why)
{
    struct slice text;

    if (filter->kind == FILTER_JSON || filter->kind == FILTER_PYJSON) {
        *field = field_of_text(apply_json(filter->kind, field, arena));
        return true;
    }
    if (filter->kind == FILTER_LEN && is_container(field)) {
        *field = field_of_text(arena_printf(arena, "%zu", value_nr(field->value)));
        return true;
    }
    if (filter_needs_value(filter->kind))
        return apply_date(filter, arena, field, why);
    if (!filter_text(field, is_django, &text)) {
        *why = "is not a text";
        return false;
    }
    *field = field_of_text(apply_text(filter, text, arena));
    return true;
}
