/*
 * reverse - from a key back to the rules that could touch it.
 *
 * A key template is matched against the key as it would be rendered: literal text as it is, each
 * placeholder as any text (shortest first, from the left), a placeholder that is hashed as that many
 * hexadecimal digits. So the answer is "could": which events there are, a rule cannot know. Where a
 * glob is asked for, a template is found unless it is certain that none of its keys fits.
 * Pure; everything found lives in the arena.
 */
#ifndef CONSUMERS_RULES_REVERSE_H
#define CONSUMERS_RULES_REVERSE_H

#include "consumers/rules/ruleset.h"

/* What a placeholder must have been. */
struct reverse_value {
    const struct segment *segment;
    struct slice text; /* in the key: after the filters; of a digest the hexadecimal text */
};

struct reverse_match {
    const struct rule *rule;
    const struct action *action;
    const struct template *target;
    const struct reverse_value *values; /* none for a glob */
    size_t values_nr;
    bool is_protected; /* a pattern that fits, and spares the key */
};

struct reverse {
    struct reverse_match *matches; /* in file order of the rules, then of their verbs */
    size_t nr, capacity;
};

void reverse_find(const struct ruleset *set, struct slice key, bool is_glob, struct arena *arena,
                  struct reverse *out);

/*
 * What the application calls the key in this cache: without prefix and version, hashed where
 * the cache hashes keys. The version is absent in a raw cache. False when the key is not of this cache.
 */
bool reverse_split(const struct cache *cache, struct slice key, struct arena *arena,
                   struct slice *version, struct slice *rest);

/*
 * The whole key for what the application calls it, in the cache's first version. False: its prefix is
 * not the same for all events, or it hashes keys.
 */
bool reverse_whole(const struct cache *cache, struct slice name, struct arena *arena,
                   struct slice *key);

#endif
