/* How many letters there are of each reason and rule. */
#include <inttypes.h>
#include <stdio.h>

#include "consumers/cli/dlq.h"
#include "consumers/cli/time_arg.h"

enum { TALLIES_MAX = 256 }; /* reasons come from whoever wrote the letters: bounded */

struct dlq_tally {
    struct slice reason, rule;
    size_t nr;
    int64_t first_ms, last_ms;
};

static struct dlq_tally *add_tally(struct dlq *dlq, struct slice reason, struct slice rule)
{
    if (!dlq->tallies)
        dlq->tallies = arena_zero(&dlq->arena, TALLIES_MAX, sizeof(*dlq->tallies));
    struct dlq_tally *tally = &dlq->tallies[dlq->tallies_nr];
    if (++dlq->tallies_nr == TALLIES_MAX)
        reason = rule = SLICE("other");
    *tally = (struct dlq_tally){.reason = arena_copy(&dlq->arena, reason),
                                .rule = arena_copy(&dlq->arena, rule),
                                .first_ms = INT64_MAX,
                                .last_ms = INT64_MIN};
    return tally;
}

static struct dlq_tally *find_tally(struct dlq *dlq, struct slice reason, struct slice rule)
{
    for (size_t i = 0; i < dlq->tallies_nr; i++)
        if (slice_equals(dlq->tallies[i].reason, reason) &&
            slice_equals(dlq->tallies[i].rule, rule))
            return &dlq->tallies[i];
    return dlq->tallies_nr == TALLIES_MAX ? &dlq->tallies[TALLIES_MAX - 1]
                                          : add_tally(dlq, reason, rule);
}

void dlq_count(struct dlq *dlq, const struct letter *letter)
{
    struct dlq_tally *tally =
        find_tally(dlq, dlq_or_dash(letter->reason), dlq_or_dash(letter->rule));
    int64_t ms = letter->record->timestamp_ms;

    tally->nr++;
    tally->first_ms = ms < tally->first_ms ? ms : tally->first_ms;
    tally->last_ms = ms > tally->last_ms ? ms : tally->last_ms;
}

static void print_row(const struct dlq_tally *tally, struct buffer *out)
{
    buffer_printf(out, "%8zu  ", tally->nr);
    dlq_add_column(tally->reason, 16, out);
    dlq_add_column(tally->rule, 32, out);
    time_arg_print(tally->first_ms, out);
    buffer_add_text(out, "  ");
    time_arg_print(tally->last_ms, out);
    buffer_add_char(out, '\n');
}

static void print_json(const struct dlq_tally *tally, struct buffer *out)
{
    buffer_printf(out, "{\"letters\":%zu,\"reason\":", tally->nr);
    buffer_add_json_string(out, tally->reason);
    buffer_add_text(out, ",\"rule\":");
    buffer_add_json_string(out, tally->rule);
    buffer_printf(out, ",\"first\":%" PRId64 ",\"last\":%" PRId64 "}\n", tally->first_ms,
                  tally->last_ms);
}

static void print_totals(struct dlq *dlq)
{
    struct buffer *out = &dlq->out;
    size_t hidden = dlq->options->shows_done ? 0 : dlq->done;

    if (dlq->letters > 0)
        buffer_printf(out, "%s letters  %-16s%-32s%-26s%s\n", dlq->options->is_summary ? "" : "\n",
                      "reason", "rule", "first", "last");
    for (size_t i = 0; i < dlq->tallies_nr; i++)
        print_row(&dlq->tallies[i], out);
    buffer_printf(out, "%zu letter%s", dlq->letters, dlq->letters == 1 ? "" : "s");
    if (hidden > 0)
        buffer_printf(out, "; %zu done, not shown", hidden);
    buffer_add_char(out, '\n');
}

void dlq_print_tallies(struct dlq *dlq)
{
    if (!dlq->options->as_json)
        print_totals(dlq);
    else if (dlq->options->is_summary)
        for (size_t i = 0; i < dlq->tallies_nr; i++)
            print_json(&dlq->tallies[i], &dlq->out);
}
