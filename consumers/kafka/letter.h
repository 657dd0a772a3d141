/*
 * letter - a record of the dead-letter topic as it is read back: a letter, or the mark of one.
 *
 * Kafka takes no single record back, so a letter that was dealt with is marked: a record without key and
 * value in the same partition, `unstale.done` saying what was done and `unstale.letter` the letter's
 * offset. It stands behind its letter, and Kafka deletes from the front: no mark goes before its letter.
 * A record that came with such headers and was set aside is a letter still: its `unstale.reason` says so.
 *
 * Pure; texts are the record's. What wrote the headers stands in dead_letter.h.
 */
#ifndef CONSUMERS_KAFKA_LETTER_H
#define CONSUMERS_KAFKA_LETTER_H

#include "consumers/base/arena.h"
#include "consumers/base/record.h"

enum { LETTER_UNKNOWN = -1 };

struct letter {
    const struct record *record; /* as it lies in the dead-letter topic, headers loaded */
    struct slice topic;          /* where it came from; absent: it does not say */
    int32_t partition;           /* there; LETTER_UNKNOWN */
    int64_t offset;
    struct slice reason; /* absent: not a letter of unstale's */
    struct slice rule, action, field, message, exception_class, rules_hash, failures;
    int64_t attempts; /* 1 at least */
    int64_t
        whole_size; /* of the value, where only its beginning was kept; LETTER_UNKNOWN: all is here */
};

/* False: it is a mark, and *marked is the letter's offset. */
bool letter_read(const struct record *record, struct letter *letter, int64_t *marked);

/* A header that the service put there, not whoever sent the record. */
bool letter_is_our_header(struct slice name);

/* The mark of the letter at `offset`: done is "retried" or "dropped". Texts in the arena. */
struct record letter_mark(const struct record *letter, const char *done, struct arena *arena);

/*
 * The record as it was sent, to be sent again: to the topic and partition it came from, without our headers,
 * with `unstale.replayed` (so that it never writes an old value over a new one) and `unstale.attempts`. Its
 * time is for Kafka to set: with the old one, retention might take it before it is read.
 */
struct record letter_original(const struct letter *letter, struct arena *arena);

/* The same of any record; attempts 0: no such header. */
struct record letter_repeat(const struct record *record, int64_t attempts, struct arena *arena);

/* Value of the last header of that name; absent: none. */
struct slice letter_header(const struct record *record, const char *name);

/* The same as a number that is not negative. */
int64_t letter_number(const struct record *record, const char *name, int64_t otherwise);

#endif
