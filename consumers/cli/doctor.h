/*
 * doctor - what the parts of `unstale doctor` share; private to it.
 *
 * A finding is one line: what was looked at, and how it is. Printed as found, because looking takes
 * its time. DOCTOR_NOTE is worth knowing and no fault; DOCTOR_WRONG makes the exit code 1,
 * DOCTOR_UNREACHABLE 4.
 */
#ifndef CONSUMERS_CLI_DOCTOR_H
#define CONSUMERS_CLI_DOCTOR_H

#include "consumers/base/arena.h"
#include "consumers/redis/probe.h"
#include "consumers/rules/ruleset.h"
#include "consumers/service/settings.h"

enum doctor_status { DOCTOR_GOOD, DOCTOR_NOTE, DOCTOR_WRONG, DOCTOR_UNREACHABLE, DOCTOR_STATUS_NR };

enum { DOCTOR_TIMEOUT_MS = 5000, DOCTOR_SAMPLE_KEYS = 2000 };

struct doctor {
    const struct settings *settings;
    bool as_json, coloured;
    bool creates_topics;
    int partitions; /* of a created topic; -1: the broker's default */
    unsigned counts[DOCTOR_STATUS_NR];
    struct arena arena;
    struct buffer line;
};

/* One finding; subject is "kafka", "redis", ... The text may hold bytes from anywhere. */
void doctor_say(struct doctor *doctor, enum doctor_status status, const char *subject,
                const char *format, ...) PRINTF_LIKE(4, 5);

void doctor_look_at_kafka(struct doctor *doctor);

/* ruleset NULL: the rules do not load, so no keys are compared. */
void doctor_look_at_redis(struct doctor *doctor, const struct ruleset *ruleset);

/* Are there keys like those that the rules of this target name? */
void doctor_look_at_keys(struct doctor *doctor, const struct ruleset *ruleset, size_t target,
                         const struct slice *keys, size_t nr);

#endif
