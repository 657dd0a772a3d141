#include "consumers/redis/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/alloc.h"
#include "consumers/base/buffer.h"
#include "consumers/base/decimal.h"

enum { DEFAULT_PORT = 6379, MAX_PORT = 65535, MAX_DATABASE = 1 << 20 };

static struct slice skip(struct slice text, size_t bytes)
{
    return (struct slice){text.ptr + bytes, text.len - bytes};
}

static struct slice first(struct slice text, size_t bytes)
{
    return (struct slice){text.ptr, bytes};
}

/* The place of the last c, or text.len. */
static size_t find_last(struct slice text, char c)
{
    const char *at = text.len > 0 ? memrchr(text.ptr, c, text.len) : NULL;

    return at != NULL ? (size_t)(at - text.ptr) : text.len;
}

static size_t find(struct slice text, char c)
{
    const char *at = text.len > 0 ? memchr(text.ptr, c, text.len) : NULL;

    return at != NULL ? (size_t)(at - text.ptr) : text.len;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static char *decoded(struct slice text, const char *part, struct error *err)
{
    char *out = alloc_bytes(text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        int high = i + 2 < text.len && text.ptr[i] == '%' ? hex_value(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text.ptr[i + 2]) : -1;

        if (text.ptr[i] == '%' && (low < 0 || (high == 0 && low == 0))) {
            free(out);
            (void)error_fail(err, ERROR_CONFIG,
                             "%s of the URL: %% must be followed by two hex digits", part);
            return NULL;
        }
        out[len++] = low >= 0 ? (char)(high * 16 + low) : text.ptr[i];
        i += low >= 0 ? 2 : 0;
    }
    out[len] = '\0';
    return out;
}

static bool parse_number(struct slice text, int64_t max, const char *part, int *number,
                         struct error *err)
{
    int64_t value;

    if (!decimal_to_int64(text, &value) || value < 0 || value > max)
        return error_fail(err, ERROR_CONFIG,
                          "%s of the URL: \"%.*s\" is not a number from 0 to %lld", part,
                          SLICE_ARG(text), (long long)max);
    *number = (int)value;
    return true;
}

static bool parse_login(struct redis_target *target, struct slice login, struct error *err)
{
    size_t colon = find(login, ':');

    if (colon > 0) {
        target->user = decoded(first(login, colon), "user", err);
        if (target->user == NULL)
            return false;
    }
    if (colon < login.len) {
        target->password = decoded(skip(login, colon + 1), "password", err);
        return target->password != NULL;
    }
    return error_fail(err, ERROR_CONFIG, "the URL names a user but no password");
}

bool redis_address_parse(struct redis_address *address, struct slice text, int default_port,
                         struct error *err)
{
    bool is_bracketed = text.len > 0 && text.ptr[0] == '[';
    size_t close = is_bracketed ? find(text, ']') : 0;
    struct slice host, rest;

    if (is_bracketed && close == text.len)
        return error_fail(err, ERROR_CONFIG, "host of the URL: ] is missing");
    host = is_bracketed ? (struct slice){text.ptr + 1, close - 1} : first(text, find(text, ':'));
    rest = is_bracketed ? skip(text, close + 1) : skip(text, host.len);
    if (host.len == 0)
        return error_fail(err, ERROR_CONFIG, "the URL names no host");
    if (host.len >= sizeof(address->host))
        return error_fail(err, ERROR_CONFIG, "host of the URL: the name is too long");
    (void)snprintf(address->host, sizeof(address->host), "%.*s", SLICE_ARG(host));
    address->port = default_port;
    if (rest.len == 0)
        return true;
    if (rest.ptr[0] != ':')
        return error_fail(err, ERROR_CONFIG, "host of the URL: unexpected text after ]");
    return parse_number(skip(rest, 1), MAX_PORT, "port", &address->port, err);
}

static bool parse_address(struct redis_target *target, struct slice text, struct error *err)
{
    struct redis_address address = {.port = 0};

    if (!redis_address_parse(&address, text, DEFAULT_PORT, err))
        return false;
    target->host = alloc_text(address.host);
    target->port = address.port;
    return true;
}

static bool parse_network(struct redis_target *target, struct slice rest, struct error *err)
{
    size_t slash = find(rest, '/');
    struct slice authority = first(rest, slash);
    struct slice database = slash < rest.len ? skip(rest, slash + 1) : SLICE("");
    size_t at = find_last(authority, '@');

    if (find(database, '?') < database.len || find(authority, '?') < authority.len)
        return error_fail(err, ERROR_CONFIG, "the URL: parameters after ? are for unix:// only");
    if (at < authority.len) {
        if (!parse_login(target, first(authority, at), err))
            return false;
        authority = skip(authority, at + 1);
    }
    if (!parse_address(target, authority, err))
        return false;
    if (database.len == 0)
        return true;
    return parse_number(database, MAX_DATABASE, "database", &target->database, err);
}

static bool parse_socket(struct redis_target *target, struct slice rest, struct error *err)
{
    size_t mark = find(rest, '?');
    struct slice path = first(rest, mark);
    struct slice query = mark < rest.len ? skip(rest, mark + 1) : SLICE("");
    size_t at = find(path, '/');

    if (at > 0 && at < path.len && path.ptr[at - 1] == '@') {
        if (!parse_login(target, first(path, at - 1), err))
            return false;
        path = skip(path, at);
    }
    if (path.len == 0 || path.ptr[0] != '/')
        return error_fail(err, ERROR_CONFIG, "path of the URL: it must be absolute, unix:///path");
    target->path = decoded(path, "path", err);
    if (target->path == NULL)
        return false;
    if (query.len == 0)
        return true;
    if (!slice_starts_with(query, SLICE("db=")))
        return error_fail(err, ERROR_CONFIG, "the URL: only db=N may stand after ?");
    return parse_number(skip(query, 3), MAX_DATABASE, "database", &target->database, err);
}

static bool parse_url(struct redis_target *target, struct slice url, struct error *err)
{
    struct slice tcp = SLICE("redis://"), tls = SLICE("rediss://"), local = SLICE("unix://");

    if (slice_starts_with(url, tcp))
        return parse_network(target, skip(url, tcp.len), err);
    target->tls = slice_starts_with(url, tls);
    if (target->tls)
        return parse_network(target, skip(url, tls.len), err);
    if (slice_starts_with(url, local))
        return parse_socket(target, skip(url, local.len), err);
    return error_fail(err, ERROR_CONFIG, "the URL must begin with redis://, rediss:// or unix://");
}

bool redis_target_parse(struct redis_target *target, struct slice name, struct slice url,
                        struct error *err)
{
    target->name = alloc_text_n(name.ptr, name.len);
    if (url.len > 0 && memchr(url.ptr, '\0', url.len) != NULL)
        return error_fail(err, ERROR_CONFIG, "the URL holds a NUL");
    return parse_url(target, url, err);
}

void redis_target_release(struct redis_target *target)
{
    free(target->name);
    free(target->host);
    free(target->path);
    free(target->user);
    free(target->password);
    free(target->tls_ca);
    free(target->tls_cert);
    free(target->tls_key);
    free(target->tls_server_name);
    free(target->master);
    free(target->sentinel_user);
    free(target->sentinel_password);
    free(target->sentinels);
    if (target->login != NULL)
        (void)pthread_mutex_destroy(target->login);
    free(target->login);
    *target = (struct redis_target){.name = NULL};
}

static char *copy_of(const char *text)
{
    return text != NULL ? alloc_text(text) : NULL;
}

void redis_target_copy(struct redis_target *target, const struct redis_target *from)
{
    *target = *from;
    target->name = copy_of(from->name);
    target->host = copy_of(from->host);
    target->path = copy_of(from->path);
    target->user = copy_of(from->user);
    target->password = copy_of(from->password);
    target->tls_ca = copy_of(from->tls_ca);
    target->tls_cert = copy_of(from->tls_cert);
    target->tls_key = copy_of(from->tls_key);
    target->tls_server_name = copy_of(from->tls_server_name);
    target->master = copy_of(from->master);
    target->sentinel_user = copy_of(from->sentinel_user);
    target->sentinel_password = copy_of(from->sentinel_password);
    target->sentinels = alloc_zero(from->sentinels_nr + 1, sizeof(*target->sentinels));
    for (size_t i = 0; i < from->sentinels_nr; i++)
        target->sentinels[i] = from->sentinels[i];
    target->login = alloc_zero(1, sizeof(*target->login));
    if (pthread_mutex_init(target->login, NULL) != 0)
        abort();
}

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void swap(char **a, char **b)
{
    char *other = *a;

    *a = *b;
    *b = other;
}

static bool take_over(char **mine, char **other)
{
    bool differs = !is_same(*mine, *other);

    if (differs)
        swap(mine, other);
    return differs;
}

bool redis_target_rotate(struct redis_target *target, struct redis_target *fresh)
{
    bool differs;

    (void)pthread_mutex_lock(target->login);
    differs = take_over(&target->user, &fresh->user);
    differs |= take_over(&target->password, &fresh->password);
    differs |= take_over(&target->sentinel_user, &fresh->sentinel_user);
    differs |= take_over(&target->sentinel_password, &fresh->sentinel_password);
    (void)pthread_mutex_unlock(target->login);
    return differs;
}

void redis_target_print(const struct redis_target *target, struct buffer *out)
{
    if (target->master != NULL) {
        buffer_printf(out, "sentinel %s (%zu)/%d", target->master, target->sentinels_nr,
                      target->database);
        return;
    }
    if (target->host == NULL) {
        buffer_printf(out, "unix://%s", target->path);
        if (target->database != 0)
            buffer_printf(out, "?db=%d", target->database);
        return;
    }
    buffer_printf(out, strchr(target->host, ':') != NULL ? "%s[%s]:%d/%d" : "%s%s:%d/%d",
                  target->tls ? "rediss://" : "redis://", target->host, target->port,
                  target->database);
}
