#include "consumers/redis/purge_keys.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/plan/plan.h"
#include "consumers/redis/resp.h"
#include "consumers/redis/scripts.h"
#include "consumers/redis/slots.h"

void purge_keys_init(struct purge_keys *keys)
{
    *keys = (struct purge_keys){.nr = 0};
    buffer_init(&keys->bytes);
}

void purge_keys_release(struct purge_keys *keys)
{
    buffer_release(&keys->bytes);
    free(keys->ends);
    free(keys->ttls_ms);
}

void purge_keys_clear(struct purge_keys *keys)
{
    buffer_clear(&keys->bytes);
    keys->nr = 0;
}

void purge_keys_add(struct purge_keys *keys, struct slice key, int64_t ttl_ms)
{
    buffer_add(&keys->bytes, key);
    keys->ends = alloc_grow(keys->ends, keys->nr, &keys->capacity, sizeof(*keys->ends));
    keys->ttls_ms =
        alloc_grow(keys->ttls_ms, keys->nr, &keys->ttls_capacity, sizeof(*keys->ttls_ms));
    keys->ttls_ms[keys->nr] = ttl_ms;
    keys->ends[keys->nr++] = keys->bytes.len;
}

void purge_keys_swap(struct purge_keys *a, struct purge_keys *b)
{
    struct purge_keys other = *a;

    *a = *b;
    *b = other;
}

struct slice purge_keys_at(const struct purge_keys *keys, size_t i)
{
    size_t start = i == 0 ? 0 : keys->ends[i - 1];

    return (struct slice){keys->bytes.ptr + start, keys->ends[i] - start};
}

/* How many from i on may go into one UNLINK. */
static size_t run_length(const struct purge_keys *keys, size_t i, bool is_cluster)
{
    uint16_t slot = is_cluster ? slots_of_key(purge_keys_at(keys, i)) : 0;
    size_t nr = 1;

    while (nr < PLAN_MAX_KEYS && i + nr < keys->nr &&
           (!is_cluster || slots_of_key(purge_keys_at(keys, i + nr)) == slot))
        nr++;
    return nr;
}

size_t purge_keys_write_unlinks(const struct purge_keys *keys, struct connection *connection)
{
    struct buffer *out = &connection->out;
    size_t commands = 0;

    for (size_t i = 0, nr; i < keys->nr; i += nr) {
        nr = run_length(keys, i, connection->target->is_cluster);
        resp_begin(out, nr + 1);
        resp_bulk(out, SLICE("UNLINK"));
        for (size_t k = i; k < i + nr; k++)
            resp_bulk(out, purge_keys_at(keys, k));
        connection_expect(connection, 1);
        commands++;
    }
    return commands;
}

/* LT came with Redis 7; before it the script does the same. */
static void write_expire(struct buffer *out, struct slice key, int64_t ttl_ms, bool knows_lt)
{
    resp_begin(out, knows_lt ? 4 : 5);
    resp_bulk(out, knows_lt ? SLICE("PEXPIRE") : SLICE("EVAL"));
    if (!knows_lt) {
        resp_bulk(out, (struct slice){script_expire, script_expire_len});
        resp_bulk_int(out, 1);
    }
    resp_bulk(out, key);
    resp_bulk_int(out, ttl_ms);
    if (knows_lt)
        resp_bulk(out, SLICE("LT"));
}

size_t purge_keys_write_expires(const struct purge_keys *keys, struct connection *connection)
{
    bool knows_lt = server_has_script_flags(&connection->server);

    for (size_t i = 0; i < keys->nr; i++) {
        write_expire(&connection->out, purge_keys_at(keys, i), keys->ttls_ms[i], knows_lt);
        connection_expect(connection, 1);
    }
    return keys->nr;
}
