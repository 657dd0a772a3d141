#include "consumers/redis/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <hiredis/hiredis.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/redis/greeting.h"
#include "consumers/redis/transport.h"

enum { IN_BYTES = 64 << 10, READS_A_DRIVE = 16 };

void connection_init(struct connection *connection, const struct redis_target *target)
{
    *connection = (struct connection){.target = target, .phase = CONNECTION_CLOSED};
    answers_init(&connection->answers);
    buffer_init(&connection->out);
    connection->in = alloc_bytes(IN_BYTES);
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
}

void connection_fail(struct connection *connection, enum error_kind kind, const char *why)
{
    struct buffer name;

    buffer_init(&name);
    redis_target_print(connection->target, &name);
    error_clear(&connection->trouble);
    (void)error_fail(&connection->trouble, kind, "%s: %s", name.ptr, why);
    buffer_release(&name);
    connection_close(connection);
}

void connection_open(struct connection *connection)
{
    redisOptions options = {.options = REDIS_OPT_NONBLOCK};

    if (connection->target->host != NULL)
        REDIS_OPTIONS_SET_TCP(&options, connection->target->host, connection->target->port);
    else
        REDIS_OPTIONS_SET_UNIX(&options, connection->target->path);
    connection->context = redisConnectWithOptions(&options);
    if (connection->context == NULL)
        abort();
    connection->touched_ms = clock_steady_ms();
    if (connection->context->err != 0) {
        connection_fail(connection, ERROR_RETRY, connection->context->errstr);
        return;
    }
    connection->phase = CONNECTION_CONNECTING;
}

/* False while it is not decided; a refused connection fails. */
static bool is_connected(struct connection *connection)
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

    if (!is_connected(connection))
        return;
    if (connection->target->host != NULL) {
        (void)setsockopt(connection->context->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)redisEnableKeepAlive(connection->context);
    }
    if (connection->target->tls && !transport_start_tls(connection))
        return;
    connection->phase = CONNECTION_GREETING;
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
        connection->touched_ms = clock_steady_ms();
        if (!answers_feed(&connection->answers, connection->in, (size_t)n)) {
            connection_fail(connection, ERROR_RETRY, "the reply does not fit into memory");
            return;
        }
        /* A plain socket that gave less than asked for is empty; TLS may hold more. */
        if (n < IN_BYTES && !connection->target->tls)
            return;
    }
}

static bool is_waiting(const struct connection *connection)
{
    return connection->phase == CONNECTION_CONNECTING || connection->due > 0 ||
           connection_unsent(connection) > 0;
}

void connection_drive(struct connection *connection)
{
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

bool connection_answer(struct connection *connection, struct answer *answer)
{
    if (connection->phase < CONNECTION_GREETING)
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
    if (connection->phase == CONNECTION_CONNECTING)
        return POLLOUT;
    return connection_unsent(connection) > 0 ? POLLIN | POLLOUT : POLLIN;
}

int64_t connection_patience_ms(const struct connection *connection, int64_t now_ms)
{
    int64_t left = connection->touched_ms + CONNECTION_STALL_MS - now_ms;

    if (!is_waiting(connection))
        return INT64_MAX;
    return left > 0 ? left : 0;
}
