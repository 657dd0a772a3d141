/*
 * purge_set - the purges of a target: which wait, which walk, and who is to be told.
 *
 * Equal purges (same kind and pattern, same protection) are one entry. A request that comes while its
 * entry waits joins it; one that comes while it walks has missed a part of the walk and leads to one
 * re-run after it, together with all that come later. A pattern begins anew at the earliest
 * `coalesce` after its last beginning; its entry is kept that long.
 *
 * A walk is a lap of the SCAN cursor. Its position is the cursor with its bits reversed, because
 * that is how Redis counts it: over growing and shrinking tables it only moves forward, and all
 * buckets before it have been seen since the last wrap. An entry that joined at x has seen
 * everything when the cursor wrapped once and stands at x or beyond, or wrapped twice. Where the
 * cursor carries a slot number (a cluster since Redis 7.4 and Valkey 8) only the latter counts.
 * Source: dictScan() in Redis' dict.c, by its comment.
 *
 * Pure: no I/O, the time is an argument. One thread.
 */
#ifndef CONSUMERS_REDIS_PURGE_SET_H
#define CONSUMERS_REDIS_PURGE_SET_H

#include "consumers/base/arena.h"
#include "consumers/redis/purge.h"

enum purge_phase {
    PURGE_RESTING, /* done; kept for coalesce */
    PURGE_WAITING, /* for start_at_ms, or for the server */
    PURGE_WALKING,
    PURGE_PASSED /* has seen all; its last UNLINKs are not answered yet */
};

struct purge_waiter {
    struct purge_tickets *tickets;
    uint64_t ticket;
    uint64_t id;
    int64_t since_ns;
};

struct purge_waiters {
    struct purge_waiter *items;
    size_t nr, capacity;
};

struct purge {
    struct arena arena; /* of the texts below */
    uint64_t hash;
    enum purge_kind kind;
    int64_t ttl_ms, jitter_ms;
    struct slice pattern;
    struct slice literal; /* what every match begins with */
    const struct slice *protect;
    size_t protect_nr;
    size_t prefix_bytes;
    int64_t coalesce_ms, rate, slow_above;
    enum purge_phase phase;
    int64_t started_ms; /* the last time */
    int64_t start_at_ms;
    uint64_t joined_at;           /* position */
    double joined_place;          /* the same, as a share of the lap */
    uint64_t scanned_before;      /* keys the walk had met */
    unsigned wraps;               /* since it joined */
    int64_t matched;              /* keys, in this walk */
    int64_t accounted;            /* of them, those that the pace knows of */
    bool is_slowed;               /* beyond slow_above */
    bool is_announced;            /* the log knows of this walk */
    struct purge_waiters waiters; /* of this run */
    struct purge_waiters late;    /* of the run after it */
};

struct purge_set {
    struct purge **items;
    size_t nr, capacity;
    size_t walking_nr;
    size_t passed_nr;
    size_t waiting_nr; /* also re-runs that are due */
    /* For reports; kept by whoever walks. */
    double place;     /* of the cursor in its lap, 0 to 1 */
    uint64_t scanned; /* keys met so far */
    bool has_slots;   /* as purge_set_advance() was told last */
};

void purge_set_init(struct purge_set *set);
void purge_set_release(struct purge_set *set);

void purge_set_add(struct purge_set *set, const struct purge_request *request, int64_t since_ns,
                   int64_t now_ms);

/* Lets what waited long enough join the walk at this cursor; true if any did. */
bool purge_set_join(struct purge_set *set, uint64_t cursor, int64_t now_ms);

/*
 * The walk got from one SCAN to the cursor for the next (0: it wrapped). Those that have
 * seen all become PASSED. True if any did.
 */
bool purge_set_advance(struct purge_set *set, uint64_t cursor, bool has_slots);

/* The last UNLINKs of those that PASSED are answered: calls on_done for each waiter. True if any. */
typedef void (*purge_on_done)(void *sink, const struct purge_waiter *waiter);
bool purge_set_finish(struct purge_set *set, purge_on_done on_done, void *sink, int64_t now_ms);

/*
 * Ends a run before its end, by its id: calls on_done for each who waits for it; a re-run that others
 * wait for stays. False: there is no such run, or it has seen all.
 */
bool purge_set_cancel(struct purge_set *set, uint64_t id, purge_on_done on_done, void *sink,
                      int64_t now_ms);

/* Whoever waits with this ticket does so no more; a run that nobody waits for ends. True if any. */
bool purge_set_withdraw(struct purge_set *set, const struct purge_tickets *tickets, uint64_t ticket,
                        int64_t now_ms);

/* The laps a walking purge still has before it, of how many in all. */
struct purge_laps {
    double left, total;
};
struct purge_laps purge_set_laps(const struct purge_set *set, const struct purge *purge);

/* The entry that stands for the request; NULL: none. */
struct purge *purge_set_find(const struct purge_set *set, const struct purge_request *request);

/* The walk begins again: everybody has seen nothing. */
void purge_set_restart(struct purge_set *set);

/* When the next one wants to start; INT64_MAX: none waits. */
int64_t purge_set_next_start_ms(const struct purge_set *set);

#endif
