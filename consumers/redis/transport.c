#include "consumers/redis/transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "consumers/redis/connection.h"

enum { TLS_CHUNK_BYTES = 64 << 10 };

/* What OpenSSL says last, or what it always may be. */
static bool fail_tls(struct connection *connection, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    char why[ERROR_TEXT_BYTES / 2];

    (void)snprintf(why, sizeof(why), "%s: %s", what, reason != NULL ? reason : "refused");
    ERR_clear_error();
    connection_fail(connection, ERROR_CONFIG, why);
    return false;
}

static SSL_CTX *tls_settings(struct connection *connection)
{
    const struct redis_target *target = connection->target;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    const char *wrong = NULL;

    if (context == NULL)
        abort();
    ERR_clear_error();
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
        wrong = "TLS 1.2";
    else if ((target->tls_ca != NULL ? SSL_CTX_load_verify_locations(context, target->tls_ca, NULL)
                                     : SSL_CTX_set_default_verify_paths(context)) != 1)
        wrong = "tls ca";
    else if (target->tls_cert != NULL &&
             SSL_CTX_use_certificate_chain_file(context, target->tls_cert) != 1)
        wrong = "tls certificate";
    else if (target->tls_key != NULL &&
             SSL_CTX_use_PrivateKey_file(context, target->tls_key, SSL_FILETYPE_PEM) != 1)
        wrong = "tls key";
    if (wrong == NULL)
        return context;
    SSL_CTX_free(context);
    (void)fail_tls(connection, wrong);
    return NULL;
}

/* The certificate must be for this name or address; a name is also sent along (SNI). */
static bool expect_peer(SSL *ssl, const char *name)
{
    struct in6_addr address;

    if (inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

/* A certificate that was not accepted is a matter of configuration, whichever call came upon it. */
static void fail_by_verdict(struct connection *connection, const SSL *ssl)
{
    const char *why = connection->context->errstr;
    long verdict = SSL_get_verify_result(ssl);

    if (verdict != X509_V_OK)
        connection_fail(connection, ERROR_CONFIG, X509_verify_cert_error_string(verdict));
    else
        connection_fail(connection, ERROR_RETRY, why[0] != '\0' ? why : "the connection broke");
}

static ssize_t failed(struct connection *connection)
{
    fail_by_verdict(connection, connection->tls);
    return -1;
}

bool transport_start_tls(struct connection *connection)
{
    const struct redis_target *target = connection->target;
    SSL_CTX *settings = tls_settings(connection);
    SSL *ssl;

    if (settings == NULL)
        return false;
    ssl = SSL_new(settings);
    SSL_CTX_free(settings); /* ssl holds on to it */
    if (ssl == NULL)
        abort();
    if (!expect_peer(ssl,
                     target->tls_server_name ? target->tls_server_name : connection->at.host)) {
        SSL_free(ssl);
        return fail_tls(connection, "tls server name");
    }
    if (redisInitiateSSL(connection->context, ssl) != REDIS_OK) {
        fail_by_verdict(connection, ssl);
        SSL_free(ssl);
        return false;
    }
    connection->tls = ssl; /* the context's from now on */
    return true;
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
    connection->context = NULL;
    connection->tls = NULL;
    connection->tls_held = 0;
}
