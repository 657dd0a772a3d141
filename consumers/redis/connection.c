#include "consumers/redis/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <hiredis/hiredis.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/redis/greeting.h"
#include "consumers/redis/sentinel.h"
#include "consumers/redis/transport.h"

enum { IN_BYTES = 64 << 10, READS_A_DRIVE = 16 };

void connection_init(struct connection *connection, const struct redis_target *target)
{
    *connection = (struct connection){.target = target, .phase = CONNECTION_CLOSED};
    answers_init(&connection->answers);
    buffer_init(&connection->out);
    connection->in = alloc_bytes(IN_BYTES);
    if (target->host == NULL)
        return;
    (void)snprintf(connection->at.host, sizeof(connection->at.host), "%s", target->host);
    connection->at.port = target->port;
}

void connection_set_address(struct connection *connection, const struct redis_address *address)
{
    connection->at = *address;
}

void connection_release(struct connection *connection)
{
    connection_close(connection);
    answers_release(&connection->answers);
    buffer_release(&connection->out);
    free(connection->in);
}

void connection_close(struct connection *connection)
{
    transport_close(connection);
    connection->phase = CONNECTION_CLOSED;
    connection->due = 0;
    connection->out_sent = 0;
    buffer_clear(&connection->out);
    answers_clear(&connection->answers);
    connection->answers.keeps_words = false;
}

/* Whom a trouble is about: the target, and the server where that is another. */
static void name_peer(const struct connection *connection, struct buffer *name)
{
    const struct redis_target *target = connection->target;

    redis_target_print(target, name);
    if (connection->phase == CONNECTION_SEEKING || connection->at.host[0] == '\0')
        return;
    if (target->master != NULL || connection->at.port != target->port ||
        strcmp(connection->at.host, target->host) != 0)
        buffer_printf(name, " (%s:%d)", connection->at.host, connection->at.port);
}

void connection_fail(struct connection *connection, enum error_kind kind, const char *why)
{
    struct buffer name;

    buffer_init(&name);
    name_peer(connection, &name);
    error_clear(&connection->trouble);
    (void)error_fail(&connection->trouble, kind, "%s: %s", name.ptr, why);
    buffer_release(&name);
    connection_close(connection);
}

void connection_dial(struct connection *connection, enum connection_phase phase)
{
    redisOptions options = {.options = REDIS_OPT_NONBLOCK};

    if (connection->at.host[0] != '\0')
        REDIS_OPTIONS_SET_TCP(&options, connection->at.host, connection->at.port);
    else
        REDIS_OPTIONS_SET_UNIX(&options, connection->target->path);
    connection->context = redisConnectWithOptions(&options);
    if (connection->context == NULL)
        abort();
    connection->touched_ms = clock_steady_ms();
    connection->phase = phase;
    if (connection->context->err != 0)
        connection_fail(connection, ERROR_RETRY, connection->context->errstr);
}

void connection_open(struct connection *connection)
{
    if (connection->target->master != NULL)
        sentinel_seek(connection);
    else
        connection_dial(connection, CONNECTION_CONNECTING);
}

/* False while it is not decided; a refused connection fails. */
bool connection_is_connected(struct connection *connection)
{
    struct pollfd one = {.fd = connection->context->fd, .events = POLLOUT | POLLIN};
    int problem = 0;
    socklen_t len = sizeof(problem);

    if (poll(&one, 1, 0) <= 0)
        return false;
    if (getsockopt(one.fd, SOL_SOCKET, SO_ERROR, &problem, &len) != 0)
        problem = errno;
    /* Whoever hangs up with something to read has said why. */
    if (problem == 0 && (one.revents & (POLLHUP | POLLIN)) == POLLHUP)
        problem = ECONNREFUSED;
    if (problem == 0)
        return true;
    connection_fail(connection, ERROR_RETRY, strerror(problem));
    return false;
}

static void drive_connecting(struct connection *connection)
{
    int on = 1;

    if (!connection_is_connected(connection))
        return;
    if (connection->at.host[0] != '\0') {
        (void)setsockopt(connection->context->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)redisEnableKeepAlive(connection->context);
    }
    if (connection->target->tls && !transport_start_tls(connection))
        return;
    connection->phase = CONNECTION_GREETING;
    connection->answers.keeps_words = true;
    greeting_write(connection);
}

