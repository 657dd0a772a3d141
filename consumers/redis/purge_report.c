#include "consumers/redis/purge_report.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"

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

void purge_report_log(const struct purge_report *report, const char *target, enum log_level level,
                      const char *what)
{
    log_line(level, what, LOG_TEXT("target", target), LOG_SLICE("pattern", report->pattern),
             LOG_INT("requests", report->requests), LOG_INT("done_percent", report->share * 100),
             LOG_INT("scanned", report->scanned), LOG_INT("matched", report->matched),
             LOG_INT("eta_ms", report->eta_ms));
}
