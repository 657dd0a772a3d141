/*
 * rules_handle - the ruleset in force, swapped whole while batches of the old one finish.
 *
 * The service publishes; each pipeline looks between batches (one relaxed load) and takes a
 * reference when something new is there. A set is freed when the last batch that was rendered with
 * it is answered.
 */
#ifndef CONSUMERS_PIPELINE_RULES_HANDLE_H
#define CONSUMERS_PIPELINE_RULES_HANDLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "consumers/rules/ruleset.h"

struct rules_ref {
    struct ruleset *ruleset; /* read-only once published */
    bool has_refresh;        /* some rule writes values, not only deletes or counts */
    atomic_uint references;
};

struct rules_handle;

struct rules_handle *rules_handle_new(void);
void rules_handle_free(struct rules_handle *handle);

/* Takes the ruleset (bound to its targets); pipelines adopt it at their next batch. */
void rules_handle_publish(struct rules_handle *handle, struct ruleset *ruleset);

/* Grows by one with every publish; 0: nothing was published yet. */
uint64_t rules_handle_generation(const struct rules_handle *handle);

/* A reference to the current set, or NULL before the first publish. */
struct rules_ref *rules_handle_take(struct rules_handle *handle);
struct rules_ref *rules_ref_keep(struct rules_ref *ref);
void rules_ref_drop(struct rules_ref *ref);

#endif
