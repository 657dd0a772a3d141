/* One letter, whole, and what to do about it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "consumers/cli/dlq.h"
#include "consumers/cli/record_json.h"
#include "consumers/cli/time_arg.h"
#include "consumers/rules/format.h"

/* The next line of the text, without its end; false: there is none. */
static bool take_line(struct slice *rest, struct slice *line)
{
    const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;

    *line = (struct slice){rest->ptr, len};
    bool is_any = rest->len > 0;
    rest->ptr += len + (end != NULL);
    rest->len -= len + (end != NULL);
    return is_any;
}

static void add_line(const char *name, struct slice text, struct buffer *out)
{
    if (slice_is_absent(text))
        return;
    buffer_printf(out, "%-9s ", name);
    buffer_add_printable(out, text);
    buffer_add_char(out, '\n');
}

static void print_headers(const struct record *record, struct buffer *out)
{
    for (size_t i = 0; i < record->headers_nr; i++) {
        const struct record_header *header = &record->headers[i];

        if (letter_is_our_header(header->name))
            continue;
        buffer_add_text(out, "header    ");
        buffer_add_printable(out, header->name);
        buffer_add_text(out, ": ");
        buffer_add_printable(out, slice_is_absent(header->value) ? SLICE("(null)") : header->value);
        buffer_add_char(out, '\n');
    }
}

/* JSON laid out as fmt does; anything else as it is. */
static void print_value(struct slice value, struct arena *arena, struct buffer *out)
{
    struct scan_problem problem;
    struct error err = ERROR_INIT;
    struct buffer text;
    size_t position;
    bool is_json = !slice_is_absent(value) && decode_json(value, arena, &position, &err) != NULL;

    buffer_init(&text);
    if (!is_json || !format_json(value, false, &text, arena, &problem)) {
        add_line("value", value, out);
        buffer_release(&text);
        return;
    }
    struct slice rest = buffer_slice(&text), line;
    buffer_add_text(out, "value\n");
    while (take_line(&rest, &line)) {
        buffer_add_text(out, "  ");
        buffer_add_printable(out, line);
        buffer_add_char(out, '\n');
    }
    buffer_release(&text);
}

/* ---- what to do ---- */

static const struct {
    const char *reason, *advice;
} advices[] = {
    {"bad_event",
     "No event: mend whoever sends it. Then drop the letter, or export it, edit it and\n"
     "emit it; retry helps once `kafka.formats` or the rules' `models` can read it."},
    {"too_large", "Raise kafka.max_event_bytes and retry, or send less and drop it."},
    {"missing_field", "The rule needs a field that the event has not. Mend the rule ({x?},\n"
                      "{x|default:v}, on_missing) or whoever sends it, reload, and retry."},
    {"null_field",
     "The rule needs a value and the event has null. Mend the rule ({x?}, on_missing)\n"
     "or whoever sends it, reload, and retry."},
    {"empty_field",
     "The rule needs a value and the event has \"\". Mend the rule ({x?}, on_missing)\n"
     "or whoever sends it, reload, and retry."},
    {"array_field", "The field is an array: the rule needs {x[]}. Mend it, reload, and retry."},
    {"bad_value", "A filter of the rule cannot read the field. Mend either, reload, and retry."},
    {"max_keys",
     "The event makes more keys than the rule's max_keys; those that fit were deleted.\n"
     "Raise it, or purge a pattern or bump a version instead; reload, and retry."},
    {"not_a_counter", "`bump` met a value that is no integer. Delete the key in Redis, and retry."},
    {"redis_error",
     "Redis refused the command: see why. If the key has another type, the rule and\n"
     "the application disagree about it; mend one of them, and retry."},
};

static const char *advice_for(struct slice reason)
{
    for (size_t i = 0; i < ARRAY_NR(advices); i++)
        if (slice_equals(reason, slice_of(advices[i].reason)))
            return advices[i].advice;
    return "Not of unstale's making: another program wrote it, and can tell.";
}

