/*
 * holds - records that wait for a purge: which ticket brings which offsets back.
 *
 * A ticket is a number given out once. It carries every record that contributed to the purge.
 */
#ifndef CONSUMERS_PIPELINE_HOLDS_H
#define CONSUMERS_PIPELINE_HOLDS_H

#include "consumers/kafka/offsets.h"

struct holds;

struct holds *holds_new(void);
void holds_free(struct holds *holds);

/* Copies the marks; the ticket stays valid until it is taken back. */
uint64_t holds_give(struct holds *holds, const struct offset_mark *marks, size_t nr);

/* Releases every mark of the ticket. */
void holds_take_back(struct holds *holds, uint64_t ticket, struct offsets *offsets);

size_t holds_nr(const struct holds *holds);

#endif
