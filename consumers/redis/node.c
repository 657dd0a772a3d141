#include "consumers/redis/node.h"

#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/redis/backoff.h"
#include "consumers/redis/command.h"
#include "consumers/redis/node_inside.h"
#include "consumers/redis/reply_class.h"
#include "consumers/redis/resp.h"

enum { FILL_BYTES = 256 << 10, UNKNOWN_TRIES = 3 };

void node_init(struct node *node, const struct redis_target *target,
               const struct node_shared *shared)
{
    *node = (struct node){.flights = shared->flights,
                          .scripts = shared->scripts,
                          .stats = shared->stats,
                          .has_replicas = target->wait_replicas > 0,
                          .state = EXECUTOR_DONE};
    connection_init(&node->connection, target);
    backoff_init(&node->backoff);
    node_queue_init(node);
    buffer_init(&node->scratch);
}

void node_release(struct node *node)
{
    connection_release(&node->connection);
    buffer_release(&node->scratch);
    free(node->queue);
}

/* What a node of a cluster says to who takes it for a server of its own. */
static const char *hint(const struct node *node, enum executor_state state)
{
    bool is_undeclared = node->router == NULL && node->connection.server.is_cluster;

    return is_undeclared && state == EXECUTOR_CONFIG
               ? " (the server is part of a cluster: \"cluster\": true is missing)"
               : "";
}

static void hold(struct node *node, enum executor_state state, struct slice why)
{
    node->state = state;
    error_clear(&node->trouble);
    (void)error_fail(&node->trouble, state == EXECUTOR_CONFIG ? ERROR_CONFIG : ERROR_RETRY,
                     "%.*s%s", SLICE_ARG(why), hint(node, state));
    node->retry_at_ms = clock_steady_ms() + backoff_next(&node->backoff, state == EXECUTOR_CONFIG);
}

void node_be_well(struct node *node)
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

void failover_note(struct failover *failover, int64_t good_ms)
{
    if (good_ms == 0)
        return;
    if (!failover->is_due || good_ms < failover->good_ms)
        failover->good_ms = good_ms;
    failover->is_due = true;
}

/* Another server than before, or one that was no master meanwhile, may lack what was written. */
static void compare_server(struct node *node)
{
    const char *run_id = node->connection.server.run_id;
    bool is_other = node->run_id[0] != '\0' && strcmp(node->run_id, run_id) != 0;

    if ((is_other || node->was_demoted) && node->failover != NULL)
        failover_note(node->failover, node->good_ms);
    node->was_demoted = false;
    memcpy(node->run_id, run_id, sizeof(node->run_id));
}

static void on_greeted(struct node *node)
{
    node->is_greeted = true;
    node->generation++;
    compare_server(node);
    if (node->was_up)
        counter_add(&node->stats->reconnects, 1);
    node->was_up = true;
    /* With work at hand the first answer decides: a server may greet and then refuse. */
    if (node->nr == 0)
        node_be_well(node);
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
    queued->is_asking_due = queued->is_asking;
    if (queued->is_asking)
        resp_command(writer.out, (struct slice[]){SLICE("ASKING")}, 1);
    command_write(&writer, command);
    connection_expect(&node->connection, 1U + queued->is_load_due + queued->is_asking);
    counter_add(&node->stats->commands, 1U + queued->is_load_due + queued->is_asking);
}

static bool is_time(const struct node *node)
{
    return node->retry_at_ms == 0 || clock_steady_ms() >= node->retry_at_ms;
}

bool node_can_send(const struct node *node)
{
    return node->connection.phase == CONNECTION_READY && node->sent_nr < node->nr &&
           is_time(node) && connection_unsent(&node->connection) < FILL_BYTES;
}

/* Writes what may be written now; false when that is nothing. */
static bool fill(struct node *node)
{
    size_t before = node->sent_nr;

    if (node->sent_nr == node->nr || !is_time(node))
        return false;
    node->retry_at_ms = 0;
    while (node->sent_nr < node->nr && connection_unsent(&node->connection) < FILL_BYTES) {
        write_queued(node, node_queued_at(node, node->sent_nr),
                     node_command_at(node, node->sent_nr));
        node->sent_nr++;
    }
    return node->sent_nr > before;
}

/* The first command is answered for good, well or not. */
void node_leave(struct node *node)
{
    struct queued queued = *node_queued_at(node, 0);

    node_pop(node);
    if (node->router != NULL)
        node->router->answered(node->router->context, queued);
}

static enum op_found found_by(const struct command *command, const struct answer *answer)
{
    bool is_delete = command->kind == COMMAND_UNLINK || command->kind == COMMAND_GUARDED_DELETE;

    if (!is_delete || answer->kind != ANSWER_INTEGER)
        return OP_FOUND_UNKNOWN;
    if (answer->integer == 0)
        return OP_NOT_FOUND;
    return answer->integer >= command->nr ? OP_FOUND : OP_FOUND_SOME;
}

