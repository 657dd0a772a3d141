/*
 * resend - records sent to Kafka again: in order, at a rate, each told of once Kafka has confirmed it.
 *
 * What `dlq retry`, `dlq drop` and `replay` share. An item is a record, or the mark of a dead letter, or
 * both: then the mark is sent only after the record is confirmed, and the item is done when the mark is. Killed
 * in between, the record is sent again next time: never lost, at worst twice. Lines come out in the order in which
 * items went in, whatever order Kafka answered in.
 *
 * Ctrl-C stops taking items; those under way are still finished. A dry run sends nothing and prints the same.
 */
#ifndef CONSUMERS_CLI_RESEND_H
#define CONSUMERS_CLI_RESEND_H

#include "consumers/base/buffer.h"
#include "consumers/base/error.h"
#include "consumers/base/record.h"
#include "consumers/cli/interrupt.h"
#include "consumers/kafka/source.h"

enum { RESEND_WINDOW = 1000 }; /* items under way, at most */

struct resend_settings {
    const char *verb; /* for messages: "dlq retry" */
    const char *brokers;
    const struct kafka_option *options;
    size_t options_nr;
    int64_t rate; /* a second; 0: as fast as Kafka takes them */
    bool is_dry, is_quiet;
    const char *done; /* what marks say; NULL: there are none */
    /* Told of each item, the nr-th, in the order they went in, once it is done or has failed; then no lines. */
    void (*settle)(void *context, uint64_t nr, bool is_done);
    void *context;
};

struct resend_item {
    const struct record *record; /* NULL: the mark alone */
    const struct record *letter; /* what to mark, in its own topic; NULL: nothing */
    struct slice line;           /* of standard output, without its end */
    struct slice name;           /* for messages: "0:12" */
};

struct resend_counts {
    size_t done, failed;
    bool is_unreachable;
};

struct resend;

struct resend *resend_open(const struct resend_settings *settings, struct error *err) CHECKED;

/* Copies the item; waits its turn. False: no more, after Ctrl-C or because Kafka does not answer. */
bool resend_push(struct resend *resend, const struct resend_item *item);

/* Waits until what was pushed is done or has failed. */
void resend_finish(struct resend *resend, struct resend_counts *counts);
bool resend_is_cancelled(struct resend *resend);
void resend_close(struct resend *resend);

#endif
