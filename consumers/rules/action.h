/*
 * action - what the verbs of a rule share while they are read; private to this room.
 */
#ifndef CONSUMERS_RULES_ACTION_H
#define CONSUMERS_RULES_ACTION_H

#include "consumers/rules/loader.h"

struct action_reader {
    struct loader *loader;
    struct rule *rule;
    const struct declared_cache *cache;
    struct action *actions;
    size_t nr, capacity;
    struct template *targets; /* of the action in work */
    size_t targets_nr, targets_capacity;
    struct template *patterns; /* what a delete has to purge, without the cache's prefix */
    size_t patterns_nr, patterns_capacity;
    bool is_broad; /* "allow": "broad" */
};

struct action action_new(const struct action_reader *r, enum verb verb);

/* Takes the targets gathered so far; without any there is no action. */
void action_add(struct action_reader *r, struct action action);

/* A pattern to be purged beside the delete in work, and the purge of those gathered so far. */
void action_add_pattern(struct action_reader *r, const struct template *pattern);
void action_add_purge(struct action_reader *r, const struct cursor *at);

/* A template that is a part of keys, empty or not; false after a report. */
bool action_load_template(struct action_reader *r, const struct cursor *at, struct template *out);

/* The template of a key or pattern that is not empty; false after a report. */
bool action_load_key(struct action_reader *r, const struct cursor *at, struct template *key);

/* A key that was put together, as somebody would have written it: the source of its targets. */
struct slice action_text(struct action_reader *r, const struct template *key);

/* The targets of a key, or of an array of them; with_locks: and those of their locks. */
void action_load_keys(struct action_reader *r, const struct cursor *at, bool with_locks);

/* The key under the prefix and every version of the cache. */
void action_add_targets(struct action_reader *r, const struct template *key, bool is_pattern);

void action_load_guard(struct action_reader *r, const struct cursor *at, struct action *action);

/* E308 if a guard cannot keep its version beside one of the targets. */
void action_check_guard(struct action_reader *r, const struct cursor *at,
                        const struct action *action);

/* Notes the field that a placeholder names, to be checked once the rule is read. */
void action_note_segment(struct loader *loader, const struct cursor *at,
                         const struct segment *segment);

void action_report_template(struct loader *loader, const struct cursor *at,
                            const struct template_problem *problem);

void delete_load(struct action_reader *r, const struct cursor *at);
void fragment_load(struct action_reader *r, const struct cursor *at, const struct cursor *name);
void page_load(struct action_reader *r, const struct cursor *at, const struct cursor *urls);
void refresh_load(struct action_reader *r, const struct cursor *at, const struct cursor *verb);

#endif
