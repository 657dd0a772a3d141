#include "tests/unit/redis/fake.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <check.h>
#include <hiredis/hiredis.h>

static const char *const info_of_redis_7 = "redis_version:7.0.15\r\nredis_mode:standalone\r\n"
                                           "run_id:0123456789012345678901234567890123456789\r\n";

static void say(int client, const char *text)
{
    (void)send(client, text, strlen(text), MSG_NOSIGNAL);
    (void)send(client, "\r\n", 2, MSG_NOSIGNAL);
}

static void say_info(const struct fake *fake, int client)
{
    const char *info = fake->info != NULL ? fake->info : info_of_redis_7;
    char text[1024];

    (void)snprintf(text, sizeof(text), "$%zu\r\n%s", strlen(info), info);
    say(client, text);
}

static void note(char *to, size_t room, const redisReply *command)
{
    size_t len = strlen(to);

    for (size_t i = 0; i < command->elements; i++) {
        const char *word = command->element[i]->str;

        /* The text of a script would hide everything else. */
        if (strchr(word, '\n') != NULL)
            word = "TEXT";
        if (command->element[i]->len == 40)
            word = "SHA";
        len += (size_t)snprintf(to + len, room - len, "%s%s", i == 0 ? "" : " ", word);
        ck_assert_uint_lt(len + 2, room);
    }
    (void)snprintf(to + len, room - len, "|");
}

/* True when it was a greeting, which has then been answered. */
static bool greet(struct fake *fake, int client, const redisReply *command)
{
    const char *word = command->element[0]->str;
    bool is_auth = strcmp(word, "AUTH") == 0, is_info = strcmp(word, "INFO") == 0;

    if (!is_auth && !is_info && strcmp(word, "SELECT") != 0 && strcmp(word, "CLIENT") != 0)
        return false;
    note(fake->greetings, sizeof(fake->greetings), command);
    if (is_info)
        say_info(fake, client);
    else
        say(client, is_auth && fake->auth != NULL ? fake->auth : "+OK");
    return true;
}

/* The same of the map of a cluster. */
static bool tell_slots(const struct fake *fake, int client, const redisReply *command)
{
    if (fake->slots == NULL || strcmp(command->element[0]->str, "CLUSTER") != 0)
        return false;
    say(client, strcmp(command->element[1]->str, "INFO") == 0 ? "$23\r\ncluster_current_epoch:1"
                                                              : fake->slots);
    return true;
}

static const char *well(const char *word)
{
    if (strcmp(word, "SET") == 0)
        return "+OK";
    if (strcmp(word, "WAIT") == 0)
        return ":100";
    if (strcmp(word, "PING") == 0)
        return "+PONG";
    if (strcmp(word, "SCRIPT") == 0)
        return "+0123456789012345678901234567890123456789";
    return ":1";
}

/* False when the connection is to be closed. */
static bool answer(struct fake *fake, int client, const redisReply *command, bool *is_hung)
{
    const char *reply = FAKE_WELL;

    if (*is_hung || greet(fake, client, command) || tell_slots(fake, client, command))
        return true;
    note(fake->log, sizeof(fake->log), command);
    if (*fake->replies != NULL)
        reply = *fake->replies++;
    if (strcmp(reply, FAKE_WELL) == 0)
        reply = well(command->element[0]->str);
    *is_hung = strcmp(reply, FAKE_HANG) == 0;
    if (strcmp(reply, FAKE_CLOSE) == 0)
        return false;
    if (!*is_hung)
        say(client, reply);
    return true;
}

static bool answer_all(struct fake *fake, int client, redisReader *reader, bool *is_hung)
{
    void *command = NULL;
    bool is_open = true;

    while (is_open && redisReaderGetReply(reader, &command) == REDIS_OK && command != NULL) {
        (void)pthread_mutex_lock(&fake->lock);
        is_open = answer(fake, client, command, is_hung);
        (void)pthread_mutex_unlock(&fake->lock);
        freeReplyObject(command);
    }
    return is_open;
}

