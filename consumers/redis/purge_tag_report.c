#include "consumers/redis/purge_tag.h"

#include "consumers/base/clock.h"

struct purge_report purge_tag_report(const struct purge_tag *tag, size_t at)
{
    const struct tag_job *job = tag->jobs[at];
    struct purge_report report = {.kind = PURGE_TAG,
                                  .pattern = job->key,
                                  .requests = job->waiters.nr,
                                  .is_walking = at == 0 && tag->is_started,
                                  .eta_ms = -1};

    if (job->waiters.nr > 0) {
        report.id = job->waiters.items[0].id;
        report.asked_ms = job->waiters.items[0].since_ns / NS_IN_MS;
    }
    if (report.is_walking) {
        report.started_ms = job->started_ms;
        report.scanned = job->scanned;
        report.matched = job->matched;
    }
    return report;
}

void purge_tag_list(const struct purge_tag *tag, bool is_walking, struct purge_reports *reports)
{
    for (size_t i = 0; i < tag->nr; i++) {
        struct purge_report report = purge_tag_report(tag, i);

        if (report.is_walking == is_walking && !tag->jobs[i]->is_cancelled)
            purge_reports_add(reports, &report);
    }
}
