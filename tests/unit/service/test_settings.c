#include "consumers/service/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/service/loading.h"

/* ---- values ---- */

START_TEST(every_default)
{
    struct settings *settings = loading_must(&(struct loading){.file = NULL});

    ck_assert_str_eq(settings->brokers, "127.0.0.1:9092");
    ck_assert_uint_eq(settings->topics_nr, 1);
    ck_assert_str_eq(settings->topics[0], "model-events");
    ck_assert_str_eq(settings->group, "unstale");
    ck_assert_str_eq(settings->dead_letter_topic, "model-events.dlq");
    ck_assert_uint_eq(settings->options_nr, 0);
    ck_assert_uint_eq(settings->max_event_bytes, 1 << 20);
    ck_assert_uint_eq(settings->targets_nr, 1);
    ck_assert_str_eq(settings->targets[0].name, "default");
    ck_assert_str_eq(settings->targets[0].host, "127.0.0.1");
    ck_assert_int_eq(settings->targets[0].port, 6379);
    ck_assert_int_eq(settings->targets[0].database, 1);
    ck_assert_uint_eq(settings->rules_nr, 1);
    ck_assert_str_eq(settings->rules[0], "config/rules");
    ck_assert_int_eq(settings->workers, 1);
    ck_assert_str_eq(settings->http_host, "127.0.0.1");
    ck_assert_int_eq(settings->http_port, 8089);
    ck_assert_ptr_null(settings->http_token);
    ck_assert_int_eq(settings->on_gap, ON_GAP_STOP);
    ck_assert_int_eq(settings->drain_timeout_ms, 20000);
    ck_assert_int_eq(settings->log_level, LOG_LEVEL_INFO);
    settings_free(settings);
}
END_TEST

START_TEST(flag_before_environment_before_file)
{
    const struct loading all = {.file = "{\"kafka\": {\"group\": \"file\"}, \"workers\": 2}",
                                .environment = {"UNSTALE_KAFKA_GROUP=environment",
                                                "UNSTALE_WORKERS=3", "UNSTALE_LOG_LEVEL=warn"},
                                .flags = {{"--group", "flag"}}};
    struct settings *settings = loading_must(&all);

    ck_assert_str_eq(settings->group, "flag");
    ck_assert_int_eq(settings->workers, 3);
    ck_assert_int_eq(settings->log_level, LOG_LEVEL_WARN);
    settings_free(settings);
}
END_TEST

START_TEST(the_last_of_a_flag_counts)
{
    const struct loading twice = {.flags = {{"--group", "one"}, {"--group", "two"}}};
    struct settings *settings = loading_must(&twice);

    ck_assert_str_eq(settings->group, "two");
    settings_free(settings);
}
END_TEST

static const struct {
    struct loading loading;
    const char *topics[4];
} lists[] = {
    {{.file = "{\"kafka\":{\"topics\":[\"a\",\"b\"]}}"}, {"a", "b"}},
    {{.environment = {"UNSTALE_KAFKA_TOPICS=a,b"}}, {"a", "b"}},
    {{.environment = {"UNSTALE_KAFKA_TOPICS= a , b ,"}}, {"a", "b"}},
    {{.flags = {{"--topic", "a"}, {"--topic", "b"}}}, {"a", "b"}},
    {{.flags = {{"--topic", "a,b"}}}, {"a,b"}},
    /* a later source replaces the whole list */
    {{.file = "{\"kafka\":{\"topics\":[\"x\",\"y\"]}}",
      .environment = {"UNSTALE_KAFKA_TOPICS=z"},
      .flags = {{"--topic", "a"}}},
     {"a"}},
};

START_TEST(lists_of_every_source)
{
    struct settings *settings = loading_must(&lists[_i].loading);
    size_t nr = 0;

    for (; lists[_i].topics[nr]; nr++)
        ck_assert_str_eq(settings->topics[nr], lists[_i].topics[nr]);
    ck_assert_uint_eq(settings->topics_nr, nr);
    settings_free(settings);
}
END_TEST

