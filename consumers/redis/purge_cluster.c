#include "consumers/redis/purge_cluster.h"

#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/base/log.h"
#include "consumers/redis/purge_cluster_inside.h"
#include "consumers/redis/purge_tickets.h"

enum { CHUNK_BYTES = 512, TAKE_MAX = 256 };

struct purge_cluster *purge_cluster_new(const struct redis_target *target,
                                        struct purge_stats *stats)
{
    struct purge_cluster *cluster = alloc_zero(1, sizeof(*cluster));

    cluster->target = target;
    cluster->stats = stats;
    cluster_map_init(&cluster->map, target);
    cluster->tickets = purge_tickets_new();
    return cluster;
}

static void job_release(struct job *job)
{
    arena_release(&job->arena);
    free(job->parts);
    *job = (struct job){.is_used = false};
}

void purge_cluster_free(struct purge_cluster *cluster)
{
    if (cluster == NULL)
        return;
    for (size_t i = 0; i < cluster->members_nr; i++) {
        purge_walk_release(&cluster->members[i]->walk);
        free(cluster->members[i]);
    }
    for (size_t i = 0; i < cluster->jobs_nr; i++) {
        if (cluster->jobs[i].is_used)
            job_release(&cluster->jobs[i]);
    }
    cluster_map_release(&cluster->map);
    purge_tickets_free(cluster->tickets);
    free(cluster->members);
    free(cluster->jobs);
    free(cluster);
}

/* ---- jobs ---- */

static void walk_on(struct purge_cluster *cluster, size_t job_at, size_t member_at)
{
    struct job *job = &cluster->jobs[job_at];
    struct purge_request request = job->request;

    if (job->parts_nr <= member_at) {
        job->parts = alloc_resize(job->parts, member_at + 1, sizeof(*job->parts));
        memset(&job->parts[job->parts_nr], 0,
               (member_at + 1 - job->parts_nr) * sizeof(*job->parts));
        job->parts_nr = member_at + 1;
    }
    job->parts[member_at].due++;
    job->is_checking = false;
    request.tickets = cluster->tickets;
    request.ticket = (uint64_t)job_at * MEMBERS_MAX + member_at;
    purge_set_add(&cluster->members[member_at]->walk.set, &request, job->since_ns,
                  clock_steady_ms());
}

void purge_cluster_walk(struct purge_cluster *cluster, size_t job)
{
    cluster->jobs[job].is_disturbed = false;
    for (size_t i = 0; i < cluster->members_nr; i++) {
        if (cluster->members[i]->is_used)
            walk_on(cluster, job, i);
    }
}

static size_t free_job(struct purge_cluster *cluster)
{
    for (size_t i = 0; i < cluster->jobs_nr && cluster->jobs_used < cluster->jobs_nr; i++) {
        if (!cluster->jobs[i].is_used)
            return i;
    }
    cluster->jobs = alloc_grow(cluster->jobs, cluster->jobs_nr, &cluster->jobs_capacity,
                               sizeof(*cluster->jobs));
    return cluster->jobs_nr++;
}

void purge_cluster_add(struct purge_cluster *cluster, const struct purge_request *request,
                       int64_t since_ns)
{
    size_t at = free_job(cluster);
    struct job *job = &cluster->jobs[at];
    struct slice *protect;

    *job = (struct job){.is_used = true, .request = *request, .since_ns = since_ns};
    arena_init(&job->arena, CHUNK_BYTES);
    protect = arena_alloc(&job->arena, request->protect_nr * sizeof(*protect));
    for (size_t i = 0; i < request->protect_nr; i++)
        protect[i] = arena_copy(&job->arena, request->protect[i]);
    job->request.pattern = arena_copy(&job->arena, request->pattern);
    job->request.protect = protect;
    cluster->jobs_used++;
    if (cluster->map.is_known)
        purge_cluster_walk(cluster, at);
}

void purge_cluster_end_job(struct purge_cluster *cluster, struct job *job)
{
    purge_tickets_give(job->request.tickets, job->request.ticket);
    job_release(job);
    cluster->jobs_used--;
}

