#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "consumers/cli/http_client.h"
#include "consumers/cli/settings_args.h"

/* A load reads every rule file and tells all pipelines: seconds at most. */
enum { RELOAD_TIMEOUT_MS = 30000, STATUS_OK = 200, STATUS_FORBIDDEN = 403 };

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static void print_diagnostic(const json_t *item, struct buffer *out)
{
    const char *suggestion = text_of(item, "suggestion");

    buffer_add_printable(out, slice_of(text_of(item, "file")));
    buffer_printf(out, ":%d:%d: ", (int)json_integer_value(json_object_get(item, "line")),
                  (int)json_integer_value(json_object_get(item, "column")));
    buffer_printf(out, "%s[%s]: ", text_of(item, "severity"), text_of(item, "code"));
    buffer_add_printable(out, slice_of(text_of(item, "message")));
    if (*suggestion) {
        buffer_add_text(out, ", did you mean \"");
        buffer_add_printable(out, slice_of(suggestion));
        buffer_add_char(out, '"');
    }
    buffer_add_char(out, '\n');
}

static void print_refusal(const struct http_reply *reply)
{
    json_t *root = json_loadb(reply->body.ptr, reply->body.len, 0, NULL);
    const json_t *item, *diagnostics = json_object_get(root, "diagnostics");
    struct buffer out;
    size_t index;

    buffer_init(&out);
    json_array_foreach(diagnostics, index, item) print_diagnostic(item, &out);
    if (json_is_array(diagnostics))
        buffer_add_text(&out, "unstale reload: refused; the old rules stay in force\n");
    else
        buffer_printf(&out, "unstale reload: %d: %s\n", reply->status, text_of(root, "error"));
    if (reply->status == STATUS_FORBIDDEN)
        buffer_add_text(&out, "(give this command the service's http.token, or send SIGHUP)\n");
    fputs(out.ptr, stderr);
    buffer_release(&out);
    json_decref(root);
}

static int ask(const struct http_request *request)
{
    struct error err = ERROR_INIT;
    struct http_reply reply;
    int code = EXIT_FINDINGS;

    if (!http_client_ask(request, &reply, &err)) {
        fprintf(stderr, "unstale reload: %s (is `unstale run` running?)\n", err.text);
        code = EXIT_UNREACHABLE;
    } else if (reply.status == STATUS_OK) {
        puts("rules reloaded");
        code = EXIT_OK;
    } else {
        print_refusal(&reply);
    }
    buffer_release(&reply.body);
    return code;
}

static int reload_service(const struct settings_args *args)
{
    struct error err = ERROR_INIT;
    struct settings *settings = settings_args_load(args);
    struct http_request request = {
        .method = "POST", .path = "/-/reload", .timeout_ms = RELOAD_TIMEOUT_MS};
    char *host = NULL;
    int code = EXIT_USAGE;

    if (!settings)
        return EXIT_USAGE;
    if (http_client_address(settings, args->plain_nr ? args->plain[0] : NULL, &host, &request.port,
                            &err)) {
        request.host = host;
        request.token = settings->http_token;
        code = ask(&request);
    } else {
        cli_usage_error(&verb_reload, "%s", err.text);
    }
    free(host);
    settings_free(settings);
    return code;
}

static int reload_main(int argc, char **argv)
{
    struct settings_args args;
    int code;

    if (!settings_args_parse(&args, &verb_reload, NULL, argc, argv))
        return EXIT_USAGE;
    if (args.plain_nr > 1)
        code = cli_usage_error(&verb_reload, "one URL at most");
    else
        code = reload_service(&args);
    settings_args_release(&args);
    return code;
}

const struct cli_verb verb_reload = {
    .name = "reload",
    .summary = "have a running service read its rules again",
    .usage =
        "usage: unstale reload [options] [URL]\n\n"
        "POST /-/reload to the service of these settings, or to URL (http://host:port), with\n"
        "http.token (UNSTALE_HTTP_TOKEN, UNSTALE_HTTP_TOKEN_FILE or the settings file). Rules\n"
        "with an error are refused with every diagnostic, and the old ones stay in "
        "force.\n\n" SETTINGS_ARGS_USAGE
        "\nexit codes: 0 reloaded, 1 refused, 2 usage, 4 no service answers there\n",
    .run = reload_main,
};