static const struct {
    struct loading loading;
    struct {
        const char *name, *value;
    } options[4];
} option_cases[] = {
    {{.file = "{\"kafka\":{\"options\":{\"a\":\"x\",\"b\":5,\"c\":true}}}"},
     {{"a", "x"}, {"b", "5"}, {"c", "true"}}},
    {{.environment = {"UNSTALE_KAFKA_OPTIONS=a=x;b=y"}}, {{"a", "x"}, {"b", "y"}}},
    {{.environment = {"UNSTALE_KAFKA_OPTIONS=a=x; b=y ;"}}, {{"a", "x"}, {"b", "y"}}},
    {{.environment = {"UNSTALE_KAFKA_OPTIONS=a=x=1"}}, {{"a", "x=1"}}},
    /* with a line break, only line breaks separate */
    {{.environment = {"UNSTALE_KAFKA_OPTIONS=a=x;y\nb=z\n"}}, {{"a", "x;y"}, {"b", "z"}}},
    {{.environment = {"UNSTALE_KAFKA_OPTIONS=\na=x;b=y\r\n"}}, {{"a", "x;b=y"}}},
    {{.flags = {{"--kafka", "a=x;y"}, {"--kafka", "b="}}}, {{"a", "x;y"}, {"b", ""}}},
    /* sources add up, name by name */
    {{.file = "{\"kafka\":{\"options\":{\"a\":\"file\",\"b\":\"file\"}}}",
      .environment = {"UNSTALE_KAFKA_OPTIONS=b=env;c=env"},
      .flags = {{"--kafka", "c=flag"}}},
     {{"a", "file"}, {"b", "env"}, {"c", "flag"}}},
};

START_TEST(options_of_every_source)
{
    struct settings *settings = loading_must(&option_cases[_i].loading);
    size_t nr = 0;

    for (; option_cases[_i].options[nr].name; nr++) {
        ck_assert_str_eq(settings->options[nr].name, option_cases[_i].options[nr].name);
        ck_assert_str_eq(settings->options[nr].value, option_cases[_i].options[nr].value);
    }
    ck_assert_uint_eq(settings->options_nr, nr);
    settings_free(settings);
}
END_TEST

static const struct {
    struct loading loading;
    const char *formats; /* "TOPIC=FORMAT" and a space, each */
} format_cases[] = {
    {{.file = "{\"kafka\":{\"formats\":{}}}"}, ""},
    {{.file = "{\"kafka\":{\"formats\":{\"a\":\"debezium\",\"b.c\":\"native\"}}}"},
     "a=debezium b.c=native "},
    {{.environment = {"UNSTALE_KAFKA_FORMATS=a=maxwell;b=cloudevents"}},
     "a=maxwell b=cloudevents "},
    {{.file = "{\"kafka\":{\"formats\":{\"a\":\"debezium\",\"b\":\"native\"}}}",
      .environment = {"UNSTALE_KAFKA_FORMATS=b=maxwell"}},
     "a=debezium b=maxwell "},
};

START_TEST(formats_of_topics)
{
    struct settings *settings = loading_must(&format_cases[_i].loading);
    struct buffer seen;

    buffer_init(&seen);
    for (size_t i = 0; i < settings->formats_nr; i++)
        buffer_printf(&seen, "%s=%s ", settings->formats[i].topic.ptr,
                      decode_format_names[settings->formats[i].format]);
    ck_assert_str_eq(seen.ptr ? seen.ptr : "", format_cases[_i].formats);
    buffer_release(&seen);
    settings_free(settings);
}
END_TEST

static const struct {
    const char *listen, *host;
    int port;
} listens[] = {
    {"0.0.0.0:8089", "0.0.0.0", 8089}, {"[::1]:80", "::1", 80}, {"localhost:0", "localhost", 0},
    {"[::]:65535", "::", 65535},       {":8089", "", 8089},
};

