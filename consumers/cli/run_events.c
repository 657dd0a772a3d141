#include "consumers/cli/run_events.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/unstale.h"
#include "consumers/base/alloc.h"
#include "consumers/cli/emit.h"

enum { REPORTED_MAX = 20, STOP_MS = 2000, OWN_SETTINGS = 2 };

struct sender {
    struct events_place place;
    struct unstale_producer *producer; /* NULL: no body has come yet */
};

/* The events of one body that are under way. Deliveries come one at a time, by one thread. */
struct batch {
    events_done *done;
    void *opaque;
    size_t total, sent;
    struct unstale_error not_taken;     /* of the submitting thread */
    struct unstale_error not_delivered; /* of the delivering one */
    atomic_size_t left;                 /* events, and one for the submitting thread */
};

/* ---- answers ---- */

static void finish_one(struct batch *batch)
{
    if (atomic_fetch_sub(&batch->left, 1) != 1)
        return;
    const struct unstale_error *failure =
        batch->not_delivered.kind != UNSTALE_OK ? &batch->not_delivered : &batch->not_taken;
    struct events_result result = {.outcome = batch->sent == batch->total ? EVENTS_SENT
                                                                          : EVENTS_UNCONFIRMED,
                                   .total = batch->total,
                                   .sent = batch->sent,
                                   .text = slice_of(failure->text)};
    batch->done(batch->opaque, &result);
    free(batch);
}

static void on_delivery(const struct unstale_delivery *delivery, void *context)
{
    struct batch *batch = delivery->opaque;

    (void)context;
    if (!delivery->error)
        batch->sent++;
    else if (batch->not_delivered.kind == UNSTALE_OK)
        batch->not_delivered = *delivery->error;
    finish_one(batch);
}

static void fail(const char *why, events_done *done, void *opaque)
{
    struct events_result result = {.outcome = EVENTS_UNCONFIRMED, .text = slice_of(why)};

    done(opaque, &result);
}

/* ---- the producer ---- */

static struct unstale_setting *list_settings(const struct source_settings *source, size_t *nr)
{
    struct unstale_setting *list = alloc_zero(source->options_nr + OWN_SETTINGS, sizeof(*list));

    list[0] = (struct unstale_setting){"message.timeout.ms", RUN_EVENTS_TIMEOUT_MS};
    list[1] = (struct unstale_setting){"linger.ms", "1"}; /* somebody waits for the answer */
    for (size_t i = 0; i < source->options_nr; i++)
        list[OWN_SETTINGS + i] =
            (struct unstale_setting){source->options[i].name, source->options[i].value};
    *nr = source->options_nr + OWN_SETTINGS;
    return list;
}

static bool open_producer(struct sender *sender, struct unstale_error *err)
{
    const struct source_settings *source = sender->place.source;
    struct unstale_options options;

    if (sender->producer)
        return true;
    unstale_options_init(&options);
    struct unstale_setting *list = list_settings(source, &options.settings_nr);
    options.brokers = source->brokers;
    options.topic = source->topics[0];
    options.settings = list;
    options.background = true;
    options.on_delivery = on_delivery;
    sender->producer = unstale_producer_new(&options, err);
    free(list);
    return sender->producer != NULL;
}

/* One that cannot go on is replaced when the next body comes; what it had was given up by then. */
static void drop_fatal_producer(struct sender *sender)
{
    struct unstale_error err = UNSTALE_ERROR_INIT;

    if (!sender->producer || unstale_producer_poll(sender->producer, 0, &err))
        return;
    unstale_producer_free(sender->producer);
    sender->producer = NULL;
}

/* ---- one body ---- */

static void add_fault(const struct emit_fault *fault, struct buffer *out)
{
    struct buffer message;

    buffer_init(&message);
    buffer_add_printable(&message, fault->message);
    buffer_printf(out, "%s{\"line\":%u,\"column\":%zu,\"message\":", out->len > 1 ? "," : "",
                  fault->line, fault->column);
    buffer_add_json_string(out, buffer_slice(&message));
    buffer_add_char(out, '}');
    buffer_release(&message);
}

