#include "consumers/redis/cluster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/redis/cluster_inside.h"

enum {
    NOBODY = 0,            /* of links: no entry */
    SOON_MS = 10,          /* before a command whose slot is on the move is tried again */
    LATER_MS = 100,        /* before one whose slot has no owner is */
    HOPS_AT_ONCE = 5,      /* redirections in a row that are followed without a pause */
    TRIES_IN_SILENCE = 100 /* of SOON_MS each, before it is told as a trouble */
};

/* ---- the queues of slots ---- */

static struct command *command_of(const struct cluster *cluster, const struct waiting *entry)
{
    return &cluster->shared.flights[entry->flight].commands[entry->command];
}

static uint32_t entry_new(struct cluster *cluster, struct waiting content)
{
    uint32_t entry = cluster->free;

    if (entry != NOBODY) {
        cluster->free = cluster->waiting[entry].next;
    } else {
        cluster->waiting = alloc_grow(cluster->waiting, cluster->waiting_nr,
                                      &cluster->waiting_capacity, sizeof(*cluster->waiting));
        entry = (uint32_t)cluster->waiting_nr++;
    }
    cluster->waiting[entry] = content;
    return entry;
}

static void entry_free(struct cluster *cluster, uint32_t entry)
{
    cluster->waiting[entry] = (struct waiting){.next = cluster->free};
    cluster->free = entry;
}

static void park(struct cluster *cluster, uint32_t entry, int64_t ms)
{
    cluster->waiting[entry].due_ms = clock_steady_ms() + ms;
    cluster->parked = alloc_grow(cluster->parked, cluster->parked_nr, &cluster->parked_capacity,
                                 sizeof(*cluster->parked));
    cluster->parked[cluster->parked_nr++] = entry;
}

static void tell(struct cluster *cluster, struct slice why)
{
    error_clear(&cluster->trouble);
    (void)error_fail(&cluster->trouble, ERROR_RETRY, "%s: %.*s", cluster->place.target->name,
                     SLICE_ARG(why));
}

/* To the owner of its slot, or to wait for one. */
static void dispatch(struct cluster *cluster, uint32_t entry)
{
    const struct waiting *waiting = &cluster->waiting[entry];
    struct member *owner = cluster_owner(cluster, waiting->slot);

    if (owner != NULL) {
        node_push(&owner->node,
                  (struct queued){.command = waiting->command, .flight = waiting->flight});
        return;
    }
    if (cluster->map.is_known)
        tell(cluster, SLICE("a slot of the cluster has no owner"));
    cluster_map_want(&cluster->map);
    park(cluster, entry, LATER_MS);
}

void cluster_push(struct cluster *cluster, uint8_t flight, uint32_t command)
{
    uint16_t slot = cluster->shared.flights[flight].commands[command].slot;
    uint32_t entry =
        entry_new(cluster, (struct waiting){.command = command, .flight = flight, .slot = slot});

    if (cluster->head[slot] == NOBODY) {
        cluster->head[slot] = cluster->tail[slot] = entry;
        dispatch(cluster, entry);
        return;
    }
    cluster->waiting[cluster->tail[slot]].next = entry;
    cluster->tail[slot] = entry;
}

static bool is_of_no_slot(const struct command *command)
{
    return command->kind == COMMAND_PING || command->kind == COMMAND_WAIT;
}

static void on_answered(void *context, struct queued queued)
{
    struct cluster *cluster = context;
    const struct command *command =
        &cluster->shared.flights[queued.flight].commands[queued.command];
    uint32_t entry = cluster->head[command->slot];
    uint32_t next;

    if (is_of_no_slot(command))
        return;
    next = cluster->waiting[entry].next;
    cluster->head[command->slot] = next;
    entry_free(cluster, entry);
    if (next != NOBODY)
        dispatch(cluster, next);
}

/* ---- redirections ---- */

static void follow_moved(struct cluster *cluster, uint32_t entry, const struct redis_address *to)
{
    struct waiting *waiting = &cluster->waiting[entry];

    cluster_map_want(&cluster->map);
    slots_move(&cluster->map.now, waiting->slot, to);
    if (++waiting->hops % HOPS_AT_ONCE == 0)
        park(cluster, entry, LATER_MS);
    else
        dispatch(cluster, entry);
}

static void follow_ask(struct cluster *cluster, uint32_t entry, const struct redis_address *to)
{
    struct waiting *waiting = &cluster->waiting[entry];

    if (++waiting->hops % HOPS_AT_ONCE == 0)
        park(cluster, entry, SOON_MS);
    else
        node_push(&cluster_member_at(cluster, to)->node,
                  (struct queued){
                      .command = waiting->command, .flight = waiting->flight, .is_asking = true});
}

