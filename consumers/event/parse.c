#include "consumers/event/parse.h"

#include <stdio.h>
#include <string.h>

#include "consumers/event/decode.h"

enum { NAME_SHOWN_BYTES = 64 };

/* The arena as yyjson's allocator; the size of the last allocation, so that the rest goes back. */
struct bump {
    struct arena *arena;
    size_t bytes;
};

static void *bump_malloc(void *context, size_t bytes)
{
    struct bump *bump = context;

    bump->bytes = bytes;
    return arena_alloc(bump->arena, bytes);
}

static void *bump_realloc(void *context, void *old, size_t old_bytes, size_t bytes)
{
    struct bump *bump = context;

    bump->bytes = bytes;
    return arena_resize(bump->arena, old, old_bytes, bytes);
}

static void bump_free(void *context, void *old)
{
    (void)context;
    (void)old;
}

/* " (line 2, column 5)" of a byte in a text of several lines, columns in characters. */
static void print_place(struct slice text, size_t position, char *out, size_t out_bytes)
{
    size_t line = 1;
    size_t column = 1;

    for (size_t i = 0; i < position && i < text.len; i++) {
        if (text.ptr[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)text.ptr[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    out[0] = '\0';
    if (memchr(text.ptr, '\n', text.len))
        snprintf(out, out_bytes, " (line %zu, column %zu)", line, column);
}

static bool fail_at(struct slice text, size_t at, const char *message, struct error *err)
{
    char place[64];

    print_place(text, at, place, sizeof(place));
    error_fail(err, ERROR_REJECT, "%s at byte %zu%s", message, at, place);
    return false;
}

static bool fail_syntax(struct slice text, size_t at, const char *message, struct error *err)
{
    char full[128];

    snprintf(full, sizeof(full), "not JSON: %s", message);
    return fail_at(text, at, full, err);
}

/* Where the first container beyond the depth limit opens; the text is valid JSON. */
static size_t find_too_deep(struct slice text)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']'))
            depth--;
        if (depth > DECODE_MAX_DEPTH)
            return i;
    }
    return text.len;
}

static bool fail_duplicate(struct slice text, size_t at, struct slice name, struct error *err)
{
    char message[NAME_SHOWN_BYTES + 32];

    if (name.len > NAME_SHOWN_BYTES)
        name.len = NAME_SHOWN_BYTES;
    snprintf(message, sizeof(message), "duplicate name \"%.*s\"", SLICE_ARG(name));
    return fail_at(text, at, message, err);
}

static bool fail_too_deep(struct slice text, size_t at, struct error *err)
{
    char message[64];

    snprintf(message, sizeof(message), "nested deeper than %d levels", DECODE_MAX_DEPTH);
    return fail_at(text, at, message, err);
}

static yyjson_doc *read_in_place(char *copy, size_t len, struct arena *arena, yyjson_read_err *why)
{
    struct bump bump = {arena, 0};
    yyjson_alc allocator = {bump_malloc, bump_realloc, bump_free, &bump};
    yyjson_read_flag flags = YYJSON_READ_INSITU | YYJSON_READ_NUMBER_AS_RAW;
    yyjson_doc *doc = yyjson_read_opts(copy, len, flags, &allocator, why);

    if (doc)
        arena_trim(arena, (char *)doc + bump.bytes,
                   (char *)(yyjson_doc_get_root(doc) + yyjson_doc_get_val_count(doc)));
    return doc;
}

static size_t mark_bytes(struct slice text)
{
    return slice_starts_with(text, SLICE("\xef\xbb\xbf")) ? 3 : 0;
}

bool parse_text(struct slice text, struct arena *arena, struct parse *parse, size_t *position,
                struct error *err)
{
    size_t skip = mark_bytes(text);
    size_t len = text.len - skip;
    yyjson_read_err why = {0};
    yyjson_doc *doc;
    char *copy;

    *position = 0;
    if (len == 0) {
        error_fail(err, ERROR_REJECT, "not JSON: empty");
        return false;
    }
    copy = arena_bytes(arena, len + TREE_PADDING_BYTES);
    memcpy(copy, text.ptr + skip, len);
    memset(copy + len, 0, TREE_PADDING_BYTES);
    doc = read_in_place(copy, len, arena, &why);
    if (doc == NULL) {
        *position = why.pos + skip;
        return fail_syntax(text, *position, why.msg, err);
    }
    *parse = (struct parse){text, skip, copy, tree_value(yyjson_doc_get_root(doc))};
    return true;
}

bool parse_check(const struct parse *parse, struct arena *arena, size_t *position,
                 struct error *err)
{
    struct slice name = SLICE_ABSENT;

    switch (tree_check(parse->root, DECODE_MAX_DEPTH, arena, &name)) {
    case TREE_DUPLICATE:
        *position = (size_t)(name.ptr - parse->copy) + parse->skip;
        return fail_duplicate(parse->text, *position, name, err);
    case TREE_TOO_DEEP:
        *position = find_too_deep(parse->text);
        return fail_too_deep(parse->text, *position, err);
    default:
        return true;
    }
}

const struct value *decode_json(struct slice text, struct arena *arena, size_t *position,
                                struct error *err)
{
    struct parse parse;

    return parse_text(text, arena, &parse, position, err) &&
                   parse_check(&parse, arena, position, err)
               ? parse.root
               : NULL;
}
