/*
 * topic - what the tests ask of a Kafka broker, in one program that starts in milliseconds.
 *
 *   topic create  BROKERS TOPIC PARTITIONS [CONFIG=VALUE...]
 *   topic delete  BROKERS TOPIC
 *   topic trim    BROKERS TOPIC PARTITION OFFSET        drop the records below OFFSET
 *   topic produce BROKERS TOPIC [--partition N]         JSON Lines from standard input
 *   topic produce BROKERS TOPIC [--partition N] [--transaction ID]
 *   topic produce BROKERS TOPIC [--partition N] --generate N --format VALUE [--key KEY] ...
 *   topic consume BROKERS TOPIC [--max N] [--timeout MS]
 *   topic offsets BROKERS TOPIC GROUP
 *   topic lag     BROKERS TOPIC GROUP
 *
 * A record is {"key":..., "value":..., "headers":[[NAME, VALUE],...], "timestamp":MS}; each of key,
 * value and header value is a string, null, or {"base64":"..."} where the bytes are not UTF-8.
 * On input headers may be an object too. consume adds partition and offset, and ends at the end of
 * the topic. In the templates of --generate, {i} is the number of the record from 0 and {i%N} that
 * number modulo N; every other brace stands for itself. --pad BYTES appends spaces up to that
 * length. --transaction writes all of it in one transaction of that producer.
 *
 * Exit: 0 done, 1 the broker refused or did not answer (the reason on standard error), 2 usage.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <librdkafka/rdkafka.h>

#include "tests/tools/client.h"
#include "tests/tools/record.h"

struct options {
    const char *brokers;
    const char *topic;
    const char *format;
    const char *key;
    const char *transaction;
    int32_t partition;
    long long generate;
    long long max;
    int timeout_ms;
    size_t pad_bytes;
};

struct deliveries {
    long long good_nr;
    long long bad_nr;
    char error[ERROR_BYTES];
};

static void usage(void)
{
    fputs("usage: topic create|delete|trim|produce|consume|offsets|lag BROKERS TOPIC ...\n",
          stderr);
    exit(2);
}

static rd_kafka_event_t *await_result(rd_kafka_queue_t *queue, const char *what)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, CALL_MS);

    if (event == NULL)
        die(what, "no answer from the broker");
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        die(what, rd_kafka_event_error_string(event));
    return event;
}

static void check_topic_result(const rd_kafka_topic_result_t *const *results, const char *topic)
{
    if (rd_kafka_topic_result_error(results[0]) != RD_KAFKA_RESP_ERR_NO_ERROR)
        die(topic, rd_kafka_topic_result_error_string(results[0]));
}

static int verb_create(const struct options *options, int argc, char **argv)
{
    char error[ERROR_BYTES];
    rd_kafka_t *client = plain_client_new(options->brokers);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    size_t count = 0;

    if (argc < 1)
        usage();
    int partition_nr = atoi(argv[0]);
    rd_kafka_NewTopic_t *wanted =
        rd_kafka_NewTopic_new(options->topic, partition_nr, -1, error, sizeof(error));
    if (wanted == NULL)
        die(options->topic, error);
    for (int i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');

        if (equals == NULL)
            usage();
        *equals = '\0';
        if (rd_kafka_NewTopic_set_config(wanted, argv[i], equals + 1) != RD_KAFKA_RESP_ERR_NO_ERROR)
            die(argv[i], "not a topic setting");
    }
    rd_kafka_CreateTopics(client, &wanted, 1, NULL, queue);
    rd_kafka_event_t *event = await_result(queue, "create");
    check_topic_result(
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count),
        options->topic);
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(wanted);
    await_leaders(client, options->topic, partition_nr);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    return 0;
}

static int verb_delete(const struct options *options)
{
    rd_kafka_t *client = plain_client_new(options->brokers);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteTopic_t *unwanted = rd_kafka_DeleteTopic_new(options->topic);
    size_t count = 0;

    rd_kafka_DeleteTopics(client, &unwanted, 1, NULL, queue);
    rd_kafka_event_t *event = await_result(queue, "delete");
    check_topic_result(
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count),
        options->topic);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteTopic_destroy(unwanted);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    return 0;
}

static int verb_trim(const struct options *options, int argc, char **argv)
{
    if (argc != 2)
        usage();
    rd_kafka_t *client = plain_client_new(options->brokers);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, options->topic, atoi(argv[0]))->offset = atoll(argv[1]);
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(client, &request, 1, NULL, queue);
    rd_kafka_event_t *event = await_result(queue, "trim");
    const rd_kafka_topic_partition_list_t *done =
        rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
    if (done->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
        die("trim", rd_kafka_err2str(done->elems[0].err));
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    return 0;
}

static void count_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct deliveries *deliveries = opaque;

    (void)client;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        deliveries->good_nr++;
        return;
    }
    deliveries->bad_nr++;
    snprintf(deliveries->error, sizeof(deliveries->error), "%s", rd_kafka_err2str(message->err));
}

static rd_kafka_error_t *record_try(rd_kafka_t *client, const struct options *options,
                                    const struct record *record)
{
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = options->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = options->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {record->key.data, record->key.length}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {record->value.data, record->value.length}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->timestamp_ms},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = record->headers},
    };

    return rd_kafka_produceva(client, parts, sizeof(parts) / sizeof(parts[0]));
}

static void record_send(rd_kafka_t *client, const struct options *options,
                        const struct record *record)
{
    rd_kafka_error_t *error;

    while ((error = record_try(client, options, record)) != NULL) {
        if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            die("produce", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        rd_kafka_poll(client, 100);
    }
}

static void produce_lines(rd_kafka_t *client, const struct options *options)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;

    while ((length = getline(&line, &capacity, stdin)) > 0) {
        json_error_t error;
        json_t *json = json_loadb(line, (size_t)length, JSON_ALLOW_NUL, &error);

        if (!json_is_object(json))
            die("standard input", json == NULL ? error.text : "a line is not an object");
        struct record record = {
            .key = json_to_bytes(json_object_get(json, "key")),
            .value = json_to_bytes(json_object_get(json, "value")),
            .headers = headers_from_json(json_object_get(json, "headers")),
            .timestamp_ms = json_integer_value(json_object_get(json, "timestamp")),
        };
        record_send(client, options, &record);
        free(record.key.data);
        free(record.value.data);
        json_decref(json);
        rd_kafka_poll(client, 0);
    }
    free(line);
}

/* The length of the placeholder at the start of text ("{i}" or "{i%N}"), 0 where there is none. */
static size_t placeholder(const char *text, long long i, long long *number)
{
    char *end;

    *number = i;
    if (strncmp(text, "{i}", 3) == 0)
        return 3;
    if (strncmp(text, "{i%", 3) != 0)
        return 0;
    long long modulus = strtoll(text + 3, &end, 10);
    if (*end != '}' || modulus <= 0)
        return 0;
    *number = i % modulus;
    return (size_t)(end + 1 - text);
}