START_TEST(addresses_to_listen_on)
{
    const struct loading flag = {.flags = {{"--http", listens[_i].listen}}};
    struct settings *settings = loading_must(&flag);

    ck_assert_str_eq(settings->http_host, listens[_i].host);
    ck_assert_int_eq(settings->http_port, listens[_i].port);
    settings_free(settings);
}
END_TEST

START_TEST(words_and_durations)
{
    const struct loading all = {
        .environment = {"UNSTALE_ON_GAP=purge", "UNSTALE_DRAIN_TIMEOUT=1500ms",
                        "UNSTALE_LOG_FORMAT=json", "UNSTALE_KAFKA_MAX_EVENT_BYTES=2048",
                        "UNSTALE_RULES=a.json,b"}};
    struct settings *settings = loading_must(&all);

    ck_assert_int_eq(settings->on_gap, ON_GAP_PURGE);
    ck_assert_int_eq(settings->drain_timeout_ms, 1500);
    ck_assert_int_eq(settings->log_format, LOG_FORMAT_JSON);
    ck_assert_uint_eq(settings->max_event_bytes, 2048);
    ck_assert_uint_eq(settings->rules_nr, 2);
    ck_assert_str_eq(settings->rules[1], "b");
    settings_free(settings);
}
END_TEST

/* ---- Redis ---- */

START_TEST(redis_targets_with_default_first)
{
    const struct loading file = {
        .file =
            "{\"redis\":{\"pages\":{\"url\":\"unix:///run/r.sock?db=2\"},"
            "\"default\":{\"url\":\"rediss://bus:p%40ss@cache:6380/3\","
            "\"tls\":{\"ca\":\"ca.pem\",\"cert\":\"c\",\"key\":\"k\",\"server_name\":\"n\"}}}}"};
    struct settings *settings = loading_must(&file);
    const struct redis_target *first = &settings->targets[0], *second = &settings->targets[1];

    ck_assert_uint_eq(settings->targets_nr, 2);
    ck_assert_str_eq(first->name, "default");
    ck_assert_str_eq(first->host, "cache");
    ck_assert_int_eq(first->port, 6380);
    ck_assert_int_eq(first->database, 3);
    ck_assert_str_eq(first->user, "bus");
    ck_assert_str_eq(first->password, "p@ss");
    ck_assert(first->tls);
    ck_assert_str_eq(first->tls_ca, "ca.pem");
    ck_assert_str_eq(first->tls_cert, "c");
    ck_assert_str_eq(first->tls_key, "k");
    ck_assert_str_eq(first->tls_server_name, "n");
    ck_assert_str_eq(second->name, "pages");
    ck_assert_str_eq(second->path, "/run/r.sock");
    ck_assert_int_eq(second->database, 2);
    settings_free(settings);
}
END_TEST

static const struct {
    struct loading loading;
    const char *host;
    int database;
} urls[] = {
    {{.file = "{\"redis\":{\"default\":{\"url\":\"redis://file/4\"}}}"}, "file", 4},
    {{.file = "{\"redis\":{\"default\":{\"url\":\"redis://file/4\"}}}",
      .environment = {"UNSTALE_REDIS_URL=redis://environment"}},
     "environment",
     0},
    {{.environment = {"UNSTALE_REDIS_URL=redis://environment"},
      .flags = {{"--redis", "redis://flag/2"}}},
     "flag",
     2},
    {{.file = "{\"redis\":{\"pages\":{\"url\":\"redis://pages\"}}}"}, "127.0.0.1", 1},
    {{.file = "{\"redis\":{\"default\":{\"cluster\":false,\"sentinel\":null,\"tls\":null,"
              "\"wait_replicas\":0,\"rewind\":\"60s\"}}}"},
     "127.0.0.1",
     1},
};

