#include "tests/unit/redis/on_server.h"

#include <hiredis/hiredis.h>

enum { CASE_SECONDS = 60 };

struct server_process server;
struct executor *executor;
struct executor_stats stats;
struct ops ops;

static void start_server(void)
{
    server_start(&server, NULL);
}

static void stop_server(void)
{
    server_stop(&server);
}

static void setup(void)
{
    freeReplyObject(server_command(&server, "FLUSHALL"));
    stats = (struct executor_stats){.up = 0};
    executor = executor_new(&server.target, 1, &stats);
    ops_clear(&ops);
}

static void teardown(void)
{
    executor_free(executor);
}

TCase *on_server_case(void)
{
    TCase *tcase = tcase_create("on a server");

    tcase_set_timeout(tcase, CASE_SECONDS);
    tcase_add_unchecked_fixture(tcase, start_server, stop_server);
    tcase_add_checked_fixture(tcase, setup, teardown);
    return tcase;
}
