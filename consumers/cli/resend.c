#include "consumers/cli/resend.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/base/arena.h"
#include "consumers/base/clock.h"
#include "consumers/kafka/letter.h"
#include "consumers/kafka/sender.h"

enum {
    WINDOW_BYTES = 16 << 20,
    REPORTS = 256,
    STEP_MS = 20,
    BURST_NS = 50000000,
    SHOW_EVERY_MS = 200
};

enum item_state { ITEM_SENT, ITEM_CONFIRMED, ITEM_MARKED, ITEM_DONE, ITEM_FAILED };

struct item {
    enum item_state state;
    struct buffer line, name;
    struct record letter; /* topic borrowed, only place matters */
    char *topic;          /* of the letter; NULL: no mark */
    size_t bytes;
};

struct resend {
    struct resend_settings settings;
    struct sender *sender; /* NULL: a dry run */
    struct interrupt interrupt;
    struct item items[RESEND_WINDOW]; /* a ring by ticket */
    uint64_t first, next; /* tickets of the oldest item, and of the one that will come */
    size_t bytes;
    struct resend_counts counts;
    struct arena arena; /* of a mark */
    int64_t due_ns;     /* when the next item is */
    int64_t shown_ms;
    bool shows_progress;
};

struct resend *resend_open(const struct resend_settings *settings, struct error *err)
{
    struct resend *resend = alloc_zero(1, sizeof(*resend));

    resend->settings = *settings;
    resend->shows_progress =
        isatty(STDERR_FILENO) && (settings->is_quiet || !isatty(STDOUT_FILENO));
    arena_init(&resend->arena, 4096);
    interrupt_begin(&resend->interrupt);
    if (!settings->is_dry) {
        resend->sender =
            sender_new(settings->brokers, settings->options, settings->options_nr, err);
        if (!resend->sender) {
            resend_close(resend);
            return NULL;
        }
    }
    resend->due_ns = clock_steady_ns();
    return resend;
}

static void release_item(struct item *item)
{
    buffer_release(&item->line);
    buffer_release(&item->name);
    free(item->topic);
}

void resend_close(struct resend *resend)
{
    if (!resend)
        return;
    sender_free(resend->sender);
    for (uint64_t i = resend->first; i < resend->next; i++)
        release_item(&resend->items[i % RESEND_WINDOW]);
    interrupt_end(&resend->interrupt);
    arena_release(&resend->arena);
    free(resend);
}

bool resend_is_cancelled(struct resend *resend)
{
    return interrupt_came(&resend->interrupt);
}

/* ---- answers ---- */

static bool send(struct resend *resend, const struct record *record, uint64_t ticket)
{
    return sender_send(resend->sender, record, ticket) == SENDER_TAKEN;
}

static bool send_mark(struct resend *resend, const struct record *letter, uint64_t ticket)
{
    struct record mark = letter_mark(letter, resend->settings.done, &resend->arena);
    bool is_taken = send(resend, &mark, ticket);

    arena_reset(&resend->arena, 0);
    return is_taken;
}

/* Those whose record is confirmed; what does not fit into the queue waits for the next turn. */
static void send_marks(struct resend *resend)
{
    for (uint64_t ticket = resend->first; ticket < resend->next; ticket++) {
        struct item *item = &resend->items[ticket % RESEND_WINDOW];

        if (item->state != ITEM_CONFIRMED)
            continue;
        if (!send_mark(resend, &item->letter, ticket))
            return;
        item->state = ITEM_MARKED;
    }
}

static void say_failed(struct resend *resend, const struct item *item,
                       const struct sender_report *report)
{
    const char *what = item->state == ITEM_MARKED ? "not marked, so it comes again" : "not sent";

    fprintf(stderr, "unstale %s: %s: %s: %s\n", resend->settings.verb, item->name.ptr, what,
            report->why);
}

static void take_report(struct resend *resend, const struct sender_report *report)
{
    struct item *item = &resend->items[report->ticket % RESEND_WINDOW];

    if (!report->is_sent) {
        say_failed(resend, item, report);
        item->state = ITEM_FAILED;
        resend->counts.failed++;
        resend->counts.is_unreachable |= report->is_unreachable;
    } else {
        item->state = item->state == ITEM_SENT && item->topic ? ITEM_CONFIRMED : ITEM_DONE;
    }
}

