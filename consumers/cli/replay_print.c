/* What was replayed, by partition and model, and how to go on. */
#include <inttypes.h>
#include <stdio.h>

#include "consumers/cli/replay.h"
#include "consumers/cli/time_arg.h"

enum { TALLIES_MAX = 1000, MODEL_WIDTH = 24 }; /* models come from events: bounded */

/* ---- tallies ---- */

void replay_tally_begin(struct replay *replay)
{
    arena_reset(&replay->tally_arena, 0);
    replay->tallies = arena_zero(&replay->tally_arena, TALLIES_MAX, sizeof(*replay->tallies));
    replay->tallies_nr = 0;
}

uint32_t replay_tally_of(struct replay *replay, struct slice model)
{
    size_t at = 0;

    while (at < replay->tallies_nr && !slice_equals_nocase(replay->tallies[at].model, model))
        at++;
    if (at < replay->tallies_nr)
        return (uint32_t)at;
    if (at == TALLIES_MAX)
        return TALLIES_MAX - 1;
    bool is_last = ++replay->tallies_nr == TALLIES_MAX;
    replay->tallies[at].model =
        is_last ? SLICE("(others)") : arena_copy(&replay->tally_arena, model);
    return (uint32_t)at;
}

void replay_tally_add(struct replay_tally *tally, int64_t offset, int64_t ms)
{
    if (tally->nr++ == 0) {
        tally->first_offset = offset;
        tally->first_ms = tally->last_ms = ms;
    }
    tally->last_offset = offset;
    tally->first_ms = ms < tally->first_ms ? ms : tally->first_ms;
    tally->last_ms = ms > tally->last_ms ? ms : tally->last_ms;
}

static void print_row(const struct replay_log *log, const struct replay_tally *tally,
                      struct buffer *out)
{
    size_t start;

    buffer_printf(out, "%s:%" PRId32 "  ", log->topic, log->partition);
    start = out->len;
    buffer_add_printable(out, tally->model);
    while (out->len < start + MODEL_WIDTH)
        buffer_add_char(out, ' ');
    buffer_printf(out, "%9zu record%s  offsets %" PRId64 "..%" PRId64 "  ", tally->nr,
                  tally->nr == 1 ? " " : "s", tally->first_offset, tally->last_offset);
    time_arg_print(tally->first_ms, out);
    buffer_add_text(out, " .. ");
    time_arg_print(tally->last_ms, out);
    buffer_add_char(out, '\n');
}

static void print_json(const struct replay_log *log, const struct replay_tally *tally,
                       struct buffer *out)
{
    buffer_add_text(out, "{\"topic\":");
    buffer_add_json_string(out, slice_of(log->topic));
    buffer_printf(out, ",\"partition\":%" PRId32 ",\"model\":", log->partition);
    buffer_add_json_string(out, tally->model);
    buffer_printf(out,
                  ",\"records\":%zu,\"first_offset\":%" PRId64 ",\"last_offset\":%" PRId64
                  ",\"first\":%" PRId64 ",\"last\":%" PRId64 "}\n",
                  tally->nr, tally->first_offset, tally->last_offset, tally->first_ms,
                  tally->last_ms);
}

static void flush(struct replay *replay)
{
    fwrite(replay->out.ptr, 1, replay->out.len, stdout);
    fflush(stdout);
    buffer_clear(&replay->out);
}

void replay_print_log(struct replay *replay)
{
    for (size_t i = 0; i < replay->tallies_nr; i++)
        if (replay->tallies[i].nr > 0 && replay->options->as_json)
            print_json(replay->log, &replay->tallies[i], &replay->out);
        else if (replay->tallies[i].nr > 0)
            print_row(replay->log, &replay->tallies[i], &replay->out);
    flush(replay);
}

static void add_left_out(struct buffer *out, size_t nr, const char *what)
{
    if (nr > 0)
        buffer_printf(out, "%s%zu %s", out->len > 0 ? ", " : "left out: ", nr, what);
}

void replay_print_left_out(struct replay *replay)
{
    if (replay->options->as_json)
        return;
    add_left_out(&replay->out, replay->before, "sent again before");
    add_left_out(&replay->out, replay->others, "of other models");
    add_left_out(&replay->out, replay->no_events, "without an event");
    if (replay->out.len > 0)
        buffer_add_char(&replay->out, '\n');
    flush(replay);
}

/* ---- going on ---- */

static bool is_plain(const char *text)
{
    return *text && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "-_./:=,@%+") == strlen(text);
}

static void add_word(struct buffer *out, const char *text)
{
    buffer_add_char(out, ' ');
    if (is_plain(text)) {
        buffer_add_text(out, text);
        return;
    }
    buffer_add_char(out, '\'');
    for (; *text; text++)
        if (*text == '\'')
            buffer_add_text(out, "'\\''");
        else
            buffer_add_char(out, *text);
    buffer_add_char(out, '\'');
}

/* How many words to leave out there: those that are said anew. */
static int count_renewed(char *const *argv)
{
    static const char *const renewed[] = {"--from", "--to", "--after"};

    for (size_t i = 0; i < ARRAY_NR(renewed); i++) {
        size_t len = strlen(renewed[i]);

        if (strcmp(argv[0], renewed[i]) == 0)
            return 2;
        if (strncmp(argv[0], renewed[i], len) == 0 && argv[0][len] == '=')
            return 1;
    }
    return 0;
}

void replay_print_going_on(struct replay *replay)
{
    const struct replay_options *options = replay->options;
    const struct replay_place *done = &replay->done;
    struct buffer *out = &replay->out;
    bool is_any = !slice_is_absent(done->topic);

    if (is_any)
        buffer_printf(out, "stopped after %.*s:%" PRId32 ":%" PRId64 "; ", SLICE_ARG(done->topic),
                      done->partition, done->offset);
    buffer_add_text(out, is_any ? "this goes on:\n" : "stopped at the start; this goes on:\n");
    buffer_add_text(out, "  unstale replay --from ");
    time_arg_print(options->from_ms, out);
    buffer_add_text(out, " --to ");
    time_arg_print(options->to_ms, out);
    for (int i = 1; i < options->argc;) {
        int renewed = count_renewed(&options->argv[i]);

        if (renewed == 0)
            add_word(out, options->argv[i]);
        i += renewed > 0 ? renewed : 1;
    }
    if (is_any)
        buffer_printf(out, " --after %.*s:%" PRId32 ":%" PRId64, SLICE_ARG(done->topic),
                      done->partition, done->offset);
    buffer_add_char(out, '\n');
    fwrite(out->ptr, 1, out->len, stderr);
    buffer_clear(out);
}
