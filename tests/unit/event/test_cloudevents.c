/* CloudEvents, structured and binary: what the attributes add to the data. */
#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/event/seen.h"

#define ATTRIBUTES "\"specversion\":\"1.0\",\"id\":\"A1\",\"source\":\"/shop\","
#define SAVE ATTRIBUTES "\"type\":\"com.example.shop.post_save\","
#define HEADERS "ce_specversion=1.0|ce_id=A1|ce_source=/shop|"
#define TAIL " id=A1 source=/shop"
#define NOW " ts=1795341600200"

static const struct {
    const char *headers;
    const char *value;
    const char *seen;
} table[] = {
    /* Structured: model and pk from the data, the op from the end of the type. */
    {NULL,
     "{" SAVE "\"time\":\"2026-11-22T12:00:00.123456Z\",\"data\":{\"model\":\"shop.Product\","
     "\"pk\":42,\"created\":false,\"version\":7,\"before\":{\"a\":1},\"after\":{\"a\":2}}}",
     "cloudevents: update shop.Product 42 before={\"a\":1} after={\"a\":2} changed=a "
     "ts=1795348800123 version=7 name=post_save" TAIL},
    {"content-type=application/cloudevents+json; charset=UTF-8",
     "{\"type\":\"create\",\"data\":{\"model\":\"shop.Product\",\"pk\":\"x\",\"after\":{\"a\":2}}}",
     "cloudevents: create shop.Product \"x\" after={\"a\":2} changed=a" NOW},
    {"Content-Type=Application/CloudEvents+JSON",
     "{\"type\":\"x/truncate\",\"data\":{\"model\":\"shop.Product\"}}",
     "cloudevents: truncate shop.Product changed?" NOW},
    /* Both from the subject, where the data lacks them; without any data too. */
    {NULL, "{" ATTRIBUTES "\"type\":\"shop.post_delete\",\"subject\":\"shop.Product/42\"}",
     "cloudevents: delete shop.Product 42 changed=" NOW " name=post_delete" TAIL},
    {NULL, "{" ATTRIBUTES "\"type\":\"delete\",\"subject\":\"shop.Product/a/b\",\"data\":null}",
     "cloudevents: delete shop.Product \"a/b\" changed=" NOW TAIL},
    {NULL, "{" ATTRIBUTES "\"type\":\"delete\",\"subject\":\"shop.Product/007\"}",
     "cloudevents: delete shop.Product \"007\" changed=" NOW TAIL},
    {NULL, "{" ATTRIBUTES "\"type\":\"delete\",\"subject\":\"shop.Product/-5\"}",
     "cloudevents: delete shop.Product -5 changed=" NOW TAIL},
    {NULL, "{" ATTRIBUTES "\"type\":\"delete\",\"subject\":\"shop.Product/-0\"}",
     "cloudevents: delete shop.Product \"-0\" changed=" NOW TAIL},
    {NULL, "{" ATTRIBUTES "\"type\":\"delete\",\"subject\":\"shop.Product/1234567890123456789\"}",
     "cloudevents: delete shop.Product \"1234567890123456789\" changed=" NOW TAIL},
    {NULL, "{" SAVE "\"subject\":\"a.B/1\",\"data\":{\"model\":\"shop.Product\",\"pk\":2}}",
     "cloudevents: update shop.Product 2 changed?" NOW " name=post_save" TAIL},
    {NULL, "{" SAVE "\"subject\":\"shop.Product\",\"data\":{\"pks\":[2,3]}}",
     "cloudevents: update shop.Product 2 changed? 3 changed?" NOW " name=post_save" TAIL},
    {NULL, "{" SAVE "\"subject\":\"shop.Product/9\",\"data\":{\"pks\":[2]}}",
     "cloudevents: update shop.Product 2 changed?" NOW " name=post_save" TAIL},
    /* Tenant and trace are extensions. The data's own stand where there is no attribute. */
    {NULL,
     "{" SAVE "\"subject\":\"a.B/1\",\"tenant\":\"acme\",\"traceparent\":\"00-1-2-01\","
     "\"data\":{\"tenant\":\"other\"}}",
     "cloudevents: update a.B 1 changed?" NOW " name=post_save" TAIL
     " tenant=acme trace=00-1-2-01"},
    {NULL, "{" SAVE "\"subject\":\"a.B/1\",\"data\":{\"tenant\":\"acme\",\"ts\":5}}",
     "cloudevents: update a.B 1 changed? ts=5 name=post_save" TAIL " tenant=acme"},
    /* A type that ends in no known op is the event's own name, but for one the data says. */
    {NULL, "{" ATTRIBUTES "\"type\":\"com.example.price_list_published\",\"subject\":\"a.B/1\"}",
     "cloudevents: price_list_published a.B 1 changed?" NOW TAIL},
    {NULL,
     "{" ATTRIBUTES
     "\"type\":\"com.x.v1\",\"subject\":\"a.B/1\",\"data\":{\"event\":\"post_delete\"}}",
     "cloudevents: delete a.B 1 changed=" NOW " name=post_delete" TAIL},
    /* Times that are none, or cannot be. */
    {NULL, "{" SAVE "\"subject\":\"a.B/1\",\"time\":\"yesterday\"}",
     "cloudevents: update a.B 1 changed?" NOW " ts-replaced name=post_save" TAIL},
    {NULL, "{" SAVE "\"subject\":\"a.B/1\",\"time\":\"1969-12-31T23:59:59Z\"}",
     "cloudevents: update a.B 1 changed?" NOW " ts-replaced name=post_save" TAIL},
    {NULL, "{" SAVE "\"subject\":\"a.B/1\",\"time\":\"2099-01-01T00:00:00Z\"}",
     "cloudevents: update a.B 1 changed?" NOW " ts-replaced name=post_save" TAIL},
    /* Binary: attributes are headers, the value is the data. */
    {HEADERS "ce_type=com.example.shop.post_save|ce_time=2026-11-22T13:00:00+01:00|ce_tenant=acme|"
             "ce_traceparent=00-1-2-01|content-type=application/json",
     "{\"model\":\"shop.Product\",\"pk\":42,\"version\":7,\"after\":{\"a\":2}}",
     "cloudevents: update shop.Product 42 after={\"a\":2} changed? ts=1795348800000 version=7 "
     "name=post_save" TAIL " tenant=acme trace=00-1-2-01"},
    {HEADERS "ce_type=delete|ce_subject=shop.Product/42", "{\"before\":{\"a\":1}}",
     "cloudevents: delete shop.Product 42 before={\"a\":1} changed=a" NOW TAIL},
    {HEADERS "ce_type=delete|ce_subject=shop.Product/42", "null",
     "cloudevents: delete shop.Product 42 changed=" NOW TAIL},
    {HEADERS "ce_type=delete|ce_subject=shop.Product/42", NULL, "skipped: tombstone"},
    {HEADERS "ce_type=x.delete",
     "{\"specversion\":\"1.0\",\"type\":\"y\",\"model\":\"a.B\",\"pk\":1}",
     "cloudevents: delete a.B 1 changed=" NOW " "
     "id=A1 source=/shop"},
    /* A value that is a native event itself is read as one. */
    {HEADERS "ce_type=delete", "{\"event\":\"create\",\"model\":\"a.B\",\"pk\":1}",
     "native: create a.B 1 changed=" NOW},
    /* One of the two headers is no CloudEvent. */
    {"ce_type=delete", "{\"pk\":1}", "bad: \"event\" is missing"},
    /* Refused. */
    {"content-type=application/cloudevents+json", "{\"data\":{\"model\":\"a.B\",\"pk\":1}}",
     "bad: a CloudEvent must have a \"type\""},
    {NULL, "{" SAVE "\"data\":{\"pk\":1}}",
     "bad: neither \"data\" has a \"model\" nor the CloudEvent a \"subject\""},
    {NULL, "{" SAVE "\"subject\":\"a.B\",\"data\":{}}",
     "bad: one of \"pk\", \"pks\" and \"rows\" must be there"},
    {NULL, "{" SAVE "\"subject\":\"a.B/1\",\"data\":[1]}",
     "bad: \"data\" must be an object, not an array"},
    {NULL, "{" SAVE "\"subject\":\"a.B/1\",\"data_base64\":\"e30=\"}",
     "bad: \"data_base64\" is not read: send JSON as \"data\""},
    {NULL, "{" SAVE "\"subject\":\"a.B/1\",\"data\":{\"version\":-1}}",
     "bad: \"version\" must be an integer from 0 to 9007199254740991, not -1"},
    {"content-type=application/cloudevents-batch+json", "[]",
     "bad: a CloudEvent must be an object (one event a record)"},
    {HEADERS "ce_type=delete", "[]", "bad: \"data\" must be an object, not an array"},
};

START_TEST(a_cloudevent_is_read)
{
    struct decoded decoded;

    decoded_init(&decoded);
    seen_decode(&decoded, NULL, table[_i].headers, table[_i].value, NULL);
    ck_assert_str_eq(seen_line(&decoded), table[_i].seen);
    decoded_release(&decoded);
}
END_TEST

static Suite *cloudevents_suite(void)
{
    Suite *suite = suite_create("cloudevents");
    TCase *tcase = tcase_create("cloudevents");

    tcase_add_loop_test(tcase, a_cloudevent_is_read, 0, ARRAY_NR(table));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(cloudevents_suite)
