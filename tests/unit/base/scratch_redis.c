#include "tests/unit/base/scratch_redis.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "consumers/base/clock.h"

enum { START_MS = 10000 };

bool scratch_redis_is_installed(void)
{
    const char *path = getenv("PATH");

    while (path && *path) {
        size_t len = strcspn(path, ":");
        char file[512];

        snprintf(file, sizeof(file), "%.*s/redis-server", (int)len, path);
        if (access(file, X_OK) == 0)
            return true;
        path += len + (path[len] == ':');
    }
    return false;
}

static void become_server(const struct scratch_redis *redis)
{
    int nothing = open("/dev/null", O_RDWR);

    /* It must not outlive a test that is killed. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", redis->socket, "--dir",
           redis->folder, "--save", "", "--appendonly", "no", (char *)NULL);
    _exit(127);
}

static int try_connect(const struct scratch_redis *redis)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    memcpy(address.sun_path, redis->socket, strlen(redis->socket) + 1);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

void scratch_redis_start(struct scratch_redis *redis)
{
    int64_t deadline = clock_steady_ms() + START_MS;
    int fd;

    snprintf(redis->folder, sizeof(redis->folder), "/tmp/scratch_redis.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(redis->folder));
    snprintf(redis->socket, sizeof(redis->socket), "%s/socket", redis->folder);
    redis->process = fork();
    ck_assert_int_ge(redis->process, 0);
    if (redis->process == 0)
        become_server(redis);
    while ((fd = try_connect(redis)) < 0) {
        ck_assert_int_eq(waitpid(redis->process, NULL, WNOHANG), 0);
        ck_assert_int_lt(clock_steady_ms(), deadline);
        nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
    redis->in = fdopen(fd, "r");
    redis->out = fdopen(dup(fd), "w");
    ck_assert(redis->in && redis->out);
}

void scratch_redis_stop(struct scratch_redis *redis)
{
    fclose(redis->in);
    fclose(redis->out);
    kill(redis->process, SIGTERM);
    waitpid(redis->process, NULL, 0);
    unlink(redis->socket);
    rmdir(redis->folder);
}

void scratch_redis_send(struct scratch_redis *redis, const struct slice *words, size_t nr)
{
    fprintf(redis->out, "*%zu\r\n", nr);
    for (size_t i = 0; i < nr; i++) {
        fprintf(redis->out, "$%zu\r\n", words[i].len);
        fwrite(words[i].ptr, 1, words[i].len, redis->out);
        fputs("\r\n", redis->out);
    }
    fflush(redis->out);
}

long scratch_redis_read(struct scratch_redis *redis, char type)
{
    char line[256];

    ck_assert_ptr_nonnull(fgets(line, sizeof(line), redis->in));
    ck_assert_msg(line[0] == type, "got %s", line);
    return strtol(line + 1, NULL, 10);
}

size_t scratch_redis_read_bulk(struct scratch_redis *redis, char *out, size_t out_bytes)
{
    size_t len = (size_t)scratch_redis_read(redis, '$');
    char end[2];

    ck_assert_uint_le(len, out_bytes);
    ck_assert_uint_eq(fread(out, 1, len, redis->in), len);
    ck_assert_uint_eq(fread(end, 1, 2, redis->in), 2);
    return len;
}
