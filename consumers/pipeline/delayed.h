/*
 * delayed - second deletes that wait for their time (again_after): a heap by due time.
 *
 * A reader that missed may store an old row after the first delete; the second one, a little later,
 * takes it away again. Each entry holds its record's offset and the ruleset its action lives in.
 */
#ifndef CONSUMERS_PIPELINE_DELAYED_H
#define CONSUMERS_PIPELINE_DELAYED_H

#include "consumers/kafka/offsets.h"
#include "consumers/pipeline/rules_handle.h"
#include "consumers/plan/op.h"

struct delayed_delete {
    int64_t due_ms; /* steady clock */
    struct op op;   /* the delete as it first ran; its key is a copy on the heap */
    struct offset_mark mark;
    struct rules_ref *rules;
};

struct delayed;

struct delayed *delayed_new(void);
void delayed_free(struct delayed *delayed);

/* Copies the op's key and keeps a reference to the rules. */
void delayed_add(struct delayed *delayed, int64_t due_ms, const struct op *op,
                 struct offset_mark mark, struct rules_ref *rules);

/* Takes the earliest if it is due; the caller gives it back with delayed_release(). */
bool delayed_take(struct delayed *delayed, int64_t now_ms, struct delayed_delete *out);
void delayed_release(struct delayed_delete *entry);

/* Milliseconds until the earliest is due, 0 if it is; -1: nothing waits. */
int64_t delayed_wait_ms(const struct delayed *delayed, int64_t now_ms);

size_t delayed_nr(const struct delayed *delayed);

#endif
