/*
 * http_client - one request to a running service over plain HTTP/1.1: blocking, with a deadline.
 *
 * For healthcheck and reload, which talk to their own machine. No TLS, no redirects, no keep-alive:
 * the connection is closed by the server (`Connection: close`), and a body is what came before that,
 * or the chunks of it. Source: RFC 9112.
 */
#ifndef CONSUMERS_CLI_HTTP_CLIENT_H
#define CONSUMERS_CLI_HTTP_CLIENT_H

#include "consumers/base/buffer.h"
#include "consumers/base/error.h"
#include "consumers/service/settings.h"

struct http_request {
    const char *method; /* "GET" */
    const char *path;   /* "/healthz" */
    const char *host;
    int port;
    const char *token; /* bearer, or NULL */
    int timeout_ms;    /* for all of it */
};

struct http_reply {
    int status;
    struct buffer body;
};

/*
 * Where the service of these settings listens (any address: loopback), or `url`, of the form
 * [http://]host[:port][/], when it is not NULL. *host is the caller's to free.
 */
bool http_client_address(const struct settings *settings, const char *url, char **host, int *port,
                         struct error *err) CHECKED;

/* True for any answer, whatever its status. The reply's body is the caller's to release, always. */
bool http_client_ask(const struct http_request *request, struct http_reply *reply,
                     struct error *err) CHECKED;

#endif
