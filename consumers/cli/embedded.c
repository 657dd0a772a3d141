#include "consumers/cli/embedded.h"

/* Made from the files by the Makefile. */
extern const char schema_event_v1_schema_json[];
extern const size_t schema_event_v1_schema_json_len;
extern const char schema_rules_v1_schema_json[];
extern const size_t schema_rules_v1_schema_json_len;
extern const char schema_tests_v1_schema_json[];
extern const size_t schema_tests_v1_schema_json_len;
extern const char schema_settings_v1_schema_json[];
extern const size_t schema_settings_v1_schema_json_len;
extern const char django_unstale_json[];
extern const size_t django_unstale_json_len;
extern const char django_shop_json[];
extern const size_t django_shop_json_len;
extern const char django_shop_test_json[];
extern const size_t django_shop_test_json_len;
extern const char django_events_jsonl[];
extern const size_t django_events_jsonl_len;
extern const char django_README_md[];
extern const size_t django_README_md_len;
extern const char raw_unstale_json[];
extern const size_t raw_unstale_json_len;
extern const char raw_shop_json[];
extern const size_t raw_shop_json_len;
extern const char raw_shop_test_json[];
extern const size_t raw_shop_test_json_len;
extern const char raw_events_jsonl[];
extern const size_t raw_events_jsonl_len;
extern const char raw_README_md[];
extern const size_t raw_README_md_len;

const struct embedded_file embedded_schemas[] = {
    {"schemas/event.v1.schema.json", schema_event_v1_schema_json, &schema_event_v1_schema_json_len,
     "event"},
    {"schemas/rules.v1.schema.json", schema_rules_v1_schema_json, &schema_rules_v1_schema_json_len,
     "rules"},
    {"schemas/tests.v1.schema.json", schema_tests_v1_schema_json, &schema_tests_v1_schema_json_len,
     "tests"},
    {"schemas/settings.v1.schema.json", schema_settings_v1_schema_json,
     &schema_settings_v1_schema_json_len, "settings"},
    {NULL, NULL, NULL, NULL},
};

const struct embedded_file embedded_django[] = {
    {"unstale.json", django_unstale_json, &django_unstale_json_len, NULL},
    {"rules/shop.json", django_shop_json, &django_shop_json_len, NULL},
    {"rules/shop_test.json", django_shop_test_json, &django_shop_test_json_len, NULL},
    {"events.jsonl", django_events_jsonl, &django_events_jsonl_len, NULL},
    {"README.md", django_README_md, &django_README_md_len, NULL},
    {NULL, NULL, NULL, NULL},
};

const struct embedded_file embedded_raw[] = {
    {"unstale.json", raw_unstale_json, &raw_unstale_json_len, NULL},
    {"rules/shop.json", raw_shop_json, &raw_shop_json_len, NULL},
    {"rules/shop_test.json", raw_shop_test_json, &raw_shop_test_json_len, NULL},
    {"events.jsonl", raw_events_jsonl, &raw_events_jsonl_len, NULL},
    {"README.md", raw_README_md, &raw_README_md_len, NULL},
    {NULL, NULL, NULL, NULL},
};
