#include "consumers/redis/probe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"
#include "consumers/base/decimal.h"
#include "consumers/redis/connection.h"
#include "consumers/redis/info.h"
#include "consumers/redis/reply_class.h"
#include "consumers/redis/resp.h"

struct probe {
    struct connection connection;
    int timeout_ms;
};

static bool is_alive(const struct probe *probe, struct error *err)
{
    const struct error *trouble = &probe->connection.trouble;

    if (probe->connection.phase != CONNECTION_CLOSED)
        return true;
    return error_fail(err, trouble->kind, "%s", trouble->text);
}

/* Waits and drives once; false when the connection is gone or the time is up. */
static bool move(struct probe *probe, int64_t until_ms, struct error *err)
{
    struct connection *connection = &probe->connection;
    int64_t left = until_ms - clock_steady_ms();
    struct pollfd one = {.fd = connection_descriptor(connection),
                         .events = connection_events(connection)};

    if (!is_alive(probe, err))
        return false;
    if (left <= 0)
        return error_fail(err, ERROR_RETRY, "no answer within %d ms", probe->timeout_ms);
    if (poll(&one, 1, (int)left) < 0 && errno != EINTR)
        return error_fail(err, ERROR_RETRY, "poll: %s", strerror(errno));
    connection_drive(connection);
    return is_alive(probe, err);
}

static bool connect(struct probe *probe, struct error *err)
{
    int64_t until_ms = clock_steady_ms() + probe->timeout_ms;

    connection_open(&probe->connection);
    while (probe->connection.phase != CONNECTION_READY) {
        if (!move(probe, until_ms, err))
            return false;
    }
    return true;
}

static struct probe *probe_new(const struct redis_target *target, int timeout_ms)
{
    struct probe *probe = alloc_zero(1, sizeof(*probe));

    probe->timeout_ms = timeout_ms;
    connection_init(&probe->connection, target);
    return probe;
}

static struct probe *connected(struct probe *probe, struct error *err)
{
    if (connect(probe, err))
        return probe;
    probe_close(probe);
    return NULL;
}

struct probe *probe_open(const struct redis_target *target, int timeout_ms, struct error *err)
{
    return connected(probe_new(target, timeout_ms), err);
}

struct probe *probe_open_at(const struct redis_target *target, const struct redis_address *address,
                            int timeout_ms, struct error *err)
{
    struct probe *probe = probe_new(target, timeout_ms);

    connection_set_address(&probe->connection, address);
    return connected(probe, err);
}

void probe_close(struct probe *probe)
{
    if (probe == NULL)
        return;
    connection_release(&probe->connection);
    free(probe);
}

/* Sends one command and waits for its answer; an error reply is a failure. */
static bool ask_any(struct probe *probe, const struct slice *words, size_t nr,
                    struct answer *answer, struct error *err)
{
    int64_t until_ms = clock_steady_ms() + probe->timeout_ms;

    if (!is_alive(probe, err))
        return false;
    resp_command(&probe->connection.out, words, nr);
    connection_expect(&probe->connection, 1);
    connection_drive(&probe->connection);
    while (!connection_answer(&probe->connection, answer)) {
        if (!move(probe, until_ms, err))
            return false;
    }
    if (answer->kind != ANSWER_ERROR)
        return true;
    return error_fail(err,
                      reply_classify(answer->text) == REPLY_CONFIG ? ERROR_CONFIG : ERROR_RETRY,
                      "%.*s", SLICE_ARG(answer->text));
}

/* One command of a few words, whose answer is of one kind (answer->kind). */
static bool ask(struct probe *probe, const struct slice *words, size_t nr, struct answer *answer,
                struct error *err)
{
    enum answer_kind wanted = answer->kind;

    if (!ask_any(probe, words, nr, answer, err))
        return false;
    if (answer->kind == wanted)
        return true;
    return error_fail(err, ERROR_RETRY, "the reply is none that %.*s has", SLICE_ARG(words[0]));
}

static struct slice keep(struct arena *arena, struct slice info, const char *name)
{
    return arena_copy(arena, info_field(info, name));
}

static uint64_t number(struct slice text)
{
    uint64_t value;

    return decimal_to_uint64(text, &value) ? value : 0;
}

