/*
 * http_clients - whose connections are open, and how long each may take.
 *
 * libmicrohttpd closes who is silent; who sends a byte now and then it keeps for ever. So each has
 * HTTP_CLIENT_MS for a request, counted from the connection or from the answer before, and the same
 * for taking the answer; whoever waits for us is not counted. http_clients_cut() ends the others.
 *
 * The newest wins: where HTTP_CLIENTS_OPEN are open, or HTTP_CLIENTS_ALIKE from one address, the one
 * that has taken longest goes for each that comes. A request is a matter of milliseconds, so
 * connections that are only held keep nobody out.
 *
 * To end one is to shut its socket down, which the server's thread then sees as closed. Entries are
 * made and removed by that thread, cut by any; one is removed before its socket is closed, so that no
 * descriptor is shut down that means something else by then.
 */
#ifndef CONSUMERS_SERVICE_HTTP_CLIENTS_H
#define CONSUMERS_SERVICE_HTTP_CLIENTS_H

#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_CLIENTS_MAX = 128, /* with those that were ended and are not closed yet */
    HTTP_CLIENTS_OPEN = 96,
    HTTP_CLIENTS_ALIKE = 64,
    HTTP_CLIENT_MS = 10000
};

struct sockaddr;
struct http_clients;
struct http_client;

struct http_clients *http_clients_new(void);
void http_clients_free(struct http_clients *clients);

/* NULL when there are HTTP_CLIENTS_MAX. The functions of one take NULL for none. */
struct http_client *http_clients_add(struct http_clients *clients, int descriptor,
                                     const struct sockaddr *address);
void http_client_remove(struct http_client *client);

void http_client_is_served(struct http_client *client); /* the time is ours */
void http_client_goes_on(struct http_client *client);   /* its own, from now on */

/* Returns how many were late. */
size_t http_clients_cut(struct http_clients *clients, int64_t now_ms);

#endif