static struct bytes expand(const char *format, long long i, size_t pad_bytes)
{
    size_t capacity = strlen(format) * 8 + 32 + pad_bytes;
    struct bytes out = {.data = allocate(capacity), .length = 0};

    while (*format != '\0') {
        long long number;
        size_t length = placeholder(format, i, &number);

        if (length == 0) {
            out.data[out.length++] = *format++;
            continue;
        }
        out.length +=
            (size_t)snprintf(out.data + out.length, capacity - out.length, "%lld", number);
        format += length;
    }
    while (out.length < pad_bytes)
        out.data[out.length++] = ' ';
    return out;
}

static void produce_generated(rd_kafka_t *client, const struct options *options)
{
    for (long long i = 0; i < options->generate; i++) {
        struct record record = {
            .key = options->key != NULL ? expand(options->key, i, 0) : (struct bytes){0},
            .value = expand(options->format, i, options->pad_bytes),
            .headers = rd_kafka_headers_new(0),
        };

        record_send(client, options, &record);
        free(record.key.data);
        free(record.value.data);
        if (i % 1024 == 0)
            rd_kafka_poll(client, 0);
    }
}

static void check_step(const char *what, rd_kafka_error_t *error)
{
    if (error != NULL)
        die(what, rd_kafka_error_string(error));
}

static int verb_produce(const struct options *options)
{
    const char *settings[] = {"bootstrap.servers",
                              options->brokers,
                              "enable.idempotence",
                              "true",
                              "linger.ms",
                              "5",
                              "partitioner",
                              "murmur2_random",
                              "message.max.bytes",
                              "20000000",
                              "queue.buffering.max.messages",
                              "1000000",
                              "message.timeout.ms",
                              "180000",
                              "transaction.timeout.ms",
                              "180000",
                              options->transaction != NULL ? "transactional.id" : NULL,
                              options->transaction,
                              NULL};
    struct deliveries deliveries = {0};
    int64_t start_ms = now_ms();
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, settings, count_delivery, &deliveries);

    if (options->generate > 0 && options->format == NULL)
        usage();
    if (options->transaction != NULL) {
        check_step("transaction", rd_kafka_init_transactions(client, CALL_MS));
        check_step("transaction", rd_kafka_begin_transaction(client));
    }
    if (options->generate > 0)
        produce_generated(client, options);
    else
        produce_lines(client, options);
    rd_kafka_resp_err_t error = rd_kafka_flush(client, 120000);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        die("flush", rd_kafka_err2str(error));
    if (options->transaction != NULL)
        check_step("commit", rd_kafka_commit_transaction(client, CALL_MS));
    rd_kafka_destroy(client);
    printf("{\"produced\":%lld,\"failed\":%lld,\"milliseconds\":%" PRId64 "}\n", deliveries.good_nr,
           deliveries.bad_nr, now_ms() - start_ms);
    if (deliveries.bad_nr > 0)
        die("delivery", deliveries.error);
    return 0;
}

