#include "consumers/redis/purge_set.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/glob.h"
#include "consumers/base/hash.h"
#include "consumers/redis/purge_progress.h"

enum { CHUNK_BYTES = 512 };

void purge_set_init(struct purge_set *set)
{
    *set = (struct purge_set){.items = NULL};
}

static void purge_free(struct purge *purge)
{
    arena_release(&purge->arena);
    free(purge->waiters.items);
    free(purge->late.items);
    free(purge);
}

void purge_set_release(struct purge_set *set)
{
    for (size_t i = 0; i < set->nr; i++)
        purge_free(set->items[i]);
    free(set->items);
}

static uint64_t hash_of(const struct purge_request *request)
{
    uint64_t hash = hash_mix(hash_slice(request->pattern), request->prefix_bytes);

    hash = hash_mix(hash, (uint64_t)request->kind);
    hash = hash_mix(hash, (uint64_t)request->ttl_ms);

    for (size_t i = 0; i < request->protect_nr; i++)
        hash = hash_mix(hash, hash_slice(request->protect[i]));
    return hash;
}

static bool is_same(const struct purge *purge, const struct purge_request *request)
{
    if (purge->kind != request->kind || purge->ttl_ms != request->ttl_ms ||
        purge->jitter_ms != request->jitter_ms || !slice_equals(purge->pattern, request->pattern) ||
        purge->prefix_bytes != request->prefix_bytes || purge->protect_nr != request->protect_nr)
        return false;
    for (size_t i = 0; i < request->protect_nr; i++) {
        if (!slice_equals(purge->protect[i], request->protect[i]))
            return false;
    }
    return true;
}

static struct purge *purge_new(const struct purge_request *request, uint64_t hash)
{
    struct purge *purge = alloc_zero(1, sizeof(*purge));
    struct slice *protect;

    arena_init(&purge->arena, CHUNK_BYTES);
    protect = arena_alloc(&purge->arena, request->protect_nr * sizeof(*protect));
    for (size_t i = 0; i < request->protect_nr; i++)
        protect[i] = arena_copy(&purge->arena, request->protect[i]);
    purge->hash = hash;
    purge->kind = request->kind;
    purge->ttl_ms = request->ttl_ms;
    purge->jitter_ms = request->jitter_ms;
    purge->pattern = arena_copy(&purge->arena, request->pattern);
    purge->literal = glob_literal_prefix(purge->pattern, &purge->arena);
    purge->protect = protect;
    purge->protect_nr = request->protect_nr;
    purge->prefix_bytes = request->prefix_bytes;
    purge->phase = PURGE_RESTING;
    purge->started_ms = INT64_MIN;
    return purge;
}

struct purge *purge_set_find(const struct purge_set *set, const struct purge_request *request)
{
    uint64_t hash = hash_of(request);

    for (size_t i = 0; i < set->nr; i++) {
        if (set->items[i]->hash == hash && is_same(set->items[i], request))
            return set->items[i];
    }
    return NULL;
}

static struct purge *find_or_make(struct purge_set *set, const struct purge_request *request)
{
    struct purge *purge = purge_set_find(set, request);

    if (purge != NULL)
        return purge;
    set->items = alloc_grow(set->items, set->nr, &set->capacity, sizeof(struct purge *));
    set->items[set->nr] = purge_new(request, hash_of(request));
    return set->items[set->nr++];
}

static void add_waiter(struct purge_waiters *waiters, struct purge_waiter waiter)
{
    waiters->items =
        alloc_grow(waiters->items, waiters->nr, &waiters->capacity, sizeof(*waiters->items));
    waiters->items[waiters->nr++] = waiter;
}

