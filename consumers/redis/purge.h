/*
 * purge - deletes every key that matches a pattern, by one endless walk a target.
 *
 * SCAN costs a walk over the whole keyspace whatever the pattern, so one circular walk serves every
 * pending pattern: a purge joins where the walk is and is done when the walk has come round to that
 * place. Position: the bit-reversed cursor (Redis' SCAN counts with reversed bits); a purge is done
 * when the cursor wrapped once and passed its join point, or wrapped twice. Matching is done here
 * (glob.h), UNLINKs of one chunk ride with the next SCAN. Equal patterns collapse: one that arrives
 * while its equal waits joins it; while its equal already walks, one trailing re-run serves all
 * later ones. COUNT adapts so that no call holds Redis for more than about 1 ms. `coalesce` is the least
 * interval between two starts of one pattern, `rate` caps deleted keys a second, beyond
 * `slow_above` keys the walk is throttled and a line is logged; nothing is ever truncated.
 *
 * Keys that match a protect glob (whole, or after prefix_bytes), companions of guarded keys and `unstale:*`
 * are never deleted. A lost connection or a changed run id restarts the walk for all pending purges.
 *
 * A pattern may also shorten lives (PURGE_EXPIRE): PEXPIRE with LT in place of UNLINK, on the same walk.
 * A tag (PURGE_TAG) is no walk: its set is moved aside to `unstale:tag:KEY`, its members are
 * unlinked and the set with them; see purge_tag.h.
 *
 * In a cluster there is a walk a node, and a purge is done when all of them came round; see
 * purge_cluster.h.
 *
 * What is pending can be looked at with its progress, and given up by an operator. A purge that takes longer than
 * a second says so in the log, with its progress, and when it is done.
 *
 * The engine owns one thread and a connection for each of the two. Submitting and draining are thread-safe.
 */
#ifndef CONSUMERS_REDIS_PURGE_H
#define CONSUMERS_REDIS_PURGE_H

#include "consumers/base/counter.h"
#include "consumers/base/histogram.h"
#include "consumers/redis/target.h"

enum { PURGE_MAX_PENDING = 10000 }; /* patterns a target; the pipeline pauses beyond it */

/* Tickets of finished purges on their way back to the pipeline that gave them. */
struct purge_tickets;

struct purge_tickets *purge_tickets_new(void);
void purge_tickets_free(struct purge_tickets *tickets);
/* Moves up to max finished tickets into out, returns how many. Does not block. */
size_t purge_tickets_take(struct purge_tickets *tickets, uint64_t *out, size_t max);

/* What happens to the keys a pattern matches, or to the members of a tag set. */
enum purge_kind { PURGE_UNLINK, PURGE_EXPIRE, PURGE_TAG };

struct purge_request {
    enum purge_kind kind;
    struct slice pattern;        /* copied; of a tag its full key */
    int64_t ttl_ms, jitter_ms;   /* PURGE_EXPIRE: longest life that is left to a matching key */
    const struct slice *protect; /* globs, copied */
    size_t protect_nr;
    size_t prefix_bytes;                   /* of a matching key, for protect */
    int64_t coalesce_ms, rate, slow_above; /* 0: unset */
    struct purge_tickets *tickets;         /* where the ticket goes back; outlives the engine */
    uint64_t ticket;
    uint64_t id; /* given by the engine when it is submitted */
};

struct purge_stats {
    counter pending; /* patterns waiting or walking */
    counter finished;
    counter cancelled;    /* by somebody who asked for it */
    counter progress_ppm; /* of the one furthest from its end; a million when none walks */
    counter keys_matched; /* by walks, those shown twice counted twice */
    counter keys_deleted;
    counter keys_expiring;  /* whose life was shortened */
    counter keys_protected; /* matched and spared */
    counter scan_calls;
    counter laps;
    counter reconnects;
    counter slowest_call_us;  /* longest reply time of a SCAN or UNLINK round */
    struct histogram seconds; /* submit to done */
};

struct purge_engine;

/* Starts the thread. The target is borrowed and must outlive the engine. */
struct purge_engine *purge_engine_new(const struct redis_target *target);

/* Stops the walk where it is; unfinished purges give no ticket back. */
void purge_engine_free(struct purge_engine *engine);

void purge_engine_submit(struct purge_engine *engine, const struct purge_request *request);

const struct purge_stats *purge_engine_stats(const struct purge_engine *engine);

/* What is pending now (purge_report.h). Thread-safe; waits for a step of the engine at most. */
struct purge_reports;
void purge_engine_list(struct purge_engine *engine, struct purge_reports *reports);

/*
 * Gives up one purge for good and its tickets back: keys it has not come to stay, and its
 * records count as done. A warning in the log says so. False: there is no such purge, or it has come round.
 */
bool purge_engine_cancel(struct purge_engine *engine, uint64_t id);

#endif