/* Until the client is gone or the test wants it to stop. */
static void serve(struct fake *fake, int client)
{
    struct pollfd polled[2] = {{.fd = client, .events = POLLIN},
                               {.fd = fake->stop[0], .events = POLLIN}};
    redisReader *reader = redisReaderCreate();
    bool is_hung = false;
    char bytes[4096];
    ssize_t n = 1;

    while (n > 0 && poll(polled, 2, -1) > 0 && polled[1].revents == 0) {
        n = recv(client, bytes, sizeof(bytes), 0);
        if (n > 0 && redisReaderFeed(reader, bytes, (size_t)n) == REDIS_OK &&
            !answer_all(fake, client, reader, &is_hung))
            n = 0;
    }
    redisReaderFree(reader);
}

static void *run_client(void *argument)
{
    struct fake_client *client = argument;

    serve(client->fake, client->socket);
    (void)close(client->socket);
    return NULL;
}

static void *run(void *argument)
{
    struct fake *fake = argument;
    struct pollfd polled[2] = {{.fd = fake->listener, .events = POLLIN},
                               {.fd = fake->stop[0], .events = POLLIN}};

    while (poll(polled, 2, -1) > 0 && polled[1].revents == 0) {
        struct fake_client *client = &fake->clients[fake->clients_nr];

        ck_assert_uint_lt(fake->clients_nr++, FAKE_CLIENTS);
        *client = (struct fake_client){.fake = fake, .socket = accept(fake->listener, NULL, NULL)};
        (void)pthread_mutex_lock(&fake->lock);
        fake->connections++;
        fake->greetings[0] = '\0';
        (void)pthread_mutex_unlock(&fake->lock);
        ck_assert_int_eq(pthread_create(&client->thread, NULL, run_client, client), 0);
    }
    for (unsigned i = 0; i < fake->clients_nr; i++)
        (void)pthread_join(fake->clients[i].thread, NULL);
    return NULL;
}

static void listen_on_path(struct fake *fake, char *url, size_t room)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(fake->folder, sizeof(fake->folder), "/tmp/unstale-fake-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(fake->folder));
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", fake->folder);
    (void)snprintf(url, room, "unix://%s", address.sun_path);
    fake->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fake->listener, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void listen_on_port(struct fake *fake, char *url, size_t room)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    fake->listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fake->listener, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(getsockname(fake->listener, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(url, room, "redis://127.0.0.1:%d", ntohs(address.sin_port));
}

void fake_start(struct fake *fake)
{
    char url[128];

    (fake->is_tcp ? listen_on_port : listen_on_path)(fake, url, sizeof(url));
    if (fake->target.path == NULL)
        ck_assert(redis_target_parse(&fake->target, SLICE("default"), slice_of(url), NULL));
    ck_assert_int_eq(listen(fake->listener, 8), 0);
    ck_assert_int_eq(pipe(fake->stop), 0);
    ck_assert_int_eq(pthread_mutex_init(&fake->lock, NULL), 0);
    ck_assert_int_eq(pthread_create(&fake->thread, NULL, run, fake), 0);
}

void fake_stop(struct fake *fake)
{
    ck_assert_int_eq(write(fake->stop[1], "x", 1), 1);
    (void)pthread_join(fake->thread, NULL);
    (void)close(fake->listener);
    (void)close(fake->stop[0]);
    (void)close(fake->stop[1]);
    if (!fake->is_tcp) {
        (void)unlink(fake->target.path);
        (void)rmdir(fake->folder);
    }
    redis_target_release(&fake->target);
    (void)pthread_mutex_destroy(&fake->lock);
}

const char *fake_log(struct fake *fake)
{
    static char copy[FAKE_LOG_BYTES];

    (void)pthread_mutex_lock(&fake->lock);
    memcpy(copy, fake->log, sizeof(copy));
    (void)pthread_mutex_unlock(&fake->lock);
    return copy;
}

const char *fake_greetings(struct fake *fake)
{
    static char copy[sizeof(fake->greetings)];

    (void)pthread_mutex_lock(&fake->lock);
    memcpy(copy, fake->greetings, sizeof(copy));
    (void)pthread_mutex_unlock(&fake->lock);
    return copy;
}

unsigned fake_connections(struct fake *fake)
{
    unsigned nr;

    (void)pthread_mutex_lock(&fake->lock);
    nr = fake->connections;
    (void)pthread_mutex_unlock(&fake->lock);
    return nr;
}
