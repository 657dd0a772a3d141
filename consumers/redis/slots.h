/*
 * slots - who owns which of a cluster's 16384 slots, as CLUSTER SLOTS tells it.
 *
 * A key's slot is CRC16 of its hash tag, or of all of it, modulo 16384. A map is filled from the
 * elements of one reply: slots_begin(), slots_element() for each, slots_end() for whether it made
 * sense. A slot that the reply leaves out has no owner. A node that does not say its host is
 * the one that was asked.
 *
 * Pure: no I/O. Source: Redis cluster specification ("Key distribution model", "Hash tags",
 * appendix A), CLUSTER SLOTS' documentation for the reply.
 */
#ifndef CONSUMERS_REDIS_SLOTS_H
#define CONSUMERS_REDIS_SLOTS_H

#include "consumers/base/error.h"
#include "consumers/redis/target.h"

enum { SLOTS_NR = 16384, SLOTS_NO_OWNER = UINT16_MAX };

struct slots {
    struct redis_address *owners; /* each once */
    size_t owners_nr, owners_capacity;
    uint16_t owner[SLOTS_NR]; /* index into owners, or SLOTS_NO_OWNER */
    uint64_t epoch;           /* of the cluster; set by who asks */
    /* while it is filled */
    struct redis_address asked;
    struct redis_address reading;
    int64_t first, last; /* of the range in hand; -1: not read yet */
    unsigned field;      /* of its first node */
    size_t ranges_nr;    /* more than there are slots make no sense */
    bool is_bad;
};

uint16_t slots_of_key(struct slice key);

void slots_init(struct slots *slots);
void slots_release(struct slots *slots);

/* `asked`: whom. */
void slots_begin(struct slots *slots, const struct redis_address *asked);
void slots_element(struct slots *slots, int depth, struct slice text);
bool slots_end(struct slots *slots, struct error *err) CHECKED;

/* The slots without an owner. */
size_t slots_uncovered(const struct slots *slots);

/* NULL: none. */
const struct redis_address *slots_owner(const struct slots *slots, uint16_t slot);

/* Gives one slot to another owner. */
void slots_move(struct slots *slots, uint16_t slot, const struct redis_address *to);

/* True when every slot has the same owner in both. */
bool slots_equal(const struct slots *a, const struct slots *b);

/* `from` becomes `to`'s, and the other way round. */
void slots_swap(struct slots *from, struct slots *to);

/* "SLOT HOST:PORT" after MOVED or ASK; a host that is not said is `asked`'s. */
bool slots_redirection(struct slice error_text, const struct redis_address *asked,
                       struct redis_address *to) CHECKED;

static inline bool redis_address_equals(const struct redis_address *a,
                                        const struct redis_address *b)
{
    return a->port == b->port && slice_equals(slice_of(a->host), slice_of(b->host));
}

#endif
