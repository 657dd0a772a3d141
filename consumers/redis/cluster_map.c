#include "consumers/redis/cluster_map.h"

#include <stdio.h>
#include <stdlib.h>

#include "consumers/base/clock.h"
#include "consumers/base/decimal.h"
#include "consumers/redis/info.h"
#include "consumers/redis/reply_class.h"
#include "consumers/redis/resp.h"

enum { ANSWER_MS = 1000, RETRY_MS = 100, DISBELIEVED_MAX = 8 };

static void on_element(void *sink, int depth, struct slice text)
{
    struct cluster_map *map = sink;

    slots_element(&map->read, depth, text);
}

void cluster_map_init(struct cluster_map *map, const struct redis_target *target)
{
    *map = (struct cluster_map){.is_wanted = true};
    connection_init(&map->connection, target);
    map->connection.answers.element = on_element;
    map->connection.answers.sink = map;
    slots_init(&map->now);
    slots_init(&map->read);
    slots_init(&map->before);
}

void cluster_map_release(struct cluster_map *map)
{
    connection_release(&map->connection);
    slots_release(&map->now);
    slots_release(&map->read);
    slots_release(&map->before);
}

void cluster_map_want(struct cluster_map *map)
{
    map->is_wanted = true;
}

/* The owners in turn, then the address that the settings name. */
static void choose_node(struct cluster_map *map)
{
    const struct redis_target *target = map->connection.target;
    struct redis_address seed = {.port = target->port};

    (void)snprintf(seed.host, sizeof(seed.host), "%s", target->host);
    map->next %= (unsigned)map->now.owners_nr + 1;
    connection_set_address(&map->connection,
                           map->next < map->now.owners_nr ? &map->now.owners[map->next] : &seed);
    map->next++;
}

static void begin(struct cluster_map *map, int64_t now_ms)
{
    choose_node(map);
    map->is_asked = false;
    map->has_info = false;
    map->asked_ms = now_ms;
    connection_open(&map->connection);
}

static void ask(struct cluster_map *map)
{
    slots_begin(&map->read, &map->connection.at);
    resp_command(&map->connection.out, (struct slice[]){SLICE("CLUSTER"), SLICE("INFO")}, 2);
    resp_command(&map->connection.out, (struct slice[]){SLICE("CLUSTER"), SLICE("SLOTS")}, 2);
    connection_expect(&map->connection, 2);
    map->is_asked = true;
}

static void refuse(struct cluster_map *map, struct slice text)
{
    bool is_config = reply_classify(text) == REPLY_CONFIG ||
                     slice_starts_with(text, SLICE("ERR This instance has cluster support"));
    char why[ERROR_TEXT_BYTES / 2];

    (void)snprintf(why, sizeof(why), "%.*s", SLICE_ARG(text));
    connection_fail(&map->connection, is_config ? ERROR_CONFIG : ERROR_RETRY, why);
}

static bool is_believable(struct cluster_map *map)
{
    if (!map->is_known || map->read.epoch >= map->now.epoch ||
        ++map->disbelieved >= DISBELIEVED_MAX)
        return true;
    connection_fail(&map->connection, ERROR_RETRY, "its map of the cluster is older than ours");
    return false;
}

/* True when the map in hand replaced the one before. */
static bool accept(struct cluster_map *map)
{
    struct error err = ERROR_INIT;

    if (!slots_end(&map->read, &err)) {
        connection_fail(&map->connection, ERROR_RETRY, err.text);
        return false;
    }
    if (!is_believable(map))
        return false;
    slots_swap(&map->now, &map->before);
    slots_swap(&map->read, &map->now);
    map->is_known = true;
    map->is_wanted = false;
    map->disbelieved = 0;
    error_clear(&map->trouble);
    connection_close(&map->connection);
    return true;
}

static bool take_answers(struct cluster_map *map)
{
    struct answer answer;

    while (connection_answer(&map->connection, &answer)) {
        if (answer.kind == ANSWER_ERROR) {
            refuse(map, answer.text);
        } else if (answer.kind != (map->has_info ? ANSWER_ARRAY : ANSWER_TEXT)) {
            connection_disbelieve(&map->connection, "CLUSTER");
        } else if (!map->has_info) {
            map->has_info = true;
            if (!decimal_to_uint64(info_field(answer.text, "cluster_current_epoch"),
                                   &map->read.epoch))
                map->read.epoch = 0;
        } else {
            return accept(map);
        }
    }
    return false;
}

/* After a failure the next node is asked soon. */
static void on_lost(struct cluster_map *map, int64_t now_ms)
{
    map->trouble = map->connection.trouble;
    map->next_ask_ms = now_ms + RETRY_MS;
    map->is_wanted = true;
}

static bool go_on(struct cluster_map *map)
{
    connection_drive(&map->connection);
    if (map->connection.phase == CONNECTION_READY && !map->is_asked) {
        ask(map);
        connection_drive(&map->connection);
    }
    return map->connection.phase == CONNECTION_READY && take_answers(map);
}

bool cluster_map_drive(struct cluster_map *map)
{
    int64_t now_ms = clock_steady_ms();

    if (map->connection.phase == CONNECTION_CLOSED) {
        if (now_ms < map->next_ask_ms ||
            (!map->is_wanted && now_ms < map->asked_ms + CLUSTER_MAP_LOOK_MS))
            return false;
        begin(map, now_ms);
    }
    if (map->connection.phase != CONNECTION_CLOSED && go_on(map)) {
        map->next_ask_ms = now_ms + CLUSTER_MAP_LEAST_MS;
        return true;
    }
    if (map->connection.phase != CONNECTION_CLOSED && now_ms - map->asked_ms >= ANSWER_MS)
        connection_fail(&map->connection, ERROR_RETRY, "no answer in time");
    if (map->connection.phase == CONNECTION_CLOSED)
        on_lost(map, now_ms);
    return false;
}

int64_t cluster_map_patience_ms(const struct cluster_map *map, int64_t now_ms)
{
    int64_t at_ms = map->asked_ms + CLUSTER_MAP_LOOK_MS;

    if (map->connection.phase != CONNECTION_CLOSED)
        at_ms = map->asked_ms + ANSWER_MS;
    else if (map->is_wanted)
        at_ms = map->next_ask_ms;
    return at_ms > now_ms ? at_ms - now_ms : 0;
}
