/* Debezium's records: changes with the schema and without it, keys, and what is no change. */
#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/event/seen.h"

#define PG                                                                                         \
    "\"source\":{\"connector\":\"postgresql\",\"name\":\"pg\",\"ts_ms\":1795341600000,"            \
    "\"snapshot\":\"false\",\"db\":\"app\",\"schema\":\"public\",\"table\":\"shop_product\","      \
    "\"lsn\":24023128},\"ts_ms\":1795341600100"
#define MYSQL                                                                                      \
    "\"source\":{\"connector\":\"mysql\",\"name\":\"my\",\"ts_ms\":1795341600000,\"db\":\"inv\","  \
    "\"table\":\"customers\",\"pos\":484,\"gtid\":null},\"ts_ms\":1795341600100"
#define LOST "\"__debezium_unavailable_value\""
#define TAIL " ts=1795341600000 version=24023128 source=pg"
#define MODEL "public.shop_product"

static const struct {
    const char *key;
    const char *value;
    const char *seen;
} table[] = {
    /* Every op, without a schema. */
    {"{\"id\":42}", "{\"op\":\"c\",\"before\":null,\"after\":{\"id\":42,\"a\":1}," PG "}",
     "debezium: create " MODEL " 42 after={\"id\":42,\"a\":1} changed=id,a" TAIL},
    {"{\"id\":42}",
     "{\"op\":\"u\",\"before\":{\"id\":42,\"a\":1},\"after\":{\"id\":42,\"a\":2}," PG "}",
     "debezium: update " MODEL " 42 before={\"id\":42,\"a\":1} after={\"id\":42,\"a\":2} "
     "changed=a" TAIL},
    {"{\"id\":42}", "{\"op\":\"d\",\"before\":{\"id\":42,\"a\":1},\"after\":null," PG "}",
     "debezium: delete " MODEL " 42 before={\"id\":42,\"a\":1} changed=id,a" TAIL},
    {"{\"id\":42}", "{\"op\":\"r\",\"before\":null,\"after\":{\"id\":42}," PG "}",
     "debezium: read " MODEL " 42 after={\"id\":42} changed?" TAIL},
    {NULL, "{\"op\":\"t\",\"before\":null,\"after\":null," PG "}",
     "debezium: truncate " MODEL " changed?" TAIL},
    {"{\"id\":42}", "{\"op\":\"t\"," PG "}", "debezium: truncate " MODEL " changed?" TAIL},
    /* The same with a schema, in the key and in the value. */
    {"{\"schema\":{\"type\":\"struct\"},\"payload\":{\"id\":42}}",
     "{\"schema\":{\"type\":\"struct\"},\"payload\":{\"op\":\"c\",\"before\":null,"
     "\"after\":{\"id\":42}," PG "}}",
     "debezium: create " MODEL " 42 after={\"id\":42} changed=id" TAIL},
    {"{\"id\":42}", "{\"payload\":{\"op\":\"c\",\"after\":{\"id\":42}," PG "}}",
     "debezium: create " MODEL " 42 after={\"id\":42} changed=id" TAIL},
    {"{\"schema\":{},\"payload\":42}", "{\"op\":\"u\",\"after\":{}," PG "}",
     "debezium: update " MODEL " 42 after={} changed?" TAIL},
    /* Without REPLICA IDENTITY FULL the row before is unknown. */
    {"{\"id\":42}", "{\"op\":\"u\",\"before\":null,\"after\":{\"id\":42}," PG "}",
     "debezium: update " MODEL " 42 after={\"id\":42} changed?" TAIL},
    {"{\"id\":42}", "{\"op\":\"u\",\"after\":{\"id\":42}," PG "}",
     "debezium: update " MODEL " 42 after={\"id\":42} changed?" TAIL},
    {"{\"id\":42}", "{\"op\":\"d\",\"before\":null,\"after\":null," PG "}",
     "debezium: delete " MODEL " 42 changed=" TAIL},
    /* A value that was not to be had is a missing field. */
    {"{\"id\":42}",
     "{\"op\":\"u\",\"before\":null,\"after\":{\"a\":" LOST ",\"b\":{\"c\":[1,{}]},\"d\":" LOST
     ",\"e\":\"x\"}," PG "}",
     "debezium: update " MODEL " 42 after={\"b\":{\"c\":[1,{}]},\"e\":\"x\"} changed?" TAIL},
    {"{\"id\":42}",
     "{\"op\":\"u\",\"before\":{\"a\":" LOST "},\"after\":{\"a\":[" LOST "],\"b\":{" LOST ":" LOST
     "},\"c\":\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"}," PG "}",
     "debezium: update " MODEL " 42 before={} after={} changed=" TAIL},
    {"{\"id\":42}",
     "{\"op\":\"c\",\"after\":{\"a\":[" LOST ",1],\"b\":[],\"c\":{},\"d\":\"__debezium\"}," PG "}",
     "debezium: create " MODEL " 42 after={\"a\":[" LOST
     ",1],\"b\":[],\"c\":{},\"d\":\"__debezium\"} changed=a,b,c,d" TAIL},
    /* Keys. */
    {NULL, "{\"op\":\"c\",\"after\":{\"id\":42}," PG "}",
     "debezium: create " MODEL " after={\"id\":42} changed=id" TAIL},
    {"{\"a\":1,\"b\":\"x\"}", "{\"op\":\"c\",\"after\":{}," PG "}",
     "debezium: create " MODEL " [1,\"x\"] after={} changed=" TAIL},
    {"{\"a\":1,\"__dbz__physicalTableIdentifier\":\"t\"}", "{\"op\":\"c\",\"after\":{}," PG "}",
     "debezium: create " MODEL " 1 after={} changed=" TAIL},
    {"\"c0ffee\"", "{\"op\":\"c\",\"after\":{}," PG "}",
     "debezium: create " MODEL " \"c0ffee\" after={} changed=" TAIL},
    {"not json", "{\"op\":\"c\",\"after\":{}," PG "}",
     "debezium: create " MODEL " after={} changed=" TAIL},
    {"", "{\"op\":\"c\",\"after\":{}," PG "}", "debezium: create " MODEL " after={} changed=" TAIL},
    {"{}", "{\"op\":\"c\",\"after\":{}," PG "}",
     "debezium: create " MODEL " after={} changed=" TAIL},
    {"null", "{\"op\":\"c\",\"after\":{}," PG "}",
     "debezium: create " MODEL " after={} changed=" TAIL},
    {"{\"id\":null}", "{\"op\":\"c\",\"after\":{}," PG "}",
     "debezium: create " MODEL " after={} changed=" TAIL},
    {"{\"id\":{\"scale\":2,\"value\":\"AA==\"}}", "{\"op\":\"c\",\"after\":{}," PG "}",
     "debezium: create " MODEL " after={} changed=" TAIL},
    /* No schema: the database; no LSN: no version. */
    {"{\"id\":1}", "{\"op\":\"c\",\"after\":{}," MYSQL "}",
     "debezium: create inv.customers 1 after={} changed= ts=1795341600000 source=my"},
    {"{\"id\":1}", "{\"op\":\"c\",\"after\":{},\"source\":{\"table\":\"t\"},\"ts_ms\":7}",
     "debezium: create t 1 after={} changed= ts=7"},
    {"{\"id\":1}", "{\"op\":\"c\",\"after\":{},\"source\":{\"table\":\"t\",\"lsn\":null}}",
     "debezium: create t 1 after={} changed= ts=1795341600200"},
    {"{\"id\":1}",
     "{\"op\":\"c\",\"after\":{},\"source\":{\"table\":\"t\",\"lsn\":9007199254740992,"
     "\"ts_ms\":-5}}",
     "debezium: create t 1 after={} changed= ts=1795341600200 ts-replaced"},
    /* No change: skipped. */
    {"{\"id\":42}", NULL, "skipped: tombstone"},
    {"{\"id\":42}", "{\"schema\":null,\"payload\":null}", "skipped: tombstone"},
    {NULL,
     "{\"op\":\"m\"," PG ",\"message\":{\"transactional\":true,\"prefix\":\"p\",\"content\":\"\"}}",
     "skipped: message"},
    {NULL,
     "{\"status\":\"BEGIN\",\"id\":\"571:53195829\",\"event_count\":null,\"data_collections\":null,"
     "\"ts_ms\":1795341600000}",
     "skipped: transaction"},
    {NULL,
     "{\"schema\":{},\"payload\":{\"status\":\"END\",\"id\":\"571:53195832\",\"event_count\":2,"
     "\"data_collections\":[{\"data_collection\":\"a.b\",\"event_count\":2}]}}",
     "skipped: transaction"},
    {NULL, "{\"ts_ms\":1795341600000}", "skipped: heartbeat"},
    {NULL, "{\"schema\":{},\"payload\":{\"ts_ms\":1795341600000}}", "skipped: heartbeat"},
    {NULL,
     "{" MYSQL ",\"databaseName\":\"inv\",\"schemaName\":null,\"ddl\":\"ALTER TABLE customers\","
     "\"tableChanges\":[]}",
     "skipped: schema-change"},
    /* Refused. */
    {NULL, "{\"op\":\"x\"," PG "}", "bad: \"op\" must be c, u, d, r, t or m, not \"x\""},
    {NULL, "{\"op\":\"\"," PG "}", "bad: \"op\" must be c, u, d, r, t or m, not \"\""},
    {NULL, "{\"op\":\"c\",\"source\":{}}", "bad: \"source\" has no \"table\""},
    {NULL, "{\"op\":\"c\",\"after\":[]," PG "}",
     "bad: \"after\" must be an object or null, not an array"},
    {NULL, "{\"op\":\"c\",\"before\":\"{}\"," PG "}",
     "bad: \"before\" must be an object or null, not a string"},
};

