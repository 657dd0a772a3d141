#include "consumers/service/embedded_redis.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"

enum { START_TIMEOUT_MS = 5000, LOOK_EVERY_MS = 20 };

struct embedded_redis {
    pid_t pid;
    int port;
};

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = loopback(0);
    socklen_t bytes = sizeof(address);
    int port = 0;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &bytes) == 0)
        port = ntohs(address.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

/* In the child. Returns only if no server program could be started. */
static void exec_server(int port)
{
    char port_text[16];
    snprintf(port_text, sizeof(port_text), "%d", port);
    int null_fd = open("/dev/null", O_RDWR);
    dup2(null_fd, STDIN_FILENO);
    dup2(null_fd, STDOUT_FILENO);
    dup2(null_fd, STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    static const char *const programs[] = {"redis-server", "valkey-server"};
    for (size_t i = 0; i < ARRAY_NR(programs); i++)
        execlp(programs[i], programs[i], "--port", port_text, "--bind", "127.0.0.1", "--save", "",
               "--appendonly", "no", "--daemonize", "no", (char *)NULL);
    _exit(127);
}

/* True when the server on this port is our child: it says so in INFO (process_id). */
static bool is_ours(const struct embedded_redis *redis)
{
    char want[32], reply[8192];
    snprintf(want, sizeof(want), "process_id:%d\r", (int)redis->pid);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    struct sockaddr_in address = loopback(redis->port);
    size_t len = 0;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        send(fd, "INFO server\r\n", 13, MSG_NOSIGNAL) == 13) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        while (len + 1 < sizeof(reply) && poll(&wait, 1, LOOK_EVERY_MS) > 0) {
            ssize_t got = recv(fd, reply + len, sizeof(reply) - 1 - len, 0);
            if (got <= 0)
                break;
            len += (size_t)got;
        }
    }
    close(fd);
    reply[len] = '\0';
    return strstr(reply, want) != NULL;
}

static bool await_answer(struct embedded_redis *redis, struct error *err)
{
    int64_t deadline = clock_steady_ms() + START_TIMEOUT_MS;
    while (clock_steady_ms() < deadline) {
        int status;
        if (waitpid(redis->pid, &status, WNOHANG) == redis->pid) {
            redis->pid = 0;
            bool is_missing = WIFEXITED(status) && WEXITSTATUS(status) == 127;
            return error_fail(err, ERROR_CONFIG, "%s",
                              is_missing ? "neither redis-server nor valkey-server is installed; "
                                           "install one, or give --redis URL"
                                         : "the private redis-server ended at once");
        }
        if (is_ours(redis))
            return true;
        poll(NULL, 0, LOOK_EVERY_MS);
    }
    return error_fail(err, ERROR_RETRY, "the private redis-server does not answer");
}

struct embedded_redis *embedded_redis_start(struct error *err)
{
    struct embedded_redis *redis = alloc_zero(1, sizeof(*redis));
    redis->port = free_port();
    redis->pid = fork();
    if (redis->pid == 0)
        exec_server(redis->port);
    if (redis->pid > 0 && await_answer(redis, err))
        return redis;
    error_fail(err, ERROR_FATAL, "cannot start redis-server: %s", strerror(errno));
    embedded_redis_stop(redis);
    return NULL;
}

int embedded_redis_port(const struct embedded_redis *redis)
{
    return redis->port;
}

void embedded_redis_stop(struct embedded_redis *redis)
{
    if (!redis)
        return;
    if (redis->pid > 0) {
        kill(redis->pid, SIGTERM);
        while (waitpid(redis->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    free(redis);
}
