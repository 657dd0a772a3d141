/*
 * check_events - `check --events`: rules held against a sample of events.
 */
#ifndef CONSUMERS_CLI_CHECK_EVENTS_H
#define CONSUMERS_CLI_CHECK_EVENTS_H

#include "consumers/rules/coverage.h"

/* Reads the sample into an initialised coverage. False when it cannot be opened, told on stderr. */
bool check_events_read(struct coverage *coverage, const char *path);

void check_events_print_text(const struct coverage *coverage, struct buffer *out);
/* {"events":...,"unread":...,"models":[...],"unmatched_rules":[...]} */
void check_events_print_json(const struct coverage *coverage, struct buffer *out);

#endif
