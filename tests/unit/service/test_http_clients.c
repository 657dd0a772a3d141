/* Who takes too long is shut down, once; who waits for us is not. */
#include "tests/unit/check_main.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "consumers/base/clock.h"
#include "consumers/service/http_clients.h"

static struct http_clients *clients;
static int pair[2];

static struct http_client *add(int descriptor, const char *from)
{
    struct sockaddr_in address = {.sin_family = AF_INET};

    ck_assert_int_eq(inet_pton(AF_INET, from, &address.sin_addr), 1);
    return http_clients_add(clients, descriptor, (const struct sockaddr *)&address);
}

static void setup(void)
{
    clients = http_clients_new();
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
}

static void teardown(void)
{
    (void)close(pair[0]);
    (void)close(pair[1]);
    http_clients_free(clients);
}

static bool is_shut(void)
{
    char byte;

    return recv(pair[1], &byte, 1, MSG_DONTWAIT) == 0;
}

START_TEST(the_late_one_is_shut_down)
{
    int64_t now_ms = clock_steady_ms();

    ck_assert_ptr_nonnull(add(pair[0], "10.0.0.1"));
    ck_assert_uint_eq(http_clients_cut(clients, now_ms + HTTP_CLIENT_MS - 1), 0);
    ck_assert(!is_shut());
    ck_assert_uint_eq(http_clients_cut(clients, clock_steady_ms() + HTTP_CLIENT_MS), 1);
    ck_assert(is_shut());
    ck_assert_uint_eq(http_clients_cut(clients, clock_steady_ms() + 2 * HTTP_CLIENT_MS), 0);
}
END_TEST

START_TEST(who_waits_for_us_is_not_late)
{
    struct http_client *client = add(pair[0], "10.0.0.1");

    http_client_is_served(client);
    ck_assert_uint_eq(http_clients_cut(clients, clock_steady_ms() + 10 * HTTP_CLIENT_MS), 0);
    ck_assert(!is_shut());
    http_client_goes_on(client);
    ck_assert_uint_eq(http_clients_cut(clients, clock_steady_ms()), 0);
    ck_assert_uint_eq(http_clients_cut(clients, clock_steady_ms() + HTTP_CLIENT_MS), 1);
    ck_assert(is_shut());
}
END_TEST

START_TEST(who_has_gone_is_left_alone)
{
    http_client_remove(add(pair[0], "10.0.0.1"));
    ck_assert_uint_eq(http_clients_cut(clients, clock_steady_ms() + HTTP_CLIENT_MS), 0);
    ck_assert(!is_shut());
}
END_TEST

/* What is shut down is not closed yet, so it still takes its place. */
START_TEST(there_is_room_for_so_many)
{
    int others[2];
    struct http_client *first;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, others), 0);
    first = add(others[0], "10.0.0.1");
    for (int i = 1; i < HTTP_CLIENTS_MAX; i++)
        ck_assert_ptr_nonnull(add(others[0], i % 2 ? "10.0.0.2" : "10.0.0.3"));
    ck_assert_ptr_null(add(others[0], "10.0.0.4"));
    http_client_remove(first);
    ck_assert_ptr_eq(add(others[0], "10.0.0.4"), first);
    http_client_remove(NULL);
    http_client_goes_on(NULL);
    (void)close(others[0]);
    (void)close(others[1]);
}
END_TEST

START_TEST(the_newest_of_an_address_wins)
{
    int others[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, others), 0);
    (void)add(pair[0], "10.0.0.1");
    (void)add(others[0], "10.0.0.2");
    for (int i = 1; i < HTTP_CLIENTS_ALIKE; i++)
        http_client_is_served(add(others[0], "10.0.0.1"));
    ck_assert(!is_shut());
    ck_assert_ptr_nonnull(add(others[0], "10.0.0.1"));
    ck_assert(is_shut());
    (void)close(others[0]);
    (void)close(others[1]);
}
END_TEST

START_TEST(the_newest_of_all_wins)
{
    int others[2];
    char from[32];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, others), 0);
    (void)add(pair[0], "10.0.0.1");
    for (int i = 1; i < HTTP_CLIENTS_OPEN; i++) {
        (void)snprintf(from, sizeof(from), "10.0.1.%d", i);
        http_client_is_served(add(others[0], from));
    }
    ck_assert(!is_shut());
    ck_assert_ptr_nonnull(add(others[0], "10.0.0.2"));
    ck_assert(is_shut());
    (void)close(others[0]);
    (void)close(others[1]);
}
END_TEST

static Suite *http_clients_suite(void)
{
    Suite *suite = suite_create("http_clients");
    TCase *tcase = tcase_create("clients");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_late_one_is_shut_down);
    tcase_add_test(tcase, who_waits_for_us_is_not_late);
    tcase_add_test(tcase, who_has_gone_is_left_alone);
    tcase_add_test(tcase, there_is_room_for_so_many);
    tcase_add_test(tcase, the_newest_of_an_address_wins);
    tcase_add_test(tcase, the_newest_of_all_wins);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(http_clients_suite)
