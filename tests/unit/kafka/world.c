#include "tests/unit/kafka/world.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/clock.h"
#include "consumers/base/log.h"

static rd_kafka_t *open_client(const char *brokers)
{
    char why[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
    rd_kafka_conf_set(conf, "linger.ms", "1", why, sizeof(why));
    if (brokers)
        rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why));
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
}

void world_init(struct world *world)
{
    log_configure(getenv("CK_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_OFF, LOG_FORMAT_TEXT, 2);
    world->kafka = open_client(NULL);
    world->cluster = rd_kafka_mock_cluster_new(world->kafka, 1);
    ck_assert_ptr_nonnull(world->cluster);
    rd_kafka_mock_group_initial_rebalance_delay_ms(world->cluster, 100);
    world->brokers = rd_kafka_mock_cluster_bootstraps(world->cluster);
    world->producer = open_client(world->brokers);
}

void world_release(struct world *world)
{
    rd_kafka_destroy(world->producer);
    rd_kafka_mock_cluster_destroy(world->cluster);
    rd_kafka_destroy(world->kafka);
}

void world_topic(struct world *world, const char *topic, int partitions)
{
    ck_assert_int_eq(rd_kafka_mock_topic_create(world->cluster, topic, partitions, 1), 0);
}

static void produce(struct world *world, const struct world_message *message)
{
    const rd_kafka_vu_t arguments[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = message->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = message->partition},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {(void *)(uintptr_t)message->key, message->key ? strlen(message->key) : 0}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)(uintptr_t)message->value, message->value ? strlen(message->value) : 0}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = message->timestamp_ms},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = message->headers},
    };
    size_t nr = sizeof(arguments) / sizeof(arguments[0]);
    rd_kafka_error_t *error =
        rd_kafka_produceva(world->producer, arguments, message->headers ? nr : nr - 1);
    ck_assert_ptr_null(error);
}

void world_put(struct world *world, const struct world_message *message)
{
    produce(world, message);
    ck_assert_int_eq(rd_kafka_flush(world->producer, 10000), 0);
}

void world_put_numbers(struct world *world, const char *topic, int32_t partition, int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%d", i);
        produce(world, &(struct world_message){
                           .topic = topic, .partition = partition, .key = text, .value = text});
    }
    ck_assert_int_eq(rd_kafka_flush(world->producer, 10000), 0);
}

static void on_revoke(void *context, const uint32_t *slots, size_t nr, bool lost)
{
    struct member *member = context;
    (void)slots;
    member->revokes_nr++;
    member->lost_nr += lost;
    member->revoked_slots_nr += nr;
    if (member->on_revoke)
        member->on_revoke(member);
}

static void on_gap(void *context, uint32_t slot, int64_t from, int64_t to)
{
    struct member *member = context;
    ck_assert_uint_lt(member->gaps_nr, MEMBER_CALLS);
    member->gaps[member->gaps_nr++] = (struct member_gap){slot, from, to};
    if (member->skips_gaps)
        ck_assert(source_skip_gap(member->source, slot, &member->err));
}

/* The options of a test: the mock's advice first, so that the test's own count. */
static size_t gather_options(const struct member_settings *settings, struct kafka_option *options)
{
    static char names[][32] = {"session.timeout.ms", "heartbeat.interval.ms", "fetch.wait.max.ms",
                               "auto.commit.interval.ms", "partition.assignment.strategy"};
    static char values[][32] = {"2000", "300", "10", "100", ""};
    size_t nr = 0;
    snprintf(values[4], sizeof(values[4]), "%s",
             settings->strategy ? settings->strategy : "range,roundrobin");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        options[nr++] = (struct kafka_option){names[i], values[i]};
    for (size_t i = 0; settings->options[i].name; i++)
        options[nr++] = settings->options[i];
    return nr;
}

bool member_init(struct member *member, const struct world *world,
                 const struct member_settings *settings)
{
    struct kafka_option options[MEMBER_OPTIONS + 8];
    const char *topics[] = {settings->topic};
    struct source_settings source = {.brokers = world->brokers,
                                     .topics = topics,
                                     .topics_nr = 1,
                                     .group = settings->group ? settings->group : "group",
                                     .dead_letter_topic = settings->dead_letter_topic
                                                              ? settings->dead_letter_topic
                                                              : "model-events.dlq",
                                     .options = options,
                                     .options_nr = gather_options(settings, options),
                                     .workers = 1};
    struct source_callbacks callbacks = {member, on_revoke, on_gap};
    memset(member, 0, sizeof(*member));
    member->offsets = offsets_new();
    member->source = source_new(&source, &callbacks, member->offsets, &member->stats, &member->err);
    return member->source != NULL;
}

void member_release(struct member *member)
{
    for (size_t i = 0; i < member->records_nr; i++)
        source_give_back(&member->records[i]);
    if (member->source)
        source_free(member->source);
    offsets_free(member->offsets);
}

void member_leave(struct member *member)
{
    source_close(member->source);
    member_release(member);
}

static void poll_once(struct member *member)
{
    size_t room = MEMBER_RECORDS - member->records_nr;
    member->records_nr += source_poll(member->source, 20, &member->records[member->records_nr],
                                      room < 100 ? room : 100, 1 << 20);
}

bool member_await(struct member *member, size_t records_nr, int timeout_ms)
{
    int64_t deadline = clock_steady_ms() + timeout_ms;
    while (member->records_nr < records_nr && clock_steady_ms() < deadline)
        poll_once(member);
    return member->records_nr >= records_nr;
}

bool member_await_joined(struct member *member, int timeout_ms)
{
    int64_t deadline = clock_steady_ms() + timeout_ms;
    while (!source_is_joined(member->source) && clock_steady_ms() < deadline)
        poll_once(member);
    return source_is_joined(member->source);
}

void member_poll_for(struct member *member, int ms)
{
    int64_t deadline = clock_steady_ms() + ms;
    while (clock_steady_ms() < deadline)
        poll_once(member);
}

void member_answer(struct member *member)
{
    for (size_t i = 0; i < member->records_nr; i++)
        offsets_advance(member->offsets, member->records[i].mark);
    source_store(member->source);
}

bool member_await_commit(struct member *member, uint64_t commits, int timeout_ms)
{
    int64_t deadline = clock_steady_ms() + timeout_ms;
    while (counter_get(&member->stats.commits) < commits && clock_steady_ms() < deadline)
        poll_once(member);
    return counter_get(&member->stats.commits) >= commits;
}
