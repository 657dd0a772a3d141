/*
 * purge_walk - the walk itself: rounds of UNLINKs and a SCAN over one connection.
 *
 * On request it asks the node whether slots of it are on the move (`wants_news`), between rounds.
 *
 * A round is one write: UNLINKs (64 keys each at most) of what the last SCAN found, and the next
 * SCAN; now and then it is a PING alone, to know how long the way takes. A round that Redis refuses is repeated as it was, for ever; a lost connection forgets the
 * round and starts the walk anew for all. In a cluster there is a walk a node (purge_cluster.h). With nothing to walk for the connection is left alone.
 * One thread; purge_walk_step() never blocks.
 */
#ifndef CONSUMERS_REDIS_PURGE_WALK_H
#define CONSUMERS_REDIS_PURGE_WALK_H

#include "consumers/redis/backoff.h"
#include "consumers/redis/connection.h"
#include "consumers/redis/purge_keys.h"
#include "consumers/redis/purge_match.h"
#include "consumers/redis/purge_pace.h"
#include "consumers/redis/purge_progress.h"
#include "consumers/redis/purge_report.h"
#include "consumers/redis/purge_set.h"

struct purge_walk {
    struct connection connection;
    struct purge_stats *stats; /* borrowed */
    struct purge_set set;
    struct purge_match match;
    struct purge_pace pace;
    struct purge_speed speed;
    struct purge_range range; /* of slots; matters in a cluster only */
    struct purge_keys doomed; /* in this round's UNLINKs */
    struct purge_keys found;  /* by this round's SCAN */
    struct purge_keys fading; /* whose lives this round shortens */
    struct purge_keys found_fading;
    size_t unlinks_due;   /* answers of this round's UNLINKs that are to come */
    uint64_t cursor;      /* for the next SCAN */
    uint64_t cursor_next; /* as the reply says */
    bool has_cursor;      /* the reply does */
    bool is_scanning;     /* this round has a SCAN */
    bool is_probing;      /* this round is a PING */
    bool is_asking;       /* this round is a CLUSTER NODES */
    bool is_round_open;
    bool is_round_refused;
    bool is_match_stale;
    bool is_greeted, was_up;
    bool is_troubled;  /* and the log knows */
    bool is_part;      /* of several walks: what is done is counted by who owns them */
    bool is_disturbed; /* a key that was found is another node's by now */
    bool is_other;     /* another server answers than before */
    bool wants_news;   /* of slots on the move */
    bool has_open;     /* the last news: a slot is coming or going */
    uint64_t news_nr;  /* how often there were news */
    char run_id[CONNECTION_RUN_ID_BYTES];
    int64_t round_started_ns;
    struct backoff backoff;
    int64_t retry_at_ms; /* 0: at once */
};

void purge_walk_init(struct purge_walk *walk, const struct redis_target *target,
                     struct purge_stats *stats);
void purge_walk_release(struct purge_walk *walk);

/* Takes every step that is possible now. */
void purge_walk_step(struct purge_walk *walk);

/*
 * As purge_set.h has them; what the walk found already is still deleted. Cancelling gives the tickets back
 * and warns in the log.
 */
bool purge_walk_cancel(struct purge_walk *walk, uint64_t id);
void purge_walk_withdraw(struct purge_walk *walk, const struct purge_tickets *tickets,
                         uint64_t ticket);

/* Without regard to whether it walks or waits. */
struct purge_report purge_walk_report(const struct purge_walk *walk, const struct purge *purge);

/* Those that walk, or those that wait. */
void purge_walk_list(const struct purge_walk *walk, bool is_walking, struct purge_reports *reports);

/* Share done of the purge that is furthest from its end, 1 when none walks. The log hears of those that take long. */
double purge_walk_look(struct purge_walk *walk);

/* How long nothing needs to be done unless the connection moves; INT64_MAX: for ever. */
int64_t purge_walk_patience_ns(const struct purge_walk *walk);

#endif