void purge_cluster_finish(struct purge_cluster *cluster, size_t at)
{
    struct job *job = &cluster->jobs[at];
    uint64_t took_us = (uint64_t)(clock_steady_ns() - job->since_ns) / 1000;
    struct purge_report report = purge_cluster_report(cluster, at);

    histogram_add_us(&cluster->stats->seconds, took_us);
    counter_add(&cluster->stats->finished, 1);
    if (job->is_announced)
        purge_report_log(&report, cluster->target->name, PURGE_DONE);
    purge_cluster_end_job(cluster, job);
}

void purge_cluster_take_tickets(struct purge_cluster *cluster)
{
    uint64_t tickets[TAKE_MAX];
    size_t nr;

    while ((nr = purge_tickets_take(cluster->tickets, tickets, TAKE_MAX)) > 0) {
        for (size_t i = 0; i < nr; i++)
            cluster->jobs[tickets[i] / MEMBERS_MAX].parts[tickets[i] % MEMBERS_MAX].due--;
    }
}

/* ---- members ---- */

static size_t find_member(const struct purge_cluster *cluster, const struct redis_address *address)
{
    for (size_t i = 0; i < cluster->members_nr; i++) {
        const struct member *member = cluster->members[i];

        if (member->is_used && redis_address_equals(&member->walk.connection.at, address))
            return i;
    }
    return cluster->members_nr;
}

static void make_walk(struct purge_cluster *cluster, struct member *member,
                      const struct redis_address *address)
{
    purge_walk_init(&member->walk, cluster->target, cluster->stats);
    member->walk.is_part = true;
    connection_set_address(&member->walk.connection, address);
}

static struct member *add_member(struct purge_cluster *cluster, const struct redis_address *address)
{
    struct member *member = NULL;

    for (size_t i = 0; i < cluster->members_nr && member == NULL; i++) {
        if (!cluster->members[i]->is_used)
            member = cluster->members[i];
    }
    if (member != NULL) {
        purge_walk_release(&member->walk);
    } else {
        member = alloc_zero(1, sizeof(*member));
        cluster->members = alloc_grow(cluster->members, cluster->members_nr,
                                      &cluster->members_capacity, sizeof(struct member *));
        cluster->members[cluster->members_nr++] = member;
    }
    make_walk(cluster, member, address);
    *member = (struct member){.walk = member->walk, .is_used = true};
    member->walk.connection.answers.sink = &member->walk;
    return member;
}

static bool is_among(const struct slots *slots, const struct redis_address *address)
{
    for (size_t i = 0; i < slots->owners_nr; i++) {
        if (redis_address_equals(&slots->owners[i], address))
            return true;
    }
    return false;
}

/* What it owned is another's now, and that one is walked again. */
static void drop_member(struct purge_cluster *cluster, size_t at)
{
    struct member *member = cluster->members[at];

    purge_cluster_take_tickets(cluster);
    purge_set_release(&member->walk.set);
    purge_set_init(&member->walk.set);
    connection_close(&member->walk.connection);
    member->is_used = false;
    for (size_t i = 0; i < cluster->jobs_nr; i++) {
        if (cluster->jobs[i].is_used && at < cluster->jobs[i].parts_nr)
            cluster->jobs[i].parts[at].due = 0;
    }
}

/* Marks who owns a slot that was another's before. */
static void find_gains(struct purge_cluster *cluster)
{
    const struct slots *now = &cluster->map.now, *before = &cluster->map.before;

    for (size_t slot = 0; slot < SLOTS_NR; slot++) {
        const struct redis_address *owner = slots_owner(now, (uint16_t)slot);
        const struct redis_address *was = slots_owner(before, (uint16_t)slot);

        if (owner == NULL || (was != NULL && redis_address_equals(owner, was)))
            continue;
        cluster->members[find_member(cluster, owner)]->has_gained = true;
    }
}

/* For the walks' progress. */
static void set_ranges(struct purge_cluster *cluster)
{
    const struct slots *now = &cluster->map.now;

    for (size_t i = 0; i < cluster->members_nr; i++)
        cluster->members[i]->walk.range = (struct purge_range){SLOTS_NR - 1, 0};
    for (size_t slot = 0; slot < SLOTS_NR; slot++) {
        const struct redis_address *owner = slots_owner(now, (uint16_t)slot);
        struct purge_range *range;

        if (owner == NULL)
            continue;
        range = &cluster->members[find_member(cluster, owner)]->walk.range;
        range->first = slot < range->first ? (uint16_t)slot : range->first;
        range->last = slot > range->last ? (uint16_t)slot : range->last;
    }
}

