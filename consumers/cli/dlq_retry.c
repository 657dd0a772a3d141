/* Letters that are dealt with: sent again and marked, or only marked. */
#include <inttypes.h>
#include <stdio.h>

#include "consumers/base/clock.h"
#include "consumers/cli/dlq.h"
#include "consumers/cli/resend.h"
#include "consumers/kafka/sender.h"

struct retry {
    struct dlq *dlq;
    struct resend *resend;
    bool is_sent;     /* else only marked */
    const char *done; /* "retried", "dropped" */
    size_t impossible;
    int64_t start_ms;
};

/* NULL: it can be sent again. */
static const char *why_not(const struct retry *retry, const struct letter *letter)
{
    const char *dead = retry->dlq->logs.topic;

    if (letter->whole_size != LETTER_UNKNOWN)
        return "only the beginning of its value was kept, the broker had refused the whole";
    if (slice_is_absent(letter->reason))
        return "another program's letter: there is no unstale.reason";
    if (letter->topic.len == 0)
        return "it does not say which topic it came from";
    return slice_equals(letter->topic, slice_of(dead)) ? "it came from the dead-letter topic itself"
                                                       : NULL;
}

static void print_line(const struct retry *retry, const struct letter *letter, struct slice name,
                       struct buffer *out)
{
    buffer_clear(out);
    buffer_printf(out, "%.*s ", SLICE_ARG(name));
    if (retry->is_sent) {
        buffer_add_text(out, "to ");
        buffer_add_printable(out, letter->topic);
        buffer_printf(out, ":%" PRId32 " ", letter->partition);
    } else {
        buffer_add_text(out, "dropped ");
    }
    buffer_add_printable(out, letter->record->key.len > 0 ? letter->record->key : SLICE("-"));
}

/* Back to its partition, so that it stays in line with its object's other events; else by its key. */
static void place(struct retry *retry, struct record *original)
{
    if (original->partition >= dlq_count_partitions(retry->dlq, original->topic))
        original->partition = SENDER_BY_KEY;
}

static bool retry_letter(void *context, const struct letter *letter, bool is_done)
{
    struct retry *retry = context;
    struct dlq *dlq = retry->dlq;
    struct record original = letter_original(letter, &dlq->scratch);
    struct resend_item item = {.letter = letter->record,
                               .name =
                                   arena_printf(&dlq->scratch, "%" PRId32 ":%" PRId64,
                                                letter->record->partition, letter->record->offset)};
    const char *why = retry->is_sent ? why_not(retry, letter) : NULL;

    (void)is_done;
    if (why) {
        fprintf(stderr, "unstale dlq retry: %.*s: not sent: %s\n", SLICE_ARG(item.name), why);
        retry->impossible++;
        return true;
    }
    print_line(retry, letter, item.name, &dlq->out);
    item.line = buffer_slice(&dlq->out);
    if (retry->is_sent) {
        place(retry, &original);
        item.record = &original;
    }
    return resend_push(retry->resend, &item);
}

static int summarise(struct retry *retry, const struct resend_counts *counts)
{
    const struct dlq_options *options = retry->dlq->options;
    double seconds = (double)(clock_steady_ms() - retry->start_ms) / 1000;

    printf("%zu letter%s %s%s", counts->done, counts->done == 1 ? "" : "s",
           options->is_dry ? "would be " : "", retry->done);
    if (counts->failed > 0)
        printf(", %zu failed", counts->failed);
    if (retry->impossible > 0)
        printf(", %zu cannot be", retry->impossible);
    if (resend_is_cancelled(retry->resend))
        printf("; cancelled, the others stay");
    printf(options->is_dry ? "\n" : " in %.1f s\n", seconds);
    if (counts->is_unreachable)
        return EXIT_UNREACHABLE;
    bool is_whole = counts->failed + retry->impossible == 0 && !resend_is_cancelled(retry->resend);
    return is_whole ? EXIT_OK : EXIT_FINDINGS;
}

static int say_none(const struct dlq *dlq)
{
    if (dlq->letters > 0)
        return EXIT_OK;
    fprintf(stderr, "unstale dlq: no letter %s\n",
            dlq->done > 0 ? "that is not done already" : "like that");
    return dlq->options->places_nr > 0 ? EXIT_FINDINGS : EXIT_OK;
}

static int deal(struct dlq *dlq, const char *verb, const char *done)
{
    struct retry retry = {.dlq = dlq,
                          .is_sent = dlq->options->action == DLQ_RETRY,
                          .done = done,
                          .start_ms = clock_steady_ms()};
    struct error err = ERROR_INIT;
    struct resend_counts counts;
    struct resend_settings settings = {.verb = verb,
                                       .brokers = dlq->settings->brokers,
                                       .options = dlq->settings->options,
                                       .options_nr = dlq->settings->options_nr,
                                       .rate = dlq->options->rate,
                                       .is_dry = dlq->options->is_dry,
                                       .is_quiet = dlq->options->is_quiet,
                                       .done = done};

    retry.resend = resend_open(&settings, &err);
    if (!retry.resend)
        return dlq_fail(&err);
    bool is_walked = dlq_walk(dlq, retry_letter, &retry, &err);
    resend_finish(retry.resend, &counts);
    int code = summarise(&retry, &counts);
    if (!is_walked)
        code = dlq_fail(&err);
    resend_close(retry.resend);
    return code == EXIT_OK ? say_none(dlq) : code;
}

int dlq_retry(struct dlq *dlq)
{
    return deal(dlq, "dlq retry", "retried");
}

int dlq_drop(struct dlq *dlq)
{
    return deal(dlq, "dlq drop", "dropped");
}