static rd_kafka_t *consumer_new(const char *brokers, const char *group)
{
    const char *settings[] = {"bootstrap.servers",
                              brokers,
                              "group.id",
                              group,
                              "enable.auto.commit",
                              "false",
                              "auto.offset.reset",
                              "earliest",
                              "fetch.wait.max.ms",
                              "50",
                              "enable.partition.eof",
                              "true",
                              NULL};

    return client_new(RD_KAFKA_CONSUMER, settings, NULL, NULL);
}

static rd_kafka_topic_partition_list_t *all_partitions(rd_kafka_t *client, const char *topic)
{
    int partition_nr = partition_count(client, topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partition_nr);

    for (int32_t i = 0; i < partition_nr; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    return list;
}

static int verb_consume(const struct options *options)
{
    rd_kafka_t *client = consumer_new(options->brokers, "unstale-tests-reader");
    rd_kafka_topic_partition_list_t *list = all_partitions(client, options->topic);
    int64_t deadline_ms = now_ms() + options->timeout_ms;
    int open_nr = list->cnt;
    long long seen_nr = 0;

    if (rd_kafka_assign(client, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        die(options->topic, "assignment refused");
    while (open_nr > 0 && seen_nr < options->max) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 100);

        if (now_ms() > deadline_ms)
            die(options->topic, "its end was not reached in time");
        if (message == NULL)
            continue;
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            open_nr--;
        } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            die(options->topic, rd_kafka_message_errstr(message));
        } else {
            record_print(message);
            seen_nr++;
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
    return 0;
}

static json_t *offsets_of(const struct options *options, const char *group)
{
    rd_kafka_t *client = consumer_new(options->brokers, group);
    rd_kafka_topic_partition_list_t *list = all_partitions(client, options->topic);
    json_t *rows = json_array();
    json_int_t lag = 0;

    rd_kafka_resp_err_t error = rd_kafka_committed(client, list, CALL_MS);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        die(group, rd_kafka_err2str(error));
    for (int i = 0; i < list->cnt; i++) {
        int64_t low = 0;
        int64_t high = 0;
        int64_t committed = list->elems[i].offset;

        error = rd_kafka_query_watermark_offsets(client, options->topic, list->elems[i].partition,
                                                 &low, &high, CALL_MS);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
            die(options->topic, rd_kafka_err2str(error));
        json_array_append_new(
            rows, json_pack("{s:i, s:o, s:I, s:I}", "partition", (int)list->elems[i].partition,
                            "committed", committed >= 0 ? json_integer(committed) : json_null(),
                            "low", (json_int_t)low, "high", (json_int_t)high));
        lag += high - (committed >= 0 ? committed : low);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
    return json_pack("{s:o, s:I}", "partitions", rows, "lag", lag);
}

static int verb_offsets(const struct options *options, const char *verb, int argc, char **argv)
{
    if (argc != 1)
        usage();
    json_t *json = offsets_of(options, argv[0]);
    if (strcmp(verb, "lag") == 0)
        printf("%" JSON_INTEGER_FORMAT "\n", json_integer_value(json_object_get(json, "lag")));
    else if (json_dumpf(json, stdout, JSON_COMPACT) == 0)
        putchar('\n');
    json_decref(json);
    return 0;
}

static void options_parse(struct options *options, int argc, char **argv)
{
    for (int i = 0; i < argc; i += 2) {
        const char *name = argv[i];
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (value == NULL)
            usage();
        if (strcmp(name, "--partition") == 0)
            options->partition = atoi(value);
        else if (strcmp(name, "--generate") == 0)
            options->generate = atoll(value);
        else if (strcmp(name, "--format") == 0)
            options->format = value;
        else if (strcmp(name, "--key") == 0)
            options->key = value;
        else if (strcmp(name, "--transaction") == 0)
            options->transaction = value;
        else if (strcmp(name, "--pad") == 0)
            options->pad_bytes = (size_t)atoll(value);
        else if (strcmp(name, "--max") == 0)
            options->max = atoll(value);
        else if (strcmp(name, "--timeout") == 0)
            options->timeout_ms = atoi(value);
        else
            usage();
    }
}

int main(int argc, char **argv)
{
    if (argc < 4)
        usage();
    const char *verb = argv[1];
    struct options options = {.brokers = argv[2],
                              .topic = argv[3],
                              .partition = RD_KAFKA_PARTITION_UA,
                              .max = INT64_MAX,
                              .timeout_ms = 60000};

    argc -= 4;
    argv += 4;
    if (strcmp(verb, "create") == 0)
        return verb_create(&options, argc, argv);
    if (strcmp(verb, "delete") == 0)
        return verb_delete(&options);
    if (strcmp(verb, "trim") == 0)
        return verb_trim(&options, argc, argv);
    if (strcmp(verb, "offsets") == 0 || strcmp(verb, "lag") == 0)
        return verb_offsets(&options, verb, argc, argv);
    options_parse(&options, argc, argv);
    if (strcmp(verb, "produce") == 0)
        return verb_produce(&options);
    if (strcmp(verb, "consume") == 0)
        return verb_consume(&options);
    usage();
}
