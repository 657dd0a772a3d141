#include "consumers/kafka/client.h"
#include "tests/unit/check_main.h"

static const struct {
    enum client_role role;
    const char *name, *value;
} defaults[] = {
    {CLIENT_CONSUMER, "client.id", "unstale"},
    {CLIENT_CONSUMER, "socket.keepalive.enable", "true"},
    {CLIENT_CONSUMER, "enable.metrics.push", "false"},
    {CLIENT_PRODUCER, "enable.metrics.push", "false"},
    {CLIENT_ADMIN, "enable.metrics.push", "false"},
};

static void assert_value(rd_kafka_conf_t *conf, const char *name, const char *expected)
{
    char value[64];
    size_t size = sizeof(value);

    ck_assert_int_eq(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
    ck_assert_str_eq(value, expected);
}

START_TEST(test_default)
{
    struct error err = ERROR_INIT;
    rd_kafka_conf_t *conf = client_conf(defaults[_i].role, NULL, NULL, 0, &err);

    ck_assert_msg(conf != NULL, "%s", err.text);
    assert_value(conf, defaults[_i].name, defaults[_i].value);
    rd_kafka_conf_destroy(conf);
}
END_TEST

START_TEST(test_an_option_wins)
{
    char push[] = "enable.metrics.push", yes[] = "true", id[] = "client.id", mine[] = "mine";
    const struct kafka_option options[] = {{push, yes}, {id, mine}};
    struct error err = ERROR_INIT;
    rd_kafka_conf_t *conf = client_conf(CLIENT_CONSUMER, NULL, options, 2, &err);

    ck_assert_msg(conf != NULL, "%s", err.text);
    assert_value(conf, "enable.metrics.push", "true");
    assert_value(conf, "client.id", "mine");
    rd_kafka_conf_destroy(conf);
}
END_TEST

static Suite *client_suite(void)
{
    Suite *suite = suite_create("client");
    TCase *tcase = tcase_create("configuration");

    tcase_add_loop_test(tcase, test_default, 0, sizeof(defaults) / sizeof(defaults[0]));
    tcase_add_test(tcase, test_an_option_wins);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(client_suite)
