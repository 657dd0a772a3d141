#include "consumers/redis/purge_report.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/log.h"

enum { CHUNK_BYTES = 4096 };

void purge_reports_init(struct purge_reports *reports)
{
    *reports = (struct purge_reports){.nr = 0};
    arena_init(&reports->arena, CHUNK_BYTES);
}

void purge_reports_release(struct purge_reports *reports)
{
    arena_release(&reports->arena);
    free(reports->items);
}

void purge_reports_add(struct purge_reports *reports, const struct purge_report *report)
{
    struct purge_report *copy;

    if (reports->nr >= PURGE_REPORTS_MAX)
        return;
    reports->items =
        alloc_grow(reports->items, reports->nr, &reports->capacity, sizeof(*reports->items));
    copy = &reports->items[reports->nr++];
    *copy = *report;
    copy->pattern = arena_copy(&reports->arena, report->pattern);
}

static const char *text_of(enum purge_event event, enum purge_kind kind)
{
    switch (event) {
    case PURGE_UNDER_WAY:
        return "purge is under way";
    case PURGE_DONE:
        return "purge is done";
    case PURGE_CANCELLED:
        break;
    }
    return kind == PURGE_TAG ? "tag purge is cancelled: members it has not come to stay"
                             : "purge is cancelled: keys it has not come to stay";
}

void purge_report_log(const struct purge_report *report, const char *target, enum purge_event event)
{
    log_line(event == PURGE_CANCELLED ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
             text_of(event, report->kind), LOG_TEXT("target", target),
             LOG_SLICE("pattern", report->pattern), LOG_INT("requests", report->requests),
             LOG_INT("done_percent", report->share * 100), LOG_INT("scanned", report->scanned),
             LOG_INT("matched", report->matched), LOG_INT("eta_ms", report->eta_ms));
}
