/* What the mock knows; creating topics and their settings are asked of a real broker elsewhere. */
#include "consumers/kafka/admin.h"

#include <string.h>

#include "tests/unit/check_main.h"
#include "tests/unit/kafka/world.h"

enum { WAIT_MS = 20000, SHORT_MS = 300 };

static struct world world;
static struct member member;
static struct admin *admin;
static struct arena arena;
static struct error err;

static void setup(void)
{
    world_init(&world);
    arena_init(&arena, 1 << 12);
    err = (struct error)ERROR_INIT;
    admin = admin_open(world.brokers, NULL, 0, &err);
    ck_assert_msg(admin != NULL, "%s", err.text);
}

static void teardown(void)
{
    admin_close(admin);
    arena_release(&arena);
    world_release(&world);
}

START_TEST(test_the_cluster_is_described)
{
    struct admin_cluster cluster;
    ck_assert_msg(admin_describe(admin, WAIT_MS, &arena, &cluster, &err), "%s", err.text);
    ck_assert_int_eq(cluster.brokers_nr, 1);
    ck_assert_uint_gt(cluster.id.len, 0);
}
END_TEST

START_TEST(test_a_topic_is_there_or_not)
{
    struct admin_topic topic;
    world_topic(&world, "there", 3);
    ck_assert(admin_topic(admin, "there", WAIT_MS, &topic, &err));
    ck_assert(topic.exists);
    ck_assert(slice_equals(topic.name, SLICE("there")));
    ck_assert_int_eq(topic.partitions, 3);
    ck_assert_int_eq(topic.replicas, 1);
    rd_kafka_mock_topic_set_error(world.cluster, "gone", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    ck_assert(admin_topic(admin, "gone", WAIT_MS, &topic, &err));
    ck_assert(!topic.exists);
    ck_assert_int_eq(topic.partitions, 0);
}
END_TEST

START_TEST(test_lag_of_a_group)
{
    struct admin_lags lags = {.group = "group", .topic = "t"};
    world_topic(&world, "t", 2);
    world_put_numbers(&world, "t", 0, 0, 30);
    ck_assert(member_init(&member, &world, &(struct member_settings){.topic = "t"}));
    ck_assert(member_await(&member, 30, WAIT_MS));
    member_answer(&member);
    ck_assert(member_await_commit(&member, 1, WAIT_MS));
    member_leave(&member);
    world_put_numbers(&world, "t", 0, 30, 37);
    ck_assert_msg(admin_group_lag(admin, &lags, WAIT_MS, &arena, &err), "%s", err.text);
    ck_assert_uint_eq(lags.nr, 2);
    ck_assert_int_eq(lags.rows[0].partition, 0);
    ck_assert_int_eq(lags.rows[0].committed, 30);
    ck_assert_int_eq(lags.rows[0].low, 0);
    ck_assert_int_eq(lags.rows[0].high, 37);
    ck_assert_int_eq(lags.rows[1].partition, 1);
    ck_assert_int_eq(lags.rows[1].committed, OFFSETS_NONE);
    ck_assert_int_eq(lags.rows[1].high, 0);
}
END_TEST

START_TEST(test_lag_in_a_topic_that_is_not_there)
{
    struct admin_lags lags = {.group = "group", .topic = "gone"};
    rd_kafka_mock_topic_set_error(world.cluster, "gone", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    ck_assert(!admin_group_lag(admin, &lags, WAIT_MS, &arena, &err));
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_str_eq(err.text, "Kafka: topic \"gone\" does not exist");
}
END_TEST

START_TEST(test_a_broker_that_is_away_is_said_in_time)
{
    struct admin_cluster cluster;
    struct admin_topic topic;
    struct admin_keeping keeping;
    struct admin_new_topic wanted = {.name = "new", .partitions = 1, .replicas = 1};
    struct admin_lags lags = {.group = "group", .topic = "t"};
    rd_kafka_mock_broker_set_down(world.cluster, 1);
    ck_assert(!admin_describe(admin, SHORT_MS, &arena, &cluster, &err));
    ck_assert_int_eq(err.kind, ERROR_RETRY);
    ck_assert(!admin_topic(admin, "t", SHORT_MS, &topic, &err));
    ck_assert_int_eq(err.kind, ERROR_RETRY);
    ck_assert(!admin_group_lag(admin, &lags, SHORT_MS, &arena, &err));
    ck_assert_int_eq(err.kind, ERROR_RETRY);
    ck_assert(!admin_create_topic(admin, &wanted, SHORT_MS, &err));
    ck_assert_int_eq(err.kind, ERROR_RETRY);
    ck_assert(!admin_keeping(admin, "t", SHORT_MS, &keeping, &err));
    ck_assert_int_eq(err.kind, ERROR_RETRY);
}
END_TEST

START_TEST(test_a_topic_that_cannot_be_is_not_asked_for)
{
    struct admin_new_topic wanted = {.name = "new", .partitions = -2, .replicas = 1};
    ck_assert(!admin_create_topic(admin, &wanted, WAIT_MS, &err));
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.text, "Kafka: topic \"new\": "));
}
END_TEST

START_TEST(test_options_are_checked)
{
    char name[] = "no.such.option", value[] = "1";
    struct kafka_option option = {name, value};
    ck_assert_ptr_null(admin_open(world.brokers, &option, 1, &err));
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
}
END_TEST

START_TEST(test_the_library_is_named)
{
    char features[400], small[4];
    ck_assert_str_eq(kafka_library_version(), rd_kafka_version_str());
    kafka_library_features(features, sizeof(features));
    ck_assert_ptr_nonnull(strstr(features, "sasl"));
    kafka_library_features(small, sizeof(small));
    ck_assert_uint_lt(strlen(small), sizeof(small));
    kafka_library_features(NULL, 0);
}
END_TEST

static Suite *admin_suite(void)
{
    Suite *suite = suite_create("admin");
    TCase *tcase = tcase_create("mock cluster");
    tcase_set_timeout(tcase, 90);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_the_cluster_is_described);
    tcase_add_test(tcase, test_a_topic_is_there_or_not);
    tcase_add_test(tcase, test_lag_of_a_group);
    tcase_add_test(tcase, test_lag_in_a_topic_that_is_not_there);
    tcase_add_test(tcase, test_a_broker_that_is_away_is_said_in_time);
    tcase_add_test(tcase, test_a_topic_that_cannot_be_is_not_asked_for);
    tcase_add_test(tcase, test_options_are_checked);
    tcase_add_test(tcase, test_the_library_is_named);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(admin_suite)