START_TEST(redis_default_of_every_source)
{
    struct settings *settings = loading_must(&urls[_i].loading);

    ck_assert_str_eq(settings->targets[0].name, "default");
    ck_assert_str_eq(settings->targets[0].host, urls[_i].host);
    ck_assert_int_eq(settings->targets[0].database, urls[_i].database);
    settings_free(settings);
}
END_TEST

/* ---- secrets ---- */

START_TEST(secrets_from_files)
{
    char *token = loading_file("hunter2\r\n"), *url = loading_file("redis://:pw@secret/5\n");
    char text[256], token_variable[128], url_variable[128];

    snprintf(token_variable, sizeof(token_variable), "UNSTALE_HTTP_TOKEN_FILE=%s", token);
    snprintf(url_variable, sizeof(url_variable), "UNSTALE_REDIS_URL_FILE=%s", url);
    snprintf(text, sizeof(text),
             "{\"http\":{\"token_file\":\"%s\"},\"redis\":{\"default\":{\"url_file\":\"%s\"}}}",
             token, url);
    const struct loading both[] = {{.environment = {token_variable, url_variable}}, {.file = text}};
    for (size_t i = 0; i < ARRAY_NR(both); i++) {
        struct settings *settings = loading_must(&both[i]);

        ck_assert_str_eq(settings->http_token, "hunter2");
        ck_assert_str_eq(settings->targets[0].host, "secret");
        ck_assert_str_eq(settings->targets[0].password, "pw");
        settings_free(settings);
    }
    unlink(token);
    unlink(url);
    free(token);
    free(url);
}
END_TEST

START_TEST(secrets_are_not_printed)
{
    const struct loading secrets = {
        .file = "{\"redis\":{\"pages\":{\"url\":\"redis://u:hunter2@pages\"}}}",
        .environment = {"UNSTALE_HTTP_TOKEN=hunter2",
                        "UNSTALE_KAFKA_OPTIONS=sasl.password=hunter2;sasl.username=me",
                        "UNSTALE_REDIS_URL=redis://:hunter2@127.0.0.1/1"}};
    struct settings *settings = loading_must(&secrets);

    for (int as_json = 0; as_json < 2; as_json++) {
        struct buffer out;

        buffer_init(&out);
        settings_print(settings, as_json, &out);
        ck_assert_ptr_null(strstr(out.ptr, "hunter2"));
        ck_assert_ptr_nonnull(strstr(out.ptr, "redis://u:***@pages"));
        ck_assert_ptr_nonnull(strstr(out.ptr, "redis://:***@127.0.0.1/1"));
        ck_assert_ptr_nonnull(strstr(out.ptr, "\"sasl.username\":\"me\""));
        buffer_release(&out);
    }
    settings_free(settings);
}
END_TEST

START_TEST(origins_are_printed)
{
    const struct loading all = {.file = "{\n \"workers\": 2}",
                                .environment = {"UNSTALE_KAFKA_GROUP=g"},
                                .flags = {{"--brokers", "h:1"}}};
    struct settings *settings = loading_must(&all);
    struct buffer out;

    buffer_init(&out);
    settings_print(settings, true, &out);
    ck_assert_ptr_nonnull(
        strstr(out.ptr, "\"kafka.brokers\":{\"value\":\"h:1\",\"source\":\"--brokers\"}"));
    ck_assert_ptr_nonnull(
        strstr(out.ptr, "\"kafka.group\":{\"value\":\"g\",\"source\":\"UNSTALE_KAFKA_GROUP\"}"));
    ck_assert_ptr_nonnull(strstr(out.ptr, "\"workers\":{\"value\":2,\"source\":\"/"));
    ck_assert_ptr_nonnull(strstr(out.ptr, ":2:13\"}"));
    ck_assert_ptr_nonnull(
        strstr(out.ptr, "\"on_gap\":{\"value\":\"stop\",\"source\":\"default\"}"));
    buffer_release(&out);
    settings_free(settings);
}
END_TEST

/* ---- refusals ---- */

