#include "consumers/cli/http_client.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/base/clock.h"

enum { REPLY_MAX_BYTES = 4 << 20, PART_BYTES = 16 << 10 };

/* ---- where ---- */

static const char *reachable(const char *host)
{
    if (strcmp(host, "0.0.0.0") == 0 || host[0] == '\0' || strcmp(host, "*") == 0)
        return "127.0.0.1";
    return strcmp(host, "::") == 0 ? "::1" : host;
}

static bool read_port(const char *text, int *port)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (end == text || (*end && strcmp(end, "/") != 0) || number < 1 || number > 65535)
        return false;
    *port = (int)number;
    return true;
}

static bool read_url(const char *url, char **host, int *port, struct error *err)
{
    static const char scheme[] = "http://";
    const char *start = url, *end, *rest;

    if (strncmp(url, scheme, sizeof(scheme) - 1) == 0)
        start += sizeof(scheme) - 1;
    else if (strstr(url, "://"))
        return error_fail(err, ERROR_CONFIG, "\"%s\": only http:// is spoken here", url);
    if (*start == '[') {
        end = strchr(++start, ']');
        rest = end ? end + 1 : start;
    } else {
        end = rest = start + strcspn(start, ":/");
    }
    bool is_right = end && end > start;
    if (is_right && *rest == ':')
        is_right = read_port(rest + 1, port);
    else if (is_right)
        is_right = *rest == '\0' || strcmp(rest, "/") == 0;
    if (!is_right)
        return error_fail(err, ERROR_CONFIG, "\"%s\" is not http://host:port", url);
    *host = alloc_text_n(start, (size_t)(end - start));
    return true;
}

bool http_client_address(const struct settings *settings, const char *url, char **host, int *port,
                         struct error *err)
{
    *port = settings->http_port;
    if (url)
        return read_url(url, host, port, err);
    if (*port == 0)
        return error_fail(err, ERROR_CONFIG,
                          "http.listen has port 0, so name the service: http://host:port");
    *host = alloc_text(reachable(settings->http_host));
    return true;
}

/* ---- the socket ---- */

struct wire {
    int fd;
    int64_t until_ms;
};

/* False when the time is up or poll() fails; errno says which. */
static bool wait_for(const struct wire *wire, short events)
{
    for (;;) {
        int64_t left = wire->until_ms - clock_steady_ms();
        struct pollfd one = {.fd = wire->fd, .events = events};
        int found = left > 0 ? poll(&one, 1, (int)left) : 0;

        if (found > 0)
            return true;
        if (found == 0)
            errno = ETIMEDOUT;
        if (errno != EINTR)
            return false;
    }
}

static bool finish_connect(const struct wire *wire)
{
    int status = 0;
    socklen_t bytes = sizeof(status);

    if (!wait_for(wire, POLLOUT) ||
        getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &status, &bytes) != 0)
        return false;
    errno = status;
    return status == 0;
}

static bool connect_one(struct wire *wire, const struct addrinfo *address)
{
    wire->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (wire->fd < 0)
        return false;
    if (connect(wire->fd, address->ai_addr, address->ai_addrlen) == 0 ||
        (errno == EINPROGRESS && finish_connect(wire)))
        return true;
    int reason = errno;
    close(wire->fd);
    errno = reason;
    wire->fd = -1;
    return false;
}

static bool connect_any(struct wire *wire, const struct http_request *request, struct error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[16];

    snprintf(port, sizeof(port), "%d", request->port);
    int status = getaddrinfo(request->host, port, &hints, &found);
    if (status != 0)
        return error_fail(err, ERROR_RETRY, "%s: %s", request->host, gai_strerror(status));
    bool is_connected = false;
    for (struct addrinfo *at = found; at && !is_connected; at = at->ai_next)
        is_connected = connect_one(wire, at);
    int reason = errno;
    freeaddrinfo(found);
    return is_connected || error_fail(err, ERROR_RETRY, "%s:%d: %s", request->host, request->port,
                                      strerror(reason));
}

