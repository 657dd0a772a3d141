#include "tests/unit/redis/server.h"

#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>
#include <hiredis/hiredis.h>

#include "consumers/base/clock.h"

static void run(const struct server_process *server)
{
    const char *arguments[16 + SERVER_MAX_ARGUMENTS] = {
        "redis-server", "--port", "0", "--unixsocket", server->socket, "--dir",
        server->folder, "--save", "",  "--logfile",    "log",          "--daemonize",
        "no",           NULL};
    size_t nr = 13;

    for (size_t i = 0; server->arguments[i] != NULL; i++)
        arguments[nr++] = server->arguments[i];
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)execvp("redis-server", (char *const *)(uintptr_t)arguments);
    _exit(127);
}

static void nap(void)
{
    const struct timespec pause = {0, 2000000};

    (void)nanosleep(&pause, NULL);
}

/* True when it answers and has loaded its data. */
static bool connect_client(struct server_process *server)
{
    redisReply *reply = NULL;
    bool is_well = false;

    server->client = redisConnectUnix(server->socket);
    if (server->client != NULL && server->client->err == 0)
        reply = redisCommand(server->client, "PING");
    if (reply != NULL)
        is_well = reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    if (is_well)
        return true;
    if (server->client != NULL)
        redisFree(server->client);
    server->client = NULL;
    return false;
}

static void launch(struct server_process *server)
{
    int64_t until = clock_steady_ms() + 20000;

    server->pid = fork();
    ck_assert_int_ge(server->pid, 0);
    if (server->pid == 0)
        run(server);
    while (!connect_client(server)) {
        ck_assert_msg(clock_steady_ms() < until, "redis-server does not come up");
        nap();
    }
}

void server_start(struct server_process *server, const char *const *more)
{
    char url[SERVER_PATH_BYTES + 16];

    *server = (struct server_process){.pid = 0};
    for (size_t i = 0; more != NULL && more[i] != NULL; i++)
        server->arguments[i] = more[i];
    (void)snprintf(server->folder, sizeof(server->folder), "/tmp/unstale-redis-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(server->folder));
    (void)snprintf(server->socket, sizeof(server->socket), "%s/redis.sock", server->folder);
    (void)snprintf(url, sizeof(url), "unix://%s", server->socket);
    ck_assert(redis_target_parse(&server->target, SLICE("default"), slice_of(url), NULL));
    launch(server);
}

void server_restart(struct server_process *server)
{
    if (server->pid != 0)
        server_kill(server);
    launch(server);
}

void server_kill(struct server_process *server)
{
    (void)kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
    server->pid = 0;
    if (server->client != NULL)
        redisFree(server->client);
    server->client = NULL;
    (void)unlink(server->socket);
}

static void remove_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[512];

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (entry->d_type == DT_DIR)
            remove_folder(path);
        else
            (void)unlink(path);
    }
    if (dir != NULL)
        (void)closedir(dir);
    (void)rmdir(folder);
}

void server_stop(struct server_process *server)
{
    if (server->pid != 0)
        server_kill(server);
    remove_folder(server->folder);
    redis_target_release(&server->target);
}

static struct redisReply *ask(struct server_process *server, const char *format, va_list args)
{
    struct redisReply *reply = redisvCommand(server->client, format, args);

    ck_assert_msg(reply != NULL, "the test's own connection broke");
    return reply;
}

struct redisReply *server_command(struct server_process *server, const char *format, ...)
{
    struct redisReply *reply;
    va_list args;

    va_start(args, format);
    reply = ask(server, format, args);
    va_end(args);
    return reply;
}

long long server_integer(struct server_process *server, const char *format, ...)
{
    struct redisReply *reply;
    long long integer;
    va_list args;

    va_start(args, format);
    reply = ask(server, format, args);
    va_end(args);
    ck_assert_msg(reply->type == REDIS_REPLY_INTEGER, "%s: %s", format,
                  reply->str != NULL ? reply->str : "no integer");
    integer = reply->integer;
    freeReplyObject(reply);
    return integer;
}

const char *server_text(struct server_process *server, const char *format, ...)
{
    static char kept[8][4096];
    static unsigned next;
    char *text = kept[next++ % 8];
    struct redisReply *reply;
    va_list args;

    va_start(args, format);
    reply = ask(server, format, args);
    va_end(args);
    (void)snprintf(text, sizeof(kept[0]), "%s", reply->str != NULL ? reply->str : "(nil)");
    freeReplyObject(reply);
    return text;
}

/* One command a key, PREFIX and a number in it. */
static void each(struct server_process *server, const char *format, const char *prefix, size_t nr)
{
    enum { WINDOW = 1000 };
    size_t sent = 0;
    void *reply;

    for (size_t got = 0; got < nr; got++) {
        for (; sent < nr && sent < got + WINDOW; sent++)
            ck_assert_int_eq(redisAppendCommand(server->client, format, prefix, sent), REDIS_OK);
        ck_assert_int_eq(redisGetReply(server->client, &reply), REDIS_OK);
        freeReplyObject(reply);
    }
}

void server_fill(struct server_process *server, const char *prefix, size_t nr)
{
    each(server, "SET %s%llu 1", prefix, nr);
}

void server_unfill(struct server_process *server, const char *prefix, size_t nr)
{
    each(server, "DEL %s%llu", prefix, nr);
}
