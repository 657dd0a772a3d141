/*
 * floor - the least that anybody must pay for what the pipeline does, each as fast as it can be done.
 *
 *   floor consume BROKERS TOPIC N       a bare loop of rd_kafka_consumer_poll() and destroy
 *   floor unlink  HOST PORT N           UNLINK of 64 keys, 16 in a write, two writes on their way
 *   floor fill    HOST PORT N [NAME]    the keys that unlink and the events' rule delete, in random order
 *
 * `consume` has the settings of consumers/kafka and the memory settings of consumers/service. `unlink`
 * speaks to the bare socket and formats everything beforehand. Prints one JSON object a run; seconds
 * count from the first record or write to the last record or answer.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#include "tests/bench/measure.h"

enum {
    WAIT_MS = 30000,
    KEYS_A_COMMAND = 64,
    WINDOW_KEYS = 16 * KEYS_A_COMMAND,
    KEY_BYTES = 96,
    ERROR_BYTES = 512
};

static const char key_format[] = "myapp:1:%s:%ld";

static const char *const consumer_settings[][2] = {
    {"group.id", "bench-floor"},
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"max.poll.interval.ms", "300000"},
    {"queued.max.messages.kbytes", "8192"},
    {"queued.min.messages", "10000"},
    {"fetch.max.bytes", "2097152"},
    {"fetch.queue.backoff.ms", "1"},
    {"isolation.level", "read_committed"},
    {"check.crcs", "true"},
    {"socket.keepalive.enable", "true"},
    {"socket.nagle.disable", "true"},
};

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[ERROR_BYTES];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
        give_up(name, why);
}

static rd_kafka_t *consumer_new(const char *brokers)
{
    char why[ERROR_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *consumer;

    set(conf, "bootstrap.servers", brokers);
    for (size_t i = 0; i < sizeof(consumer_settings) / sizeof(consumer_settings[0]); i++)
        set(conf, consumer_settings[i][0], consumer_settings[i][1]);
    consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (consumer == NULL)
        give_up(brokers, why);
    rd_kafka_poll_set_consumer(consumer);
    return consumer;
}

/* Every partition from its beginning; no group, whose joining would cost seconds. */
static void assign_all(rd_kafka_t *consumer, const char *name)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer, name, NULL);
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(8);
    const struct rd_kafka_metadata *metadata;

    if (rd_kafka_metadata(consumer, 0, topic, &metadata, WAIT_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up(name, "no metadata");
    for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
        rd_kafka_topic_partition_list_add(all, name, i)->offset = 0;
    if (rd_kafka_assign(consumer, all) != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up(name, "cannot be assigned");
    rd_kafka_topic_partition_list_destroy(all);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
}

static void take_one(rd_kafka_t *consumer)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 0);

    /* Only a wait makes librdkafka read the clock, which costs a tenth of the loop. */
    if (message == NULL)
        message = rd_kafka_consumer_poll(consumer, WAIT_MS);
    if (message == NULL)
        give_up("consume", "no record in time");
    if (message->err)
        give_up("consume", rd_kafka_message_errstr(message));
    rd_kafka_message_destroy(message);
}

static void consume(const char *brokers, const char *topic, long events)
{
    struct moment began, ended;
    rd_kafka_t *consumer = consumer_new(brokers);

    assign_all(consumer, topic);
    take_one(consumer);
    began = moment_now();
    for (long i = 1; i < events; i++)
        take_one(consumer);
    ended = moment_now();
    print_common(events, began, ended);
    puts("}");
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
}

struct text {
    char *bytes;
    size_t len, capacity;
};

static int connect_to(const char *host, const char *port)
{
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)count_of(port))};

    if (inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        give_up(host, "cannot connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static void send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = write(fd, bytes, len);

        if (sent < 0)
            give_up("redis", "the connection is gone");
        bytes += sent;
        len -= (size_t)sent;
    }
}

/* What was read so far: answers of the next write may come along with those of this one. */
struct answers {
    long lines, sum, number;
};

static void take_byte(struct answers *answers, char byte)
{
    if (byte == '-')
        give_up("redis", "refuses a command");
    if (byte >= '0' && byte <= '9')
        answers->number = answers->number * 10 + (byte - '0');
    if (byte != '\n')
        return;
    answers->sum += answers->number;
    answers->number = 0;
    answers->lines++;
}

/* Reads until there were `lines` answers in all. */
static void read_answers(int fd, struct answers *answers, long lines)
{
    static char bytes[1 << 16];

    while (answers->lines < lines) {
        ssize_t got = read(fd, bytes, sizeof(bytes));

        if (got <= 0)
            give_up("redis", "the connection is gone");
        for (ssize_t i = 0; i < got; i++)
            take_byte(answers, bytes[i]);
    }
}

