/*
 * tail_note - an event of a batch that somebody watches: noted when it is planned, written when it is
 * answered.
 *
 *   {"time":1795341600123,"topic":"model-events","partition":0,"offset":41,
 *    "event":{"model":"shop.Product","op":"update","pk":42,"changed":["price"],"version":7},
 *    "rules":[{"name":"objects","mode":"live"}],
 *    "ops":[{"op":"delete","cache":"default","key":"myapp:1:product:42","result":"deleted"}],
 *    "dead_letter":null}
 *
 * `time` is when Redis had answered. `event` is null of a record that is none (then dead_letter says
 * why); several rows are "rows":N and "pks" of the first ones. `result`: deleted, not_there, gone (of a
 * command with several keys, some of them there), done, walking (the purge engine has it), refused.
 * "ops_more":N: so many were left out. What is long is cut and ends with three dots. Values of fields are
 * never in it, but for those that keys are made of.
 */
#ifndef CONSUMERS_PIPELINE_TAIL_NOTE_H
#define CONSUMERS_PIPELINE_TAIL_NOTE_H

#include "consumers/event/event.h"
#include "consumers/kafka/source.h"
#include "consumers/pipeline/tail.h"
#include "consumers/plan/render.h"

enum {
    TAIL_OPS_SHOWN = 50,     /* of an event */
    TAIL_OPS_LOOKED_AT = 500 /* for the key of a filter */
};

struct tail_note {
    uint32_t record, watches;
    uint32_t ops_from, ops_to; /* of the plan */
    struct slice head;
};

/* Of one batch; in its arena. */
struct tail_notes {
    uint64_t numbers[TAIL_WATCHES]; /* of the watches, when it was planned */
    struct tail_note *items;
    size_t nr, capacity;
};

/* An event while it is rendered. */
struct tail_look {
    struct tail_writer *writer; /* NULL: nobody looks */
    struct tail_notes *notes;
    struct render_context *render;
    const struct source_record *source;
    uint32_t record;
    struct arena *scratch;
    struct event *event; /* NULL: the record is none */
    struct rule_list rules;
    const uint64_t *matches_before; /* by rules */
    uint32_t ops_before;
};

/* Before and after render_event(), or after the record failed. Needs writer to be begun. */
void tail_look_begin(struct tail_look *look, struct event *event);
void tail_look_end(struct tail_look *look);

/* The batch is answered: each note becomes a line. */
void tail_notes_write(const struct tail_notes *notes, const struct plan *plan,
                      struct tail_writer *writer, int64_t wall_ms);

#endif
