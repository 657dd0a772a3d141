#include "consumers/service/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/base/compiler.h"
#include "consumers/base/log.h"
#include "tests/unit/check_main.h"
#include "tests/unit/service/rules_folder.h"

enum { PIPELINES = 2 };

static struct rules_folder folder;
static struct rules_handle *handle;
static struct reload *reload;
static struct pipeline *pipelines[PIPELINES];
static struct metrics_view view;
static struct buffer page;

/* Pipelines that were never run: nothing is connected, and what they count is the test's. */
static struct pipeline *make_pipeline(void)
{
    static const char *const topics[] = {"model-events"};
    struct pipeline_settings settings = {.source = {.brokers = "127.0.0.1:1",
                                                    .topics = topics,
                                                    .topics_nr = 1,
                                                    .group = "g",
                                                    .dead_letter_topic = "d",
                                                    .workers = 1},
                                         .targets = folder.settings->targets,
                                         .targets_nr = 1,
                                         .rules = handle};
    struct error err = ERROR_INIT;
    struct pipeline *pipeline = pipeline_new(&settings, &err);

    ck_assert_msg(pipeline != NULL, "%s", err.text);
    return pipeline;
}

static void setup(void)
{
    log_configure(LOG_LEVEL_OFF, LOG_FORMAT_TEXT, STDERR_FILENO);
    rules_folder_init(&folder);
    rules_folder_write(&folder, "a.json", RULES_ONE("one", "", "k:{pk}"));
    handle = rules_handle_new();
    reload = reload_new(folder.settings, handle);
    for (size_t i = 0; i < PIPELINES; i++)
        pipelines[i] = make_pipeline();
    view =
        (struct metrics_view){.pipelines = pipelines, .pipelines_nr = PIPELINES, .reload = reload};
    buffer_init(&page);
}

static void teardown(void)
{
    buffer_release(&page);
    for (size_t i = 0; i < PIPELINES; i++)
        pipeline_free(pipelines[i]);
    reload_free(reload);
    rules_handle_free(handle);
    rules_folder_release(&folder);
}

/* Only a pipeline writes its counters, and none runs here. */
static struct pipeline_stats *stats_of(size_t pipeline)
{
    return (struct pipeline_stats *)pipeline_stats(pipelines[pipeline]);
}

static void print(void)
{
    buffer_clear(&page);
    metrics_print(&view, &page);
}

static void check_line(const char *line)
{
    struct buffer whole;

    buffer_init(&whole);
    buffer_printf(&whole, "\n%s\n", line);
    ck_assert_msg(strstr(page.ptr, whole.ptr) != NULL, "no line %s", line);
    buffer_release(&whole);
}

START_TEST(counters_of_all_pipelines_are_added_up)
{
    counter_add(&stats_of(0)->source.records, 3);
    counter_add(&stats_of(1)->source.records, 4);
    counter_add(&stats_of(1)->executor.keys_deleted, 5);
    counter_add(&stats_of(0)->dead_letters[REASON_MISSING_FIELD], 1);
    counter_add(&stats_of(1)->dead_letters[REASON_MISSING_FIELD], 1);
    print();
    check_line("unstale_records_total 7");
    check_line("unstale_keys_deleted_total 5");
    check_line("unstale_dead_letters_total{reason=\"missing_field\"} 2");
    check_line("unstale_dead_letters_total{reason=\"redis_error\"} 0");
    check_line("unstale_redis_up 0");
    check_line("unstale_build_info{version=\"" UNSTALE_VERSION "\"} 1");
}
END_TEST

START_TEST(rules_and_models_by_name)
{
    for (size_t i = 0; i < PIPELINES; i++) {
        struct rule_stats *rule = pipeline_stats_rule(stats_of(i), SLICE("one"), false);
        struct rule_stats *shadow = pipeline_stats_rule(stats_of(i), SLICE("dark"), true);

        counter_add(&rule->matches, 2);
        counter_add(&rule->ops[VERB_DELETE], 3);
        counter_add(&shadow->matches, 1);
        counter_add(&shadow->ops[VERB_PURGE], 1);
        counter_add(
            &pipeline_stats_model(stats_of(i), SLICE("shop.Product"), SLICE("update"))->events, 10);
    }
    print();
    check_line("unstale_events_total{model=\"shop.Product\",op=\"update\"} 20");
    check_line("unstale_rule_matches_total{rule=\"one\",mode=\"live\"} 4");
    check_line("unstale_rule_matches_total{rule=\"dark\",mode=\"shadow\"} 2");
    check_line("unstale_operations_total{rule=\"one\",verb=\"delete\"} 6");
    check_line("unstale_shadow_operations_total{rule=\"dark\",verb=\"purge\"} 2");
    ck_assert_ptr_null(strstr(page.ptr, "unstale_operations_total{rule=\"dark\""));
}
END_TEST

START_TEST(label_values_are_escaped)
{
    (void)pipeline_stats_rule(stats_of(0), SLICE("a\"b\\c\nd"), false);
    print();
    check_line("unstale_rule_matches_total{rule=\"a\\\"b\\\\c\\nd\",mode=\"live\"} 0");
}
END_TEST

