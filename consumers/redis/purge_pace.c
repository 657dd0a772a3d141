#include "consumers/redis/purge_pace.h"

enum { MS_NS = 1000000, REST = 2, REST_SLOWED = 9, REST_MAX_MS = 100 };

static const int64_t second_ns = 1000000000;

void purge_pace_init(struct purge_pace *pace)
{
    *pace = (struct purge_pace){.count = PURGE_COUNT_FIRST};
}

int64_t purge_pace_count(const struct purge_pace *pace, int64_t rate)
{
    int64_t most = rate > 0 ? rate / 10 : PURGE_COUNT_MAX;

    if (most < PURGE_COUNT_MIN)
        most = PURGE_COUNT_MIN;
    return pace->count < most ? pace->count : most;
}

void purge_pace_round(struct purge_pace *pace, int64_t started_ns, int64_t ended_ns, bool is_slowed)
{
    int64_t took = ended_ns - started_ns;
    int64_t rest = took * (is_slowed ? REST_SLOWED : REST);

    if (took > MS_NS)
        pace->count -= pace->count / 4;
    else if (took < MS_NS / 2)
        pace->count += pace->count / 10 + 1;
    if (pace->count < PURGE_COUNT_MIN)
        pace->count = PURGE_COUNT_MIN;
    if (pace->count > PURGE_COUNT_MAX)
        pace->count = PURGE_COUNT_MAX;
    if (rest > (int64_t)REST_MAX_MS * MS_NS)
        rest = (int64_t)REST_MAX_MS * MS_NS;
    if (ended_ns + rest > pace->next_round_ns)
        pace->next_round_ns = ended_ns + rest;
}

void purge_pace_rest(struct purge_pace *pace, int64_t now_ns, int64_t keys, int64_t rate)
{
    int64_t until = now_ns + keys * (second_ns / rate);

    if (until > pace->next_round_ns)
        pace->next_round_ns = until;
}
