/* Letters for people, and for other programs. */
#include <inttypes.h>
#include <stdio.h>

#include "consumers/cli/dlq.h"
#include "consumers/cli/record_json.h"
#include "consumers/cli/time_arg.h"

void dlq_flush(struct dlq *dlq)
{
    fwrite(dlq->out.ptr, 1, dlq->out.len, stdout);
    buffer_clear(&dlq->out);
}

struct slice dlq_or_dash(struct slice text)
{
    return text.len > 0 ? text : SLICE("-");
}

/* ---- ls ---- */

void dlq_add_column(struct slice text, size_t width, struct buffer *out)
{
    size_t start = out->len;

    buffer_add_printable(out, dlq_or_dash(text));
    do
        buffer_add_char(out, ' ');
    while (out->len < start + width);
}

struct slice dlq_place(const struct letter *letter, struct arena *arena)
{
    return arena_printf(arena, "%" PRId32 ":%" PRId64, letter->record->partition,
                        letter->record->offset);
}

struct slice dlq_origin(const struct letter *letter, struct arena *arena)
{
    if (letter->topic.len == 0)
        return SLICE("-");
    return arena_printf(arena, "%.*s:%" PRId32 ":%" PRId64, SLICE_ARG(letter->topic),
                        letter->partition, letter->offset);
}

static void print_row(struct dlq *dlq, const struct letter *letter, bool is_done)
{
    struct buffer *out = &dlq->out;

    dlq_add_column(dlq_place(letter, &dlq->scratch), 8, out);
    time_arg_print(letter->record->timestamp_ms, out);
    buffer_add_text(out, "  ");
    dlq_add_column(letter->reason, 16, out);
    dlq_add_column(letter->rule, 20, out);
    dlq_add_column(letter->record->key, 24, out);
    buffer_add_printable(out, dlq_origin(letter, &dlq->scratch));
    buffer_add_text(out, is_done ? "  done\n" : "\n");
}

static void add_member(const char *name, struct slice text, struct buffer *out)
{
    buffer_printf(out, ",\"%s\":", name);
    if (slice_is_absent(text))
        buffer_add_text(out, "null");
    else
        buffer_add_json_string(out, text);
}

static void print_why(const struct letter *letter, struct buffer *out)
{
    add_member("reason", letter->reason, out);
    add_member("rule", letter->rule, out);
    add_member("action", letter->action, out);
    add_member("field", letter->field, out);
    add_member("message", letter->message, out);
    buffer_printf(out, ",\"attempts\":%" PRId64, letter->attempts);
}

void dlq_print_json(struct dlq *dlq, const struct letter *letter, bool is_done)
{
    struct buffer *out = &dlq->out;
    bool is_stub = letter->whole_size != LETTER_UNKNOWN;

    buffer_add_text(out, "{\"letter\":");
    buffer_add_json_string(out, dlq_place(letter, &dlq->scratch));
    buffer_printf(out, ",\"timestamp\":%" PRId64, letter->record->timestamp_ms);
    print_why(letter, out);
    add_member("topic", letter->topic, out);
    buffer_printf(out,
                  ",\"partition\":%" PRId32 ",\"offset\":%" PRId64 ",\"key\":", letter->partition,
                  letter->offset);
    record_json_bytes(letter->record->key, &dlq->scratch, out);
    buffer_printf(out, ",\"value_bytes\":%" PRId64 ",\"is_stub\":%s,\"done\":%s",
                  is_stub ? letter->whole_size : (int64_t)letter->record->value.len,
                  is_stub ? "true" : "false", is_done ? "true" : "false");
}

static bool list_letter(void *context, const struct letter *letter, bool is_done)
{
    struct dlq *dlq = context;

    dlq_count(dlq, letter);
    if (dlq->options->is_summary)
        return true;
    if (dlq->options->as_json) {
        dlq_print_json(dlq, letter, is_done);
        buffer_add_text(&dlq->out, "}\n");
    } else {
        print_row(dlq, letter, is_done);
    }
    dlq_flush(dlq);
    return true;
}

int dlq_list(struct dlq *dlq)
{
    struct error err = ERROR_INIT;

    if (!dlq_walk(dlq, list_letter, dlq, &err))
        return dlq_fail(&err);
    dlq_print_tallies(dlq);
    dlq_flush(dlq);
    return EXIT_OK;
}

/* ---- export ---- */

int dlq_say_none(const struct dlq *dlq)
{
    if (dlq->letters > 0 || dlq->options->places_nr == 0)
        return EXIT_OK;
    fprintf(stderr, "unstale dlq: no such letter in %s%s\n", dlq->logs.topic,
            dlq->done > 0 ? " that is not done: --done takes those, too" : "");
    return EXIT_FINDINGS;
}

static void print_record(const struct letter *letter, struct arena *arena, struct buffer *out)
{
    struct record original = letter_original(letter, arena);

    record_json_begin(&original, arena, out);
    buffer_printf(
        out, ",\"timestamp\":%" PRId64 ",\"letter\":{\"place\":", letter->record->timestamp_ms);
    buffer_add_json_string(out, dlq_place(letter, arena));
    print_why(letter, out);
    if (letter->whole_size != LETTER_UNKNOWN)
        buffer_printf(out, ",\"value_size\":%" PRId64, letter->whole_size);
    buffer_add_text(out, "}}\n");
}

static bool export_letter(void *context, const struct letter *letter, bool is_done)
{
    struct dlq *dlq = context;

    (void)is_done;
    print_record(letter, &dlq->scratch, &dlq->out);
    dlq_flush(dlq);
    return true;
}

int dlq_export(struct dlq *dlq)
{
    struct error err = ERROR_INIT;

    return dlq_walk(dlq, export_letter, dlq, &err) ? dlq_say_none(dlq) : dlq_fail(&err);
}