/* Some keys are here and some there: one by one each is found. */
static void split(struct cluster *cluster, uint32_t entry)
{
    const struct waiting whole = cluster->waiting[entry];
    struct flight *flight = &cluster->shared.flights[whole.flight];
    uint32_t first, last = entry;
    uint32_t nr = flight_split(flight, whole.command, &first);

    for (uint32_t i = 0; i < nr; i++) {
        uint32_t more = entry_new(
            cluster,
            (struct waiting){.command = first + i, .flight = whole.flight, .slot = whole.slot});

        cluster->waiting[more].next = whole.next;
        cluster->waiting[last].next = more;
        last = more;
    }
    if (cluster->tail[whole.slot] == entry)
        cluster->tail[whole.slot] = last;
}

static void try_again(struct cluster *cluster, uint32_t entry, struct slice text)
{
    struct waiting *waiting = &cluster->waiting[entry];

    if (command_of(cluster, waiting)->nr > 1) {
        split(cluster, entry);
        dispatch(cluster, entry);
        return;
    }
    if (++waiting->tries >= TRIES_IN_SILENCE)
        tell(cluster, text);
    park(cluster, entry, SOON_MS);
}

static bool is_word(struct slice text, const char *word)
{
    size_t len = strlen(word);

    return text.len >= len && memcmp(text.ptr, word, len) == 0 &&
           (text.len == len || text.ptr[len] == ' ');
}

static bool on_redirect(void *context, struct node *node, struct queued queued, struct slice text)
{
    struct cluster *cluster = context;
    struct command *command = &cluster->shared.flights[queued.flight].commands[queued.command];
    bool is_moved = is_word(text, "MOVED"), is_ask = is_word(text, "ASK");
    bool is_split = is_word(text, "TRYAGAIN"), is_down = is_word(text, "CLUSTERDOWN");
    struct redis_address to;
    uint32_t entry = cluster->head[command->slot];

    if (is_of_no_slot(command) || !(is_moved || is_ask || is_split || is_down))
        return false;
    if ((is_moved || is_ask) && !slots_redirection(text, &node->connection.at, &to))
        return false;
    counter_add(&cluster->shared.stats->redirects, 1);
    command->was_sent = false; /* it was not carried out */
    if (is_moved) {
        follow_moved(cluster, entry, &to);
    } else if (is_ask) {
        follow_ask(cluster, entry, &to);
    } else if (is_split) {
        try_again(cluster, entry, text);
    } else {
        tell(cluster, text);
        cluster_map_want(&cluster->map);
        park(cluster, entry, LATER_MS);
    }
    return true;
}

/* ---- what time and maps bring ---- */

struct cluster *cluster_new(const struct cluster_place *place, const struct node_shared *shared)
{
    struct cluster *cluster = alloc_zero(1, sizeof(*cluster));

    cluster->place = *place;
    cluster->shared = *shared;
    cluster->router = (struct node_router){cluster, on_redirect, on_answered};
    cluster_map_init(&cluster->map, place->target);
    (void)entry_new(cluster, (struct waiting){.next = NOBODY});
    return cluster;
}

void cluster_free(struct cluster *cluster)
{
    if (cluster == NULL)
        return;
    for (size_t i = 0; i < cluster->members_nr; i++) {
        node_release(&cluster->members[i]->node);
        free(cluster->members[i]);
    }
    cluster_map_release(&cluster->map);
    free(cluster->members);
    free(cluster->of_owner);
    free(cluster->waiting);
    free(cluster->parked);
    free(cluster);
}

/* What is of no slot is of its node, unless that owns nothing any more. */
static bool is_foreign(const void *context, const struct node *node, const struct command *command)
{
    const struct cluster *cluster = context;
    const struct redis_address *owner = slots_owner(&cluster->map.now, command->slot);

    if (is_of_no_slot(command))
        return !((const struct member *)node)->is_owner;
    return owner == NULL || !redis_address_equals(owner, &node->connection.at);
}

/* Nobody waits for a node that is gone; what it wrote is written again where there is need to. */
static void give_up(struct node *node, struct flight *flight, struct queued queued)
{
    const struct command *command = &flight->commands[queued.command];

    if (command->kind == COMMAND_WAIT)
        node->unwaited[queued.flight].is_stale = true;
    flight_done(flight, command, OP_FOUND_UNKNOWN);
}

static void take_foreign(struct cluster *cluster, struct node *node)
{
    struct queued queued;

    while (node_take_foreign(node, is_foreign, cluster, &queued)) {
        struct flight *flight = &cluster->shared.flights[queued.flight];
        const struct command *command = &flight->commands[queued.command];

        if (is_of_no_slot(command))
            give_up(node, flight, queued);
        else
            dispatch(cluster, cluster->head[command->slot]);
    }
}

static void on_map(struct cluster *cluster)
{
    const struct cluster_map *map = &cluster->map;

    if (map->before.epoch != 0 && map->now.epoch != map->before.epoch)
        failover_note(cluster->place.failover, cluster_last_good_ms(cluster));
    cluster_note_owners(cluster);
    for (size_t i = 0; i < cluster->members_nr; i++)
        take_foreign(cluster, &cluster->members[i]->node);
    for (size_t i = 0; i < cluster->members_nr; i++) {
        if (member_is_idle(cluster->members[i]))
            node_retire(&cluster->members[i]->node);
    }
}

