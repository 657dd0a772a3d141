/* Letters for people, and for other programs. */
#include <inttypes.h>
#include <stdio.h>

#include "consumers/cli/dlq.h"
#include "consumers/cli/record_json.h"
#include "consumers/cli/time_arg.h"

enum { REASONS_MAX = 24, REASON_BYTES = 32 };

struct tally {
    char reason[REASON_BYTES];
    size_t nr;
};

struct listing {
    struct dlq *dlq;
    struct tally tallies[REASONS_MAX]; /* the last one stands for all that have no place */
    size_t tallies_nr;
};

static void flush(struct dlq *dlq)
{
    fwrite(dlq->out.ptr, 1, dlq->out.len, stdout);
    buffer_clear(&dlq->out);
}

static struct slice or_dash(struct slice text)
{
    return text.len > 0 ? text : SLICE("-");
}

/* ---- ls ---- */

static void count_reason(struct listing *listing, struct slice reason)
{
    char name[REASON_BYTES];
    size_t at = 0;

    snprintf(name, sizeof(name), "%.*s", SLICE_ARG(or_dash(reason)));
    while (at < listing->tallies_nr && strcmp(listing->tallies[at].reason, name) != 0)
        at++;
    if (at == listing->tallies_nr && at < REASONS_MAX - 1)
        listing->tallies_nr++;
    else if (at == listing->tallies_nr)
        at = listing->tallies_nr - 1;
    struct tally *tally = &listing->tallies[at];
    if (tally->nr++ == 0)
        memcpy(tally->reason, name, sizeof(name));
}

static void add_column(struct slice text, size_t width, struct buffer *out)
{
    size_t start = out->len;

    buffer_add_printable(out, or_dash(text));
    do
        buffer_add_char(out, ' ');
    while (out->len < start + width);
}

static struct slice print_place(const struct letter *letter, struct arena *arena)
{
    return arena_printf(arena, "%" PRId32 ":%" PRId64, letter->record->partition,
                        letter->record->offset);
}

static struct slice print_origin(const struct letter *letter, struct arena *arena)
{
    return arena_printf(arena, "%.*s:%" PRId32 ":%" PRId64, SLICE_ARG(or_dash(letter->topic)),
                        letter->partition, letter->offset);
}

