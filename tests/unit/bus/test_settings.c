/* Which options make a producer, and which are refused with what words. */
#include <string.h>

#include "bus/settings.h"
#include "tests/unit/check_main.h"

#define NR(a) ((int)(sizeof(a) / sizeof((a)[0])))

static struct unstale_options options;
static struct unstale_error err;

static void set_up(void)
{
    unstale_options_init(&options);
    err = (struct unstale_error)UNSTALE_ERROR_INIT;
}

static void assert_refused(const char *why)
{
    ck_assert_ptr_null(unstale_producer_new(&options, &err));
    ck_assert_int_eq(err.kind, UNSTALE_REJECT);
    ck_assert_msg(strstr(err.text, why) != NULL, "%s", err.text);
}

static const struct {
    struct unstale_setting setting;
    const char *why;
} refusals[] = {
    {{"bootstrap.servers", "x:1"}, "setting bootstrap.servers is refused: the option brokers"},
    {{"metadata.broker.list", "x:1"}, "setting metadata.broker.list is refused"},
    {{"transactional.id", "t"}, "setting transactional.id is refused"},
    {{"enable.idempotence", "false"}, "setting enable.idempotence is refused"},
    {{"acks", "1"}, "setting acks is refused"},
    {{"request.required.acks", "0"}, "setting request.required.acks is refused"},
    {{"partitioner", "random"}, "setting partitioner is refused"},
    {{"delivery.report.only.error", "true"}, "setting delivery.report.only.error is refused"},
    {{"log.queue", "true"}, "setting log.queue is refused"},
    {{"max.in.flight", "10"}, "max.in.flight"},
    {{"retries", "0"}, "retries"},
    {{"queuing.strategy", "lifo"}, "queuing.strategy"},
    {{"linger.mz", "1"}, "setting linger.mz: No such configuration property"},
    {{"linger.ms", "soon"}, "setting linger.ms: "},
    {{NULL, "1"}, "setting 0 has no name or no value"},
    {{"linger.ms", NULL}, "setting 0 has no name or no value"},
};

START_TEST(setting_is_refused)
{
    options.settings = &refusals[_i].setting;
    options.settings_nr = 1;
    assert_refused(refusals[_i].why);
}
END_TEST

static const struct unstale_setting passes[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"acks", "-1"},
    {"partitioner", "murmur2_random"},
    {"linger.ms", "50"},
    {"client.id", "shop"},
    {"compression.type", "lz4"},
    {"message.timeout.ms", "0"},
};

START_TEST(setting_passes)
{
    struct unstale_producer *producer;

    options.settings = &passes[_i];
    options.settings_nr = 1;
    producer = unstale_producer_new(&options, &err);
    ck_assert_msg(producer != NULL, "%s", err.text);
    unstale_producer_free(producer);
}
END_TEST

static const struct {
    const char *name;
    const char *value;
} kept[] = {
    {"enable.idempotence", "true"},
    {"partitioner", "murmur2_random"},
    {"client.id", "libunstale"},
    {"enable.metrics.push", "false"},
    {"bootstrap.servers", "127.0.0.1:9092"},
};

START_TEST(promises_are_configured)
{
    rd_kafka_conf_t *conf = bus_settings_conf(&options, &err);
    char value[100];
    size_t size = sizeof(value);

    ck_assert_ptr_nonnull(conf);
    ck_assert_int_eq(rd_kafka_conf_get(conf, kept[_i].name, value, &size), RD_KAFKA_CONF_OK);
    ck_assert_str_eq(value, kept[_i].value);
    rd_kafka_conf_destroy(conf);
}
END_TEST

START_TEST(options_have_defaults)
{
    ck_assert_uint_eq(options.size, sizeof(options));
    ck_assert_str_eq(options.brokers, "127.0.0.1:9092");
    ck_assert_str_eq(options.topic, "model-events");
    ck_assert_int_eq(options.wait_ms, 0);
    ck_assert(!options.background);
}
END_TEST

START_TEST(options_were_not_initialised)
{
    memset(&options, 0, sizeof(options));
    assert_refused("unstale_options_init()");
}
END_TEST

START_TEST(options_of_a_newer_header)
{
    options.size++;
    assert_refused("newer header");
}
END_TEST

/* An older header ended before wait_ms: what lies behind its struct is not ours. */
START_TEST(options_of_an_older_header)
{
    struct unstale_producer *producer;
    size_t size = offsetof(struct unstale_options, wait_ms);

    memset(&options, 0xff, sizeof(options));
    unstale_options_init_size(&options, size);
    ck_assert_int_eq(options.wait_ms, -1);
    producer = unstale_producer_new(&options, &err);
    ck_assert_msg(producer != NULL, "%s", err.text);
    unstale_producer_free(producer);
}
END_TEST

START_TEST(options_are_out_of_range)
{
    options.wait_ms = -1;
    assert_refused("wait_ms is below 0");
    set_up();
    options.topic = "";
    assert_refused("brokers or topic is empty");
    set_up();
    options.brokers = NULL;
    assert_refused("brokers or topic is empty");
    set_up();
    options.settings_nr = 1;
    assert_refused("settings is NULL");
}
END_TEST

START_TEST(topic_cannot_be_one)
{
    char topic[600];

    memset(topic, 't', sizeof(topic) - 1);
    topic[sizeof(topic) - 1] = '\0';
    options.topic = topic;
    options.background = _i == 1;
    assert_refused("topic: ");
}
END_TEST

static Suite *settings_suite(void)
{
    Suite *suite = suite_create("bus/settings");
    TCase *c = tcase_create("settings");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, set_up, NULL);
    tcase_add_loop_test(c, setting_is_refused, 0, NR(refusals));
    tcase_add_loop_test(c, setting_passes, 0, NR(passes));
    tcase_add_loop_test(c, promises_are_configured, 0, NR(kept));
    tcase_add_test(c, options_have_defaults);
    tcase_add_test(c, options_were_not_initialised);
    tcase_add_test(c, options_of_a_newer_header);
    tcase_add_test(c, options_of_an_older_header);
    tcase_add_test(c, options_are_out_of_range);
    tcase_add_loop_test(c, topic_cannot_be_one, 0, 2);
    suite_add_tcase(suite, c);
    return suite;
}

CHECK_MAIN(settings_suite)