/* Counts the events; false, and done, when one of them is invalid. */
static bool review(struct emit_input *input, size_t *total, events_done *done, void *opaque)
{
    struct events_result result = {.outcome = EVENTS_INVALID};
    struct emit_item item;
    struct buffer faults;

    buffer_init(&faults);
    buffer_add_char(&faults, '[');
    for (enum emit_step step; (step = emit_input_next(input, &item)) != EMIT_END; result.total++) {
        if (step == EMIT_EVENT || ++result.invalid > REPORTED_MAX)
            continue;
        struct emit_fault fault = emit_fault(input, &item);
        add_fault(&fault, &faults);
    }
    buffer_add_char(&faults, ']');
    result.text = buffer_slice(&faults);
    *total = result.total;
    if (result.invalid > 0)
        done(opaque, &result);
    buffer_release(&faults);
    return result.invalid == 0;
}

static struct unstale_header *take_headers(const struct record *record, struct arena *arena)
{
    struct unstale_header *headers = arena_zero(arena, record->headers_nr + 1, sizeof(*headers));

    for (size_t i = 0; i < record->headers_nr; i++)
        headers[i] =
            (struct unstale_header){arena_text(arena, record->headers[i].name),
                                    record->headers[i].value.ptr, record->headers[i].value.len};
    return headers;
}

static bool publish(struct sender *sender, struct emit_input *input, const struct emit_item *item,
                    struct batch *batch)
{
    const struct record *record = &item->item.record;
    struct slice key = emit_key(item, &input->arena);
    struct unstale_message message = {.key = key.ptr,
                                      .key_length = key.len,
                                      .value = record->value.ptr,
                                      .value_length = record->value.len,
                                      .headers = take_headers(record, &input->arena),
                                      .headers_nr = record->headers_nr,
                                      .opaque = batch};

    atomic_fetch_add(&batch->left, 1);
    if (unstale_publish_json(sender->producer, &message, &batch->not_taken))
        return true;
    atomic_fetch_sub(&batch->left, 1);
    return false;
}

/* What one event is refused for the next would be too: a full queue, a producer that is done. */
static void send_all(struct sender *sender, struct emit_input *input, struct batch *batch)
{
    struct emit_item item;
    enum emit_step step;

    emit_input_rewind(input);
    while ((step = emit_input_next(input, &item)) != EMIT_END)
        if (step == EMIT_EVENT && !publish(sender, input, &item, batch))
            break;
    finish_one(batch);
}

static void submit_input(struct sender *sender, struct emit_input *input, events_done *done,
                         void *opaque)
{
    struct unstale_error err = UNSTALE_ERROR_INIT;
    size_t total;

    if (!review(input, &total, done, opaque))
        return;
    drop_fatal_producer(sender);
    if (!open_producer(sender, &err)) {
        fail(err.text, done, opaque);
        return;
    }
    struct batch *batch = alloc_zero(1, sizeof(*batch));
    batch->done = done;
    batch->opaque = opaque;
    batch->total = total;
    atomic_init(&batch->left, 1);
    send_all(sender, input, batch);
}

/* ---- the sender ---- */

static void *start(const struct events_place *place)
{
    struct sender *sender = alloc_zero(1, sizeof(*sender));

    sender->place = *place;
    return sender;
}

static void submit(void *opaque_sender, struct slice body, events_done *done, void *opaque)
{
    struct sender *sender = opaque_sender;
    const struct source_settings *source = sender->place.source;
    struct emit_input input;

    if (source->topics_nr != 1 || source->topics[0][0] == '^') {
        fail("kafka.topics does not name one topic to send to", done, opaque);
        return;
    }
    emit_input_over(&input, body, sender->place.max_event_bytes);
    submit_input(sender, &input, done, opaque);
    emit_input_release(&input);
}

static void stop(void *opaque_sender)
{
    struct sender *sender = opaque_sender;

    if (sender->producer) {
        (void)unstale_producer_flush(sender->producer, STOP_MS, NULL);
        unstale_producer_free(sender->producer);
    }
    free(sender);
}

const struct events_sender run_events = {start, submit, stop};
