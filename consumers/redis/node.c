#include "consumers/redis/node.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/redis/backoff.h"
#include "consumers/redis/command.h"
#include "consumers/redis/reply_class.h"

enum { FILL_BYTES = 256 << 10, QUEUE_MIN = 64, UNKNOWN_TRIES = 3 };

void node_init(struct node *node, const struct redis_target *target, struct flight *flights,
               const struct scripts *scripts, struct executor_stats *stats)
{
    *node = (struct node){.flights = flights,
                          .scripts = scripts,
                          .stats = stats,
                          .capacity = QUEUE_MIN,
                          .state = EXECUTOR_DONE};
    connection_init(&node->connection, target);
    backoff_init(&node->backoff);
    node->queue = alloc_bytes(QUEUE_MIN * sizeof(*node->queue));
    buffer_init(&node->scratch);
}

void node_release(struct node *node)
{
    connection_release(&node->connection);
    buffer_release(&node->scratch);
    free(node->queue);
}

static struct queued *queue_at(const struct node *node, size_t i)
{
    return &node->queue[(node->head + i) & (node->capacity - 1)];
}

static void queue_grow(struct node *node)
{
    struct queued *wider = alloc_bytes(2 * node->capacity * sizeof(*wider));

    for (size_t i = 0; i < node->nr; i++)
        wider[i] = *queue_at(node, i);
    free(node->queue);
    node->queue = wider;
    node->head = 0;
    node->capacity *= 2;
}

void node_push(struct node *node, uint8_t flight, uint32_t command)
{
    if (node->nr == node->capacity)
        queue_grow(node);
    *queue_at(node, node->nr++) = (struct queued){.command = command, .flight = flight};
}

static struct command *command_at(const struct node *node, size_t i)
{
    const struct queued *queued = queue_at(node, i);

    return &node->flights[queued->flight].commands[queued->command];
}

static void pop(struct node *node)
{
    node->head = (node->head + 1) & (node->capacity - 1);
    node->nr--;
    node->sent_nr--;
}

static void hold(struct node *node, enum executor_state state, struct slice why)
{
    node->state = state;
    error_clear(&node->trouble);
    (void)error_fail(&node->trouble, state == EXECUTOR_CONFIG ? ERROR_CONFIG : ERROR_RETRY, "%.*s",
                     SLICE_ARG(why));
    node->retry_at_ms = clock_steady_ms() + backoff_next(&node->backoff, state == EXECUTOR_CONFIG);
}

static void be_well(struct node *node)
{
    if (node->state == EXECUTOR_DONE)
        return;
    node->state = EXECUTOR_DONE;
    error_clear(&node->trouble);
    backoff_reset(&node->backoff);
}

/* Everything in the queue is to be sent again, on this connection. */
static void rewind_queue(struct node *node)
{
    node->passed_over = node->connection.due;
    node->sent_nr = 0;
}

static void on_lost(struct node *node)
{
    bool is_config = node->connection.trouble.kind == ERROR_CONFIG;

    counter_add(&node->stats->reissued, node->sent_nr);
    node->sent_nr = 0;
    node->passed_over = 0;
    node->loaded = 0;
    node->is_greeted = false;
    hold(node, is_config ? EXECUTOR_CONFIG : EXECUTOR_DOWN,
         slice_of(node->connection.trouble.text));
}

static void on_greeted(struct node *node)
{
    node->is_greeted = true;
    if (node->was_up)
        counter_add(&node->stats->reconnects, 1);
    node->was_up = true;
    /* With work at hand the first answer decides: a server may greet and then refuse. */
    if (node->nr == 0)
        be_well(node);
}

static void write_queued(struct node *node, struct queued *queued, struct command *command)
{
    struct command_writer writer = {.flight = &node->flights[queued->flight],
                                    .scratch = &node->scratch,
                                    .out = &node->connection.out};
    enum script_name name;

    /* It may have been carried out; by now another's newer value could stand there. */
    if (command->kind == COMMAND_SET && command->was_sent)
        command->kind = COMMAND_UNLINK;
    command->was_sent = true;
    queued->is_load_due = false;
    if (command_has_script(command->kind, &name)) {
        writer.script =
            scripts_get(node->scripts, name, server_has_script_flags(&node->connection.server));
        queued->is_load_due = (node->loaded & 1U << name) == 0;
    }
    if (queued->is_load_due) {
        command_write_script_load(writer.script, writer.out);
        node->loaded |= 1U << name;
    }
    command_write(&writer, command);
    connection_expect(&node->connection, 1U + queued->is_load_due);
    counter_add(&node->stats->commands, 1U + queued->is_load_due);
}

static bool is_time(const struct node *node)
{
    return node->retry_at_ms == 0 || clock_steady_ms() >= node->retry_at_ms;
}

/* Writes what may be written now; false when that is nothing. */
static bool fill(struct node *node)
{
    size_t before = node->sent_nr;

    if (node->sent_nr == node->nr || !is_time(node))
        return false;
    node->retry_at_ms = 0;
    while (node->sent_nr < node->nr && connection_unsent(&node->connection) < FILL_BYTES) {
        write_queued(node, queue_at(node, node->sent_nr), command_at(node, node->sent_nr));
        node->sent_nr++;
    }
    return node->sent_nr > before;
}

