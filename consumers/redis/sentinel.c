#include "consumers/redis/sentinel.h"

#include <stdio.h>
#include <string.h>

#include "consumers/base/clock.h"
#include "consumers/base/decimal.h"
#include "consumers/redis/connection.h"
#include "consumers/redis/greeting.h"
#include "consumers/redis/resp.h"
#include "consumers/redis/transport.h"

enum { MAX_PORT = 65535 };

/* connection_fail() of a step is no failure of the whole while there are others to ask. */
static void pass_over(struct connection *connection, const char *why)
{
    struct seeking *seeking = &connection->seeking;

    error_clear(&seeking->last);
    (void)error_fail(&seeking->last, ERROR_RETRY, "%s:%d: %s", connection->at.host,
                     connection->at.port, why);
    connection_close(connection);
}

static void dial_next(struct connection *connection)
{
    const struct redis_target *target = connection->target;
    struct seeking *seeking = &connection->seeking;
    char why[ERROR_TEXT_BYTES];

    while (seeking->tried < target->sentinels_nr) {
        connection->at = target->sentinels[seeking->next];
        seeking->next = (seeking->next + 1) % target->sentinels_nr;
        seeking->tried++;
        seeking->is_asked = false;
        connection_dial(connection, CONNECTION_SEEKING);
        if (connection->phase == CONNECTION_SEEKING)
            return;
        seeking->last = connection->trouble;
    }
    (void)snprintf(why, sizeof(why), "no Sentinel names the master: %.300s", seeking->last.text);
    connection->phase = CONNECTION_SEEKING;
    connection_fail(connection, ERROR_RETRY, why);
}

void sentinel_seek(struct connection *connection)
{
    connection->seeking.tried = 0;
    dial_next(connection);
}

static void ask(struct connection *connection)
{
    connection->seeking.awaits_login = greeting_log_in(
        connection, &connection->target->sentinel_user, &connection->target->sentinel_password);
    connection->answers.keeps_words = true;
    buffer_clear(&connection->answers.words);
    resp_command(&connection->out,
                 (struct slice[]){SLICE("SENTINEL"), SLICE("get-master-addr-by-name"),
                                  slice_of(connection->target->master)},
                 3);
    connection_expect(connection, 1);
    connection->seeking.is_asked = true;
}

/* "HOST\nPORT\n" */
static bool read_address(struct slice words, struct redis_address *address)
{
    const char *end = words.len > 0 ? memchr(words.ptr, '\n', words.len) : NULL;
    size_t host_len = end != NULL ? (size_t)(end - words.ptr) : 0;
    struct slice port;
    int64_t number;

    if (host_len == 0 || host_len >= sizeof(address->host) || words.len < host_len + 2)
        return false;
    port = (struct slice){end + 1, words.len - host_len - 2};
    if (!decimal_to_int64(port, &number) || number < 1 || number > MAX_PORT)
        return false;
    (void)snprintf(address->host, sizeof(address->host), "%.*s", (int)host_len, words.ptr);
    address->port = (int)number;
    return true;
}

static void take_answer(struct connection *connection, const struct answer *answer)
{
    char why[ERROR_TEXT_BYTES / 2];
    struct redis_address master;

    if (answer->kind == ANSWER_ERROR) {
        (void)snprintf(why, sizeof(why), "%.*s", SLICE_ARG(answer->text));
        pass_over(connection, why);
        return;
    }
    if (connection->seeking.awaits_login) {
        connection->seeking.awaits_login = false;
        if (!answer_is_ok(answer))
            pass_over(connection, "the reply is none that AUTH has");
        return;
    }
    if (!read_address(buffer_slice(&connection->answers.words), &master)) {
        pass_over(connection, "it does not know this master");
        return;
    }
    connection_close(connection);
    connection->at = master;
    connection_dial(connection, CONNECTION_CONNECTING);
}

/* Connected, with TLS where that is wanted; the question goes with the first bytes. */
static void go_on(struct connection *connection)
{
    struct answer answer;

    if (!connection->seeking.is_asked) {
        if (!connection_is_connected(connection) ||
            (connection->target->tls && !transport_start_tls(connection)))
            return;
        ask(connection);
    }
    connection_exchange(connection);
    while (connection->phase == CONNECTION_SEEKING && connection_answer(connection, &answer))
        take_answer(connection, &answer);
}

static void step(struct connection *connection)
{
    int64_t since_ms = connection->touched_ms;

    go_on(connection);
    if (connection->phase == CONNECTION_SEEKING && connection->touched_ms == since_ms &&
        clock_steady_ms() - since_ms >= SENTINEL_WAIT_MS)
        pass_over(connection, "no answer in time");
}

void sentinel_drive(struct connection *connection)
{
    const struct error *trouble = &connection->trouble;

    error_clear(&connection->trouble);
    step(connection);
    if (connection->phase != CONNECTION_CLOSED)
        return;
    if (trouble->kind != ERROR_NONE)
        connection->seeking.last = *trouble;
    dial_next(connection);
}
