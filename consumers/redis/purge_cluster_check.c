#include "consumers/base/clock.h"
#include "consumers/base/log.h"
#include "consumers/redis/purge_cluster_inside.h"

enum { ASK_EVERY_MS = 500, OPEN_MAX_MS = 600000 };

static bool is_round(const struct job *job)
{
    for (size_t i = 0; i < job->parts_nr; i++) {
        if (job->parts[i].due > 0)
            return false;
    }
    return true;
}

/* What was under way when the last walk ended does not count, be it a map or news: the next does. */
static void begin_check(struct purge_cluster *cluster, struct job *job)
{
    bool is_under_way = cluster->map.connection.phase != CONNECTION_CLOSED;

    job->is_checking = true;
    job->checked_map = cluster->maps + 1 + is_under_way;
    for (size_t i = 0; i < job->parts_nr; i++) {
        struct purge_walk *walk = &cluster->members[i]->walk;

        job->parts[i].news_awaited = walk->news_nr + 1 + (walk->is_round_open && walk->is_asking);
    }
}

/* True when the map and the news are there; asks for what is not. */
static bool is_checked(struct purge_cluster *cluster, const struct job *job)
{
    bool is_there = cluster->maps >= job->checked_map;

    if (!is_there)
        cluster_map_want(&cluster->map);
    for (size_t i = 0; i < job->parts_nr; i++) {
        struct member *member = cluster->members[i];

        if (!member->is_used || member->walk.news_nr >= job->parts[i].news_awaited)
            continue;
        member->walk.wants_news = true;
        is_there = false;
    }
    return is_there;
}

static bool has_open_slot(const struct purge_cluster *cluster)
{
    for (size_t i = 0; i < cluster->members_nr; i++) {
        if (cluster->members[i]->is_used && cluster->members[i]->walk.has_open)
            return true;
    }
    return false;
}

/* Keys of a slot on the move may have slipped from a node still to be walked to one that was. */
static void wait_for_slots(struct purge_cluster *cluster, size_t at)
{
    struct job *job = &cluster->jobs[at];
    int64_t now_ms = clock_steady_ms();

    job->is_checking = false;
    job->ask_at_ms = now_ms + ASK_EVERY_MS;
    if (!job->was_open) {
        job->was_open = true;
        job->open_since_ms = job->open_since_ms == 0 ? now_ms : job->open_since_ms;
        log_info("purge waits: slots are on the move", LOG_TEXT("target", cluster->target->name),
                 LOG_SLICE("pattern", job->request.pattern));
    }
    if (now_ms - job->open_since_ms < OPEN_MAX_MS)
        return;
    log_warn("purge waited long enough: slots are still on the move",
             LOG_TEXT("target", cluster->target->name), LOG_SLICE("pattern", job->request.pattern),
             LOG_TEXT("effect", "it walks once more; keys that move meanwhile may be left"));
    job->is_given_up = true;
    job->was_open = false;
    purge_cluster_walk(cluster, at);
}

static void end_check(struct purge_cluster *cluster, size_t at)
{
    struct job *job = &cluster->jobs[at];

    if (!job->is_given_up && has_open_slot(cluster)) {
        wait_for_slots(cluster, at);
    } else if (job->was_open || job->is_disturbed) {
        job->was_open = false;
        purge_cluster_walk(cluster, at);
    } else {
        purge_cluster_finish(cluster, at);
    }
}

void purge_cluster_check(struct purge_cluster *cluster, size_t at)
{
    struct job *job = &cluster->jobs[at];

    if (!job->is_used || !cluster->map.is_known || !is_round(job))
        return;
    if (!job->is_checking && clock_steady_ms() < job->ask_at_ms)
        return;
    if (!job->is_checking)
        begin_check(cluster, job);
    if (is_checked(cluster, job))
        end_check(cluster, at);
}

int64_t purge_cluster_asking_ns(const struct purge_cluster *cluster)
{
    int64_t now_ms = clock_steady_ms(), least_ms = INT64_MAX / NS_IN_MS;

    for (size_t i = 0; i < cluster->jobs_nr; i++) {
        const struct job *job = &cluster->jobs[i];
        int64_t left_ms = job->ask_at_ms > now_ms ? job->ask_at_ms - now_ms : 0;

        if (job->is_used && job->was_open && !job->is_checking && left_ms < least_ms)
            least_ms = left_ms;
    }
    return least_ms * NS_IN_MS;
}
