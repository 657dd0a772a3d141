/*
 * careful - what people write by hand in C with librdkafka, jansson and hiredis, at three levels of care.
 *
 *   careful sync|pipeline|batch BROKERS TOPIC GROUP HOST PORT N 1|3
 *
 *   sync       one DEL an event and a wait for its answer
 *   pipeline   redisAppendCommandArgv() for 1024 events, then their answers
 *   batch      500 events, one DEL of all their keys, its answer, the commit of their offsets
 *
 * BROKERS `-`: the events lie in memory, TOPIC and GROUP are nobody's, and nothing is committed.
 * 1: the product's own key. 3: three keys an event, the product, its list and its page. It joins the
 * group as anybody's program does; time runs from the first command to Redis to the last answer and
 * commit. Nothing is validated, no record can be skipped, no failure is survived.
 */
#include <stdbool.h>
#include <string.h>

#include <hiredis/hiredis.h>
#include <jansson.h>
#include <librdkafka/rdkafka.h>

#include "tests/bench/sample.h"

enum { PIPELINE_EVENTS = 1024, BATCH_EVENTS = 500, KEYS_MOST = 3, KEY_BYTES = 96 };
enum { WAIT_MS = 30000, ERROR_BYTES = 512 };

enum care { CARE_SYNC, CARE_PIPELINE, CARE_BATCH };

static const size_t events_a_batch[] = {
    [CARE_SYNC] = 1, [CARE_PIPELINE] = PIPELINE_EVENTS, [CARE_BATCH] = BATCH_EVENTS};

struct keys {
    char text[PIPELINE_EVENTS * KEYS_MOST][KEY_BYTES];
    size_t nr;
};

struct loop {
    rd_kafka_t *consumer;        /* NULL: in memory */
    char (*texts)[SAMPLE_BYTES]; /* in memory */
    redisContext *redis;
    enum care care;
    long keys_an_event, done, deleted;
    struct keys keys;
    struct moment began;
};

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[ERROR_BYTES];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
        give_up(name, why);
}