static bool send_all(const struct wire *wire, struct slice text)
{
    while (text.len > 0) {
        ssize_t sent = send(wire->fd, text.ptr, text.len, MSG_NOSIGNAL);

        if (sent >= 0)
            text = (struct slice){text.ptr + sent, text.len - (size_t)sent};
        else if (errno != EINTR && (errno != EAGAIN || !wait_for(wire, POLLOUT)))
            return false;
    }
    return true;
}

static bool receive_all(const struct wire *wire, struct buffer *out)
{
    for (;;) {
        ssize_t got = recv(wire->fd, buffer_reserve(out, PART_BYTES), PART_BYTES, 0);

        if (got == 0)
            return true;
        if (got > 0)
            out->len += (size_t)got;
        else if (errno != EINTR && (errno != EAGAIN || !wait_for(wire, POLLIN)))
            return false;
        out->ptr[out->len] = '\0';
        if (out->len > REPLY_MAX_BYTES) {
            errno = EMSGSIZE;
            return false;
        }
    }
}

/* ---- the message ---- */

static void write_request(const struct http_request *request, struct buffer *out)
{
    bool is_v6 = strchr(request->host, ':') != NULL;

    buffer_printf(out, "%s %s HTTP/1.1\r\nHost: %s%s%s:%d\r\nConnection: close\r\n",
                  request->method, request->path, is_v6 ? "[" : "", request->host, is_v6 ? "]" : "",
                  request->port);
    if (request->token)
        buffer_printf(out, "Authorization: Bearer %s\r\n", request->token);
    buffer_add_text(out, "Content-Length: 0\r\n\r\n");
}

static void add_chunks(const char *at, const char *end, struct buffer *out)
{
    while (at < end) {
        char *digits_end;
        unsigned long bytes = strtoul(at, &digits_end, 16);
        const char *line_end = strstr(digits_end, "\r\n");

        if (bytes == 0 || !line_end || bytes > (size_t)(end - line_end - 2))
            return;
        buffer_add(out, (struct slice){line_end + 2, bytes});
        at = line_end + 2 + bytes + 2;
    }
}

/* "HTTP/1.1 200 OK": the number. */
static bool read_status(const char *line, int *status)
{
    static const char start[] = "HTTP/1.";
    const char *number = strchr(line, ' ');
    char *end;

    if (strncmp(line, start, sizeof(start) - 1) != 0 || !number)
        return false;
    long value = strtol(number + 1, &end, 10);
    *status = (int)value;
    return end == number + 4 && value >= 100;
}

static bool read_reply(const struct buffer *text, struct http_reply *reply, struct error *err)
{
    const char *body = strstr(text->ptr, "\r\n\r\n");

    if (!body || !read_status(text->ptr, &reply->status))
        return error_fail(err, ERROR_RETRY, "the answer is not HTTP");
    struct slice head = {text->ptr, (size_t)(body - text->ptr) + 2};
    body += 4;
    const char *end = text->ptr + text->len;
    if (memmem(head.ptr, head.len, "chunked\r\n", 9))
        add_chunks(body, end, &reply->body);
    else
        buffer_add(&reply->body, (struct slice){body, (size_t)(end - body)});
    return true;
}

bool http_client_ask(const struct http_request *request, struct http_reply *reply,
                     struct error *err)
{
    struct wire wire = {.fd = -1, .until_ms = clock_steady_ms() + request->timeout_ms};
    struct buffer text;

    *reply = (struct http_reply){.status = 0};
    buffer_init(&reply->body);
    if (!connect_any(&wire, request, err))
        return false;
    buffer_init(&text);
    write_request(request, &text);
    bool ok = send_all(&wire, buffer_slice(&text));
    buffer_clear(&text);
    ok = ok && receive_all(&wire, &text);
    if (!ok)
        error_fail(err, ERROR_RETRY, "%s:%d: %s", request->host, request->port, strerror(errno));
    ok = ok && read_reply(&text, reply, err);
    close(wire.fd);
    buffer_release(&text);
    return ok;
}