START_TEST(a_record_is_read)
{
    struct decoded decoded;

    decoded_init(&decoded);
    seen_decode(&decoded, table[_i].key, NULL, table[_i].value, NULL);
    ck_assert_str_eq(seen_line(&decoded), table[_i].seen);
    decoded_release(&decoded);
}
END_TEST

/* Pinned, a value of any other shape is refused as what it was said to be. */
static const struct {
    const char *value;
    const char *seen;
} pinned[] = {
    {"{\"event\":\"create\",\"model\":\"a.B\",\"pk\":1}",
     "bad: \"op\" is missing: this is no Debezium change event"},
    {"{\"op\":\"c\"}", "bad: \"source\" must be an object, not missing"},
    {"{\"op\":1," PG "}", "bad: \"op\" must be c, u, d, r, t or m, not 1"},
    {"[]", "bad: \"the payload\" must be an object, not an array"},
    {"3", "bad: \"the payload\" must be an object, not 3"},
    {"{\"event\":\"e\",\"model\":\"m\",\"op\":\"t\"," PG "}",
     "debezium: truncate " MODEL " changed?" TAIL},
};

START_TEST(a_pinned_format_reads_whatever_comes)
{
    struct decode_options options = {.format = FORMAT_DEBEZIUM};
    struct decoded decoded;

    decoded_init(&decoded);
    seen_decode(&decoded, NULL, NULL, pinned[_i].value, &options);
    ck_assert_str_eq(seen_line(&decoded), pinned[_i].seen);
    decoded_release(&decoded);
}
END_TEST

START_TEST(tenant_and_trace_are_headers)
{
    struct decoded decoded;

    decoded_init(&decoded);
    seen_decode(&decoded, NULL, "tenant=acme|traceparent=00-1-2-01", "{\"op\":\"t\"," PG "}", NULL);
    ck_assert_str_eq(seen_line(&decoded),
                     "debezium: truncate " MODEL " changed?" TAIL " tenant=acme trace=00-1-2-01");
    decoded_release(&decoded);
}
END_TEST

static Suite *debezium_suite(void)
{
    Suite *suite = suite_create("debezium");
    TCase *tcase = tcase_create("debezium");

    tcase_add_loop_test(tcase, a_record_is_read, 0, ARRAY_NR(table));
    tcase_add_loop_test(tcase, a_pinned_format_reads_whatever_comes, 0, ARRAY_NR(pinned));
    tcase_add_test(tcase, tenant_and_trace_are_headers);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(debezium_suite)
