#include "consumers/redis/transport.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>

#include "consumers/redis/connection.h"

enum { TLS_CHUNK_BYTES = 64 << 10 };

bool transport_start_tls(struct connection *connection)
{
    const struct redis_target *target = connection->target;
    const char *server_name = target->tls_server_name ? target->tls_server_name : target->host;
    redisSSLContextError problem = REDIS_SSL_CTX_NONE;

    (void)redisInitOpenSSL();
    connection->tls = redisCreateSSLContext(target->tls_ca, NULL, target->tls_cert, target->tls_key,
                                            server_name, &problem);
    if (connection->tls == NULL) {
        connection_fail(connection, ERROR_CONFIG, redisSSLContextGetError(problem));
        return false;
    }
    if (redisInitiateSSLWithContext(connection->context, connection->tls) != REDIS_OK) {
        connection_fail(connection, ERROR_RETRY, connection->context->errstr);
        return false;
    }
    return true;
}

static ssize_t failed(struct connection *connection)
{
    const char *why = connection->context->errstr;

    connection_fail(connection, ERROR_RETRY, why[0] != '\0' ? why : "the connection broke");
    return -1;
}

/* OpenSSL writes by write(2), which has no MSG_NOSIGNAL: the signal is held back and taken away. */
static int flush_without_signal(redisContext *context, int *is_flushed)
{
    struct timespec now = {0, 0};
    sigset_t pipe, before, pending;
    bool was_pending;
    int result;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigemptyset(&pending);
    (void)sigpending(&pending);
    was_pending = sigismember(&pending, SIGPIPE) == 1;
    (void)pthread_sigmask(SIG_BLOCK, &pipe, &before);
    result = redisBufferWrite(context, is_flushed);
    if (result != REDIS_OK && !was_pending)
        (void)sigtimedwait(&pipe, NULL, &now);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

/* One chunk at a time lies in hiredis' own buffer; it counts as sent when that is empty again. */
static ssize_t tls_send(struct connection *connection, const char *bytes, size_t len)
{
    size_t chunk = len < TLS_CHUNK_BYTES ? len : TLS_CHUNK_BYTES;
    int is_flushed = 0;

    if (connection->tls_held == 0) {
        if (redisAppendFormattedCommand(connection->context, bytes, chunk) != REDIS_OK)
            return failed(connection);
        connection->tls_held = chunk;
    }
    chunk = connection->tls_held;
    if (flush_without_signal(connection->context, &is_flushed) != REDIS_OK)
        return failed(connection);
    if (!is_flushed)
        return 0;
    connection->tls_held = 0;
    return (ssize_t)chunk;
}

ssize_t transport_send(struct connection *connection, const char *bytes, size_t len)
{
    ssize_t n;

    if (connection->target->tls)
        return tls_send(connection, bytes, len);
    do
        n = send(connection->context->fd, bytes, len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return n;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return 0;
    connection_fail(connection, ERROR_RETRY, strerror(errno));
    return -1;
}

ssize_t transport_receive(struct connection *connection, char *bytes, size_t len)
{
    ssize_t n;

    if (connection->target->tls) {
        n = connection->context->funcs->read(connection->context, bytes, len);
        return n < 0 ? failed(connection) : n;
    }
    do
        n = recv(connection->context->fd, bytes, len, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        return n;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    connection_fail(connection, ERROR_RETRY,
                    n == 0 ? "the server closed the connection" : strerror(errno));
    return -1;
}

void transport_close(struct connection *connection)
{
    if (connection->context != NULL)
        redisFree(connection->context);
    if (connection->tls != NULL)
        redisFreeSSLContext(connection->tls);
    connection->context = NULL;
    connection->tls = NULL;
    connection->tls_held = 0;
}