static void drive_sending(struct connection *connection)
{
    while (connection->phase != CONNECTION_CLOSED && connection_unsent(connection) > 0) {
        ssize_t n = transport_send(connection, connection->out.ptr + connection->out_sent,
                                   connection_unsent(connection));

        if (n <= 0)
            return;
        connection->out_sent += (size_t)n;
        connection->touched_ms = clock_steady_ms();
    }
    if (connection->phase == CONNECTION_CLOSED)
        return;
    buffer_clear(&connection->out);
    connection->out_sent = 0;
}

static void drive_receiving(struct connection *connection)
{
    for (int i = 0; i < READS_A_DRIVE; i++) {
        ssize_t n = transport_receive(connection, connection->in, IN_BYTES);

        if (n <= 0)
            return;
        connection->touched_ms = connection->heard_ms = clock_steady_ms();
        if (!answers_feed(&connection->answers, connection->in, (size_t)n)) {
            connection_fail(connection, ERROR_RETRY, "a reply is too large");
            return;
        }
        /* A plain socket that gave less than asked for is empty; TLS may hold more. */
        if (n < IN_BYTES && !connection->target->tls)
            return;
    }
}

void connection_exchange(struct connection *connection)
{
    drive_sending(connection);
    if (connection->phase != CONNECTION_CLOSED)
        drive_receiving(connection);
}

static bool is_waiting(const struct connection *connection)
{
    return connection->phase == CONNECTION_SEEKING || connection->phase == CONNECTION_CONNECTING ||
           connection->due > 0 || connection_unsent(connection) > 0;
}

void connection_drive(struct connection *connection)
{
    if (connection->phase == CONNECTION_SEEKING)
        sentinel_drive(connection);
    if (connection->phase == CONNECTION_CONNECTING)
        drive_connecting(connection);
    if (connection->phase >= CONNECTION_GREETING)
        drive_sending(connection);
    if (connection->phase >= CONNECTION_GREETING)
        drive_receiving(connection);
    if (connection->phase == CONNECTION_GREETING)
        greeting_read(connection);
    if (connection->phase != CONNECTION_CLOSED && is_waiting(connection) &&
        clock_steady_ms() - connection->touched_ms >= CONNECTION_STALL_MS)
        connection_fail(connection, ERROR_RETRY, "no answer within 5 s");
}

void connection_expect(struct connection *connection, uint64_t answers)
{
    /* The wait for an answer begins now, however long the connection was idle. */
    if (connection->due == 0)
        connection->touched_ms = clock_steady_ms();
    connection->due += answers;
}

void connection_disbelieve(struct connection *connection, const char *command)
{
    char why[ERROR_TEXT_BYTES / 2];

    (void)snprintf(why, sizeof(why), "the reply is none that %s has", command);
    connection_fail(connection, ERROR_RETRY, why);
}

bool connection_answer(struct connection *connection, struct answer *answer)
{
    if (connection->phase == CONNECTION_CLOSED)
        return false;
    switch (answers_take(&connection->answers, answer)) {
    case ANSWERS_NONE:
        return false;
    case ANSWERS_ONE:
        break;
    case ANSWERS_BROKEN:
        connection_fail(connection, ERROR_RETRY, "the reply is not in the Redis protocol");
        return false;
    }
    if (connection->due == 0) {
        connection_fail(connection, ERROR_RETRY, "a reply came that nothing asked for");
        return false;
    }
    connection->due--;
    return true;
}

int connection_descriptor(const struct connection *connection)
{
    return connection->context != NULL ? connection->context->fd : -1;
}

short connection_events(const struct connection *connection)
{
    if (connection->phase == CONNECTION_CONNECTING ||
        (connection->phase == CONNECTION_SEEKING && !connection->seeking.is_asked))
        return POLLOUT;
    return connection_unsent(connection) > 0 ? POLLIN | POLLOUT : POLLIN;
}

int64_t connection_patience_ms(const struct connection *connection, int64_t now_ms)
{
    bool is_seeking = connection->phase == CONNECTION_SEEKING;
    int64_t stall_ms = is_seeking ? SENTINEL_WAIT_MS : CONNECTION_STALL_MS;
    int64_t left = connection->touched_ms + stall_ms - now_ms;

    if (!is_waiting(connection))
        return INT64_MAX;
    return left > 0 ? left : 0;
}
