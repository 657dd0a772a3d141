/*
 * purge_cluster_inside - what purge_cluster.c, purge_cluster_check.c and purge_cluster_report.c share.
 */
#ifndef CONSUMERS_REDIS_PURGE_CLUSTER_INSIDE_H
#define CONSUMERS_REDIS_PURGE_CLUSTER_INSIDE_H

#include "consumers/base/arena.h"
#include "consumers/redis/cluster_map.h"
#include "consumers/redis/purge_cluster.h"
#include "consumers/redis/purge_walk.h"

enum { MEMBERS_MAX = 1024 };

struct member {
    struct purge_walk walk;
    bool is_used;
    bool has_gained; /* slots, since the last map */
};

/* What a job has with one member. */
struct part {
    uint32_t due;              /* tickets that are to come */
    uint64_t news_awaited;     /* of the member, while the job is checked */
    uint64_t scanned, matched; /* as of the last look */
};

struct job {
    struct arena arena; /* of the request's texts */
    struct purge_request request;
    int64_t since_ns;
    struct part *parts; /* by member */
    size_t parts_nr;
    bool is_used;
    bool is_disturbed;    /* a key was another node's: it walks again once no slot is on the move */
    bool is_announced;    /* the log knows of it */
    bool is_checking;     /* came round everywhere; waits for a map */
    uint64_t checked_map; /* number of the map it waits for */
    bool was_open;        /* a slot was on the move when it had come round */
    bool is_given_up;     /* slots were on the move for too long to wait for them */
    int64_t open_since_ms, ask_at_ms;
};

struct purge_cluster {
    const struct redis_target *target;
    struct purge_stats *stats;
    struct cluster_map map;
    uint64_t maps; /* read so far */
    struct member **members;
    size_t members_nr, members_capacity;
    struct job *jobs;
    size_t jobs_nr, jobs_capacity, jobs_used;
    struct purge_tickets *tickets; /* of the walks: job * MEMBERS_MAX + member */
};

/* Of purge_cluster.c: takes what the walks have finished, forgets the job. */
void purge_cluster_take_tickets(struct purge_cluster *cluster);
void purge_cluster_end_job(struct purge_cluster *cluster, struct job *job);

/* The job walks on every node, from now on. */
void purge_cluster_walk(struct purge_cluster *cluster, size_t job);
void purge_cluster_finish(struct purge_cluster *cluster, size_t job);

/* Of purge_cluster_check.c: ends a job that came round everywhere if nothing can have slipped past it. */
void purge_cluster_check(struct purge_cluster *cluster, size_t job);

/* Until the next job that waits for slots wants to ask again. */
int64_t purge_cluster_asking_ns(const struct purge_cluster *cluster);

/* As of now. */
struct purge_report purge_cluster_report(struct purge_cluster *cluster, size_t job);

#endif
