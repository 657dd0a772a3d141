/*
 * transport - how a connection's bytes travel: a socket (TCP or unix), or TLS over it by hiredis_ssl.
 *
 * TLS checks the server's certificate and that it is for the host (or tls_server_name), by the
 * target's CA or the system's. Neither blocks. A failure closes the connection and leaves why in its trouble.
 */
#ifndef CONSUMERS_REDIS_TRANSPORT_H
#define CONSUMERS_REDIS_TRANSPORT_H

#include <stdbool.h>
#include <sys/types.h>

struct connection;

/* Puts TLS on a connected socket; the handshake goes on with the first bytes. */
bool transport_start_tls(struct connection *connection);

/* Bytes moved; 0: not now; -1: it failed and is closed. */
ssize_t transport_send(struct connection *connection, const char *bytes, size_t len);
ssize_t transport_receive(struct connection *connection, char *bytes, size_t len);

void transport_close(struct connection *connection);

#endif
