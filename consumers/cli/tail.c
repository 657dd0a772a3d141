#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "consumers/cli/format_arg.h"
#include "consumers/cli/http_client.h"
#include "consumers/cli/settings_args.h"
#include "consumers/cli/tail_print.h"
#include "consumers/service/embedded_note.h"

enum {
    WAIT_S = 10,
    ASK_TIMEOUT_MS = WAIT_S * 1000 + 10000,
    AGAIN_MS = 500,
    STATUS_OK = 200,
    STATUS_BUSY = 503,
    CURSOR_BYTES = 128
};

enum extra { EXTRA_MODEL, EXTRA_RULE, EXTRA_KEY, EXTRA_FORMAT, EXTRA_EMBEDDED };

static const struct settings_arg_extra extras[] = {
    [EXTRA_MODEL] = {"--model", true},
    [EXTRA_RULE] = {"--rule", true},
    [EXTRA_KEY] = {"--key", true},
    [EXTRA_FORMAT] = {"--format", true},
    [EXTRA_EMBEDDED] = {"--embedded", false},
    {NULL, false},
};

struct follower {
    struct http_request request;
    struct buffer filter; /* "&model=..." */
    char cursor[CURSOR_BYTES];
    bool as_json, coloured;
    bool is_away; /* and it was said */
    struct buffer out;
};

/* ---- what is asked ---- */

/* RFC 3986: what is not unreserved is escaped. */
static void add_escaped(struct buffer *out, const char *text)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789-._~";

    for (; *text; text++) {
        if (strchr(unreserved, *text))
            buffer_add_char(out, *text);
        else
            buffer_printf(out, "%%%02X", (unsigned char)*text);
    }
}

static void add_filter(struct follower *follower, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_printf(&follower->filter, "&%s=", name);
    add_escaped(&follower->filter, value);
}

static bool ask(struct follower *follower, struct http_reply *reply, struct error *err)
{
    struct buffer path;

    buffer_init(&path);
    buffer_printf(&path, "/api/tail?wait=%d", WAIT_S);
    if (follower->cursor[0])
        buffer_printf(&path, "&cursor=%s", follower->cursor);
    buffer_add(&path, buffer_slice(&follower->filter));
    follower->request.path = path.ptr;
    bool ok = http_client_ask(&follower->request, reply, err);
    buffer_release(&path);
    return ok;
}

/* ---- what is told ---- */

static void add_missed(struct follower *follower, json_int_t nr, const char *why)
{
    if (nr <= 0)
        return;
    if (follower->as_json)
        buffer_printf(&follower->out, "{\"not_shown\":%" JSON_INTEGER_FORMAT ",\"why\":\"%s\"}\n",
                      nr, why);
    else
        buffer_printf(&follower->out, "... %" JSON_INTEGER_FORMAT " event%s not shown: %s\n", nr,
                      nr == 1 ? "" : "s", why);
}

static void add_break(struct follower *follower)
{
    if (follower->as_json)
        buffer_add_text(&follower->out, "{\"not_shown\":null,\"why\":\"began anew\"}\n");
    else
        buffer_add_text(&follower->out, "... began anew: what happened in between is not shown\n");
}

static void add_event(struct follower *follower, const json_t *event)
{
    if (!follower->as_json) {
        tail_print_event(event, follower->coloured, &follower->out);
        return;
    }
    char *text = json_dumps(event, JSON_COMPACT);
    if (text)
        buffer_printf(&follower->out, "%s\n", text);
    free(text);
}

static json_int_t number_of(const json_t *page, const char *name)
{
    return json_integer_value(json_object_get(page, name));
}

/* False when it is no page of a tail. */
static bool take_page(struct follower *follower, const json_t *page)
{
    const char *cursor = json_string_value(json_object_get(page, "cursor"));
    const json_t *event, *events = json_object_get(page, "events");
    size_t index;

    if (!cursor || strlen(cursor) >= CURSOR_BYTES || !json_is_array(events) ||
        strspn(cursor, "0123456789abcdef-") != strlen(cursor))
        return false;
    if (json_is_true(json_object_get(page, "broken")))
        add_break(follower);
    snprintf(follower->cursor, sizeof(follower->cursor), "%s", cursor);
    add_missed(follower, number_of(page, "missed"), "they were overwritten before they were read");
    add_missed(follower, number_of(page, "unseen"), "too many at once to look at");
    json_array_foreach(events, index, event) add_event(follower, event);
    return true;
}

/* Ctrl-C ends the program at once, but not in the middle of a line. */
static void flush(struct follower *follower)
{
    sigset_t set, before;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &before);
    fwrite(follower->out.ptr, 1, follower->out.len, stdout);
    fflush(stdout);
    buffer_clear(&follower->out);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static int refused(const struct http_reply *reply)
{
    json_t *root = json_loadb(reply->body.ptr, reply->body.len, 0, NULL);
    const char *error = json_string_value(json_object_get(root, "error"));
    struct buffer out;

    buffer_init(&out);
    buffer_printf(&out, "unstale tail: %d: ", reply->status);
    buffer_add_printable(&out, slice_of(error ? error : "not what a service of unstale answers"));
    fprintf(stderr, "%s\n", out.ptr);
    buffer_release(&out);
    json_decref(root);
    return EXIT_FINDINGS;
}

/* ---- the loop ---- */

static void say_away(struct follower *follower, const char *why)
{
    if (!follower->is_away)
        fprintf(stderr, "unstale tail: %s; trying again\n", why);
    follower->is_away = true;
    struct timespec rest = {.tv_nsec = AGAIN_MS * 1000000L};
    nanosleep(&rest, NULL);
}

