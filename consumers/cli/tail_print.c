#include "consumers/cli/tail_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct style {
    const char *dim, *bad, *strong, *end;
};

static struct slice text_of(const json_t *object, const char *name)
{
    const json_t *text = json_object_get(object, name);

    return json_is_string(text) ? (struct slice){json_string_value(text), json_string_length(text)}
                                : SLICE("");
}

static void add_member(const json_t *object, const char *name, struct buffer *out)
{
    buffer_add_printable(out, text_of(object, name));
}

/* A string as it is, everything else as compact JSON. */
static void add_value(const json_t *value, struct buffer *out)
{
    if (json_is_string(value)) {
        buffer_add_printable(out,
                             (struct slice){json_string_value(value), json_string_length(value)});
        return;
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    buffer_add_printable(out, slice_of(text ? text : "?"));
    free(text);
}

static void add_list(const json_t *list, struct buffer *out)
{
    const json_t *item;
    size_t index;

    json_array_foreach(list, index, item)
    {
        buffer_add_text(out, index > 0 ? "," : "");
        add_value(item, out);
    }
}

static void add_time(const json_t *line, struct buffer *out)
{
    json_int_t ms = json_integer_value(json_object_get(line, "time"));
    time_t seconds = (time_t)(ms / 1000);
    struct tm local;
    char text[16] = "";

    if (localtime_r(&seconds, &local))
        strftime(text, sizeof(text), "%H:%M:%S", &local);
    buffer_printf(out, "%s.%03d ", text, (int)(ms % 1000));
}

static void add_changed(const json_t *event, struct buffer *out)
{
    const json_t *changed = json_object_get(event, "changed");

    if (json_is_array(changed) && json_array_size(changed) == 0)
        return;
    buffer_add_text(out, " changed=");
    if (json_is_array(changed))
        add_list(changed, out);
    else
        buffer_add_text(out, "unknown");
}

static void add_event(const json_t *event, const struct style *style, struct buffer *out)
{
    const json_t *pk = json_object_get(event, "pk"), *rows = json_object_get(event, "rows");

    if (!json_is_object(event)) {
        buffer_add_text(out, "no event");
        return;
    }
    add_member(event, "op", out);
    buffer_printf(out, " %s", style->strong);
    add_member(event, "model", out);
    buffer_add_text(out, style->end);
    if (rows) {
        buffer_printf(out, " %" JSON_INTEGER_FORMAT " rows", json_integer_value(rows));
    } else if (pk) {
        buffer_add_text(out, " pk=");
        add_value(pk, out);
    }
    add_changed(event, out);
}

static void add_rules(const json_t *line, const struct style *style, struct buffer *out)
{
    const json_t *rule, *rules = json_object_get(line, "rules");
    size_t index;

    if (json_array_size(rules) == 0) {
        buffer_printf(out, "  %sno rule matched%s", style->dim, style->end);
        return;
    }
    json_array_foreach(rules, index, rule)
    {
        buffer_add_text(out, index > 0 ? ", " : "  ");
        add_member(rule, "name", out);
        if (slice_equals(text_of(rule, "mode"), SLICE("shadow")))
            buffer_add_text(out, " (shadow)");
    }
}

static const char *command_of(const json_t *op, bool is_pattern)
{
    static const char *const words[][2] = {
        {"delete", "UNLINK"}, {"refresh", "SET"},         {"bump", "BUMP"},
        {"expire", "EXPIRE"}, {"purge_tag", "PURGE TAG"}, {"purge", "SCAN+UNLINK"},
    };
    struct slice name = text_of(op, "op");

    if (is_pattern && slice_equals(name, SLICE("expire")))
        return "SCAN+EXPIRE";
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_equals(name, slice_of(words[i][0])))
            return words[i][1];
    return "?";
}

static void add_op(const json_t *op, const struct style *style, struct buffer *out)
{
    const json_t *pattern = json_object_get(op, "pattern");
    const json_t *target = pattern ? pattern : json_object_get(op, "key");
    struct slice result = text_of(op, "result");
    bool is_refused = slice_equals(result, SLICE("refused"));

    buffer_printf(out, "%s ", command_of(op, pattern != NULL));
    add_value(target, out);
    if (json_object_get(op, "key_bytes"))
        buffer_add_text(out, "...");
    if (slice_equals(result, SLICE("not_there")))
        result = SLICE("not there");
    buffer_printf(out, " %s(", is_refused ? style->bad : style->dim);
    buffer_add_printable(out, result);
    buffer_printf(out, ")%s", style->end);
}

static void add_ops(const json_t *line, const struct style *style, struct buffer *out)
{
    const json_t *op, *ops = json_object_get(line, "ops");
    json_int_t more = json_integer_value(json_object_get(line, "ops_more"));
    size_t index;

    json_array_foreach(ops, index, op)
    {
        if (index == TAIL_OPS_PRINTED)
            break;
        buffer_add_text(out, index > 0 ? ", " : "  ");
        add_op(op, style, out);
    }
    if (json_array_size(ops) > TAIL_OPS_PRINTED)
        more += (json_int_t)(json_array_size(ops) - TAIL_OPS_PRINTED);
    if (more > 0)
        buffer_printf(out, ", %" JSON_INTEGER_FORMAT " more", more);
}

static void add_letter(const json_t *line, const struct style *style, struct buffer *out)
{
    const json_t *letter = json_object_get(line, "dead_letter");

    if (!json_is_object(letter))
        return;
    buffer_printf(out, "  %sset aside%s: ", style->bad, style->end);
    add_member(letter, "reason", out);
    if (json_object_get(letter, "rule")) {
        buffer_add_text(out, " in ");
        add_member(letter, "rule", out);
    }
    buffer_add_text(out, ": ");
    add_member(letter, "error", out);
}

void tail_print_event(const json_t *line, bool coloured, struct buffer *out)
{
    struct style style = coloured ? (struct style){"\x1b[2m", "\x1b[31m", "\x1b[1m", "\x1b[0m"}
                                  : (struct style){"", "", "", ""};

    buffer_add_text(out, style.dim);
    add_time(line, out);
    buffer_add_text(out, style.end);
    add_event(json_object_get(line, "event"), &style, out);
    if (json_is_object(json_object_get(line, "event")))
        add_rules(line, &style, out);
    add_ops(line, &style, out);
    add_letter(line, &style, out);
    buffer_add_char(out, '\n');
}
