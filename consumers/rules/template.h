/*
 * template - "products:category:{category_id|lower}" compiled once, rendered per row and side.
 *
 * Placeholders are {path|filter:arg|...}; {{ and }} are literal braces, as in Python's f-strings,
 * because keys are pasted from them. {x?} drops the key when x is missing, |default:v fills it,
 * {tags[]} renders one text per element, {pk[0]} picks one. A key with a hole in it is never
 * rendered: a missing field fails that key. Values put into a glob pattern are always escaped.
 *
 * Compiled templates are immutable and live in the arena of their ruleset.
 */
#ifndef CONSUMERS_RULES_TEMPLATE_H
#define CONSUMERS_RULES_TEMPLATE_H

#include "consumers/base/arena.h"
#include "consumers/event/field.h"

enum filter_kind {
    FILTER_LOWER,
    FILTER_UPPER,
    FILTER_TRIM,
    FILTER_DEFAULT,
    FILTER_SLUG,
    FILTER_URLENCODE,
    FILTER_MD5,
    FILTER_SHA1,
    FILTER_SHA256,
    FILTER_PAD,
    FILTER_TRUNC,
    FILTER_SPLIT,
    FILTER_LEN,
    FILTER_DATE,
    FILTER_TIMESTAMP,
    FILTER_STR,
    FILTER_JSON,
    FILTER_PYJSON
};

struct filter {
    enum filter_kind kind;
    struct slice arg; /* absent if the filter takes none */
    size_t number;    /* the argument of pad and trunc */
};

struct template_digest;

/* One literal (text absent), one placeholder, or a digest of texts with placeholders. */
struct segment {
    struct slice literal;
    struct slice text; /* the placeholder's path as written, e.g. "before.n"; absent: literal */
    struct field_path path;
    bool is_optional;          /* {x?} */
    bool is_fanned_out;        /* {x[]} or {x[].y}: one text per element */
    struct field_path element; /* below each element of a fanned out array; parts_nr 0: itself */
    const struct filter *filters;
    size_t filters_nr;
    size_t offset, length; /* of the placeholder in the source text, braces included, in bytes */
    const struct template_digest *digest; /* NULL: none. Else text is its first placeholder's */
};

struct template
{
    struct slice source; /* as written in the rule */
    const struct segment *segments;
    size_t segments_nr;
    bool uses_row;               /* holds a bare name: render once per side */
    bool is_constant;            /* no placeholder at all */
    const struct template *head; /* what template_join() put before; NULL otherwise */
};

struct template_problem {
    char code[8];                     /* E2xx */
    size_t offset, length;            /* in the source text, bytes */
    struct slice message, suggestion; /* in the arena */
};

enum { TEMPLATE_MAX_PROBLEMS = 8 };

struct template_problems {
    struct template_problem items[TEMPLATE_MAX_PROBLEMS];
    size_t nr;
};

/* Compiles the text (which must outlive the template). False when there were problems. */
bool template_parse(struct slice text, struct arena *arena, struct template *out,
                    struct template_problems *problems);

/* Text as it stands, braces too; it must outlive the template. */
struct template template_literal(struct slice text, struct arena *arena);

/* The text as a template would have it: braces doubled. */
struct slice template_escape(struct slice text, struct arena *arena);

/*
 * The full key template of a cache: its prefix, version and separators before the rule's own
 * template, literals merged; `before` must live as long. With is_pattern the cache's literal part is glob-escaped.
 */
struct template template_join(const struct template *before, const struct template *after,
                              bool escape_before, struct arena *arena);

/* Aligned so that it is copied and handed on as one word. */
struct render_style {
    _Alignas(uint32_t) bool is_django; /* null prints None, booleans True/False; else true/false */
    bool is_pattern;                   /* substituted values are glob-escaped */
    bool null_is_error; /* patterns, tags, refresh keys: null and "" would widen or misplace */
};

enum render_status {
    RENDER_OK,
    RENDER_DROPPED,      /* {x?} of a missing field: no key, no error */
    RENDER_NULL_DROPPED, /* null in an exact key of a raw cache: this side has no key */
    RENDER_FAILED
};

enum reason {
    REASON_NONE,
    REASON_MISSING_FIELD,
    REASON_NULL_FIELD,
    REASON_EMPTY_FIELD,
    REASON_ARRAY_FIELD,
    REASON_MAX_KEYS,
    REASON_BAD_EVENT,
    REASON_BAD_VALUE,
    REASON_TOO_LARGE,
    REASON_NOT_A_COUNTER,
    REASON_REDIS_ERROR
};

/* "missing_field", ... */
const char *reason_text(enum reason reason);

struct render_failure {
    enum reason reason;
    struct slice field;  /* the path as written in the template */
    struct slice detail; /* a sentence for people */
};

/* Texts a template came to; grows in the arena. */
struct texts {
    struct slice *items;
    size_t nr, capacity;
};

/* The row and side of an event that something is rendered for, and where its text goes. */
struct render_input {
    const struct event *event;
    const struct row *row;
    enum side side;
    struct arena *arena;
};

/* Appends what the template comes to. On RENDER_FAILED *failure is set. */
enum render_status template_render(const struct template *tpl, const struct render_input *input,
                                   struct render_style style, struct texts *out,
                                   struct render_failure *failure);

/* Value of a lone placeholder with its filters, for value templates; see value_template.h. */
enum render_status segment_value(const struct segment *segment, const struct render_input *input,
                                 struct field *out, struct render_failure *failure);

/* Names of filters for diagnostics and `list filters`. NULL past the end. */
const char *filter_name(size_t index);

#endif