static void read_info(struct slice text, struct probe_info *info, struct arena *arena)
{
    struct slice valkey = info_field(text, "valkey_version");

    info->is_valkey = !slice_is_absent(valkey);
    info->version = keep(arena, text, info->is_valkey ? "valkey_version" : "redis_version");
    info->is_cluster = info_is_cluster(text);
    info->run_id = keep(arena, text, "run_id");
    info->role = keep(arena, text, "role");
    info->eviction_policy = keep(arena, text, "maxmemory_policy");
    info->replicas = number(info_field(text, "connected_slaves"));
    info->used_memory_bytes = number(info_field(text, "used_memory"));
}

bool probe_info(struct probe *probe, struct probe_info *info, struct arena *arena,
                struct error *err)
{
    struct answer answer = {.kind = ANSWER_TEXT};

    *info = (struct probe_info){.keys = 0};
    if (!ask(probe, (struct slice[]){SLICE("INFO")}, 1, &answer, err))
        return false;
    read_info(answer.text, info, arena);
    answer.kind = ANSWER_INTEGER;
    if (!ask(probe, (struct slice[]){SLICE("DBSIZE")}, 1, &answer, err))
        return false;
    info->keys = (uint64_t)answer.integer;
    return true;
}

struct sample {
    struct arena *arena;
    struct probe_keys keys;
    size_t capacity, max;
    char cursor[24];
};

static void on_element(void *sink, int depth, struct slice text)
{
    struct sample *sample = sink;
    struct probe_keys *keys = &sample->keys;

    if (depth == 1) {
        (void)snprintf(sample->cursor, sizeof(sample->cursor), "%.*s", SLICE_ARG(text));
        return;
    }
    if (keys->nr == sample->max)
        return;
    keys->items =
        arena_grow(sample->arena, keys->items, keys->nr, &sample->capacity, sizeof(*keys->items));
    keys->items[keys->nr++] = arena_copy(sample->arena, text);
}

bool probe_sample_keys(struct probe *probe, size_t max, struct arena *arena,
                       struct probe_keys *keys, struct error *err)
{
    struct sample sample = {.arena = arena, .max = max, .cursor = "0"};
    struct answers *answers = &probe->connection.answers;
    struct answer answer = {.kind = ANSWER_ARRAY};
    bool is_well;

    answers->element = on_element;
    answers->sink = &sample;
    do {
        struct slice words[] = {SLICE("SCAN"), slice_of(sample.cursor), SLICE("COUNT"),
                                SLICE("100")};

        is_well = ask(probe, words, ARRAY_NR(words), &answer, err);
    } while (is_well && sample.keys.nr < max && strcmp(sample.cursor, "0") != 0);
    answers->element = NULL;
    *keys = sample.keys;
    return is_well;
}

static void on_slots_element(void *sink, int depth, struct slice text)
{
    slots_element(sink, depth, text);
}

bool probe_slots(struct probe *probe, struct slots *slots, struct error *err)
{
    struct answers *answers = &probe->connection.answers;
    struct answer answer = {.kind = ANSWER_ARRAY};
    bool is_well;

    answers->element = on_slots_element;
    answers->sink = slots;
    slots_begin(slots, &probe->connection.at);
    is_well = ask(probe, (struct slice[]){SLICE("CLUSTER"), SLICE("SLOTS")}, 2, &answer, err);
    answers->element = NULL;
    return is_well && slots_end(slots, err);
}

/* To the node that owns the key. */
static bool go_to(struct probe *probe, struct slice key, struct error *err)
{
    struct slots slots;
    bool is_there;
    const struct redis_address *owner;

    slots_init(&slots);
    is_there = probe_slots(probe, &slots, err);
    owner = is_there ? slots_owner(&slots, slots_of_key(key)) : NULL;
    if (is_there && owner == NULL)
        is_there = error_fail(err, ERROR_RETRY, "the key's slot has no owner");
    if (is_there && owner && !redis_address_equals(owner, &probe->connection.at)) {
        connection_close(&probe->connection);
        connection_set_address(&probe->connection, owner);
        is_there = connect(probe, err);
    }
    slots_release(&slots);
    return is_there;
}

bool probe_key_exists(struct probe *probe, struct slice key, bool *exists, struct error *err)
{
    struct answer answer;

    if (probe->connection.target->is_cluster && !go_to(probe, key, err))
        return false;
    if (!ask_any(probe, (struct slice[]){SLICE("MEMORY"), SLICE("USAGE"), key}, 3, &answer, err))
        return false;
    *exists = answer.kind == ANSWER_INTEGER;
    return true;
}

#define TEXT_OF(number) #number
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *redis_library_version(void)
{
    return VERSION_TEXT(HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
}
