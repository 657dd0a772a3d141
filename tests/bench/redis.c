/*
 * redis - floors and probes of Redis alone.
 *
 *   redis replay HOST PORT FILE [COMMANDS]  writes the recorded commands, two writes on their way
 *   redis ping   HOST PORT N                PINGs one after another, and GETs at 200 a second
 *   redis scan   HOST PORT COUNT            one bare pass of SCAN
 *
 * `replay` is the least that anybody must pay for the very bytes: a dumb socket, no look at what is
 * answered but for the number of answers. COMMANDS: so many a write at most.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "tests/bench/measure.h"

enum { WINDOW_BYTES = 48 << 10, WINDOW_COMMANDS = 1024, READ_BYTES = 64 << 10, GETS = 400 };
enum { GET_EVERY_NS = 5000000 };

struct window {
    size_t start, end;
    long answers; /* of it and those before */
};

struct replay {
    char *bytes;
    size_t len;
    struct window *windows;
    size_t nr, capacity;
    long answers, refused;
    redisReader *reader;
    int fd;
};

static redisContext *connect_to(const char *host, const char *port)
{
    redisContext *redis = redisConnect(host, (int)count_of(port));

    if (redis == NULL || redis->err)
        give_up("redis", "cannot be reached");
    return redis;
}

static double now_ms(void)
{
    return (double)moment_now().ns / 1e6;
}

static void read_file(struct replay *replay, const char *path)
{
    FILE *file = fopen(path, "r");
    long len;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (len = ftell(file)) <= 0)
        give_up(path, "cannot be read");
    replay->len = (size_t)len;
    replay->bytes = malloc(replay->len);
    rewind(file);
    if (replay->bytes == NULL || fread(replay->bytes, 1, replay->len, file) != replay->len)
        give_up(path, "cannot be read");
    fclose(file);
}

/* Where the command that begins there ends. */
static size_t end_of_command(const struct replay *replay, size_t at)
{
    char *next;
    long words = strtol(replay->bytes + at + 1, &next, 10);

    if (replay->bytes[at] != '*' || words < 1)
        give_up("replay", "not a command");
    next += 2;
    for (long i = 0; i < words; i++) {
        long len = strtol(next + 1, &next, 10);

        next += 2 + len + 2;
    }
    return (size_t)(next - replay->bytes);
}

static void add_window(struct replay *replay, struct window window)
{
    if (replay->nr == replay->capacity) {
        replay->capacity = 2 * replay->capacity + 64;
        replay->windows = realloc(replay->windows, replay->capacity * sizeof(window));
        if (replay->windows == NULL)
            give_up("memory", "none left");
    }
    replay->windows[replay->nr++] = window;
}

static void cut_windows(struct replay *replay, long commands_most)
{
    struct window window = {0, 0, 0};
    long before = 0;

    while (window.end < replay->len) {
        window.end = end_of_command(replay, window.end);
        window.answers++;
        if (window.end - window.start < WINDOW_BYTES && window.end < replay->len &&
            window.answers - before < commands_most)
            continue;
        add_window(replay, window);
        window.start = window.end;
        before = window.answers;
    }
}

static void take_answers(struct replay *replay)
{
    void *reply;

    while (redisReaderGetReply(replay->reader, &reply) == REDIS_OK && reply != NULL) {
        replay->refused += ((redisReply *)reply)->type == REDIS_REPLY_ERROR;
        replay->answers++;
        freeReplyObject(reply);
    }
}

static void read_answers(struct replay *replay, long until)
{
    static char bytes[READ_BYTES];

    while (replay->answers < until) {
        ssize_t got = read(replay->fd, bytes, sizeof(bytes));

        if (got <= 0 || redisReaderFeed(replay->reader, bytes, (size_t)got) != REDIS_OK)
            give_up("redis", "the connection is gone");
        take_answers(replay);
    }
}

static void write_window(const struct replay *replay, const struct window *window)
{
    for (size_t at = window->start; at < window->end;) {
        ssize_t sent = write(replay->fd, replay->bytes + at, window->end - at);

        if (sent <= 0)
            give_up("redis", "the connection is gone");
        at += (size_t)sent;
    }
}

static void replay_file(redisContext *redis, const char *path, long commands_most)
{
    struct replay replay = {.fd = redis->fd, .reader = redisReaderCreate()};
    struct moment began, ended;

    read_file(&replay, path);
    cut_windows(&replay, commands_most);
    began = moment_now();
    for (size_t i = 0; i < replay.nr; i++) {
        write_window(&replay, &replay.windows[i]);
        if (i > 0)
            read_answers(&replay, replay.windows[i - 1].answers);
    }
    read_answers(&replay, replay.windows[replay.nr - 1].answers);
    ended = moment_now();
    print_common(replay.answers, began, ended);
    printf(",\"refused\":%ld}\n", replay.refused);
    redisReaderFree(replay.reader);
    free(replay.windows);
    free(replay.bytes);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double ask(redisContext *redis, const char *command)
{
    double began = now_ms();
    redisReply *reply = redisCommand(redis, command);

    if (reply == NULL || reply->type == REDIS_REPLY_ERROR)
        give_up(command, "refused");
    freeReplyObject(reply);
    return now_ms() - began;
}

static void ping(redisContext *redis, long nr)
{
    double *pings = calloc((size_t)nr, sizeof(*pings)), gets[GETS];

    if (pings == NULL)
        give_up("memory", "none left");
    for (long i = 0; i < nr; i++)
        pings[i] = ask(redis, "PING");
    for (int i = 0; i < GETS; i++) {
        struct timespec pause = {0, GET_EVERY_NS};

        nanosleep(&pause, NULL);
        gets[i] = ask(redis, "GET nothing");
    }
    qsort(pings, (size_t)nr, sizeof(*pings), by_value);
    qsort(gets, GETS, sizeof(*gets), by_value);
    printf("{\"ping_p50_ms\":%.4f,\"ping_p99_ms\":%.4f,\"get_p50_ms\":%.4f,\"get_p99_ms\":%.4f}\n",
           pings[nr / 2], pings[nr * 99 / 100], gets[GETS / 2], gets[GETS * 99 / 100]);
    free(pings);
}

static void scan(redisContext *redis, const char *count)
{
    struct moment began = moment_now();
    char cursor[32] = "0";
    long keys = 0, calls = 0;

    do {
        redisReply *reply = redisCommand(redis, "SCAN %s COUNT %s", cursor, count);

        if (reply == NULL || reply->type != REDIS_REPLY_ARRAY)
            give_up("SCAN", "refused");
        (void)snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
        keys += (long)reply->element[1]->elements;
        calls++;
        freeReplyObject(reply);
    } while (strcmp(cursor, "0") != 0);
    print_common(keys, began, moment_now());
    printf(",\"calls\":%ld}\n", calls);
}

int main(int argc, char **argv)
{
    redisContext *redis;

    if (argc < 5)
        give_up("usage", "redis replay|ping|scan HOST PORT ...");
    keep_memory();
    redis = connect_to(argv[2], argv[3]);
    if (strcmp(argv[1], "replay") == 0)
        replay_file(redis, argv[4], argc > 5 ? count_of(argv[5]) : WINDOW_COMMANDS);
    else if (strcmp(argv[1], "ping") == 0)
        ping(redis, count_of(argv[4]));
    else if (strcmp(argv[1], "scan") == 0)
        scan(redis, argv[4]);
    else
        give_up(argv[1], "not a verb of redis");
    redisFree(redis);
    return 0;
}