static const struct {
    struct loading loading;
    const char *errors[5]; /* the start of each line, in order */
} refusals[] = {
    {{.file = "{\"workers\": 0}"},
     {"FILE:1:13: \"workers\" must be an integer from 1 to 64, not \"0\""}},
    {{.file = "{\n  \"worker\": 1\n}"},
     {"FILE:2:3: unknown setting \"worker\", did you mean \"workers\"?"}},
    {{.file = "{\"kafka\": {\n\"borkers\": \"h\"}}"},
     {"FILE:2:1: unknown setting \"kafka.borkers\", did you mean \"brokers\"?"}},
    {{.file = "{\"kafak\": {}}"}, {"FILE:1:2: unknown setting \"kafak\", did you mean \"kafka\"?"}},
    {{.file = "{\"redis\": {\"default\": {\"ulr\": \"redis://h\"}}}"},
     {"FILE:1:24: unknown setting \"ulr\", did you mean \"url\"?"}},
    {{.file = "{\"rediss\": {}}"},
     {"FILE:1:2: unknown setting \"rediss\", did you mean \"redis\"?"}},
    {{.file = "{\"quite_else\": {}}"}, {"FILE:1:2: unknown setting \"quite_else\"\n"}},
    {{.file = "{\"workers\": 1, \"workers\": 2}"},
     {"FILE:1:16: \"workers\" stands twice (first in line 1)"}},
    {{.file = "{\"workers\": 1,}"}, {"FILE:1:"}},
    {{.file = "[]"}, {"FILE: the file must hold one JSON object"}},
    {{.file = ""}, {"FILE:1:1: not JSON"}},
    {{.file = "{\"kafka\": {\"topics\": [], \"brokers\": 5}, \"on_gap\": \"stpo\"}"},
     {"FILE:1:37: \"kafka.brokers\" must be a string",
      "FILE:1:22: \"kafka.topics\" must not be empty",
      "FILE:1:51: \"on_gap\" must be one of stop|continue|purge, not \"stpo\"; did you mean "
      "\"stop\"?"}},
    {{.file = "{\"redis\": {\"default\": {\"url\": \"rediss://h\", \"tls\": {\"cret\": \"c\"}}}}"},
     {"FILE:1:52: unknown setting \"cret\", did you mean \"cert\"?"}},
    {{.file = "{\"redis\": {\"default\": {\"url\": \"rediss://h\", \"tls\": {\"key\": \"c\"}}}}"},
     {"FILE:1:52: \"tls\" needs both of cert and key"}},
    {{.file = "{\"redis\": {\"default\": {\"url\": \"redis://h\", \"tls\": {\"ca\": \"c\"}}}}"},
     {"FILE:1:51: \"tls\" is for a rediss:// URL"}},
    {{.file = "{\"redis\": {\"default\": {\"cluster\": true}}}"},
     {"FILE:1:35: \"redis.default.cluster\": a cluster has only database 0, and the URL names 1"}},
    {{.file = "{\"redis\": {\"default\": {\"cluster\": 1}}}"},
     {"FILE:1:35: \"redis.default.cluster\" must be true or false"}},
    {{.file = "{\"redis\": {\"default\": {\"url\": \"unix:///s\", \"cluster\": true}}}"},
     {"FILE:1:55: \"redis.default.cluster\": a cluster is not reached by a socket"}},
    {{.file = "{\"redis\": {\"default\": {\"sentinel\": {\"master\": \"m\"}}}}"},
     {"FILE:1:36: \"redis.default.sentinel\" must be {\"master\": name, \"nodes\""}},
    {{.file = "{\"redis\": {\"default\": {\"sentinel\": {\"master\": \"m\", \"nodes\": "
              "[\"h:x\"]}}}}"},
     {"FILE:1:36: \"redis.default.sentinel\": a node is \"host:port\", not h:x"}},
    {{.file = "{\"redis\": {\"default\": {\"sentinel\": {\"master\": \"m\", \"nodes\": [\"h\"], "
              "\"pass\": \"x\"}}}}"},
     {"FILE:1:36: \"redis.default.sentinel\" must be {\"master\": name, \"nodes\""}},
    {{.file = "{\"redis\": {\"default\": {\"url\": \"redis://h\", \"cluster\": true, \"sentinel\": "
              "{\"master\": \"m\", \"nodes\": [\"h\"]}}}}"},
     {"FILE:1:73: \"redis.default\" is a cluster or has Sentinels, not both"}},
    {{.file = "{\"redis\": {\"default\": {\"wait_replicas\": -1}}}"},
     {"FILE:1:41: \"redis.default.wait_replicas\" must be an integer from 0 to 100, not -1"}},
    {{.file = "{\"redis\": {\"default\": {\"rewind\": 60}}}"},
     {"FILE:1:34: \"redis.default.rewind\" must be a number and one of ms, s, m, h, d, such as "
      "\"60s\", not 60"}},
    {{.file = "{\"redis\": {\"default\": {\"url_file\": 1}}}"},
     {"FILE:1:36: \"redis.default.url_file\" must be a path"}},
    {{.environment = {"UNSTALE_WORKERS=many", "UNSTALE_DRAIN_TIMEOUT=20"}},
     {"UNSTALE_WORKERS: \"workers\" must be an integer from 1 to 64, not \"many\"",
      "UNSTALE_DRAIN_TIMEOUT: \"drain_timeout\" must be a number and one of ms, s, m, h, d"}},
    {{.environment = {"UNSTALE_KAFKA_BROKER=h:1"}},
     {"environment: unknown variable UNSTALE_KAFKA_BROKER, did you mean UNSTALE_KAFKA_BROKERS?"}},
    {{.environment = {"UNSTALE_HTTP_LISTEN=8089x"}}, {"UNSTALE_HTTP_LISTEN: \"http.listen\""}},
    {{.environment = {"UNSTALE_HTTP_LISTEN=h:65536"}}, {"UNSTALE_HTTP_LISTEN: \"http.listen\""}},
    {{.environment = {"UNSTALE_KAFKA_OPTIONS=a"}},
     {"UNSTALE_KAFKA_OPTIONS: \"kafka.options\": \"a\" is not NAME=VALUE"}},
    {{.environment = {"UNSTALE_KAFKA_FORMATS=native"}},
     {"UNSTALE_KAFKA_FORMATS: \"kafka.formats\": \"native\" is not TOPIC=FORMAT"}},
    {{.environment = {"UNSTALE_KAFKA_FORMATS=t=debesium"}},
     {"UNSTALE_KAFKA_FORMATS: \"kafka.formats\": a format is one of native, cloudevents, debezium, "
      "maxwell, not \"debesium\"; did you mean \"debezium\"?"}},
    {{.file = "{\"kafka\": {\"formats\": {\"t\": \"canal\"}}}"},
     {"FILE:1:23: \"kafka.formats\": a format is one of native, cloudevents, debezium, maxwell, "
      "not \"canal\""}},
    {{.environment = {"UNSTALE_KAFKA_GROUP="}},
     {"UNSTALE_KAFKA_GROUP: \"kafka.group\" must not be empty"}},
    {{.environment = {"UNSTALE_REDIS_URL=http://x"}},
     {"UNSTALE_REDIS_URL: \"redis.default.url\": the URL must begin with redis://"}},
    {{.environment = {"UNSTALE_HTTP_TOKEN_FILE=/nonexistent/token"}},
     {"UNSTALE_HTTP_TOKEN_FILE: cannot read \"/nonexistent/token\": No such file"}},
    {{.environment = {"UNSTALE_HTTP_TOKEN_FILE=/dev/null"}},
     {"UNSTALE_HTTP_TOKEN_FILE: \"/dev/null\" is empty"}},
    {{.environment = {"UNSTALE_HTTP_TOKEN_FILE=/dev/zero"}},
     {"UNSTALE_HTTP_TOKEN_FILE: \"/dev/zero\" is too large for a secret"}},
    {{.flags = {{"--topic", "model-events.dlq"}}},
     {"default: \"kafka.dead_letter_topic\" \"model-events.dlq\" must not be one of"}},
    {{.flags = {{"--log-level", "warm"}}},
     {"--log-level: \"log.level\" must be one of debug|info|warn|error|off, not \"warm\"; did you "
      "mean \"warn\"?"}},
};

