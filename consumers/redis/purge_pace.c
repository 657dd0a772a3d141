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

bool purge_pace_wants_probe(const struct purge_pace *pace)
{
    return pace->probes_nr < PURGE_PROBES || pace->rounds >= PURGE_PROBE_EVERY;
}

void purge_pace_probe(struct purge_pace *pace, int64_t took_ns)
{
    pace->probes[pace->probes_nr % PURGE_PROBES] = took_ns;
    /* Keeps the remainder when it begins at its first turn again. */
    pace->probes_nr = pace->probes_nr < 2 * PURGE_PROBES - 1 ? pace->probes_nr + 1 : PURGE_PROBES;
    pace->rounds = 0;
}

void purge_pace_forget_probes(struct purge_pace *pace)
{
    pace->probes_nr = 0;
    pace->rounds = 0;
}

/* Without probes nothing is known of the way, and all of the time counts. */
static int64_t way_ns(const struct purge_pace *pace)
{
    int64_t least = pace->probes_nr > 0 ? pace->probes[0] : 0;

    for (unsigned i = 1; i < pace->probes_nr && i < PURGE_PROBES; i++)
        least = pace->probes[i] < least ? pace->probes[i] : least;
    return least;
}

int64_t purge_pace_round(struct purge_pace *pace, int64_t started_ns, int64_t ended_ns,
                         bool is_slowed)
{
    int64_t way = way_ns(pace);
    int64_t took = ended_ns - started_ns;
    int64_t cost = took > way ? took - way : 0;
    int64_t rest = cost * (is_slowed ? REST_SLOWED : REST) - way;

    pace->rounds++;
    if (cost > MS_NS)
        pace->count -= pace->count / 4;
    else if (cost < MS_NS / 2)
        pace->count += pace->count / 10 + 1;
    if (pace->count < PURGE_COUNT_MIN)
        pace->count = PURGE_COUNT_MIN;
    if (pace->count > PURGE_COUNT_MAX)
        pace->count = PURGE_COUNT_MAX;
    if (rest < 0)
        rest = 0;
    if (rest > (int64_t)REST_MAX_MS * MS_NS)
        rest = (int64_t)REST_MAX_MS * MS_NS;
    if (ended_ns + rest > pace->next_round_ns)
        pace->next_round_ns = ended_ns + rest;
    return cost;
}

void purge_pace_rest(struct purge_pace *pace, int64_t now_ns, int64_t keys, int64_t rate)
{
    int64_t until = now_ns + keys * (second_ns / rate);

    if (until > pace->next_round_ns)
        pace->next_round_ns = until;
}