/* From the last to the first: what is parked anew meanwhile stands behind. */
static void wake_parked(struct cluster *cluster)
{
    int64_t now_ms = cluster->parked_nr > 0 ? clock_steady_ms() : 0;

    for (size_t i = cluster->parked_nr; i-- > 0;) {
        uint32_t entry = cluster->parked[i];

        if (cluster->waiting[entry].due_ms > now_ms)
            continue;
        cluster->parked[i] = cluster->parked[--cluster->parked_nr];
        dispatch(cluster, entry);
    }
    if (cluster->parked_nr == 0)
        error_clear(&cluster->trouble);
}

/* True when one of them could write more: an answer of one may free a command for another. */
static bool drive_members(struct cluster *cluster)
{
    bool can_send = false;

    for (size_t i = 0; i < cluster->members_nr; i++) {
        struct member *member = cluster->members[i];

        if (member_is_idle(member))
            continue;
        node_drive(&member->node);
        if (member->node.connection.phase == CONNECTION_CLOSED)
            cluster_map_want(&cluster->map);
    }
    for (size_t i = 0; i < cluster->members_nr; i++)
        can_send = can_send || node_can_send(&cluster->members[i]->node);
    return can_send;
}

void cluster_drive(struct cluster *cluster)
{
    if (cluster_map_drive(&cluster->map))
        on_map(cluster);
    wake_parked(cluster);
    while (drive_members(cluster)) {
    }
}

int64_t cluster_patience_ms(const struct cluster *cluster, int64_t now_ms)
{
    int64_t patience = cluster_map_patience_ms(&cluster->map, now_ms);

    for (size_t i = 0; i < cluster->parked_nr; i++) {
        int64_t left = cluster->waiting[cluster->parked[i]].due_ms - now_ms;

        patience = left < patience ? left : patience;
    }
    for (size_t i = 0; i < cluster->members_nr; i++) {
        int64_t of_node = member_is_idle(cluster->members[i])
                              ? INT64_MAX
                              : node_patience_ms(&cluster->members[i]->node, now_ms);

        patience = of_node < patience ? of_node : patience;
    }
    return patience > 0 ? patience : 0;
}

static void unpark(struct cluster *cluster, uint32_t entry)
{
    for (size_t i = 0; i < cluster->parked_nr; i++) {
        if (cluster->parked[i] != entry)
            continue;
        cluster->parked[i] = cluster->parked[--cluster->parked_nr];
        return;
    }
}

/* The first of what is left is with a node already unless it only now became the first. */
static void drop_from_slot(struct cluster *cluster, uint16_t slot, uint8_t flight)
{
    uint32_t first = cluster->head[slot], *link = &cluster->head[slot], last = NOBODY;

    for (uint32_t entry = first; entry != NOBODY;) {
        uint32_t next = cluster->waiting[entry].next;

        if (cluster->waiting[entry].flight == flight) {
            unpark(cluster, entry);
            *link = next;
            entry_free(cluster, entry);
        } else {
            link = &cluster->waiting[entry].next;
            last = entry;
        }
        entry = next;
    }
    cluster->tail[slot] = last;
    if (cluster->head[slot] != first && cluster->head[slot] != NOBODY)
        dispatch(cluster, cluster->head[slot]);
}

void cluster_drop_flight(struct cluster *cluster, uint8_t flight)
{
    for (size_t i = 0; i < cluster->members_nr; i++)
        node_drop_flight(&cluster->members[i]->node, flight);
    for (size_t slot = 0; slot < SLOTS_NR; slot++) {
        if (cluster->head[slot] != NOBODY)
            drop_from_slot(cluster, (uint16_t)slot, flight);
    }
}

size_t cluster_nodes_nr(const struct cluster *cluster)
{
    return cluster->members_nr;
}

struct node *cluster_node(const struct cluster *cluster, size_t i)
{
    return &cluster->members[i]->node;
}

bool cluster_is_in_use(const struct cluster *cluster, size_t i)
{
    return !member_is_idle(cluster->members[i]);
}

const struct connection *cluster_map_connection(const struct cluster *cluster)
{
    return &cluster->map.connection;
}

bool cluster_is_known(const struct cluster *cluster)
{
    return cluster->map.is_known;
}

enum executor_state cluster_state(const struct cluster *cluster, const struct error **trouble)
{
    const struct error *of_map = &cluster->map.trouble;

    *trouble = cluster->map.is_known ? &cluster->trouble : of_map;
    if ((*trouble)->kind == ERROR_NONE)
        return EXECUTOR_DONE;
    return (*trouble)->kind == ERROR_CONFIG ? EXECUTOR_CONFIG : EXECUTOR_DOWN;
}
