#include "consumers/redis/purge_tickets.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"

struct purge_tickets {
    pthread_mutex_t lock;
    uint64_t *items; /* oldest first */
    size_t nr, capacity;
    counter waiting; /* nr, to be looked at without the lock */
};

struct purge_tickets *purge_tickets_new(void)
{
    struct purge_tickets *tickets = alloc_zero(1, sizeof(*tickets));

    if (pthread_mutex_init(&tickets->lock, NULL) != 0)
        abort();
    return tickets;
}

void purge_tickets_free(struct purge_tickets *tickets)
{
    if (tickets == NULL)
        return;
    (void)pthread_mutex_destroy(&tickets->lock);
    free(tickets->items);
    free(tickets);
}

size_t purge_tickets_take(struct purge_tickets *tickets, uint64_t *out, size_t max)
{
    size_t nr;

    if (counter_get(&tickets->waiting) == 0)
        return 0;
    (void)pthread_mutex_lock(&tickets->lock);
    nr = tickets->nr < max ? tickets->nr : max;
    memcpy(out, tickets->items, nr * sizeof(*out));
    tickets->nr -= nr;
    memmove(tickets->items, tickets->items + nr, tickets->nr * sizeof(*out));
    counter_set(&tickets->waiting, tickets->nr);
    (void)pthread_mutex_unlock(&tickets->lock);
    return nr;
}

void purge_tickets_give(struct purge_tickets *tickets, uint64_t ticket)
{
    (void)pthread_mutex_lock(&tickets->lock);
    tickets->items =
        alloc_grow(tickets->items, tickets->nr, &tickets->capacity, sizeof(*tickets->items));
    tickets->items[tickets->nr++] = ticket;
    counter_set(&tickets->waiting, tickets->nr);
    (void)pthread_mutex_unlock(&tickets->lock);
}