START_TEST(refused_with_place_and_nearest_name)
{
    struct buffer errors;

    buffer_init(&errors);
    ck_assert_ptr_null(loading_load(&refusals[_i].loading, &errors));
    const char *line = errors.ptr;
    for (size_t i = 0; refusals[_i].errors[i]; i++) {
        const char *want = refusals[_i].errors[i];

        ck_assert_msg(strncmp(line, want, strlen(want)) == 0, "%s\nis not\n%s", line, want);
        line = strchr(line, '\n') + 1;
    }
    ck_assert_str_eq(line, "");
    buffer_release(&errors);
}
END_TEST

START_TEST(a_file_that_is_not_there)
{
    struct buffer errors;

    buffer_init(&errors);
    ck_assert_ptr_null(settings_load("/nonexistent/unstale.json", NULL, 0, NULL, &errors));
    ck_assert_str_eq(errors.ptr,
                     "/nonexistent/unstale.json: cannot be read: No such file or directory\n");
    buffer_clear(&errors);
    char variable[] = "UNSTALE_CONFIG=/nonexistent/other.json";
    char *environment[] = {variable, NULL};
    ck_assert_ptr_null(settings_load(NULL, NULL, 0, environment, &errors));
    ck_assert_ptr_nonnull(strstr(errors.ptr, "/nonexistent/other.json"));
    buffer_release(&errors);
}
END_TEST

