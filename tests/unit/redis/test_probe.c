#include "tests/unit/check_main.h"

#include <hiredis/hiredis.h>

#include "consumers/redis/info.h"
#include "consumers/redis/probe.h"
#include "tests/unit/redis/server.h"

static struct server_process server;
static struct probe *probe;
static struct arena arena;

static void setup(void)
{
    struct error err = ERROR_INIT;

    server_start(&server, NULL);
    arena_init(&arena, 4096);
    probe = probe_open(&server.target, 5000, &err);
    ck_assert_msg(probe != NULL, "%s", err.text);
}

static void teardown(void)
{
    probe_close(probe);
    arena_release(&arena);
    server_stop(&server);
}

START_TEST(it_knows_the_server)
{
    struct probe_info info;

    server_fill(&server, "k", 12);
    ck_assert(probe_info(probe, &info, &arena, NULL));
    ck_assert_uint_gt(info.version.len, 4);
    ck_assert(!info.is_cluster);
    ck_assert_uint_eq(info.run_id.len, 40);
    ck_assert(slice_equals(info.role, SLICE("master")));
    ck_assert(slice_equals(info.eviction_policy, SLICE("noeviction")));
    ck_assert_uint_eq(info.keys, 12);
    ck_assert_uint_gt(info.used_memory_bytes, 100000);
}
END_TEST

static const struct {
    const char *info;
    bool is_cluster;
} modes[] = {
    {"redis_version:7.0.15\r\nredis_mode:cluster\r\n", true},
    {"redis_version:7.0.15\r\nredis_mode:standalone\r\n", false},
    {"redis_version:7.2.4\r\nvalkey_version:8.0.1\r\nserver_mode:cluster\r\n", true},
    {"valkey_version:8.0.1\r\nserver_mode:standalone\r\n", false},
    {"redis_version:7.0.15\r\n", false},
};

START_TEST(both_names_of_the_mode_are_known)
{
    ck_assert_int_eq(info_is_cluster(slice_of(modes[_i].info)), modes[_i].is_cluster);
}
END_TEST

static size_t sample(size_t max)
{
    struct probe_keys keys;

    ck_assert(probe_sample_keys(probe, max, &arena, &keys, NULL));
    for (size_t i = 0; i < keys.nr; i++)
        ck_assert(slice_starts_with(keys.items[i], SLICE("k")));
    return keys.nr;
}

START_TEST(it_samples_keys)
{
    ck_assert_uint_eq(sample(10), 0);
    server_fill(&server, "k", 500);
    ck_assert_uint_eq(sample(10), 10);
    ck_assert_uint_eq(sample(1000), 500);
}
END_TEST

START_TEST(it_sees_a_key_without_touching_it)
{
    bool exists;

    server_fill(&server, "k", 1);
    ck_assert(probe_key_exists(probe, SLICE("k0"), &exists, NULL) && exists);
    ck_assert(probe_key_exists(probe, SLICE("k1"), &exists, NULL) && !exists);
    ck_assert_ptr_nonnull(strstr(server_text(&server, "INFO stats"), "keyspace_hits:0"));
}
END_TEST

START_TEST(a_refusal_is_a_config_error)
{
    struct error err = ERROR_INIT;
    bool exists;

    freeReplyObject(server_command(&server, "ACL SETUSER default -memory"));
    ck_assert(!probe_key_exists(probe, SLICE("k"), &exists, &err));
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
}
END_TEST

START_TEST(no_server_is_an_error)
{
    struct error err = ERROR_INIT;

    server_kill(&server);
    ck_assert_ptr_null(probe_open(&server.target, 500, &err));
    ck_assert_int_eq(err.kind, ERROR_RETRY);
    ck_assert_str_ne(err.text, "");
}
END_TEST

START_TEST(a_server_that_dies_is_an_error)
{
    struct error err = ERROR_INIT;
    bool exists;

    server_kill(&server);
    ck_assert(!probe_key_exists(probe, SLICE("k"), &exists, &err));
    ck_assert(!probe_key_exists(probe, SLICE("k"), &exists, &err));
}
END_TEST

static Suite *probe_suite(void)
{
    Suite *suite = suite_create("probe");
    TCase *tcase = tcase_create("questions");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, both_names_of_the_mode_are_known, 0,
                        (int)(sizeof(modes) / sizeof(modes[0])));
    tcase_add_test(tcase, it_knows_the_server);
    tcase_add_test(tcase, it_samples_keys);
    tcase_add_test(tcase, it_sees_a_key_without_touching_it);
    tcase_add_test(tcase, a_refusal_is_a_config_error);
    tcase_add_test(tcase, no_server_is_an_error);
    tcase_add_test(tcase, a_server_that_dies_is_an_error);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(probe_suite)
