#include "consumers/rules/diagnostics.h"

/*
 * A line of the log is a command, so nothing from a file may end the line or a property: first
 * control characters go, then what the commands themselves escape.
 */
static void add_escaped(struct slice text, bool is_property, struct buffer *out)
{
    struct buffer printable;

    buffer_init(&printable);
    buffer_add_printable(&printable, text);
    for (size_t i = 0; i < printable.len; i++) {
        char c = printable.ptr[i];

        if (c == '%' || (is_property && (c == ':' || c == ',')))
            buffer_printf(out, "%%%02X", (unsigned char)c);
        else
            buffer_add_char(out, c);
    }
    buffer_release(&printable);
}

static void add_place(const struct diagnostic *d, struct buffer *out)
{
    unsigned last = d->end_column > d->column ? d->end_column - 1 : d->column;

    if (d->line > 0)
        buffer_printf(out, ",line=%u,col=%u,endColumn=%u", d->line, d->column, last);
}

void diagnostics_print_github(const struct diagnostics *list, struct buffer *out)
{
    for (size_t i = 0; i < list->nr; i++) {
        const struct diagnostic *d = &list->items[i];

        buffer_add_text(out, d->severity == SEVERITY_ERROR ? "::error file=" : "::warning file=");
        add_escaped(d->file, true, out);
        add_place(d, out);
        buffer_printf(out, ",title=%s::", d->code);
        add_escaped(d->message, false, out);
        if (!slice_is_absent(d->suggestion)) {
            buffer_add_text(out, " (did you mean \"");
            add_escaped(d->suggestion, false, out);
            buffer_add_text(out, "\"?)");
        }
        if (!slice_is_absent(d->help)) {
            buffer_add_text(out, slice_is_absent(d->suggestion) ? ": " : " ");
            add_escaped(d->help, false, out);
        }
        buffer_add_char(out, '\n');
    }
}