static void print_advice(const struct letter *letter, bool is_done, struct slice place,
                         struct buffer *out)
{
    bool is_ours = !slice_is_absent(letter->reason) && letter->whole_size == LETTER_UNKNOWN;

    buffer_printf(out, "\n%s\n\n", advice_for(letter->reason));
    buffer_printf(out,
                  "what the rules make of it now: unstale dlq export %s%.*s | unstale explain -\n",
                  is_done ? "--done " : "", SLICE_ARG(place));
    if (is_ours && !is_done)
        buffer_printf(out, "send it again:                 unstale dlq retry %.*s\n",
                      SLICE_ARG(place));
    if (!is_done)
        buffer_printf(out, "or be done with it:            unstale dlq drop %.*s\n",
                      SLICE_ARG(place));
}

/* ---- for people ---- */

static void print_whole(struct dlq *dlq, const struct letter *letter, bool is_done)
{
    struct buffer *out = &dlq->out;
    struct slice place = dlq_place(letter, &dlq->scratch);

    add_line("letter", place, out);
    add_line("done", is_done ? SLICE("yes: sent again, or dropped") : SLICE_ABSENT, out);
    add_line("from", dlq_origin(letter, &dlq->scratch), out);
    buffer_add_text(out, "time      ");
    time_arg_print(letter->record->timestamp_ms, out);
    buffer_add_char(out, '\n');
    add_line("reason", dlq_or_dash(letter->reason), out);
    add_line("why", letter->message, out);
    if (slice_is_absent(letter->reason))
        add_line("class", letter->exception_class, out);
    add_line("rule", letter->rule, out);
    add_line("action", letter->action, out);
    add_line("field", letter->field, out);
    add_line("failures", letter->failures, out);
    add_line("rules", letter->rules_hash, out);
    buffer_printf(out, "attempts  %" PRId64 "\n", letter->attempts);
    add_line("key", letter->record->key, out);
    print_headers(letter->record, out);
    if (letter->whole_size != LETTER_UNKNOWN)
        buffer_printf(out,
                      "stub      %zu of %" PRId64 " bytes of the value: it cannot be retried\n",
                      letter->record->value.len, letter->whole_size);
    print_value(letter->record->value, &dlq->scratch, out);
    print_advice(letter, is_done, place, out);
}

/* ---- for other programs ---- */

static void print_failures(struct slice failures, struct arena *arena, struct buffer *out)
{
    struct error err = ERROR_INIT;
    size_t position;

    buffer_add_text(out, ",\"failures\":");
    if (failures.len > 0 && decode_json(failures, arena, &position, &err))
        buffer_add(out, failures);
    else
        buffer_add_text(out, "[]");
}

static void print_all(struct dlq *dlq, const struct letter *letter, bool is_done)
{
    struct buffer *out = &dlq->out;

    dlq_print_json(dlq, letter, is_done);
    print_failures(letter->failures, &dlq->scratch, out);
    buffer_add_text(out, ",\"rules_hash\":");
    record_json_bytes(letter->rules_hash, &dlq->scratch, out);
    buffer_add_text(out, ",\"headers\":");
    record_json_headers(letter->record, &dlq->scratch, out);
    buffer_add_text(out, ",\"value\":");
    record_json_bytes(letter->record->value, &dlq->scratch, out);
    buffer_add_text(out, "}\n");
}

static bool show_letter(void *context, const struct letter *letter, bool is_done)
{
    struct dlq *dlq = context;

    if (dlq->options->as_json)
        print_all(dlq, letter, is_done);
    else
        print_whole(dlq, letter, is_done);
    dlq_flush(dlq);
    return false;
}

int dlq_show(struct dlq *dlq)
{
    struct error err = ERROR_INIT;

    return dlq_walk(dlq, show_letter, dlq, &err) ? dlq_say_none(dlq) : dlq_fail(&err);
}
