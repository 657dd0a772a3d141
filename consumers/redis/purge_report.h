/*
 * purge_report - what is pending, for those who look from outside: copies, which nobody changes.
 *
 * Texts live in the list's arena. A list holds PURGE_REPORTS_MAX at most, those that walk before those
 * that wait; `pending` tells how many there are in all.
 */
#ifndef CONSUMERS_REDIS_PURGE_REPORT_H
#define CONSUMERS_REDIS_PURGE_REPORT_H

#include "consumers/base/arena.h"
#include "consumers/redis/purge.h"

/* A purge that takes longer is worth a line in the log. */
enum { PURGE_REPORTS_MAX = 500, PURGE_ANNOUNCE_AFTER_MS = 1000 };

struct purge_report {
    uint64_t id; /* of the engine: it is what cancelling asks for */
    enum purge_kind kind;
    struct slice pattern; /* of a tag its full key */
    size_t requests;      /* that wait for it */
    bool is_walking;
    int64_t asked_ms, started_ms; /* on the steady clock; started_ms only while it walks */
    double share;                 /* of its lap, 0 to 1 */
    int64_t eta_ms;               /* -1: nobody knows */
    uint64_t scanned, matched;    /* keys */
    double duty;                  /* share of the server's time that the walk takes of late */
};

struct purge_reports {
    struct arena arena;
    struct purge_report *items;
    size_t nr, capacity;
    uint64_t pending;
};

void purge_reports_init(struct purge_reports *reports);
void purge_reports_release(struct purge_reports *reports);

/* Copies the pattern; what is too much is left out. */
void purge_reports_add(struct purge_reports *reports, const struct purge_report *report);

enum purge_event { PURGE_UNDER_WAY, PURGE_DONE, PURGE_CANCELLED };

/* One line in the log: what happened, and the report as its fields. */
void purge_report_log(const struct purge_report *report, const char *target,
                      enum purge_event event);

#endif