static rd_kafka_t *consumer_new(const char *brokers, const char *group, const char *topic)
{
    char why[ERROR_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_t *consumer;

    set(conf, "bootstrap.servers", brokers);
    set(conf, "group.id", group);
    set(conf, "enable.auto.commit", "false");
    set(conf, "auto.offset.reset", "earliest");
    consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (consumer == NULL)
        give_up(brokers, why);
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    if (rd_kafka_subscribe(consumer, topics) != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up(topic, "cannot be subscribed to");
    rd_kafka_topic_partition_list_destroy(topics);
    return consumer;
}

static void add_keys(struct loop *loop, const char *text, size_t len)
{
    static const char *const families[KEYS_MOST] = {"product", "list", "page"};
    json_t *event = json_loadb(text, len, 0, NULL);
    json_t *pk = json_object_get(event, "pk");
    const char *model = json_string_value(json_object_get(event, "model"));

    if (pk == NULL || model == NULL || strcmp(model, "shop.Product") != 0)
        give_up("event", "not what was made");
    for (long i = 0; i < loop->keys_an_event && i < KEYS_MOST; i++)
        (void)snprintf(loop->keys.text[loop->keys.nr++], KEY_BYTES, "myapp:1:%s:%lld", families[i],
                       (long long)json_integer_value(pk));
    json_decref(event);
}

static void take_answer(struct loop *loop)
{
    redisReply *reply;

    if (redisGetReply(loop->redis, (void **)&reply) != REDIS_OK ||
        reply->type != REDIS_REPLY_INTEGER)
        give_up("DEL", "refused");
    loop->deleted += (long)reply->integer;
    freeReplyObject(reply);
}

/* One DEL of so many keys from there on. */
static void append_delete(struct loop *loop, size_t first, size_t nr)
{
    static const char *words[1 + BATCH_EVENTS * KEYS_MOST];
    static size_t lens[1 + BATCH_EVENTS * KEYS_MOST];

    words[0] = "DEL";
    lens[0] = strlen(words[0]);
    for (size_t i = 0; i < nr; i++) {
        words[1 + i] = loop->keys.text[first + i];
        lens[1 + i] = strlen(words[1 + i]);
    }
    redisAppendCommandArgv(loop->redis, (int)(1 + nr), words, lens);
}

static void delete_keys(struct loop *loop)
{
    size_t a_command = loop->care == CARE_BATCH ? loop->keys.nr : 1, commands = 0;

    for (size_t first = 0; first < loop->keys.nr; first += a_command, commands++) {
        append_delete(loop, first, a_command);
        if (loop->care == CARE_SYNC)
            take_answer(loop);
    }
    for (; loop->care != CARE_SYNC && commands > 0; commands--)
        take_answer(loop);
    loop->keys.nr = 0;
}

/* The position of every partition, without waiting; the last commit waits. */
static void commit(struct loop *loop, bool is_last)
{
    if (loop->consumer == NULL ||
        (loop->care == CARE_SYNC && !is_last && loop->done % BATCH_EVENTS != 0))
        return;
    if (rd_kafka_commit(loop->consumer, NULL, !is_last) != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up("commit", "failed");
}

/* False when nothing is there and some record has come already. */
static bool take_message(struct loop *loop, size_t nr)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(loop->consumer, nr ? 0 : WAIT_MS);

    if (message == NULL && nr > 0)
        return false;
    if (message == NULL || message->err)
        give_up("poll", message ? rd_kafka_message_errstr(message) : "no record in time");
    if (loop->done + (long)nr == 0)
        loop->began = moment_now();
    add_keys(loop, message->payload, message->len);
    rd_kafka_message_destroy(message);
    return true;
}

/* Waits for the first, then takes what is there. */
static size_t take_batch(struct loop *loop, long events)
{
    size_t most = events_a_batch[loop->care], nr = 0;

    for (; nr < most && loop->done + (long)nr < events; nr++) {
        const char *text = loop->texts ? loop->texts[loop->done + (long)nr] : NULL;

        if (text != NULL)
            add_keys(loop, text, strlen(text));
        else if (!take_message(loop, nr))
            break;
    }
    return nr;
}

static void make_texts(struct loop *loop, long events)
{
    loop->texts = calloc((size_t)events, sizeof(*loop->texts));
    if (loop->texts == NULL)
        give_up("memory", "none left");
    for (long i = 0; i < events; i++)
        (void)sample_event(loop->texts[i], SAMPLE_BYTES, i, 1, SLICE(""));
    loop->began = moment_now();
}

static void run(struct loop *loop, long events)
{
    struct moment ended;

    while (loop->done < events) {
        size_t nr = take_batch(loop, events);

        delete_keys(loop);
        loop->done += (long)nr;
        commit(loop, loop->done == events);
    }
    ended = moment_now();
    print_common(events, loop->began, ended);
    printf(",\"deleted\":%ld,\"process_cpu_seconds\":%.6f}\n", loop->deleted, ended.cpu);
}

static enum care care_of(const char *word)
{
    if (strcmp(word, "sync") == 0)
        return CARE_SYNC;
    if (strcmp(word, "pipeline") == 0)
        return CARE_PIPELINE;
    if (strcmp(word, "batch") != 0)
        give_up(word, "not sync, pipeline or batch");
    return CARE_BATCH;
}

int main(int argc, char **argv)
{
    struct loop *loop = calloc(1, sizeof(*loop));

    if (argc != 9 || loop == NULL)
        give_up("usage", "careful sync|pipeline|batch BROKERS TOPIC GROUP HOST PORT N 1|3");
    loop->care = care_of(argv[1]);
    loop->keys_an_event = count_of(argv[8]);
    loop->redis = redisConnect(argv[5], (int)count_of(argv[6]));
    if (loop->redis == NULL || loop->redis->err || loop->keys_an_event > KEYS_MOST)
        give_up("redis", "cannot be reached");
    if (strcmp(argv[2], "-") == 0)
        make_texts(loop, count_of(argv[7]));
    else
        loop->consumer = consumer_new(argv[2], argv[4], argv[3]);
    run(loop, count_of(argv[7]));
    redisFree(loop->redis);
    if (loop->consumer != NULL) {
        rd_kafka_consumer_close(loop->consumer);
        rd_kafka_destroy(loop->consumer);
    }
    free(loop->texts);
    free(loop);
    return 0;
}
