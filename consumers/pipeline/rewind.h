/*
 * rewind - back in the log after Redis lost what it had confirmed.
 *
 * Redis copies to its replicas behind its answers: with a failover, or a restart from an older
 * snapshot, deletes that were answered can be undone. Kafka still has the events. So it is noted each
 * second how far every partition was worked off; when a target turns out to be another than before, each
 * partition goes back to the newest note older than `rewind` before the target's last good reply.
 * One that is held for less goes to the first record whose timestamp lies within `rewind` before
 * it. Never forward. The lower offset is committed before going on, so that who takes over meanwhile
 * begins there too. Records that come again are done again, which they allow.
 *
 * Notes are of processing time, and only made when the position moved: a long outage forgets none.
 * One thread: the pipeline's.
 */
#ifndef CONSUMERS_PIPELINE_REWIND_H
#define CONSUMERS_PIPELINE_REWIND_H

#include "consumers/pipeline/batch.h"
#include "consumers/redis/executor.h"

struct rewind;

/* The longest `rewind` of the targets. */
int64_t rewind_longest_ms(const struct redis_target *targets, size_t nr);

/* longest_ms: of the targets; 0: never goes back. */
struct rewind *rewind_new(int64_t longest_ms);
void rewind_free(struct rewind *rewind);

struct rewind_context {
    struct source *source;
    struct offsets *offsets;
    struct executor *executor;
    struct batch *filling; /* records of it that will come again are dropped */
    struct pipeline_stats *stats;
    int64_t now_ms; /* steady */
    int64_t wall_ms;
};

/* Once a turn: notes, goes back where that is due, and tries to commit what went back. */
void rewind_turn(struct rewind *rewind, const struct rewind_context *context);

/* Before partitions are given up: tells Kafka where they went back to, if that is still to be done. */
void rewind_settle(struct rewind *rewind, struct source *source);

/* The newest note that is not younger than at_ms, for tests: notes are added by rewind_note(). */
struct rewind_notes;
struct rewind_notes *rewind_notes_new(int64_t longest_ms);
void rewind_notes_free(struct rewind_notes *notes);
void rewind_note(struct rewind_notes *notes, int64_t at_ms, int64_t offset);

/* False: there is no note that old, the partition was not ours then. */
bool rewind_look_up(const struct rewind_notes *notes, int64_t at_ms, int64_t *offset);

/* No note may speak of more than this any longer: that work is done once more. */
void rewind_notes_cap(struct rewind_notes *notes, int64_t offset);

#endif
