/*
 * service - `unstale run`: pipelines, purge engines, rules, HTTP, signals, put together and taken down.
 *
 * Order of life: settings are loaded by the caller; rules are loaded (an error refuses the start);
 * purge engines, pipelines and the HTTP server start; systemd is told; then the main thread waits for
 * signals and looks at the rule files. SIGTERM or SIGINT: pipelines drain within drain_timeout, commit
 * and leave the group; a second one exits at once. SIGHUP: reload. A fatal error of one pipeline ends
 * the service with a failure, for a supervisor to start it again.
 */
#ifndef CONSUMERS_SERVICE_SERVICE_H
#define CONSUMERS_SERVICE_SERVICE_H

#include "consumers/service/api_events.h"
#include "consumers/service/settings.h"

enum service_result {
    SERVICE_STOPPED, /* as asked: exit 0 */
    SERVICE_REFUSED, /* settings or rules are wrong: exit 78, *errors says why */
    SERVICE_FAILED   /* a fatal error: exit 1 */
};

/* How secrets and rules are read again: the same sources as at start. */
struct service_options {
    const char *config_path; /* NULL: searched */
    const struct settings_flag *flags;
    size_t flags_nr;
    bool is_embedded;                   /* broker and Redis inside; for trying and testing */
    const struct events_sender *events; /* what POST /api/events sends by; NULL: it is not there */
};

/* Runs until stopped. Diagnostics of refused rules are in *errors as people read them. */
enum service_result service_run(struct settings *settings, const struct service_options *options,
                                struct buffer *errors);

#endif
