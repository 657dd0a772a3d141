/* The sending half of emit: one producer, deliveries counted, progress on a terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/unstale.h"
#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/base/compiler.h"
#include "consumers/cli/emit.h"
#include "consumers/kafka/admin.h"

enum {
    CONTACT_TIMEOUT_MS = 10000,
    PATIENCE_MS = 30000, /* without a single event delivered, before giving up */
    STEP_MS = 100,
    PROGRESS_EVERY_MS = 200,
    POLL_EVERY = 256 /* events */
};

struct sending {
    struct unstale_producer *producer;
    const struct emit_counts *counts;
    size_t sent, refused;
    struct unstale_counters counters;
    struct unstale_error first_failure; /* of a delivery */
    int64_t moved_ms;                   /* when a delivery was last seen */
    int64_t shown_ms;
    bool shows_progress;
    bool is_stuck; /* nothing was confirmed for too long */
};

/* ---- before anything is sent ---- */

/* True for options about reaching a broker; the others mean nothing but to a producer. */
static bool is_about_connecting(const char *name)
{
    static const char *const beginnings[] = {
        "security.",    "ssl.",         "sasl.",   "enable.ssl.", "enable.sasl.",
        "client.",      "broker.",      "socket.", "reconnect.",  "resolve_cb",
        "connections.", "api.version.", "https.",  "debug",
    };

    for (size_t i = 0; i < ARRAY_NR(beginnings); i++)
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

static struct admin *open_admin(const struct settings *settings, struct error *err)
{
    struct kafka_option *list = alloc_zero(settings->options_nr + 1, sizeof(*list));
    size_t nr = 0;

    for (size_t i = 0; i < settings->options_nr; i++)
        if (is_about_connecting(settings->options[i].name))
            list[nr++] = settings->options[i];
    struct admin *admin = admin_open(settings->brokers, list, nr, err);
    free(list);
    return admin;
}

static enum exit_code find_topic(const struct settings *settings, struct admin_topic *topic)
{
    struct error err = ERROR_INIT;
    struct admin *admin = open_admin(settings, &err);
    bool ok = admin && admin_topic(admin, settings->topics[0], CONTACT_TIMEOUT_MS, topic, &err);

    admin_close(admin);
    if (!ok) {
        fprintf(stderr, "unstale emit: %s: %s\n", settings->brokers, err.text);
        return err.kind == ERROR_CONFIG ? EXIT_USAGE : EXIT_UNREACHABLE;
    }
    if (topic->exists)
        return EXIT_OK;
    fprintf(stderr,
            "unstale emit: there is no topic \"%s\" at %s; make it with: unstale doctor "
            "--create-topics --brokers %s --topic %s\n",
            settings->topics[0], settings->brokers, settings->brokers, settings->topics[0]);
    return EXIT_FINDINGS;
}

static void on_delivery(const struct unstale_delivery *delivery, void *context)
{
    struct sending *sending = context;

    if (!delivery->error)
        sending->moved_ms = clock_steady_ms();
    else if (sending->first_failure.kind == UNSTALE_OK)
        sending->first_failure = *delivery->error;
}

static bool open_producer(struct sending *sending, const struct settings *settings)
{
    struct unstale_error err = UNSTALE_ERROR_INIT;
    struct unstale_options options;
    struct unstale_setting *list = alloc_zero(settings->options_nr + 1, sizeof(*list));

    for (size_t i = 0; i < settings->options_nr; i++)
        list[i] = (struct unstale_setting){settings->options[i].name, settings->options[i].value};
    unstale_options_init(&options);
    options.brokers = settings->brokers;
    options.topic = settings->topics[0];
    options.settings = list;
    options.settings_nr = settings->options_nr;
    options.wait_ms = STEP_MS;
    options.on_delivery = on_delivery;
    options.context = sending;
    sending->producer = unstale_producer_new(&options, &err);
    free(list);
    if (!sending->producer)
        fprintf(stderr, "unstale emit: %s\n", err.text);
    return sending->producer != NULL;
}

/* ---- sending ---- */

/* False when Kafka has confirmed nothing for so long that it must be gone. */
static bool look_around(struct sending *sending)
{
    int64_t now_ms = clock_steady_ms();

    unstale_producer_counters(sending->producer, &sending->counters);
    if (sending->shows_progress && now_ms - sending->shown_ms >= PROGRESS_EVERY_MS) {
        fprintf(stderr, "\r%llu of %zu events", (unsigned long long)sending->counters.delivered,
                sending->counts->good);
        sending->shown_ms = now_ms;
    }
    sending->is_stuck = now_ms - sending->moved_ms >= PATIENCE_MS;
    return !sending->is_stuck;
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

/* Waits for room in the queue as long as deliveries go on. */
static bool publish(struct sending *sending, const struct unstale_message *message,
                    struct unstale_error *err)
{
    for (;;) {
        *err = (struct unstale_error)UNSTALE_ERROR_INIT;
        if (unstale_publish_json(sending->producer, message, err))
            return true;
        if (err->kind != UNSTALE_RETRY || !look_around(sending))
            return false;
    }
}

/* One event; false when there is no use in going on. */
static bool send_item(struct sending *sending, struct emit_input *input,
                      const struct emit_item *item)
{
    const struct record *record = &item->item.record;
    struct slice key = emit_key(item, &input->arena);
    struct unstale_message message = {.key = key.ptr,
                                      .key_length = key.len,
                                      .value = record->value.ptr,
                                      .value_length = record->value.len,
                                      .headers = take_headers(record, &input->arena),
                                      .headers_nr = record->headers_nr};
    struct unstale_error err;

    if (publish(sending, &message, &err)) {
        if (++sending->sent % POLL_EVERY != 0)
            return true;
        (void)unstale_producer_poll(sending->producer, 0, NULL);
        return look_around(sending);
    }
    if (err.kind != UNSTALE_REJECT) {
        sending->first_failure = err;
        return false;
    }
    sending->refused++;
    fprintf(stderr, "%s:%u:%u: not sent: %s\n", input->name, item->item.line, item->item.column,
            err.text);
    return true;
}

static bool send_all(struct sending *sending, struct emit_input *input)
{
    struct emit_item item;
    enum emit_step step;

    emit_input_rewind(input);
    while ((step = emit_input_next(input, &item)) != EMIT_END)
        if (step == EMIT_EVENT && !send_item(sending, input, &item))
            return false;
    return true;
}

/* Until every event is answered, or nothing moves any more. */
static bool wait_for_all(struct sending *sending)
{
    struct unstale_error err = UNSTALE_ERROR_INIT;

    while (!unstale_producer_flush(sending->producer, STEP_MS, &err)) {
        if (err.kind != UNSTALE_RETRY || !look_around(sending))
            return false;
        err = (struct unstale_error)UNSTALE_ERROR_INIT;
    }
    return true;
}

/* ---- after ---- */

static const char *plural(uint64_t nr)
{
    return nr == 1 ? "" : "s";
}

static enum exit_code tell_failure(const struct sending *sending)
{
    const struct unstale_counters *counters = &sending->counters;
    const char *why = sending->first_failure.kind != UNSTALE_OK ? sending->first_failure.text
                                                                : "no answer from Kafka";

    fprintf(stderr, "unstale emit: %llu of %zu event%s delivered: %s\n",
            (unsigned long long)counters->delivered, sending->counts->good,
            plural(sending->counts->good), why);
    return sending->is_stuck ? EXIT_UNREACHABLE : EXIT_FINDINGS;
}

static enum exit_code summarise(const struct sending *sending, const struct settings *settings,
                                const struct admin_topic *topic, int64_t took_ms)
{
    const struct unstale_counters *counters = &sending->counters;

    printf("emitted %llu event%s to %s (%d partition%s) in %.2f s",
           (unsigned long long)counters->delivered, plural(counters->delivered),
           settings->topics[0], topic->partitions, plural((uint64_t)topic->partitions),
           (double)took_ms / 1000);
    if (sending->counts->bad > 0)
        printf(", left out %zu invalid", sending->counts->bad);
    putchar('\n');
    return sending->counts->bad > 0 || sending->refused > 0 ? EXIT_FINDINGS : EXIT_OK;
}

static enum exit_code send_to(struct sending *sending, struct emit_input *input,
                              const struct settings *settings, const struct admin_topic *topic)
{
    int64_t start_ms = clock_steady_ms();

    sending->moved_ms = start_ms;
    sending->shown_ms = start_ms;
    bool ok = send_all(sending, input) && wait_for_all(sending);
    int64_t took_ms = clock_steady_ms() - start_ms;
    unstale_producer_counters(sending->producer, &sending->counters);
    if (sending->shows_progress)
        fputs("\r\033[K", stderr);
    if (!ok || sending->counters.failed > 0)
        return tell_failure(sending);
    return summarise(sending, settings, topic, took_ms);
}

enum exit_code emit_send(struct emit_input *input, const struct settings *settings,
                         const struct emit_counts *counts)
{
    struct admin_topic topic = {.exists = false};
    struct sending sending = {.counts = counts, .shows_progress = isatty(STDERR_FILENO)};

    if (!open_producer(&sending, settings))
        return EXIT_USAGE;
    enum exit_code code = find_topic(settings, &topic);
    if (code == EXIT_OK)
        code = send_to(&sending, input, settings, &topic);
    unstale_producer_free(sending.producer);
    return code;
}
