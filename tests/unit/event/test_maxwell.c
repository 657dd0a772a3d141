/* Maxwell's rows, and its records that are none. */
#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/event/seen.h"

#define HEAD                                                                                       \
    "\"database\":\"shop\",\"table\":\"product\",\"ts\":1795341600,\"xid\":940752,\"commit\":"     \
    "true,"
#define TAIL " ts=1795341600000"

static const struct {
    const char *key;
    const char *value;
    const char *seen;
} table[] = {
    {NULL,
     "{" HEAD "\"type\":\"insert\",\"data\":{\"id\":42,\"a\":1},\"primary_key\":[42],"
     "\"primary_key_columns\":[\"id\"]}",
     "maxwell: create shop.product 42 after={\"id\":42,\"a\":1} changed=id,a" TAIL},
    /* `old` holds what changed and nothing else. */
    {NULL,
     "{" HEAD "\"type\":\"update\",\"data\":{\"id\":42,\"a\":2,\"b\":3},\"old\":{\"a\":1},"
     "\"primary_key\":[42]}",
     "maxwell: update shop.product 42 before={\"a\":1} after={\"id\":42,\"a\":2,\"b\":3} "
     "changed=a" TAIL},
    {NULL, "{" HEAD "\"type\":\"update\",\"data\":{\"id\":42},\"old\":{},\"primary_key\":[42]}",
     "maxwell: update shop.product 42 before={} after={\"id\":42} changed=" TAIL},
    {NULL, "{" HEAD "\"type\":\"update\",\"data\":{\"id\":42},\"primary_key\":[42]}",
     "maxwell: update shop.product 42 after={\"id\":42} changed?" TAIL},
    {NULL, "{" HEAD "\"type\":\"delete\",\"data\":{\"id\":42,\"a\":1},\"primary_key\":[42]}",
     "maxwell: delete shop.product 42 before={\"id\":42,\"a\":1} changed=id,a" TAIL},
    {NULL, "{" HEAD "\"type\":\"bootstrap-insert\",\"data\":{\"id\":42},\"primary_key\":[42]}",
     "maxwell: read shop.product 42 after={\"id\":42} changed?" TAIL},
    /* The primary key of several columns, in the record's key, of none. */
    {NULL, "{" HEAD "\"type\":\"insert\",\"data\":{},\"primary_key\":[42,\"x\"]}",
     "maxwell: create shop.product [42,\"x\"] after={} changed=" TAIL},
    {"{\"database\":\"shop\",\"table\":\"product\",\"pk.id\":42}",
     "{" HEAD "\"type\":\"insert\",\"data\":{}}",
     "maxwell: create shop.product 42 after={} changed=" TAIL},
    {"{\"database\":\"shop\",\"table\":\"product\",\"pk.a\":42,\"pk.b\":\"x\"}",
     "{" HEAD "\"type\":\"insert\",\"data\":{}}",
     "maxwell: create shop.product [42,\"x\"] after={} changed=" TAIL},
    {"{\"database\":\"shop\",\"table\":\"product\",\"_uuid\":\"c0ffee\"}",
     "{" HEAD "\"type\":\"insert\",\"data\":{}}",
     "maxwell: create shop.product after={} changed=" TAIL},
    {"shop.product", "{" HEAD "\"type\":\"insert\",\"data\":{}}",
     "maxwell: create shop.product after={} changed=" TAIL},
    {"{\"pk.id\":1}", "{" HEAD "\"type\":\"insert\",\"data\":{},\"primary_key\":[]}",
     "maxwell: create shop.product after={} changed=" TAIL},
    {"{\"pk.id\":null}", "{" HEAD "\"type\":\"insert\",\"data\":{}}",
     "maxwell: create shop.product after={} changed=" TAIL},
    {NULL, "{" HEAD "\"type\":\"insert\",\"data\":{},\"primary_key\":[null]}",
     "maxwell: create shop.product after={} changed=" TAIL},
    /* Times. */
    {NULL, "{\"database\":\"a\",\"table\":\"b\",\"type\":\"insert\",\"data\":{}}",
     "maxwell: create a.b after={} changed= ts=1795341600200"},
    {NULL, "{\"database\":\"a\",\"table\":\"b\",\"type\":\"insert\",\"data\":{},\"ts\":-1}",
     "maxwell: create a.b after={} changed= ts=1795341600200 ts-replaced"},
    {NULL,
     "{\"database\":\"a\",\"table\":\"b\",\"type\":\"insert\",\"data\":{},"
     "\"ts\":9223372036854775807}",
     "maxwell: create a.b after={} changed= ts=1795341600200 ts-replaced"},
    /* No row: skipped. */
    {NULL, NULL, "skipped: tombstone"},
    {NULL, "{" HEAD "\"type\":\"bootstrap-start\",\"data\":{}}", "skipped: bootstrap-start"},
    {NULL, "{" HEAD "\"type\":\"bootstrap-complete\",\"data\":{}}", "skipped: bootstrap-complete"},
    {NULL,
     "{" HEAD
     "\"type\":\"table-create\",\"def\":{\"columns\":[]},\"sql\":\"create table product\"}",
     "skipped: ddl"},
    {NULL, "{" HEAD "\"type\":\"table-alter\",\"old\":{},\"def\":{},\"sql\":\"alter\"}",
     "skipped: ddl"},
    {NULL, "{" HEAD "\"type\":\"table-drop\",\"sql\":\"drop table product\"}", "skipped: ddl"},
    {NULL, "{\"type\":\"database-create\",\"database\":\"shop\",\"charset\":\"utf8\"}",
     "skipped: ddl"},
    {NULL, "{\"type\":\"database-drop\",\"database\":\"shop\"}", "skipped: ddl"},
    {NULL, "{\"type\":\"database-alter\",\"database\":\"shop\"}", "skipped: ddl"},
    {NULL,
     "{\"database\":\"maxwell\",\"table\":\"heartbeats\",\"type\":\"update\",\"ts\":1795341600,"
     "\"data\":{\"server_id\":1},\"old\":{}}",
     "skipped: heartbeat"},
    {NULL, "{" HEAD "\"type\":\"heartbeat\"}", "skipped: heartbeat"},
    /* Refused. */
    {NULL, "{" HEAD "\"type\":\"replace\",\"data\":{}}",
     "bad: \"type\" must be insert, update, delete or bootstrap-insert, not \"replace\""},
    {NULL, "{" HEAD "\"type\":\"insert\",\"data\":[]}",
     "bad: \"data\" must be an object or null, not an array"},
    {NULL, "{" HEAD "\"type\":\"update\",\"data\":{},\"old\":1}",
     "bad: \"old\" must be an object or null, not 1"},
    {NULL, "{\"database\":\"a\",\"table\":\"\",\"type\":\"insert\"}",
     "bad: no Maxwell row: \"table\" must be a string that is not empty"},
    /* Not Maxwell's. */
    {NULL, "{\"database\":\"a\",\"table\":1,\"type\":\"insert\"}", "bad: \"event\" is missing"},
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

static const struct {
    const char *value;
    const char *seen;
} pinned[] = {
    {"{\"table\":\"t\",\"type\":\"insert\"}",
     "bad: no Maxwell row: \"database\" must be a string that is not empty"},
    {"{\"database\":\"d\",\"table\":\"t\"}",
     "bad: no Maxwell row: \"type\" must be a string that is not empty"},
    {"[]", "bad: \"the row\" must be an object, not an array"},
    {"{\"event\":\"e\",\"model\":\"m\"," HEAD "\"type\":\"delete\"}",
     "maxwell: delete shop.product changed=" TAIL},
};

START_TEST(a_pinned_format_reads_whatever_comes)
{
    struct decode_options options = {.format = FORMAT_MAXWELL};
    struct decoded decoded;

    decoded_init(&decoded);
    seen_decode(&decoded, NULL, NULL, pinned[_i].value, &options);
    ck_assert_str_eq(seen_line(&decoded), pinned[_i].seen);
    decoded_release(&decoded);
}
END_TEST

static Suite *maxwell_suite(void)
{
    Suite *suite = suite_create("maxwell");
    TCase *tcase = tcase_create("maxwell");

    tcase_add_loop_test(tcase, a_record_is_read, 0, ARRAY_NR(table));
    tcase_add_loop_test(tcase, a_pinned_format_reads_whatever_comes, 0, ARRAY_NR(pinned));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(maxwell_suite)
