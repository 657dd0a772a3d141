/*
 * source - records from Kafka: the consumer of one pipeline.
 *
 * At least once: auto offset store is off, only watermarks of `offsets` are stored, librdkafka
 * commits them every second and on revoke. auto.offset.reset is `error`, always: a partition without
 * a committed offset starts at its beginning (looked up on assignment), one whose committed offset
 * is out of range has a gap and waits for on_gap. The batch consume functions of librdkafka are never
 * used (they can skip offsets); this polls record by record.
 *
 * Callbacks run inside source_poll() and source_close(), on the caller's thread.
 * Source: librdkafka INTRODUCTION.md (at-least-once, rebalance), CONFIGURATION.md, CHANGELOG.md.
 */
#ifndef CONSUMERS_KAFKA_SOURCE_H
#define CONSUMERS_KAFKA_SOURCE_H

#include "consumers/base/counter.h"
#include "consumers/base/error.h"
#include "consumers/base/record.h"
#include "consumers/kafka/offsets.h"

struct kafka_option {
    char *name, *value;
};

enum on_gap { ON_GAP_STOP, ON_GAP_CONTINUE, ON_GAP_PURGE };

struct source_settings {
    const char *brokers;
    const char *const *topics; /* names, or a regex that begins with ^ */
    size_t topics_nr;
    const char *group;
    const char *dead_letter_topic; /* never consumed, whatever a regex says */
    const struct kafka_option *options;
    size_t options_nr;
    unsigned worker, workers; /* more than one: "-N" is appended to group.instance.id */
    enum on_gap on_gap;
};

struct source_callbacks {
    void *context;
    /* Before partitions go: finish what is in flight for them. lost: they are gone already, drop it. */
    void (*revoke)(void *context, const uint32_t *slots, size_t nr, bool lost);
    /* A gap at [from, to) of this slot; the slot is paused. Called once; see source_skip_gap(). */
    void (*gap)(void *context, uint32_t slot, int64_t from, int64_t to);
};

/* A record and the message that owns its bytes; give it back with source_give_back(). */
struct source_record {
    struct record record;
    struct offset_mark mark;
    bool is_repeat; /* it was handed out before, see source_go_back() */
    void *message;
};

struct source_stats {
    counter records, bytes;
    counter rebalances, commits, commit_failures;
    counter last_commit_ms;      /* wall clock of the last successful one */
    counter longest_poll_gap_ms; /* between two polls */
};

/*
 * Lag of one partition. The end of its log is known from each fetch, and asked every 2 s, so it grows
 * while the partition is paused; the row is made anew every 100 ms and on commit.
 */
struct source_lag {
    struct slice topic;
    int32_t partition;
    int64_t committed, high; /* OFFSETS_NONE: unknown */
    int64_t lag;             /* records from the watermark to high; OFFSETS_NONE: unknown */
    bool has_gap;
};

struct source;

/*
 * Checks the options and makes the client; subscribes with the first source_poll(), so that a service
 * whose Redis is away at start leaves the group alone. ERROR_CONFIG for an option that is refused.
 */
struct source *source_new(const struct source_settings *settings,
                          const struct source_callbacks *callbacks, struct offsets *offsets,
                          struct source_stats *stats, struct error *err) CHECKED;

/*
 * Takes what is there, up to max records or max_bytes of values (one record at least), waiting up to
 * timeout_ms for the first. Order within a partition is the log's. Tombstones are records too.
 * Records of partitions that are revoked during the call are dropped from out before it returns.
 * Never returns an error: broker trouble is logged and librdkafka goes on trying; see source_fatal().
 */
size_t source_poll(struct source *source, int timeout_ms, struct source_record *out, size_t max,
                   size_t max_bytes);
void source_give_back(struct source_record *record);

/* A source_poll() that waits, or else the next that would, returns at once. From any thread. */
void source_wake(struct source *source);

/* Headers are parsed on demand: fills record.headers from the arena. */
struct arena;
void source_load_headers(struct source_record *record, struct arena *arena);

/* All assigned partitions, or one slot. Polling goes on while paused. Idempotent; reasons add up. */
enum pause_reason {
    PAUSE_REDIS = 1,
    PAUSE_HELD = 2,
    PAUSE_GAP = 4,
    PAUSE_DRAIN = 8,
    PAUSE_REWIND = 16, /* went back, and Kafka does not know yet */
    PAUSE_SEEK = 32    /* is to go back, and it is not known where to */
};
void source_pause(struct source *source, uint32_t slot, enum pause_reason reason);
void source_resume(struct source *source, uint32_t slot, enum pause_reason reason);
void source_pause_all(struct source *source, enum pause_reason reason);
void source_resume_all(struct source *source, enum pause_reason reason);

/* Goes on after a gap, at the first record there is (or the end, when the position was beyond it). */
bool source_skip_gap(struct source *source, uint32_t slot, struct error *err) CHECKED;

/* How far the slot is worked off, or where it began; OFFSETS_NONE while it rests before a gap or is not ours. */
int64_t source_position(const struct source *source, uint32_t slot);

/* A slot and a place in its log. */
struct source_place {
    uint32_t slot;
    int64_t offset;
};

struct source_places {
    struct source_place *items;
    size_t nr;
};

/*
 * Fills in the first offset whose record is not older than that time; OFFSETS_NONE: all are. Blocks up
 * to timeout_ms.
 */
bool source_find_time(struct source *source, int64_t wall_ms, const struct source_places *places,
                      int timeout_ms, struct error *err) CHECKED;

/*
 * Reads on from there, in a new epoch: what was handed out before is not answered for any more, and comes
 * again as a repeat. The slots rest (PAUSE_REWIND) until source_commit_back() has told Kafka.
 */
void source_go_back(struct source *source, const struct source_places *places);
bool source_commit_back(struct source *source, int timeout_ms, struct error *err) CHECKED;

/* Stores every watermark that moved, in one call. */
void source_store(struct source *source);

/*
 * True once the group gave this member an assignment (an empty one counts), while every topic that is
 * named exists.
 */
bool source_is_joined(const struct source *source);

/* Why it cannot work, or NULL: topics missing (says how to create them), fatal client error. */
const char *source_trouble(const struct source *source);
bool source_is_fatal(const struct source *source);

/* Copies up to max rows. Thread-safe. Topic texts live as long as the source. */
size_t source_lags(struct source *source, struct source_lag *out, size_t max);

/* Commits what is stored, leaves the group. The pipeline has drained before. */
void source_close(struct source *source);
void source_free(struct source *source);

#endif