static void on_map(struct purge_cluster *cluster)
{
    const struct slots *now = &cluster->map.now;

    cluster->maps++;
    for (size_t i = 0; i < cluster->members_nr; i++) {
        if (cluster->members[i]->is_used &&
            !is_among(now, &cluster->members[i]->walk.connection.at))
            drop_member(cluster, i);
    }
    for (size_t i = 0; i < now->owners_nr; i++) {
        if (find_member(cluster, &now->owners[i]) == cluster->members_nr)
            (void)add_member(cluster, &now->owners[i]);
    }
    if (cluster->maps > 1 && slots_equal(now, &cluster->map.before))
        return;
    find_gains(cluster);
    set_ranges(cluster);
}

/* The walks that must be made once more, whatever they came to. */
static void walk_again(struct purge_cluster *cluster, size_t at)
{
    struct member *member = cluster->members[at];
    bool is_again = member->has_gained || member->walk.is_other;

    if (member->walk.is_disturbed)
        cluster_map_want(&cluster->map);
    for (size_t i = 0; i < cluster->jobs_nr; i++) {
        if (!cluster->jobs[i].is_used)
            continue;
        cluster->jobs[i].is_disturbed |= member->walk.is_disturbed;
        if (is_again)
            walk_on(cluster, i, at);
    }
    member->has_gained = false;
    member->walk.is_other = false;
    member->walk.is_disturbed = false;
}

const struct slots *purge_cluster_slots(const struct purge_cluster *cluster)
{
    return cluster->map.is_known ? &cluster->map.now : NULL;
}

void purge_cluster_want_map(struct purge_cluster *cluster)
{
    cluster_map_want(&cluster->map);
}

/* Nothing to do, nobody to ask for. */
static bool is_resting(const struct purge_cluster *cluster)
{
    return cluster->jobs_used == 0 && !cluster->map.is_wanted &&
           cluster->map.connection.phase == CONNECTION_CLOSED;
}

void purge_cluster_step(struct purge_cluster *cluster)
{
    if (is_resting(cluster))
        return;
    if (cluster_map_drive(&cluster->map))
        on_map(cluster);
    for (size_t i = 0; i < cluster->members_nr; i++) {
        struct member *member = cluster->members[i];

        if (!member->is_used)
            continue;
        purge_walk_step(&member->walk);
        if (member->walk.connection.phase == CONNECTION_CLOSED && cluster->jobs_used > 0 &&
            member->walk.is_troubled)
            cluster_map_want(&cluster->map);
        if (member->has_gained || member->walk.is_other || member->walk.is_disturbed)
            walk_again(cluster, i);
    }
    purge_cluster_take_tickets(cluster);
    for (size_t i = 0; i < cluster->jobs_nr; i++)
        purge_cluster_check(cluster, i);
}

int64_t purge_cluster_patience_ns(const struct purge_cluster *cluster)
{
    int64_t patience;

    if (is_resting(cluster))
        return INT64_MAX;
    patience = cluster_map_patience_ms(&cluster->map, clock_steady_ms()) * NS_IN_MS;
    if (purge_cluster_asking_ns(cluster) < patience)
        patience = purge_cluster_asking_ns(cluster);
    for (size_t i = 0; i < cluster->members_nr; i++) {
        int64_t of_walk = cluster->members[i]->is_used
                              ? purge_walk_patience_ns(&cluster->members[i]->walk)
                              : INT64_MAX;

        patience = of_walk < patience ? of_walk : patience;
    }
    return patience;
}

size_t purge_cluster_pending(const struct purge_cluster *cluster)
{
    return cluster->jobs_used;
}

void purge_cluster_poll(const struct purge_cluster *cluster,
                        void (*add)(void *sink, const struct connection *connection), void *sink)
{
    /* What nobody reads from must not wake anybody. */
    if (is_resting(cluster))
        return;
    add(sink, &cluster->map.connection);
    for (size_t i = 0; i < cluster->members_nr; i++) {
        if (cluster->members[i]->is_used)
            add(sink, &cluster->members[i]->walk.connection);
    }
}