static void reserve(struct text *text, size_t more)
{
    if (text->capacity - text->len >= more)
        return;
    text->capacity = 2 * text->capacity + more;
    text->bytes = realloc(text->bytes, text->capacity);
    if (text->bytes == NULL)
        give_up("memory", "none left");
}

static void add_word(struct text *text, const char *word)
{
    reserve(text, strlen(word) + KEY_BYTES);
    text->len += (size_t)sprintf(text->bytes + text->len, "$%zu\r\n%s\r\n", strlen(word), word);
}

static void add_head(struct text *text, long words, const char *command)
{
    reserve(text, KEY_BYTES);
    text->len += (size_t)sprintf(text->bytes + text->len, "*%ld\r\n", words);
    add_word(text, command);
}

static void add_key(struct text *text, const char *name, long number)
{
    char key[KEY_BYTES];

    snprintf(key, sizeof(key), key_format, name, number);
    add_word(text, key);
}

/* Fisher and Yates, from a fixed seed: the same order every time. */
static long *shuffled(long nr)
{
    long *order = calloc((size_t)nr, sizeof(*order));
    uint64_t state = 88172645463325252U;

    if (order == NULL)
        give_up("memory", "none left");
    for (long i = 0; i < nr; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        long j = (long)(state % (uint64_t)(i + 1));
        order[i] = order[j];
        order[j] = i;
    }
    return order;
}

static void fill(const char *host, const char *port, long keys, const char *name)
{
    static const char value[] = "a value of the size that a small cached object or a counter has..";
    int fd = connect_to(host, port);
    long *order = shuffled(keys);
    struct text text = {NULL, 0, 0};
    struct answers answers = {0, 0, 0};

    for (long first = 0; first < keys; first += WINDOW_KEYS) {
        long last = first + WINDOW_KEYS < keys ? first + WINDOW_KEYS : keys;

        text.len = 0;
        add_head(&text, 1 + 2 * (last - first), "MSET");
        for (long i = first; i < last; i++) {
            add_key(&text, name, order[i]);
            add_word(&text, value);
        }
        send_all(fd, text.bytes, text.len);
        read_answers(fd, &answers, answers.lines + 1);
    }
    free(order);
    printf("{\"keys\":%ld}\n", keys);
}

/* One write's commands; `answers` counts those of the writes before it too. */
struct window {
    size_t start, end;
    long answers;
};

static struct window add_window(struct text *text, long first, long last, long answers)
{
    struct window window = {.start = text->len, .answers = answers};

    for (long from = first; from < last; from += KEYS_A_COMMAND) {
        long to = from + KEYS_A_COMMAND < last ? from + KEYS_A_COMMAND : last;

        add_head(text, 1 + to - from, "UNLINK");
        for (long i = from; i < to; i++)
            add_key(text, "product", i);
        window.answers++;
    }
    window.end = text->len;
    return window;
}

static struct window *add_windows(struct text *text, long keys)
{
    long nr = (keys + WINDOW_KEYS - 1) / WINDOW_KEYS, answers = 0;
    struct window *windows = calloc((size_t)nr, sizeof(*windows));

    if (windows == NULL)
        give_up("memory", "none left");
    for (long i = 0; i < nr; i++) {
        long last = (i + 1) * WINDOW_KEYS;

        windows[i] = add_window(text, i * WINDOW_KEYS, last < keys ? last : keys, answers);
        answers = windows[i].answers;
    }
    return windows;
}

static void unlink_keys(const char *host, const char *port, long keys)
{
    int fd = connect_to(host, port);
    struct text text = {NULL, 0, 0};
    struct answers answers = {0, 0, 0};
    long nr = (keys + WINDOW_KEYS - 1) / WINDOW_KEYS;
    struct window *windows = add_windows(&text, keys);
    struct moment began = moment_now(), ended;

    for (long i = 0; i < nr; i++) {
        send_all(fd, text.bytes + windows[i].start, windows[i].end - windows[i].start);
        if (i > 0)
            read_answers(fd, &answers, windows[i - 1].answers);
    }
    read_answers(fd, &answers, windows[nr - 1].answers);
    ended = moment_now();
    free(windows);
    print_common(keys, began, ended);
    printf(",\"deleted\":%ld}\n", answers.sum);
}

int main(int argc, char **argv)
{
    keep_memory();
    if (argc == 5 && strcmp(argv[1], "consume") == 0)
        consume(argv[2], argv[3], count_of(argv[4]));
    else if (argc == 5 && strcmp(argv[1], "unlink") == 0)
        unlink_keys(argv[2], argv[3], count_of(argv[4]));
    else if ((argc == 5 || argc == 6) && strcmp(argv[1], "fill") == 0)
        fill(argv[2], argv[3], count_of(argv[4]), argc == 6 ? argv[5] : "product");
    else
        give_up("usage", "floor consume BROKERS TOPIC N | unlink|fill HOST PORT N");
    return 0;
}