static int take_reply(struct follower *follower, const struct http_reply *reply)
{
    json_t *page = NULL;

    if (reply->status == STATUS_OK)
        page = json_loadb(reply->body.ptr, reply->body.len, JSON_ALLOW_NUL, NULL);
    bool has_begun = follower->cursor[0] != '\0';
    bool is_page = page && take_page(follower, page);
    json_decref(page);
    if (!is_page)
        return refused(reply);
    if (follower->is_away)
        fputs("unstale tail: the service is back\n", stderr);
    else if (!has_begun)
        fprintf(stderr, "unstale tail: following %s:%d\n", follower->request.host,
                follower->request.port);
    follower->is_away = false;
    flush(follower);
    return EXIT_OK;
}

/* Goes on for ever unless the service is not there at first, or refuses. */
static int follow(struct follower *follower)
{
    for (;;) {
        struct error err = ERROR_INIT;
        struct http_reply reply;
        int code = EXIT_OK;
        bool has_begun = follower->cursor[0] != '\0';

        bool ok = ask(follower, &reply, &err);
        if (!ok && !has_begun) {
            fprintf(stderr, "unstale tail: %s (is `unstale run` running?)\n", err.text);
            code = EXIT_UNREACHABLE;
        } else if (!ok || (reply.status == STATUS_BUSY && has_begun)) {
            say_away(follower, ok ? "the service is busy" : err.text);
        } else {
            code = take_reply(follower, &reply);
        }
        buffer_release(&reply.body);
        if (code != EXIT_OK)
            return code;
    }
}

static void on_signal(int number)
{
    (void)number;
    _exit(EXIT_OK);
}

/* The running embedded service is found by its note: address and token. */
static bool find_service(const struct settings_args *args, const struct settings *settings,
                         struct embedded_note *note, struct follower *follower, char **host)
{
    struct error err = ERROR_INIT;
    const char *url = args->plain_nr ? args->plain[0] : NULL;

    follower->request.token = settings->http_token;
    if (args->extra_given[EXTRA_EMBEDDED]) {
        url = note->http;
        follower->request.token = note->token;
    }
    if (http_client_address(settings, url, host, &follower->request.port, &err))
        return true;
    cli_usage_error(&verb_tail, "%s", err.text);
    return false;
}

static int tail_service(const struct settings_args *args, struct embedded_note *note, bool as_json)
{
    struct settings *settings = settings_args_load(args);
    struct follower follower = {.request = {.method = "GET", .timeout_ms = ASK_TIMEOUT_MS},
                                .as_json = as_json,
                                .coloured = cli_is_coloured(STDOUT_FILENO)};
    char *host = NULL;
    int code = EXIT_USAGE;

    if (!settings)
        return EXIT_USAGE;
    buffer_init(&follower.filter);
    buffer_init(&follower.out);
    add_filter(&follower, "model", args->extra_value[EXTRA_MODEL]);
    add_filter(&follower, "rule", args->extra_value[EXTRA_RULE]);
    add_filter(&follower, "key", args->extra_value[EXTRA_KEY]);
    if (find_service(args, settings, note, &follower, &host)) {
        follower.request.host = host;
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        code = follow(&follower);
    }
    free(host);
    buffer_release(&follower.out);
    buffer_release(&follower.filter);
    settings_free(settings);
    return code;
}

static int check_and_tail(const struct settings_args *args)
{
    struct embedded_note note = {.http = ""};
    struct error err = ERROR_INIT;
    bool as_json;

    if (!format_arg(&verb_tail, args->extra_value[EXTRA_FORMAT], &as_json))
        return EXIT_USAGE;
    if (args->plain_nr > 1)
        return cli_usage_error(&verb_tail, "one URL at most");
    if (args->extra_given[EXTRA_EMBEDDED] && args->plain_nr > 0)
        return cli_usage_error(&verb_tail, "a URL or --embedded, not both");
    if (args->extra_given[EXTRA_EMBEDDED] &&
        (!embedded_note_read(&note, &err) || note.http[0] == '\0')) {
        fprintf(stderr, "unstale tail: %s\n",
                err.text[0] ? err.text : "the embedded service does not listen yet");
        return EXIT_UNREACHABLE;
    }
    return tail_service(args, &note, as_json);
}

static int tail_main(int argc, char **argv)
{
    struct settings_args args;

    if (!settings_args_parse(&args, &verb_tail, extras, argc, argv))
        return EXIT_USAGE;
    int code = check_and_tail(&args);
    settings_args_release(&args);
    return code;
}

const struct cli_verb verb_tail = {
    .name = "tail",
    .summary = "watch what a running service does, event by event",
    .usage =
        "usage: unstale tail [options] [URL]\n\n"
        "Follows the service of these settings, or of URL (http://host:port), with http.token\n"
        "(UNSTALE_HTTP_TOKEN, UNSTALE_HTTP_TOKEN_FILE or the settings file), from now on: a line\n"
        "for each event with its model, pk and changed fields, the rules that matched, and each\n"
        "operation with what came of it. Ctrl-C ends it; it outlives a restart of the service.\n\n"
        "  --model NAME        events of this model alone\n"
        "  --rule NAME         events that this rule matched, live or shadow\n"
        "  --key GLOB          events that lead to an operation on such a key\n"
        "  --embedded          the running `run --embedded` of this user\n"
        "  --format FORMAT     text (default) or json, one object a line\n" SETTINGS_ARGS_USAGE
        "\nexit codes: 0 ended by Ctrl-C, 1 the service refuses, 2 usage, 4 no service answers "
        "there\n",
    .run = tail_main,
};
