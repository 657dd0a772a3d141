/*
 * purge_tag - unlinks the members of tag sets: sets of complete Redis keys that readers fill by SADD.
 *
 * One job at a time, over a connection of its own. A job moves the set aside (RENAMENX to
 * `unstale:tag:KEY`), so that readers who add to it meanwhile start a new one, walks it by SSCAN, unlinks
 * its members and then the set: dead members go with it. What an earlier try left aside is walked first.
 * Protected members are spared. A job that is interrupted begins again; doing it twice is harmless. Equal
 * tags collapse while they wait; one that comes while its equal is worked on is a new job.
 *
 * A key that is no set is left as it is: that is logged, counted, and the ticket goes back.
 *
 * In a cluster the connection goes to the owner of the set's slot, and the members are unlinked wherever
 * they are, before their set. A set whose slot moves is begun anew at its new owner.
 * One thread; purge_tag_step() never blocks (in a cluster: for a few milliseconds).
 */
#ifndef CONSUMERS_REDIS_PURGE_TAG_H
#define CONSUMERS_REDIS_PURGE_TAG_H

#include "consumers/base/arena.h"
#include "consumers/redis/backoff.h"
#include "consumers/redis/connection.h"
#include "consumers/redis/purge_cluster.h"
#include "consumers/redis/purge_keys.h"
#include "consumers/redis/purge_match.h"
#include "consumers/redis/purge_members.h"
#include "consumers/redis/purge_report.h"
#include "consumers/redis/purge_set.h"

enum tag_phase {
    TAG_LEFTOVER, /* walking what an earlier try left aside */
    TAG_PROBE,    /* is it a set at all? */
    TAG_MOVE,
    TAG_WALK
};

struct tag_job {
    struct arena arena; /* of the texts */
    struct slice key, aside;
    struct purge_protection protection;
    struct purge_waiters waiters;
    bool is_cancelled; /* nobody waits any more; it ends when its round is over */
    int64_t started_ms;
    uint64_t scanned, matched; /* members */
};

struct purge_tag {
    struct connection connection;
    struct purge_cluster *cluster; /* borrowed; NULL: none */
    struct purge_members *members; /* NULL: no cluster */
    struct purge_stats *stats;     /* borrowed */
    struct tag_job **jobs;         /* the first one is worked on */
    size_t nr, capacity;
    bool is_started; /* the first job */
    enum tag_phase phase;
    uint64_t cursor, cursor_next;
    bool has_cursor;          /* the reply has told cursor_next */
    struct purge_keys doomed; /* in this round's UNLINKs */
    struct purge_keys found;  /* by this round's SSCAN */
    size_t unlinks_due;
    bool is_round_open, is_refused, is_last; /* the round unlinks the set itself */
    int64_t moved;                           /* the reply to RENAMENX; -1: no such key */
    bool is_no_set;
    struct backoff backoff;
    int64_t retry_at_ms;
    bool is_troubled;
};

/* `cluster` is NULL for a target that is none. */
void purge_tag_init(struct purge_tag *tag, const struct redis_target *target,
                    struct purge_cluster *cluster, struct purge_stats *stats);
void purge_tag_release(struct purge_tag *tag);

void purge_tag_add(struct purge_tag *tag, const struct purge_request *request, int64_t since_ns);

void purge_tag_step(struct purge_tag *tag);
int64_t purge_tag_patience_ns(const struct purge_tag *tag);

/* As purge_walk.h has them; how far a set is walked is not known. The members of a job that has begun stay
 * aside, and the next purge of the tag finds them there. */
bool purge_tag_cancel(struct purge_tag *tag, uint64_t id);
struct purge_report purge_tag_report(const struct purge_tag *tag, size_t job);
void purge_tag_list(const struct purge_tag *tag, bool is_walking, struct purge_reports *reports);

/* Where the set is moved to; same cluster slot as the key where that has a hash tag. */
struct slice purge_tag_aside(struct slice key, struct arena *arena);

#endif
