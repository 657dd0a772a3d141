#include "consumers/service/http_clients.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"

enum client_state { CLIENT_NONE, CLIENT_TIMED, CLIENT_SERVED, CLIENT_ENDED };

struct http_client {
    struct http_clients *clients;
    enum client_state state;
    int descriptor;
    struct in6_addr address;
    int64_t since_ms;
};

struct http_clients {
    pthread_mutex_t mutex; /* guards the entries */
    struct http_client entries[HTTP_CLIENTS_MAX];
};

struct http_clients *http_clients_new(void)
{
    struct http_clients *clients = alloc_zero(1, sizeof(*clients));

    pthread_mutex_init(&clients->mutex, NULL);
    for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++)
        clients->entries[i].clients = clients;
    return clients;
}

void http_clients_free(struct http_clients *clients)
{
    if (clients == NULL)
        return;
    pthread_mutex_destroy(&clients->mutex);
    free(clients);
}

static struct in6_addr address_of(const struct sockaddr *from)
{
    struct in6_addr address = {0};
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    if (from->sa_family == AF_INET) {
        memcpy(&in, from, sizeof(in));
        memcpy(&address.s6_addr[12], &in.sin_addr, sizeof(in.sin_addr));
    } else if (from->sa_family == AF_INET6) {
        memcpy(&in6, from, sizeof(in6));
        address = in6.sin6_addr;
    }
    return address;
}

static void end(struct http_client *client)
{
    (void)shutdown(client->descriptor, SHUT_RDWR);
    client->state = CLIENT_ENDED;
}

/* Of those whose time runs: the one that it has run for longest. */
static struct http_client *find_oldest(struct http_clients *clients, const struct in6_addr *address)
{
    struct http_client *oldest = NULL;

    for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++) {
        struct http_client *client = &clients->entries[i];
        if (client->state != CLIENT_TIMED ||
            (address != NULL && memcmp(&client->address, address, sizeof(*address)) != 0))
            continue;
        if (oldest == NULL || client->since_ms < oldest->since_ms)
            oldest = client;
    }
    return oldest;
}

static size_t count(const struct http_clients *clients, const struct in6_addr *address)
{
    size_t nr = 0;

    for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++) {
        const struct http_client *client = &clients->entries[i];
        bool is_open = client->state == CLIENT_TIMED || client->state == CLIENT_SERVED;
        nr += is_open &&
              (address == NULL || memcmp(&client->address, address, sizeof(*address)) == 0);
    }
    return nr;
}

static void make_room(struct http_clients *clients, const struct in6_addr *address, size_t most)
{
    struct http_client *oldest;

    if (count(clients, address) < most)
        return;
    oldest = find_oldest(clients, address);
    if (oldest != NULL)
        end(oldest);
}

static struct http_client *find_free(struct http_clients *clients)
{
    for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++) {
        if (clients->entries[i].state == CLIENT_NONE)
            return &clients->entries[i];
    }
    return NULL;
}

struct http_client *http_clients_add(struct http_clients *clients, int descriptor,
                                     const struct sockaddr *from)
{
    struct in6_addr address = address_of(from);

    pthread_mutex_lock(&clients->mutex);
    make_room(clients, &address, HTTP_CLIENTS_ALIKE);
    make_room(clients, NULL, HTTP_CLIENTS_OPEN);
    struct http_client *client = find_free(clients);
    if (client != NULL)
        *client = (struct http_client){.clients = clients,
                                       .state = CLIENT_TIMED,
                                       .descriptor = descriptor,
                                       .address = address,
                                       .since_ms = clock_steady_ms()};
    pthread_mutex_unlock(&clients->mutex);
    return client;
}

static void change(struct http_client *client, enum client_state state)
{
    if (client == NULL)
        return;
    pthread_mutex_lock(&client->clients->mutex);
    client->state = state;
    client->since_ms = clock_steady_ms();
    pthread_mutex_unlock(&client->clients->mutex);
}

void http_client_remove(struct http_client *client)
{
    change(client, CLIENT_NONE);
}

void http_client_is_served(struct http_client *client)
{
    change(client, CLIENT_SERVED);
}

void http_client_goes_on(struct http_client *client)
{
    change(client, CLIENT_TIMED);
}

size_t http_clients_cut(struct http_clients *clients, int64_t now_ms)
{
    size_t late = 0;

    pthread_mutex_lock(&clients->mutex);
    for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++) {
        struct http_client *client = &clients->entries[i];
        if (client->state != CLIENT_TIMED || now_ms - client->since_ms < HTTP_CLIENT_MS)
            continue;
        end(client);
        late++;
    }
    pthread_mutex_unlock(&clients->mutex);
    return late;
}
