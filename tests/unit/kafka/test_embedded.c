#include "consumers/kafka/embedded.h"

#include <string.h>

#include "consumers/base/log.h"
#include "consumers/kafka/admin.h"
#include "tests/unit/check_main.h"

enum { WAIT_MS = 20000 };

static struct error err;

static void setup(void)
{
    log_configure(LOG_LEVEL_OFF, LOG_FORMAT_TEXT, 2);
    err = (struct error)ERROR_INIT;
}

START_TEST(test_has_its_topics_on_loopback)
{
    const char *const topics[] = {"events", "events.dlq"};
    struct admin_topic found;
    struct embedded *embedded = embedded_new(topics, 2, 4, &err);
    ck_assert_msg(embedded != NULL, "%s", err.text);
    ck_assert_int_eq(strncmp(embedded_brokers(embedded), "127.0.0.1:", 10), 0);
    ck_assert_ptr_null(strchr(embedded_brokers(embedded), ','));
    struct admin *admin = admin_open(embedded_brokers(embedded), NULL, 0, &err);
    ck_assert_ptr_nonnull(admin);
    for (size_t i = 0; i < 2; i++) {
        ck_assert(admin_topic(admin, topics[i], WAIT_MS, &found, &err));
        ck_assert(found.exists);
        ck_assert_int_eq(found.partitions, 4);
        ck_assert_int_eq(found.replicas, 1);
    }
    admin_close(admin);
    embedded_free(embedded);
}
END_TEST

/* What it advises is what its users' clients take. */
START_TEST(test_its_options_are_accepted)
{
    size_t nr;
    const char *const topics[] = {"events"};
    struct source_callbacks callbacks = {NULL, NULL, NULL};
    struct source_stats stats = {0};
    struct embedded *embedded = embedded_new(topics, 1, 1, &err);
    ck_assert_msg(embedded != NULL, "%s", err.text);
    const struct kafka_option *options = embedded_options(embedded, &nr);
    ck_assert_uint_gt(nr, 0);
    struct source_settings settings = {.brokers = embedded_brokers(embedded),
                                       .topics = topics,
                                       .topics_nr = 1,
                                       .group = "group",
                                       .dead_letter_topic = "events.dlq",
                                       .options = options,
                                       .options_nr = nr,
                                       .workers = 1};
    struct offsets *offsets = offsets_new();
    struct source *source = source_new(&settings, &callbacks, offsets, &stats, &err);
    ck_assert_msg(source != NULL, "%s", err.text);
    source_free(source);
    offsets_free(offsets);
    embedded_free(embedded);
}
END_TEST

START_TEST(test_a_topic_twice_is_refused)
{
    const char *const topics[] = {"twice", "twice"};
    ck_assert_ptr_null(embedded_new(topics, 2, 1, &err));
    ck_assert_int_eq(err.kind, ERROR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.text, "embedded broker: topic \"twice\": "));
}
END_TEST

START_TEST(test_freeing_none_is_nothing)
{
    embedded_free(NULL);
}
END_TEST

static Suite *embedded_suite(void)
{
    Suite *suite = suite_create("embedded");
    TCase *tcase = tcase_create("mock cluster");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, test_has_its_topics_on_loopback);
    tcase_add_test(tcase, test_its_options_are_accepted);
    tcase_add_test(tcase, test_a_topic_twice_is_refused);
    tcase_add_test(tcase, test_freeing_none_is_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(embedded_suite)
