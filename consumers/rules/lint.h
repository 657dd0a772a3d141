/*
 * lint - warnings: what is allowed and most likely not meant; private to this room.
 *
 * "Implies" errs to the safe side: true only where every event that the one lets through is let
 * through by the other.
 */
#ifndef CONSUMERS_RULES_LINT_H
#define CONSUMERS_RULES_LINT_H

#include "consumers/rules/loader.h"

bool lint_predicate_implies(const struct predicate *narrow, const struct predicate *wide);
bool lint_pattern_implies(const struct pattern *narrow, const struct pattern *wide);

/* A target whose source says what it is: one without a digest. */
bool lint_is_written(const struct template *target);

/* W409 and W408 (for a placeholder of a refresh value). */
void lint_cache(struct loader *loader, const struct cache *cache, const struct cursor *prefix);
void lint_written(struct loader *loader, const struct cursor *at, const struct segment *segment);

/* W407: the exact form of a pattern that has one. */
void lint_pattern(struct loader *loader, const struct cursor *at, const struct template *pattern,
                  enum verb verb);

/* W403 and W404, of a rule that was read without an error. */
void lint_rule(struct loader *loader, const struct cursor *at, const struct rule *rule);

/* W401, W402 and W411, of a set without an error. */
void lint_set(struct loader *loader);

#endif
