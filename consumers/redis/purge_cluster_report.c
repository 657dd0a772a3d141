#include "consumers/base/clock.h"
#include "consumers/redis/purge_cluster_inside.h"

enum { ANNOUNCED_AT_A_TIME = 64 };

/* Whether the ticket is for a re-run that is still to begin. */
static bool is_late(const struct purge *purge, uint64_t ticket)
{
    for (size_t i = 0; i < purge->late.nr; i++) {
        if (purge->late.items[i].ticket == ticket)
            return true;
    }
    return false;
}

/* Adds a member's share to the report. */
static void add_part(struct purge_cluster *cluster, size_t job_at, size_t member_at,
                     struct purge_report *report)
{
    struct job *job = &cluster->jobs[job_at];
    const struct purge_walk *walk = &cluster->members[member_at]->walk;
    struct part *part = &job->parts[member_at];
    const struct purge *purge = part->due > 0 ? purge_set_find(&walk->set, &job->request) : NULL;
    struct purge_report of_walk = {.share = part->due > 0 ? 0 : 1,
                                   .eta_ms = part->due > 0 ? -1 : 0};

    if (purge != NULL && !is_late(purge, (uint64_t)job_at * MEMBERS_MAX + member_at))
        of_walk = purge_walk_report(walk, purge);
    if (of_walk.is_walking) {
        part->scanned = of_walk.scanned;
        part->matched = of_walk.matched;
        if (report->started_ms == 0 || of_walk.started_ms < report->started_ms)
            report->started_ms = of_walk.started_ms;
    }
    report->is_walking |= of_walk.is_walking;
    report->share += of_walk.share;
    report->scanned += part->scanned;
    report->matched += part->matched;
    report->duty = of_walk.duty > report->duty ? of_walk.duty : report->duty;
    if (of_walk.eta_ms < 0 || report->eta_ms < 0)
        report->eta_ms = -1;
    else if (of_walk.eta_ms > report->eta_ms)
        report->eta_ms = of_walk.eta_ms;
}

/* The share is the mean of the members', the duty that of the busiest, the time left the longest. */
struct purge_report purge_cluster_report(struct purge_cluster *cluster, size_t at)
{
    const struct job *job = &cluster->jobs[at];
    struct purge_report report = {.id = job->request.id,
                                  .kind = job->request.kind,
                                  .pattern = job->request.pattern,
                                  .requests = 1,
                                  .asked_ms = job->since_ns / NS_IN_MS};
    size_t nr = 0;

    for (size_t i = 0; i < cluster->members_nr && i < job->parts_nr; i++) {
        if (!cluster->members[i]->is_used)
            continue;
        add_part(cluster, at, i, &report);
        nr++;
    }
    report.share = nr > 0 ? report.share / (double)nr : 0;
    report.eta_ms = nr > 0 ? report.eta_ms : -1;
    report.is_walking |= job->is_checking;
    return report;
}

void purge_cluster_list(struct purge_cluster *cluster, bool is_walking,
                        struct purge_reports *reports)
{
    for (size_t i = 0; i < cluster->jobs_nr && reports->nr < PURGE_REPORTS_MAX; i++) {
        struct purge_report report;

        if (!cluster->jobs[i].is_used)
            continue;
        report = purge_cluster_report(cluster, i);
        if (report.is_walking == is_walking)
            purge_reports_add(reports, &report);
    }
}

/* A report looks for the job in every walk: of thousands only so many are looked at in a turn. */
static void announce(struct purge_cluster *cluster)
{
    int64_t since_ns = clock_steady_ns() - (int64_t)PURGE_ANNOUNCE_AFTER_MS * NS_IN_MS;
    size_t nr = 0;

    for (size_t i = 0; i < cluster->jobs_nr && nr < ANNOUNCED_AT_A_TIME; i++) {
        struct job *job = &cluster->jobs[i];
        struct purge_report report;

        if (!job->is_used || job->is_announced || job->since_ns > since_ns)
            continue;
        report = purge_cluster_report(cluster, i);
        nr++;
        job->is_announced = report.is_walking;
        if (report.is_walking)
            purge_report_log(&report, cluster->target->name, PURGE_UNDER_WAY);
    }
}

double purge_cluster_look(struct purge_cluster *cluster)
{
    double least = 1;

    for (size_t i = 0; i < cluster->members_nr; i++) {
        double of_walk =
            cluster->members[i]->is_used ? purge_walk_look(&cluster->members[i]->walk) : 1;

        least = of_walk < least ? of_walk : least;
    }
    announce(cluster);
    return least;
}

static void withdraw(struct purge_cluster *cluster, size_t at)
{
    for (size_t i = 0; i < cluster->members_nr; i++) {
        if (cluster->members[i]->is_used)
            purge_walk_withdraw(&cluster->members[i]->walk, cluster->tickets,
                                (uint64_t)at * MEMBERS_MAX + i);
    }
}

bool purge_cluster_cancel(struct purge_cluster *cluster, uint64_t id)
{
    for (size_t i = 0; i < cluster->jobs_nr; i++) {
        struct job *job = &cluster->jobs[i];
        struct purge_report report;

        if (!job->is_used || job->request.id != id)
            continue;
        report = purge_cluster_report(cluster, i);
        purge_report_log(&report, cluster->target->name, PURGE_CANCELLED);
        withdraw(cluster, i);
        /* What came round before it was withdrawn must not be taken for the next job of this place. */
        purge_cluster_take_tickets(cluster);
        purge_cluster_end_job(cluster, job);
        counter_add(&cluster->stats->cancelled, 1);
        return true;
    }
    return false;
}
