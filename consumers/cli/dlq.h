/*
 * dlq - what the parts of `unstale dlq` share; private to it.
 *
 * The dead-letter topic is walked twice, up to where it ended at the start: once for the marks of letters that
 * are done with (letter.h), and once for the letters. Nothing is kept but the marks' offsets, so that a
 * million letters cost their reading and no memory. Partitions come one after another, so that the order, and so what
 * --limit takes, is the same each time.
 */
#ifndef CONSUMERS_CLI_DLQ_H
#define CONSUMERS_CLI_DLQ_H

#include "consumers/base/arena.h"
#include "consumers/base/buffer.h"
#include "consumers/cli/settings_args.h"
#include "consumers/event/decode.h"
#include "consumers/kafka/letter.h"
#include "consumers/kafka/reader.h"

enum dlq_action { DLQ_LS, DLQ_SHOW, DLQ_RETRY, DLQ_DROP, DLQ_EXPORT, DLQ_ACTIONS };

/* A letter as it is named: PARTITION:OFFSET. */
struct dlq_place {
    int32_t partition;
    int64_t offset;
};

struct dlq_options {
    enum dlq_action action;
    struct slice rule, reason, model, topic; /* absent: any */
    int64_t since_ms, until_ms;              /* of the record's time; -1: any */
    size_t limit;                            /* 0: none */
    struct dlq_place *places;                /* these alone; none: all */
    size_t places_nr;
    int64_t rate;
    bool as_json, is_dry, is_quiet, takes_all, shows_done, is_summary;
};

/* Reads everything behind the verb; places are the caller's to free. False after a message. */
bool dlq_options_read(struct dlq_options *options, const struct settings_args *args);
extern const struct settings_arg_extra dlq_extras[];

/* True when the options choose among the letters. */
bool dlq_is_choosy(const struct dlq_options *options);

struct dlq {
    const struct settings *settings;
    const struct dlq_options *options;
    struct reader *reader;
    struct reader_logs logs;
    struct dlq_marks *marks; /* one a partition */
    struct dlq_origin *origins;
    size_t origins_nr, origins_capacity;
    struct arena arena;   /* of the verb */
    struct arena scratch; /* of the letter in hand */
    struct buffer out;
    size_t letters, done; /* that were chosen; of all that were met */
    struct dlq_tally *tallies;
    size_t tallies_nr;
    int64_t shown_ms; /* when progress was last printed; 0: never */
};

/* False after a message; *code then says how to end. */
bool dlq_open(struct dlq *dlq, const struct settings *settings, const struct dlq_options *options,
              int *code);
void dlq_close(struct dlq *dlq);

/* How a verb ends that Kafka stopped, after the message. */
int dlq_fail(const struct error *err);

/* A letter that was chosen; false ends the walk. */
typedef bool (*dlq_visit)(void *context, const struct letter *letter, bool is_done);

/* False when Kafka failed; done letters are left out unless the options show them. */
bool dlq_walk(struct dlq *dlq, dlq_visit visit, void *context, struct error *err) CHECKED;

/* Of a topic that letters came from; 0: it is not there. */
int dlq_count_partitions(struct dlq *dlq, struct slice topic);

/* Is it one of those that the options choose? */
bool dlq_matches(const struct dlq_options *options, const struct letter *letter,
                 const struct decode_options *decode, struct arena *arena);

/* dlq_print.c */
int dlq_list(struct dlq *dlq);
int dlq_export(struct dlq *dlq);
int dlq_say_none(const struct dlq *dlq);
void dlq_flush(struct dlq *dlq); /* to standard output */
struct slice dlq_or_dash(struct slice text);
void dlq_add_column(struct slice text, size_t width, struct buffer *out);
struct slice dlq_place(const struct letter *letter, struct arena *arena);
struct slice dlq_origin(const struct letter *letter, struct arena *arena);

/* All that is known of a letter but its headers and value; an object whose end is still to come. */
void dlq_print_json(struct dlq *dlq, const struct letter *letter, bool is_done);

/* dlq_show.c */
int dlq_show(struct dlq *dlq);

/* dlq_tally.c: by reason and rule */
void dlq_count(struct dlq *dlq, const struct letter *letter);
void dlq_print_tallies(struct dlq *dlq);

/* dlq_retry.c */
int dlq_retry(struct dlq *dlq);
int dlq_drop(struct dlq *dlq);

#endif
