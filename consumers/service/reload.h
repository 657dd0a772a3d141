/*
 * reload - rule files to the ruleset in force, without a restart.
 *
 * Load, bind to the Redis targets, run the tests that stand in the files, publish: or keep the old set
 * and say why, with file, line and column. Triggers: SIGHUP, POST /-/reload, and a look at the files each second that acts when two
 * successive looks saw the same new contents (an editor or a ConfigMap swap is not caught half-way). A
 * folder gone empty or missing, or a set with no live rule, is an error and keeps the old set.
 */
#ifndef CONSUMERS_SERVICE_RELOAD_H
#define CONSUMERS_SERVICE_RELOAD_H

#include "consumers/base/buffer.h"
#include "consumers/base/counter.h"
#include "consumers/pipeline/rules_handle.h"
#include "consumers/service/settings.h"

struct reload;

struct reload_status {
    bool last_ok;
    int64_t last_ok_ms; /* wall clock; 0: never */
    uint64_t ok_nr, failed_nr;
    char hash[17]; /* of the set in force */
    size_t rules_nr, live_nr, files_nr;
};

/* Borrows the settings (rules paths, targets) and the handle. */
struct reload *reload_new(const struct settings *settings, struct rules_handle *handle);
void reload_free(struct reload *reload);

/*
 * Loads and publishes. False: the old set stays, *report holds every diagnostic as text. Thread-safe
 * (one reload at a time). reason: "start", "SIGHUP", "http", "files changed".
 */
bool reload_now(struct reload *reload, const char *reason, struct buffer *report);

/* To be called about once a second: reloads when the files changed and settled. */
void reload_look(struct reload *reload);

/* Thread-safe copy. */
void reload_status(struct reload *reload, struct reload_status *out);

/* Diagnostics of the last refused reload, JSON array; "[]" after a good one. Appends. */
void reload_diagnostics_json(struct reload *reload, struct buffer *out);

#endif
