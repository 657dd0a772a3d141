/*
 * dead_letter - records that cannot be applied, put aside untouched where people can look at them.
 *
 * Key, value, timestamp and headers stay byte for byte; headers say where it came from and why:
 * `__connect.errors.topic|partition|offset|exception.class.name|exception.message` (the names Kafka
 * Connect uses, so its tools work) and `unstale.reason|rule|action|field|rules_hash|attempts|failures`. One
 * letter a record. The offset of the record may move only after its letter is in dead_letters_take():
 * the broker confirmed it. Sending is tried for ever (message.timeout.ms 0, idempotent producer, made
 * anew after a fatal error). If the broker refuses the size, a stub is written: key, headers, the first
 * 64 KiB, `unstale.value_size` and `unstale.value_sha256`.
 */
#ifndef CONSUMERS_KAFKA_DEAD_LETTER_H
#define CONSUMERS_KAFKA_DEAD_LETTER_H

#include "consumers/base/counter.h"
#include "consumers/kafka/offsets.h"
#include "consumers/kafka/source.h"

struct dead_letter {
    const struct record *record;                                     /* headers loaded; copied */
    const char *reason;                                              /* "missing_field" */
    const char *exception_class;                                     /* "unstale.MissingField" */
    struct slice message, rule, action, field, rules_hash, failures; /* absent: header left out */
    unsigned attempts;
};

struct dead_letters;

struct dead_letters *dead_letters_new(const char *brokers, const char *topic,
                                      const struct kafka_option *options, size_t options_nr,
                                      struct error *err) CHECKED;

/* Queues a letter; mark comes back when the broker confirmed it. Never blocks, never drops. */
void dead_letters_send(struct dead_letters *letters, const struct dead_letter *letter,
                       struct offset_mark mark);

/* Serves the producer for up to timeout_ms and moves confirmed marks into out. */
size_t dead_letters_take(struct dead_letters *letters, int timeout_ms, struct offset_mark *out,
                         size_t max);

size_t dead_letters_pending(const struct dead_letters *letters);

/* Why letters do not get through (topic missing: how to create it), or NULL. */
const char *dead_letters_trouble(const struct dead_letters *letters);

/* Letters that are not confirmed are left: their records come again. */
void dead_letters_free(struct dead_letters *letters);

#endif