static void on_success(struct node *node, const struct answer *answer)
{
    uint8_t index = node_queued_at(node, 0)->flight;
    struct command *command = node_command_at(node, 0);

    if (answer->kind == ANSWER_INTEGER && command_counts_keys(command->kind))
        counter_add(&node->stats->keys_deleted, (uint64_t)answer->integer);
    if (answer->kind == ANSWER_TEXT && command_is_batch(command)) {
        node_part(node, answer->text);
        command = node_command_at(node, 0);
    }
    node_be_well(node);
    node->good_ms = node->connection.heard_ms;
    if (node->has_replicas)
        node_note_written(node, command, index);
    flight_done(&node->flights[index], command, found_by(command, answer));
    node_leave(node);
}

static void try_again(struct node *node, enum executor_state state, struct slice text)
{
    hold(node, state, text);
    rewind_queue(node);
}

/* The delete of a SET there was no memory for may stand later in line: a key too few is no harm. */
static void delete_instead(struct node *node)
{
    struct queued again = *node_queued_at(node, 0);

    node_command_at(node, 0)->kind = COMMAND_UNLINK;
    node_pop(node);
    node_push(node, again);
}

static void on_no_memory(struct node *node, struct slice text)
{
    struct command *command = node_command_at(node, 0);

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
    struct flight *flight = &node->flights[node_queued_at(node, 0)->flight];

    node_be_well(node);
    if (command_is_batch(node_command_at(node, 0)))
        node_part_whole(node);
    if (flight->plan != NULL && node_command_at(node, 0)->nr > 0)
        flight_reject(flight, node_command_at(node, 0), text);
    else
        flight_done(flight, node_command_at(node, 0), OP_FOUND_UNKNOWN);
    node_leave(node);
}

/* True when the router took the command: it is another node's, or its slot is on the move. */
static bool is_redirected(struct node *node, struct slice text)
{
    struct queued queued = *node_queued_at(node, 0);

    if (node->router == NULL || !node->router->redirect(node->router->context, node, queued, text))
        return false;
    node_pop(node);
    return true;
}

static void on_error(struct node *node, struct slice text)
{
    struct command *command = node_command_at(node, 0);

    if (is_redirected(node, text))
        return;
    switch (reply_classify(text)) {
    case REPLY_OOM:
        on_no_memory(node, text);
        break;
    case REPLY_NOSCRIPT:
        node->loaded = 0;
        rewind_queue(node);
        break;
    case REPLY_TOPOLOGY:
        node->was_demoted = true;
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

    node_queued_at(node, 0)->is_load_due = false;
    if (answer->kind != ANSWER_ERROR)
        return;
    node->loaded = 0;
    try_again(node, may_pass ? EXECUTOR_DOWN : EXECUTOR_CONFIG, answer->text);
}

/* What is no answer of the command in front says that replies and commands are out of step. */
static const char *disbelieved(const struct node *node, const struct answer *answer)
{
    const struct queued *queued = node_queued_at(node, 0);
    const struct command *command = node_command_at(node, 0);

    if (answer->kind == ANSWER_ERROR)
        return NULL;
    if (queued->is_load_due)
        return answer->kind == ANSWER_TEXT && answer->text.len == SCRIPT_SHA_BYTES ? NULL
                                                                                   : "SCRIPT LOAD";
    if (queued->is_asking_due)
        return answer_is_ok(answer) ? NULL : "ASKING";
    return command_fits(&node->flights[queued->flight], command, answer)
               ? NULL
               : command_name(command->kind);
}

static void on_answer(struct node *node, const struct answer *answer)
{
    struct queued *queued = node_queued_at(node, 0);
    const char *command;

    if (node->passed_over > 0) {
        node->passed_over--;
        return;
    }
    command = disbelieved(node, answer);
    if (command != NULL)
        connection_disbelieve(&node->connection, command);
    else if (queued->is_load_due)
        on_loaded(node, answer);
    else if (queued->is_asking_due && answer->kind != ANSWER_ERROR)
        queued->is_asking_due = false;
    else if (answer->kind == ANSWER_ERROR)
        on_error(node, answer->text);
    else if (node_command_at(node, 0)->kind == COMMAND_WAIT)
        node_on_waited(node, answer->integer);
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
        if (node_queued_at(node, i)->flight == flight)
            was_sent = was_sent || i < node->sent_nr;
        else
            *node_queued_at(node, kept++) = *node_queued_at(node, i);
    }
    node->nr = kept;
    node->unwaited[flight] = (struct unwaited){.is_any = false};
    if (!was_sent)
        return;
    connection_close(&node->connection);
    node->sent_nr = 0;
    node->passed_over = 0;
    node->loaded = 0;
    node->is_greeted = false;
}

void node_retire(struct node *node)
{
    connection_close(&node->connection);
    node->sent_nr = node->nr = 0;
    node->passed_over = 0;
    node->loaded = 0;
    node->is_greeted = false;
    node->was_up = false;
    node->state = EXECUTOR_DONE;
    error_clear(&node->trouble);
    error_clear(&node->shortage);
    backoff_reset(&node->backoff);
    node->retry_at_ms = 0;
    node->good_ms = 0;
    node->was_demoted = false;
    node->run_id[0] = '\0';
}
