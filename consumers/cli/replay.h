/*
 * replay - what the parts of `unstale replay` share; private to it.
 *
 * A stretch a partition: from the first record that is not older than --from to the first that is not older
 * than --to, or to where the log ended at the start, so that what is sent is never read. Kafka finds both by its
 * time index; records between them count whatever their own time. Topics by name, partitions by number, one
 * after another: the order is the same each time, and so a place in it is enough to go on from.
 *
 * Left out are records that were sent again before (`unstale.replayed`), those of other models, and what holds no
 * event (a letter tells of it already).
 */
#ifndef CONSUMERS_CLI_REPLAY_H
#define CONSUMERS_CLI_REPLAY_H

#include "consumers/base/arena.h"
#include "consumers/base/buffer.h"
#include "consumers/cli/resend.h"
#include "consumers/cli/settings_args.h"
#include "consumers/event/decode.h"
#include "consumers/kafka/reader.h"
#include "consumers/rules/load.h"

/* TOPIC:PARTITION:OFFSET */
struct replay_place {
    struct slice topic; /* absent: none */
    int32_t partition;
    int64_t offset;
};

struct replay_options {
    int64_t from_ms, to_ms;
    struct slice *models; /* none: all */
    size_t models_nr;
    struct replay_place after; /* what to go on from */
    int64_t rate;
    bool is_dry, as_json;
    int argc; /* as it was called, for the command that goes on */
    char **argv;
};

/* The log of a partition and what of it is replayed. */
struct replay_log {
    const char *topic;
    int32_t partition;
    int64_t from, to;
};

/* Records of a model in the partition at hand. */
struct replay_tally {
    struct slice model;
    size_t nr;
    int64_t first_offset, last_offset, first_ms, last_ms;
};

struct replay_sent {
    uint32_t tally;
    int64_t offset, ms;
};

struct replay {
    const struct settings *settings;
    const struct replay_options *options;
    struct reader *reader;
    struct resend *resend;
    struct ruleset *rules; /* NULL: they cannot be read; then tables are models */
    struct decode_options decode;
    struct replay_log *logs;
    size_t logs_nr, logs_capacity;
    const struct replay_log *log; /* at hand */
    struct replay_tally *tallies; /* of that log */
    size_t tallies_nr;
    struct replay_sent under_way[RESEND_WINDOW]; /* a ring by number */
    uint64_t pushed;
    struct replay_place done;         /* everything up to here is confirmed; else nothing is */
    bool has_gap;                     /* something failed: the place stays before it */
    size_t before, others, no_events; /* left out */
    struct arena arena, tally_arena, scratch;
    struct buffer out;
};

bool replay_matches(const struct replay *replay, const struct event *event);

/* replay_logs.c: finds all stretches, before anything is sent. */
bool replay_find_logs(struct replay *replay, struct error *err) CHECKED;

/* replay_print.c */
void replay_tally_begin(struct replay *replay);
uint32_t replay_tally_of(struct replay *replay, struct slice model);
void replay_tally_add(struct replay_tally *tally, int64_t offset, int64_t ms);
void replay_print_log(struct replay *replay);
void replay_print_left_out(struct replay *replay);
void replay_print_going_on(struct replay *replay);

/* replay_walk.c: returns the exit code. */
int replay_run(const struct settings *settings, const struct replay_options *options);

#endif