START_TEST(variables_that_are_not_ours)
{
    const struct loading foreign = {
        .environment = {"UNSTALE_SERVICE_HOST=10.0.0.1", "UNSTALE_PORT=tcp://10.0.0.1:80",
                        "UNSTALE_SERVICE_PORT_HTTP=80", "UNSTALE_PORT_80_TCP_ADDR=10.0.0.1",
                        "UNSTALEX=1", "PATH=/bin"}};

    settings_free(loading_must(&foreign));
}
END_TEST

static Suite *settings_suite(void)
{
    Suite *suite = suite_create("settings");
    TCase *values = tcase_create("values"), *refused = tcase_create("refused");

    tcase_add_test(values, every_default);
    tcase_add_test(values, flag_before_environment_before_file);
    tcase_add_test(values, the_last_of_a_flag_counts);
    tcase_add_loop_test(values, lists_of_every_source, 0, ARRAY_NR(lists));
    tcase_add_loop_test(values, options_of_every_source, 0, ARRAY_NR(option_cases));
    tcase_add_loop_test(values, formats_of_topics, 0, ARRAY_NR(format_cases));
    tcase_add_loop_test(values, addresses_to_listen_on, 0, ARRAY_NR(listens));
    tcase_add_test(values, words_and_durations);
    tcase_add_test(values, redis_targets_with_default_first);
    tcase_add_loop_test(values, redis_default_of_every_source, 0, ARRAY_NR(urls));
    tcase_add_test(values, secrets_from_files);
    tcase_add_test(values, secrets_are_not_printed);
    tcase_add_test(values, origins_are_printed);
    suite_add_tcase(suite, values);
    tcase_add_loop_test(refused, refused_with_place_and_nearest_name, 0, ARRAY_NR(refusals));
    tcase_add_test(refused, a_file_that_is_not_there);
    tcase_add_test(refused, variables_that_are_not_ours);
    suite_add_tcase(suite, refused);
    return suite;
}

CHECK_MAIN(settings_suite)