START_TEST(histograms_are_cumulative)
{
    histogram_add_us(&stats_of(0)->staleness, 1);
    histogram_add_us(&stats_of(1)->staleness, 2500000);
    print();
    check_line("unstale_staleness_seconds_bucket{le=\"+Inf\"} 2");
    check_line("unstale_staleness_seconds_count 2");
    check_line("unstale_staleness_seconds_sum 2.500001");
    const char *first = strstr(page.ptr, "unstale_staleness_seconds_bucket{");
    const char *value = first ? strstr(first, "} ") : NULL;
    ck_assert_ptr_nonnull(value);
    ck_assert_int_eq(value[2], '1');
}
END_TEST

/* A sum keeps its last digits however large it has grown. */
START_TEST(sums_are_exact)
{
    histogram_add_many_us(&stats_of(0)->staleness, 1234567, 1000000);
    print();
    check_line("unstale_staleness_seconds_sum 1234567.000000");
}
END_TEST

START_TEST(what_became_of_the_rules)
{
    struct buffer report;

    buffer_init(&report);
    print();
    check_line("unstale_rules_last_reload_successful 0");
    ck_assert(reload_now(reload, "start", &report));
    print();
    check_line("unstale_rules_last_reload_successful 1");
    check_line("unstale_rules_reloads_total{result=\"ok\"} 1");
    check_line("unstale_rules 1");
    rules_folder_write(&folder, "a.json", "{");
    ck_assert(!reload_now(reload, "http", &report));
    print();
    check_line("unstale_rules_last_reload_successful 0");
    check_line("unstale_rules_reloads_total{result=\"refused\"} 1");
    check_line("unstale_rules 1");
    buffer_release(&report);
}
END_TEST

static const char *const contract[] = {
    "unstale_records_total",
    "unstale_events_total",
    "unstale_rule_matches_total",
    "unstale_operations_total",
    "unstale_keys_deleted_total",
    "unstale_coalesced_total",
    "unstale_dead_letters_total",
    "unstale_staleness_seconds",
    "unstale_redis_up",
    "unstale_redis_commands_total",
    "unstale_redis_reconnects_total",
    "unstale_purge_seconds",
    "unstale_purges_pending",
    "unstale_consumer_lag",
    "unstale_committed_offset",
    "unstale_rewinds_total",
    "unstale_rules_last_reload_successful",
    "unstale_rules_last_reload_success_timestamp_seconds",
    "unstale_rules_info",
    "unstale_build_info",
};

START_TEST(every_promised_name_is_there_once)
{
    struct buffer type;

    print();
    buffer_init(&type);
    for (size_t i = 0; i < ARRAY_NR(contract); i++) {
        buffer_clear(&type);
        buffer_printf(&type, "# TYPE %s ", contract[i]);
        const char *first = strstr(page.ptr, type.ptr);
        ck_assert_msg(first != NULL, "%s", contract[i]);
        ck_assert_ptr_null(strstr(first + 1, type.ptr));
    }
    buffer_release(&type);
}
END_TEST

/* Length of the metric a sample belongs to: its name without what a histogram adds. */
static size_t family_len(const char *line)
{
    static const char *const endings[] = {"_bucket", "_sum", "_count"};
    size_t len = strcspn(line, "{ ");

    for (size_t i = 0; i < ARRAY_NR(endings); i++) {
        size_t ending = strlen(endings[i]);
        if (len > ending && memcmp(line + len - ending, endings[i], ending) == 0)
            return len - ending;
    }
    return len;
}

/* Every sample stands under the TYPE line of its own metric and ends in a number. */
START_TEST(the_page_is_well_formed)
{
    char family[128] = "";

    (void)pipeline_stats_rule(stats_of(0), SLICE("one"), false);
    print();
    ck_assert_int_eq(page.ptr[page.len - 1], '\n');
    for (char *line = strtok(page.ptr, "\n"); line; line = strtok(NULL, "\n")) {
        char *end;

        if (strncmp(line, "# HELP ", 7) == 0)
            continue;
        if (strncmp(line, "# TYPE ", 7) == 0) {
            ck_assert_int_eq(sscanf(line, "# TYPE %127s", family), 1);
            continue;
        }
        ck_assert_msg(strlen(family) == family_len(line) &&
                          strncmp(line, family, strlen(family)) == 0,
                      "%s stands under %s", line, family);
        const char *number = strrchr(line, ' ') + 1;
        (void)strtod(number, &end);
        ck_assert_msg(end > number && *end == '\0', "%s", line);
    }
}
END_TEST

static Suite *metrics_suite(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tcase = tcase_create("metrics");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 20);
    tcase_add_test(tcase, counters_of_all_pipelines_are_added_up);
    tcase_add_test(tcase, rules_and_models_by_name);
    tcase_add_test(tcase, label_values_are_escaped);
    tcase_add_test(tcase, histograms_are_cumulative);
    tcase_add_test(tcase, sums_are_exact);
    tcase_add_test(tcase, what_became_of_the_rules);
    tcase_add_test(tcase, every_promised_name_is_there_once);
    tcase_add_test(tcase, the_page_is_well_formed);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(metrics_suite)