static int64_t stricter(int64_t a, int64_t b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

/* Of several rules with one pattern each gets what it asked for, or more of it. */
static void take_limits(struct purge *purge, const struct purge_request *request)
{
    if (request->coalesce_ms > purge->coalesce_ms)
        purge->coalesce_ms = request->coalesce_ms;
    purge->rate = stricter(purge->rate, request->rate);
    purge->slow_above = stricter(purge->slow_above, request->slow_above);
}

static void begin_waiting(struct purge_set *set, struct purge *purge, int64_t now_ms)
{
    purge->phase = PURGE_WAITING;
    purge->start_at_ms = now_ms;
    if (purge->started_ms != INT64_MIN && purge->started_ms + purge->coalesce_ms > now_ms)
        purge->start_at_ms = purge->started_ms + purge->coalesce_ms;
    set->waiting_nr++;
}

void purge_set_add(struct purge_set *set, const struct purge_request *request, int64_t since_ns,
                   int64_t now_ms)
{
    struct purge *purge = find_or_make(set, request);
    struct purge_waiter waiter = {request->tickets, request->ticket, request->id, since_ns};

    take_limits(purge, request);
    if (purge->phase == PURGE_WALKING || purge->phase == PURGE_PASSED) {
        set->waiting_nr += purge->late.nr == 0;
        add_waiter(&purge->late, waiter);
        return;
    }
    add_waiter(&purge->waiters, waiter);
    if (purge->phase == PURGE_RESTING)
        begin_waiting(set, purge, now_ms);
}

static void begin_lap(const struct purge_set *set, struct purge *purge)
{
    purge->wraps = 0;
    purge->matched = 0;
    purge->accounted = 0;
    purge->scanned_before = set->scanned;
}

bool purge_set_join(struct purge_set *set, uint64_t cursor, int64_t now_ms)
{
    bool has_joined = false;

    if (set->waiting_nr == 0)
        return false;
    for (size_t i = 0; i < set->nr; i++) {
        struct purge *purge = set->items[i];

        if (purge->phase != PURGE_WAITING || purge->start_at_ms > now_ms)
            continue;
        purge->phase = PURGE_WALKING;
        purge->started_ms = now_ms;
        purge->joined_at = purge_position(cursor);
        purge->joined_place = set->place;
        purge->is_slowed = false;
        purge->is_announced = false;
        begin_lap(set, purge);
        set->waiting_nr--;
        set->walking_nr++;
        has_joined = true;
    }
    return has_joined;
}

static bool has_seen_all(const struct purge *purge, uint64_t position, bool has_slots)
{
    /* Whoever joined at the very beginning is done by the first wrap, whatever the cursor is made of. */
    if (purge->wraps >= 2 || (purge->wraps == 1 && purge->joined_at == 0))
        return true;
    return purge->wraps == 1 && !has_slots && position >= purge->joined_at;
}

bool purge_set_advance(struct purge_set *set, uint64_t cursor, bool has_slots)
{
    uint64_t position = purge_position(cursor);
    bool has_passed = false;

    set->has_slots = has_slots;
    for (size_t i = 0; i < set->nr; i++) {
        struct purge *purge = set->items[i];

        if (purge->phase != PURGE_WALKING)
            continue;
        purge->wraps += cursor == 0;
        if (!has_seen_all(purge, position, has_slots))
            continue;
        purge->phase = PURGE_PASSED;
        set->walking_nr--;
        set->passed_nr++;
        has_passed = true;
    }
    return has_passed;
}

/* Whose run is over, and counted no more. */
static void end_run(struct purge_set *set, struct purge *purge, int64_t now_ms)
{
    struct purge_waiters told = purge->waiters;

    purge->waiters = purge->late;
    purge->late = told;
    purge->late.nr = 0;
    purge->phase = PURGE_RESTING;
    if (purge->waiters.nr == 0)
        return;
    set->waiting_nr--; /* it was counted when it came late */
    begin_waiting(set, purge, now_ms);
}

static void forget_rested(struct purge_set *set, int64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < set->nr; i++) {
        struct purge *purge = set->items[i];

        if (purge->phase == PURGE_RESTING && purge->started_ms + purge->coalesce_ms <= now_ms)
            purge_free(purge);
        else
            set->items[kept++] = purge;
    }
    set->nr = kept;
}

static void tell(const struct purge_waiters *waiters, purge_on_done on_done, void *sink)
{
    for (size_t i = 0; i < waiters->nr; i++)
        on_done(sink, &waiters->items[i]);
}

