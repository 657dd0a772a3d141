#include <stdio.h>
#include <stdlib.h>

#include "consumers/cli/http_client.h"
#include "consumers/cli/settings_args.h"

enum { HEALTH_TIMEOUT_MS = 2500, STATUS_OK = 200 };

static int ask(const char *host, int port)
{
    struct error err = ERROR_INIT;
    struct http_request request = {.method = "GET",
                                   .path = "/healthz",
                                   .host = host,
                                   .port = port,
                                   .timeout_ms = HEALTH_TIMEOUT_MS};
    struct http_reply reply;
    int code = EXIT_FINDINGS;

    if (!http_client_ask(&request, &reply, &err))
        fprintf(stderr, "unstale healthcheck: %s\n", err.text);
    else if (reply.status != STATUS_OK)
        fprintf(stderr, "unstale healthcheck: %d: %s", reply.status, reply.body.ptr);
    else
        code = EXIT_OK;
    buffer_release(&reply.body);
    return code;
}

static int check_service(const struct settings_args *args)
{
    struct error err = ERROR_INIT;
    struct settings *settings = settings_args_load(args);
    char *host = NULL;
    int port, code = EXIT_USAGE;

    if (!settings)
        return EXIT_USAGE;
    if (http_client_address(settings, args->plain_nr ? args->plain[0] : NULL, &host, &port, &err))
        code = ask(host, port);
    else
        cli_usage_error(&verb_healthcheck, "%s", err.text);
    free(host);
    settings_free(settings);
    return code;
}

static int healthcheck_main(int argc, char **argv)
{
    struct settings_args args;
    int code;

    if (!settings_args_parse(&args, &verb_healthcheck, NULL, argc, argv))
        return EXIT_USAGE;
    if (args.plain_nr > 1)
        code = cli_usage_error(&verb_healthcheck, "one URL at most");
    else
        code = check_service(&args);
    settings_args_release(&args);
    return code;
}

const struct cli_verb verb_healthcheck = {
    .name = "healthcheck",
    .summary = "ask a running service whether it is alive",
    .usage =
        "usage: unstale healthcheck [options] [URL]\n\n"
        "GET /healthz of the service of these settings, or of URL (http://host:port). Prints\n"
        "nothing when it is alive; meant for a container's health check.\n\n" SETTINGS_ARGS_USAGE
        "\nexit codes: 0 alive, 1 not alive or not there, 2 usage\n",
    .run = healthcheck_main,
};
