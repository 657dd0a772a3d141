#include "consumers/rules/codes.h"
#include "consumers/rules/diagnostics.h"

static const char head[] =
    "{\"$schema\":\"https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/"
    "sarif-schema-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":"
    "{\"name\":\"unstale\",\"version\":";

static const char *level_text(enum severity severity)
{
    return severity == SEVERITY_ERROR ? "error" : "warning";
}

static const struct diagnostic *first_of(const struct diagnostics *list, const char *code)
{
    for (size_t i = 0; i < list->nr; i++) {
        if (strcmp(list->items[i].code, code) == 0)
            return &list->items[i];
    }
    return NULL;
}

static void add_rules(const struct diagnostics *list, struct buffer *out)
{
    const struct code *code;
    const char *comma = "";

    buffer_add_text(out, ",\"rules\":[");
    for (size_t i = 0; (code = code_at(i)); i++) {
        const struct diagnostic *d = first_of(list, code->code);

        if (!d)
            continue;
        buffer_printf(out, "%s{\"id\":\"%s\",\"shortDescription\":{\"text\":", comma, code->code);
        buffer_add_json_string(out, slice_of(code->title));
        buffer_printf(out, "},\"help\":{\"text\":\"unstale help %s\"}", code->code);
        buffer_printf(out, ",\"defaultConfiguration\":{\"level\":\"%s\"}}",
                      level_text(d->severity));
        comma = ",";
    }
    buffer_add_char(out, ']');
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~/", c));
}

/* A path as a URI reference (RFC 3986); an absolute one names its scheme. */
static void add_uri(struct slice path, struct buffer *out)
{
    buffer_add_text(out, path.len > 0 && path.ptr[0] == '/' ? "\"file://" : "\"");
    for (size_t i = 0; i < path.len; i++) {
        if (is_plain(path.ptr[i]))
            buffer_add_char(out, path.ptr[i]);
        else
            buffer_printf(out, "%%%02X", (unsigned char)path.ptr[i]);
    }
    buffer_add_char(out, '"');
}

static struct slice advised(const struct diagnostic *d, struct buffer *text)
{
    buffer_clear(text);
    buffer_add(text, d->message);
    if (!slice_is_absent(d->suggestion)) {
        buffer_add_text(text, ": did you mean \"");
        buffer_add(text, d->suggestion);
        buffer_add_text(text, "\"?");
    }
    if (!slice_is_absent(d->help)) {
        buffer_add_text(text, slice_is_absent(d->suggestion) ? ": " : " ");
        buffer_add(text, d->help);
    }
    return buffer_slice(text);
}

static void add_result(const struct diagnostic *d, struct buffer *text, struct buffer *out)
{
    buffer_printf(out, "{\"ruleId\":\"%s\",\"level\":\"%s\",\"message\":{\"text\":", d->code,
                  level_text(d->severity));
    buffer_add_json_string(out, advised(d, text));
    buffer_add_text(out, "},\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":");
    add_uri(d->file, out);
    buffer_add_char(out, '}');
    if (d->line > 0)
        buffer_printf(out, ",\"region\":{\"startLine\":%u,\"startColumn\":%u,\"endColumn\":%u}",
                      d->line, d->column,
                      d->end_column > d->column ? d->end_column : d->column + 1);
    buffer_add_text(out, "}}]}");
}

void diagnostics_print_sarif(const struct diagnostics *list, const char *version,
                             struct buffer *out)
{
    struct buffer text;

    buffer_init(&text);
    buffer_add_text(out, head);
    buffer_add_json_string(out, slice_of(version));
    add_rules(list, out);
    buffer_add_text(out, "}},\"columnKind\":\"unicodeCodePoints\",\"results\":[");
    for (size_t i = 0; i < list->nr; i++) {
        buffer_add_text(out, i ? "," : "");
        add_result(&list->items[i], &text, out);
    }
    buffer_add_text(out, "]}]}\n");
    buffer_release(&text);
}
