/*
 * rule_paths - which rule files a verb is about: those it was told, else those of the settings.
 *
 * What cannot be had is told on standard error, in the words that `check` has for it.
 */
#ifndef CONSUMERS_CLI_RULE_PATHS_H
#define CONSUMERS_CLI_RULE_PATHS_H

#include "consumers/rules/load.h"
#include "consumers/service/settings.h"

struct rule_paths {
    const char **items; /* the caller's texts, or those of the settings */
    size_t nr, capacity;
    const char *config; /* NULL: the usual places */
    struct settings *settings;
};

void rule_paths_add(struct rule_paths *paths, const char *path);
void rule_paths_release(struct rule_paths *paths);

/* Without a path so far: takes those of the settings. False after a message. */
bool rule_paths_settle(struct rule_paths *paths);

/* The rules of all paths, settled; NULL after a message. */
struct ruleset *rule_paths_load(struct rule_paths *paths);

/* The settings' rules for their catalogue alone; NULL, and no message, when they cannot be had. */
struct ruleset *rule_paths_load_quietly(const struct settings *settings);

void rule_paths_complain(const struct diagnostics *found);

#endif