static void show_progress(struct resend *resend)
{
    int64_t now_ms = clock_steady_ms();

    if (!resend->shows_progress || now_ms - resend->shown_ms < SHOW_EVERY_MS)
        return;
    resend->shown_ms = now_ms;
    fprintf(stderr, "\r%zu done", resend->counts.done);
}

static void tell(struct resend *resend, const struct item *item)
{
    bool is_done = item->state == ITEM_DONE;

    if (resend->settings.settle)
        resend->settings.settle(resend->settings.context, resend->first, is_done);
    else if (is_done && !resend->settings.is_quiet)
        fwrite(item->line.ptr, 1, item->line.len, stdout);
}

static void retire(struct resend *resend)
{
    uint64_t first = resend->first;

    while (resend->first < resend->next) {
        struct item *item = &resend->items[resend->first % RESEND_WINDOW];

        if (item->state < ITEM_DONE)
            break;
        tell(resend, item);
        resend->counts.done += item->state == ITEM_DONE;
        resend->bytes -= item->bytes;
        release_item(item);
        resend->first++;
    }
    if (resend->first > first && !resend->settings.is_quiet)
        fflush(stdout);
    show_progress(resend);
}

static void serve(struct resend *resend, int timeout_ms)
{
    struct sender_report reports[REPORTS];
    size_t nr = resend->sender ? sender_take(resend->sender, timeout_ms, reports, REPORTS) : 0;

    for (size_t i = 0; i < nr; i++)
        take_report(resend, &reports[i]);
    if (nr > 0 && resend->settings.done)
        send_marks(resend);
    retire(resend);
}

/* ---- items ---- */

static bool may_go_on(struct resend *resend)
{
    return !resend->counts.is_unreachable && !interrupt_came(&resend->interrupt);
}

static int64_t due_in_ms(const struct resend *resend)
{
    if (resend->settings.rate == 0)
        return 0;
    return (resend->due_ns - clock_steady_ns()) / 1000000;
}

/* Time in which there was nothing to send is not made up for. */
static void pace(struct resend *resend)
{
    int64_t earliest_ns = clock_steady_ns() - BURST_NS;

    if (resend->settings.rate == 0)
        return;
    if (resend->due_ns < earliest_ns)
        resend->due_ns = earliest_ns;
    resend->due_ns += 1000000000 / resend->settings.rate;
}

static bool has_room(const struct resend *resend)
{
    return resend->next - resend->first < RESEND_WINDOW && resend->bytes < WINDOW_BYTES;
}

static bool await_turn(struct resend *resend)
{
    while (may_go_on(resend)) {
        int64_t due_ms = has_room(resend) ? due_in_ms(resend) : STEP_MS;

        if (due_ms <= 0)
            return true;
        serve(resend, due_ms < STEP_MS ? (int)due_ms : STEP_MS);
    }
    return false;
}

static struct item *add_item(struct resend *resend, const struct resend_item *wanted)
{
    struct item *item = &resend->items[resend->next++ % RESEND_WINDOW];

    *item = (struct item){.state = wanted->record ? ITEM_SENT : ITEM_CONFIRMED};
    buffer_init(&item->line);
    buffer_init(&item->name);
    if (!resend->settings.settle) {
        buffer_add(&item->line, wanted->line);
        buffer_add_char(&item->line, '\n');
    }
    buffer_add(&item->name, wanted->name);
    if (wanted->letter) {
        item->topic = alloc_text_n(wanted->letter->topic.ptr, wanted->letter->topic.len);
        item->letter = (struct record){.topic = slice_of(item->topic),
                                       .partition = wanted->letter->partition,
                                       .offset = wanted->letter->offset};
    }
    item->bytes = wanted->record ? wanted->record->value.len + wanted->record->key.len : 0;
    resend->bytes += item->bytes;
    return item;
}

bool resend_push(struct resend *resend, const struct resend_item *wanted)
{
    if (!resend->sender) {
        add_item(resend, wanted)->state = ITEM_DONE;
        retire(resend);
        return may_go_on(resend);
    }
    if (!await_turn(resend))
        return false;
    uint64_t ticket = resend->next;
    add_item(resend, wanted);
    while (wanted->record && !send(resend, wanted->record, ticket))
        serve(resend, STEP_MS);
    if (!wanted->record)
        send_marks(resend);
    pace(resend);
    serve(resend, 0);
    return true;
}

void resend_finish(struct resend *resend, struct resend_counts *counts)
{
    while (resend->first < resend->next)
        serve(resend, STEP_MS);
    if (resend->shows_progress)
        fputs("\r\033[K", stderr);
    *counts = resend->counts;
}