static void on_success(struct node *node, const struct answer *answer)
{
    struct flight *flight = &node->flights[queue_at(node, 0)->flight];
    const struct command *command = command_at(node, 0);

    if (answer->kind == ANSWER_INTEGER && command->kind != COMMAND_BUMP &&
        command->kind != COMMAND_EXPIRE)
        counter_add(&node->stats->keys_deleted, (uint64_t)answer->integer);
    be_well(node);
    flight_done(flight, command);
    pop(node);
}

static void try_again(struct node *node, enum executor_state state, struct slice text)
{
    hold(node, state, text);
    rewind_queue(node);
}

/* The delete of a SET there was no memory for may stand later in line: a key too few is no harm. */
static void delete_instead(struct node *node)
{
    uint8_t index = queue_at(node, 0)->flight;
    struct flight *flight = &node->flights[index];
    uint32_t instead = flight_add_delete(flight, queue_at(node, 0)->command);

    flight->unanswered--;
    pop(node);
    node_push(node, index, instead);
}

static void on_no_memory(struct node *node, struct slice text)
{
    struct command *command = command_at(node, 0);

    if (command->kind == COMMAND_SET) {
        delete_instead(node);
    } else if (command->kind == COMMAND_REFRESH) {
        command->kind = COMMAND_GUARDED_DELETE;
        rewind_queue(node);
    } else {
        try_again(node, EXECUTOR_DOWN, text);
    }
}

static void on_poison(struct node *node, struct slice text)
{
    struct flight *flight = &node->flights[queue_at(node, 0)->flight];

    be_well(node);
    if (flight->plan != NULL)
        flight_reject(flight, command_at(node, 0), text);
    else
        flight_done(flight, command_at(node, 0));
    pop(node);
}

static void on_error(struct node *node, struct slice text)
{
    struct command *command = command_at(node, 0);

    switch (reply_classify(text)) {
    case REPLY_OOM:
        on_no_memory(node, text);
        break;
    case REPLY_NOSCRIPT:
        node->loaded = 0;
        rewind_queue(node);
        break;
    case REPLY_TOPOLOGY:
        connection_fail(&node->connection, ERROR_RETRY, text.ptr);
        break;
    case REPLY_CONFIG:
        try_again(node, EXECUTOR_CONFIG, text);
        break;
    case REPLY_POISON:
        on_poison(node, text);
        break;
    case REPLY_UNKNOWN:
        if (++command->tries >= UNKNOWN_TRIES)
            on_poison(node, text);
        else
            try_again(node, EXECUTOR_DOWN, text);
        break;
    case REPLY_OK:
    case REPLY_TRANSIENT:
        try_again(node, EXECUTOR_DOWN, text);
        break;
    }
}

static void on_loaded(struct node *node, const struct answer *answer)
{
    bool may_pass = reply_classify(answer->text) == REPLY_TRANSIENT;

    queue_at(node, 0)->is_load_due = false;
    if (answer->kind != ANSWER_ERROR)
        return;
    node->loaded = 0;
    try_again(node, may_pass ? EXECUTOR_DOWN : EXECUTOR_CONFIG, answer->text);
}

static void on_answer(struct node *node, const struct answer *answer)
{
    struct queued *queued = queue_at(node, 0);

    if (node->passed_over > 0) {
        node->passed_over--;
        return;
    }
    if (queued->is_load_due)
        on_loaded(node, answer);
    else if (answer->kind == ANSWER_ERROR)
        on_error(node, answer->text);
    else
        on_success(node, answer);
}

static void take_answers(struct node *node)
{
    struct answer answer;

    while (connection_answer(&node->connection, &answer))
        on_answer(node, &answer);
}

/* True when commands were written: then answers may be there by the next look. */
static bool step(struct node *node)
{
    connection_drive(&node->connection);
    if (node->connection.phase != CONNECTION_READY)
        return false;
    if (!node->is_greeted)
        on_greeted(node);
    take_answers(node);
    return node->connection.phase == CONNECTION_READY && fill(node);
}

void node_drive(struct node *node)
{
    if (node->connection.phase == CONNECTION_CLOSED) {
        if (!is_time(node))
            return;
        connection_open(&node->connection);
    }
    while (step(node)) {
    }
    if (node->connection.phase == CONNECTION_CLOSED)
        on_lost(node);
}

int64_t node_patience_ms(const struct node *node, int64_t now_ms)
{
    int64_t patience = connection_patience_ms(&node->connection, now_ms);
    int64_t pause = node->retry_at_ms - now_ms;
    bool is_paused = node->connection.phase == CONNECTION_CLOSED || node->sent_nr < node->nr;

    if (node->connection.phase == CONNECTION_CLOSED)
        patience = INT64_MAX;
    if (!is_paused || node->retry_at_ms == 0)
        return patience;
    if (pause < 0)
        pause = 0;
    return pause < patience ? pause : patience;
}

void node_drop_flight(struct node *node, uint8_t flight)
{
    size_t kept = 0;
    bool was_sent = false;

    for (size_t i = 0; i < node->nr; i++) {
        if (queue_at(node, i)->flight == flight)
            was_sent = was_sent || i < node->sent_nr;
        else
            *queue_at(node, kept++) = *queue_at(node, i);
    }
    node->nr = kept;
    if (!was_sent)
        return;
    connection_close(&node->connection);
    node->sent_nr = 0;
    node->passed_over = 0;
    node->loaded = 0;
    node->is_greeted = false;
}
