/* What is wrong with an event, and where in the file. */
#include <ctype.h>
#include <stdlib.h>

#include "consumers/base/compiler.h"
#include "consumers/base/suggest.h"
#include "consumers/base/text.h"
#include "consumers/cli/emit.h"
#include "consumers/rules/scan.h"

/* ---- the byte that is meant ---- */

/* The value of a member, where the text has it as an object's; `at` itself where it has not. */
static size_t enter_member(struct slice text, size_t at, struct slice name, struct arena *arena)
{
    if (text.ptr[at] != '{')
        return at;
    for (struct scan_walk walk = scan_walk(text, at); scan_next(&walk);)
        if (slice_equals(scan_decode(text, walk.name.start, arena), name))
            return walk.value.start;
    return at;
}

static size_t enter_element(struct slice text, size_t at, size_t index)
{
    if (text.ptr[at] != '[')
        return at;
    for (struct scan_walk walk = scan_walk(text, at); scan_next(&walk);)
        if (index-- == 0)
            return walk.value.start;
    return at;
}

/*
 * Follows the decoder's words, which lead from the outside in: `rows[3]: "pk" must be ...`. What
 * they do not name as a member stays where it is.
 */
static size_t follow_words(struct slice text, size_t at, const char *words, struct arena *arena)
{
    size_t len = strcspn(words, "[: \"");

    if (words[len] == '[') {
        at = enter_member(text, at, (struct slice){words, len}, arena);
        at = enter_element(text, at, strtoul(words + len + 1, NULL, 10));
        words = strchr(words, ':');
    } else if (len > 0 && words[len] == ':') {
        at = enter_member(text, at, (struct slice){words, len}, arena);
        words += len;
    }
    while (words && (*words == ':' || *words == ' '))
        words++;
    const char *end = words && *words == '"' ? strchr(words + 1, '"') : NULL;
    if (!end)
        return at;
    return enter_member(text, at, (struct slice){words + 1, (size_t)(end - words - 1)}, arena);
}

/* Where the event itself begins: in a record's object it is the value. The text is JSON. */
static size_t find_event(struct emit_input *input, const struct emit_item *item)
{
    struct slice text = item->item.text;
    size_t at = scan_space(text, 0);

    if (item->item.record.value.ptr != text.ptr)
        at = enter_member(text, at, SLICE("value"), &input->arena);
    return at;
}

static size_t find_byte(struct emit_input *input, const struct emit_item *item)
{
    struct slice text = item->item.text;
    struct error ignored = ERROR_INIT;
    size_t position;

    if (text.len == 0)
        return 0;
    if (!decode_json(text, &input->arena, &position, &ignored))
        return position;
    return follow_words(text, find_event(input, item), item->err.text, &input->arena);
}

/* ---- the message ---- */

/* Without the place that a message has in front or behind: it is printed in its own way. */
static struct slice bare_message(const struct error *err)
{
    const char *start = err->text, *colon = strstr(start, ": ");
    const char *place = strstr(start, " at byte ");

    if (strncmp(start, "line ", 5) == 0 && isdigit((unsigned char)start[5]) && colon)
        start = colon + 2;
    return (struct slice){start, place ? (size_t)(place - start) : strlen(start)};
}

static struct emit_fault find_place(const struct event_item *item, size_t at)
{
    const char *line = item->text.ptr;
    unsigned lines = item->line, before = item->column ? item->column - 1 : 0;

    for (size_t i = 0; i < at && i < item->text.len; i++) {
        if (item->text.ptr[i] != '\n')
            continue;
        lines++;
        before = 0;
        line = item->text.ptr + i + 1;
    }
    size_t chars =
        line ? text_chars((struct slice){line, (size_t)(item->text.ptr + at - line)}) : 0;
    return (struct emit_fault){.line = lines, .column = before + chars + 1};
}

static void print_place(const struct emit_input *input, const struct emit_fault *fault,
                        struct buffer *out)
{
    buffer_printf(out, "%s:%u:%zu: ", input->name, fault->line, fault->column);
}

struct emit_fault emit_fault(struct emit_input *input, const struct emit_item *item)
{
    struct emit_fault fault = find_place(&item->item, find_byte(input, item));

    fault.message = bare_message(&item->err);
    return fault;
}

void emit_report_bad(struct emit_input *input, const struct emit_item *item, struct buffer *out)
{
    struct emit_fault fault = emit_fault(input, item);

    print_place(input, &fault, out);
    buffer_add_printable(out, fault.message);
    buffer_add_char(out, '\n');
}

/* ---- names ---- */

static bool was_told(struct emit_names *told, struct slice name)
{
    for (size_t i = 0; i < told->nr; i++)
        if (slice_equals(told->names[i], name))
            return true;
    if (told->nr == EMIT_NAMES_MAX)
        return true;
    told->names[told->nr++] = arena_copy(&told->arena, name);
    return false;
}

void emit_report_name(struct emit_input *input, const struct emit_item *item,
                      struct emit_names *told, struct buffer *out)
{
    static const char *const known[] = {"post_save",   "post_delete", "m2m_changed", "bulk_create",
                                        "bulk_update", "bulk_delete", "truncate",    "create",
                                        "update",      "delete",      "m2m",         "read"};
    const struct event *event = &item->event;
    struct suggest suggest;

    if (event->op != EVENT_CUSTOM)
        return;
    suggest_init(&suggest, event->name);
    for (size_t i = 0; i < ARRAY_NR(known); i++)
        suggest_offer(&suggest, slice_of(known[i]));
    if (slice_is_absent(suggest.best) || was_told(told, event->name))
        return;
    size_t at =
        enter_member(item->item.text, find_event(input, item), SLICE("event"), &input->arena);
    struct emit_fault place = find_place(&item->item, at);
    print_place(input, &place, out);
    buffer_add_text(out, "warning: event \"");
    buffer_add_printable(out, event->name);
    buffer_printf(out, "\" is an operation of its own; did you mean \"%.*s\"?\n",
                  SLICE_ARG(suggest.best));
}
