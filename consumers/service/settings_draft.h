/*
 * settings_draft - what the sources said, before it is checked: private to settings.
 *
 * Every source turns into texts: a later source replaces what an earlier one said of a row, and the
 * origin is kept for messages and `unstale settings`.
 */
#ifndef CONSUMERS_SERVICE_SETTINGS_DRAFT_H
#define CONSUMERS_SERVICE_SETTINGS_DRAFT_H

#include <jansson.h>

#include "consumers/service/settings_table.h"

struct given {
    char **items;
    size_t nr, capacity;
    char *origin; /* "default", "config/unstale.json:3:5", "UNSTALE_WORKERS", "--workers" */
};

struct redis_draft {
    char *name;
    struct given url;
    struct given members[REDIS_MEMBERS_NR]; /* the others, as compact JSON text */
};

struct settings_draft {
    struct given rows[SETTINGS_NR];
    struct redis_draft *redis;
    size_t redis_nr, redis_capacity;
    struct buffer *errors; /* a line each */
    char *file;            /* the file that was read, or NULL */
};

void draft_init(struct settings_draft *draft, struct buffer *errors);
void draft_release(struct settings_draft *draft);

void draft_error(struct settings_draft *draft, const char *origin, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Forgets what was said before and notes the new origin. */
void given_start(struct given *given, const char *origin);
void given_add(struct given *given, struct slice item);
void given_release(struct given *given);

/* A secret from a file: its contents without the line break at the end. */
void given_read_file(struct settings_draft *draft, struct given *given, const char *path,
                     const char *origin);

/* The target of that name, made on first use. */
struct redis_draft *draft_redis(struct settings_draft *draft, struct slice name);

/* One value of a row as JSON, as text of a variable, or as one more value of a flag. */
void draft_set_json(struct settings_draft *draft, enum setting_id id, const json_t *value,
                    const char *origin);
void draft_set_variable(struct settings_draft *draft, enum setting_id id, const char *text);
void draft_add_flag(struct settings_draft *draft, enum setting_id id, const char *text);
void draft_set_secret_file(struct settings_draft *draft, enum setting_id id, const char *path,
                           const char *origin);

/* ---- the sources ---- */

void draft_read_file(struct settings_draft *draft, const char *path); /* settings_file.c */
void draft_read_environment(struct settings_draft *draft, char *const *environment);
void draft_read_flags(struct settings_draft *draft, const struct settings_flag *flags, size_t nr);

/* ---- what they come to ---- */

void draft_build_targets(struct settings_draft *draft,
                         struct settings *settings); /* settings_redis.c */

/* Where a settings file is looked for when none is named; NULL past the end. */
const char *settings_default_path(size_t index);

#endif