bool purge_set_finish(struct purge_set *set, purge_on_done on_done, void *sink, int64_t now_ms)
{
    bool is_any_done = false;

    for (size_t i = 0; i < set->nr; i++) {
        struct purge *purge = set->items[i];

        if (purge->phase != PURGE_PASSED)
            continue;
        tell(&purge->waiters, on_done, sink);
        set->passed_nr--;
        end_run(set, purge, now_ms);
        is_any_done = true;
    }
    if (is_any_done)
        forget_rested(set, now_ms);
    return is_any_done;
}

static bool is_of(const struct purge_waiters *waiters, uint64_t id)
{
    return waiters->nr > 0 && waiters->items[0].id == id;
}

/* False: too late, it has seen all. */
static bool break_off(struct purge_set *set, struct purge *purge, int64_t now_ms)
{
    if (purge->phase == PURGE_PASSED)
        return false;
    set->walking_nr -= purge->phase == PURGE_WALKING;
    set->waiting_nr -= purge->phase == PURGE_WAITING;
    end_run(set, purge, now_ms);
    return true;
}

bool purge_set_cancel(struct purge_set *set, uint64_t id, purge_on_done on_done, void *sink,
                      int64_t now_ms)
{
    bool is_cancelled = false;

    for (size_t i = 0; i < set->nr && !is_cancelled; i++) {
        struct purge *purge = set->items[i];

        if (is_of(&purge->late, id)) {
            tell(&purge->late, on_done, sink);
            purge->late.nr = 0;
            set->waiting_nr--;
            is_cancelled = true;
        } else if (is_of(&purge->waiters, id)) {
            if (purge->phase == PURGE_PASSED)
                return false;
            tell(&purge->waiters, on_done, sink);
            is_cancelled = break_off(set, purge, now_ms);
        }
    }
    forget_rested(set, now_ms);
    return is_cancelled;
}

/* Returns whether the last of them went. */
static bool remove_waiter(struct purge_waiters *waiters, const struct purge_tickets *tickets,
                          uint64_t ticket)
{
    size_t before = waiters->nr, kept = 0;

    for (size_t i = 0; i < before; i++) {
        if (waiters->items[i].tickets != tickets || waiters->items[i].ticket != ticket)
            waiters->items[kept++] = waiters->items[i];
    }
    waiters->nr = kept;
    return before > 0 && kept == 0;
}

bool purge_set_withdraw(struct purge_set *set, const struct purge_tickets *tickets, uint64_t ticket,
                        int64_t now_ms)
{
    bool is_ended = false;

    for (size_t i = 0; i < set->nr; i++) {
        struct purge *purge = set->items[i];

        set->waiting_nr -= remove_waiter(&purge->late, tickets, ticket);
        if (remove_waiter(&purge->waiters, tickets, ticket))
            is_ended |= break_off(set, purge, now_ms);
    }
    forget_rested(set, now_ms);
    return is_ended;
}

struct purge_laps purge_set_laps(const struct purge_set *set, const struct purge *purge)
{
    double total = set->has_slots && purge->joined_at != 0 ? 2 - purge->joined_place : 1;
    double left = total - (purge->wraps + set->place - purge->joined_place);

    if (purge->phase != PURGE_WALKING)
        left = purge->phase == PURGE_PASSED ? 0 : total;
    return (struct purge_laps){left < 0 ? 0 : left > total ? total : left, total};
}

void purge_set_restart(struct purge_set *set)
{
    for (size_t i = 0; i < set->nr; i++) {
        struct purge *purge = set->items[i];

        if (purge->phase != PURGE_WALKING && purge->phase != PURGE_PASSED)
            continue;
        purge->phase = PURGE_WALKING;
        purge->joined_at = 0;
        purge->joined_place = 0;
        begin_lap(set, purge);
    }
    set->walking_nr += set->passed_nr;
    set->passed_nr = 0;
}

int64_t purge_set_next_start_ms(const struct purge_set *set)
{
    int64_t next = INT64_MAX;

    if (set->waiting_nr == 0)
        return next;
    for (size_t i = 0; i < set->nr; i++) {
        if (set->items[i]->phase == PURGE_WAITING && set->items[i]->start_at_ms < next)
            next = set->items[i]->start_at_ms;
    }
    return next;
}