static void print_row(struct dlq *dlq, const struct letter *letter, bool is_done)
{
    struct buffer *out = &dlq->out;

    add_column(print_place(letter, &dlq->scratch), 8, out);
    time_arg_print(letter->record->timestamp_ms, out);
    buffer_add_text(out, "  ");
    add_column(letter->reason, 16, out);
    add_column(letter->rule, 20, out);
    add_column(letter->record->key, 24, out);
    buffer_add_printable(out, print_origin(letter, &dlq->scratch));
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

static void print_json(struct dlq *dlq, const struct letter *letter, bool is_done)
{
    struct buffer *out = &dlq->out;
    bool is_stub = letter->whole_size != LETTER_UNKNOWN;

    buffer_add_text(out, "{\"letter\":");
    buffer_add_json_string(out, print_place(letter, &dlq->scratch));
    buffer_printf(out, ",\"timestamp\":%" PRId64, letter->record->timestamp_ms);
    print_why(letter, out);
    add_member("topic", letter->topic, out);
    buffer_printf(out,
                  ",\"partition\":%" PRId32 ",\"offset\":%" PRId64 ",\"key\":", letter->partition,
                  letter->offset);
    record_json_bytes(letter->record->key, &dlq->scratch, out);
    buffer_printf(out, ",\"value_bytes\":%" PRId64 ",\"is_stub\":%s,\"done\":%s}\n",
                  is_stub ? letter->whole_size : (int64_t)letter->record->value.len,
                  is_stub ? "true" : "false", is_done ? "true" : "false");
}

static bool list_letter(void *context, const struct letter *letter, bool is_done)
{
    struct listing *listing = context;
    struct dlq *dlq = listing->dlq;

    count_reason(listing, letter->reason);
    if (dlq->options->as_json)
        print_json(dlq, letter, is_done);
    else
        print_row(dlq, letter, is_done);
    flush(dlq);
    return true;
}

static void print_totals(const struct listing *listing)
{
    struct dlq *dlq = listing->dlq;
    struct buffer *out = &dlq->out;
    size_t hidden = dlq->options->shows_done ? 0 : dlq->done;

    buffer_printf(out, "%zu letter%s", dlq->letters, dlq->letters == 1 ? "" : "s");
    for (size_t i = 0; i < listing->tallies_nr; i++) {
        buffer_printf(out, "%s%zu ", i ? ", " : ": ", listing->tallies[i].nr);
        buffer_add_printable(out, slice_of(listing->tallies[i].reason));
    }
    if (hidden > 0)
        buffer_printf(out, "; %zu done, not shown", hidden);
    buffer_add_char(out, '\n');
    flush(dlq);
}

int dlq_list(struct dlq *dlq)
{
    struct listing listing = {.dlq = dlq};
    struct error err = ERROR_INIT;

    if (!dlq_walk(dlq, list_letter, &listing, &err))
        return dlq_fail(&err);
    if (!dlq->options->as_json)
        print_totals(&listing);
    return EXIT_OK;
}

/* ---- show ---- */

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

static void print_whole(struct dlq *dlq, const struct letter *letter, bool is_done)
{
    struct buffer *out = &dlq->out;
    struct slice place = print_place(letter, &dlq->scratch);

    add_line("letter", place, out);
    add_line("done", is_done ? SLICE("yes: sent again, or dropped") : SLICE_ABSENT, out);
    add_line("from", print_origin(letter, &dlq->scratch), out);
    buffer_add_text(out, "time      ");
    time_arg_print(letter->record->timestamp_ms, out);
    buffer_add_char(out, '\n');
    add_line("reason", or_dash(letter->reason), out);
    add_line("why", letter->message, out);
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
    add_line("value", letter->record->value, out);
    buffer_printf(
        out, "\nwhat the rules make of it now: unstale dlq export %s%.*s | unstale explain -\n",
        is_done ? "--all " : "", SLICE_ARG(place));
}

static bool show_letter(void *context, const struct letter *letter, bool is_done)
{
    struct dlq *dlq = context;

    print_whole(dlq, letter, is_done);
    flush(dlq);
    return false;
}

static int say_none(const struct dlq *dlq)
{
    if (dlq->letters > 0 || dlq->options->places_nr == 0)
        return EXIT_OK;
    fprintf(stderr, "unstale dlq: no such letter in %s%s\n", dlq->logs.topic,
            dlq->done > 0 ? " that is not done: --all takes those, too" : "");
    return EXIT_FINDINGS;
}

int dlq_show(struct dlq *dlq)
{
    struct error err = ERROR_INIT;

    return dlq_walk(dlq, show_letter, dlq, &err) ? say_none(dlq) : dlq_fail(&err);
}

/* ---- export ---- */

void dlq_print_record(const struct letter *letter, struct arena *arena, struct buffer *out)
{
    struct record original = letter_original(letter, arena);

    record_json_begin(&original, arena, out);
    buffer_printf(
        out, ",\"timestamp\":%" PRId64 ",\"letter\":{\"place\":", letter->record->timestamp_ms);
    buffer_add_json_string(out, print_place(letter, arena));
    print_why(letter, out);
    if (letter->whole_size != LETTER_UNKNOWN)
        buffer_printf(out, ",\"value_size\":%" PRId64, letter->whole_size);
    buffer_add_text(out, "}}\n");
}

static bool export_letter(void *context, const struct letter *letter, bool is_done)
{
    struct dlq *dlq = context;

    (void)is_done;
    dlq_print_record(letter, &dlq->scratch, &dlq->out);
    flush(dlq);
    return true;
}

int dlq_export(struct dlq *dlq)
{
    struct error err = ERROR_INIT;

    return dlq_walk(dlq, export_letter, dlq, &err) ? say_none(dlq) : dlq_fail(&err);
}
