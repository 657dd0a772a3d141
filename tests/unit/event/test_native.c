#include <stdio.h>

#include "consumers/base/compiler.h"
#include "tests/unit/check_main.h"
#include "tests/unit/event/decoded.h"

enum { TEXT_BYTES = 1 << 18 };

#define E "\"event\":\"post_save\","
#define M "\"model\":\"shop.Product\","
#define EM "{" E M
#define EMP EM "\"pk\":1,"

/* What is refused, and in which words. */
static const struct {
    const char *text;
    const char *says;
} refused[] = {
    {"[]", "\"the event\" must be an object, not an array"},
    {"null", "\"the event\" must be an object, not null"},
    {"7", "\"the event\" must be an object, not 7"},
    {"{}", "\"event\" is missing"},
    {"{" M "\"pk\":1}", "\"event\" is missing"},
    {"{" M "\"pk\":1,\"evnet\":\"x\"}", "\"event\" is missing (there is \"evnet\")"},
    {"{" E "\"pk\":1}", "\"model\" is missing"},
    {"{" E "\"pk\":1,\"modle\":\"a.B\"}", "\"model\" is missing (there is \"modle\")"},
    {"{" E "\"pk\":1,\"Model\":\"a.B\"}", "\"model\" is missing (there is \"Model\")"},
    {EM "\"id\":\"x\"}", "one of \"pk\", \"pks\" and \"rows\" must be there"},
    {EM "\"pkk\":1}", "one of \"pk\", \"pks\" and \"rows\" must be there (there is \"pkk\")"},
    {"{\"event\":1,\"model\":\"a.B\",\"pk\":1}", "\"event\" must be a string, not 1"},
    {"{\"event\":\"\",\"model\":\"a.B\",\"pk\":1}", "\"event\" must not be empty"},
    {"{\"event\":\"x\",\"model\":\"\",\"pk\":1}", "\"model\" must not be empty"},
    {"{\"event\":\"x\",\"model\":{},\"pk\":1}", "\"model\" must be a string, not an object"},
    {EM "\"pk\":{}}", "\"pk\" must be a string, an integer or an array, not an object"},
    {EM "\"pk\":null}", "\"pk\" must be a string, an integer or an array, not null"},
    {EM "\"pk\":true}", "\"pk\" must be a string, an integer or an array, not true"},
    {EM "\"pk\":1.5}", "\"pk\" must be a string, an integer or an array, not 1.5"},
    {EM "\"pk\":1e3}", "\"pk\" must be a string, an integer or an array, not 1e3"},
    {EM "\"pk\":[]}", "\"pk\" must not be an empty array"},
    {EM "\"pk\":[[1]]}", "\"pk\" must be made of strings, numbers and booleans, not an array"},
    {EM "\"pk\":[1,null]}", "\"pk\" must be made of strings, numbers and booleans, not null"},
    {EM "\"pks\":1}", "\"pks\" must be an array, not 1"},
    {EM "\"pks\":[]}", "\"pks\" must not be empty"},
    {EM "\"pks\":[1,{}]}",
     "pks[1]: \"pk\" must be a string, an integer or an array, not an object"},
    {EM "\"rows\":{}}", "\"rows\" must be an array of objects, not an object"},
    {EM "\"rows\":[]}", "\"rows\" must not be empty"},
    {EM "\"rows\":[{\"pk\":1},3]}", "rows[1]: \"rows\" must be an array of objects, not 3"},
    {EM "\"rows\":[{}]}", "rows[0]: \"pk\" is missing"},
    {EM "\"rows\":[{\"pk\":false}]}",
     "rows[0]: \"pk\" must be a string, an integer or an array, not false"},
    {EM "\"rows\":[{\"pk\":1,\"before\":[]}]}",
     "rows[0]: \"before\" must be an object or null, not an array"},
    {EM "\"rows\":[{\"pk\":1,\"after\":\"\"}]}",
     "rows[0]: \"after\" must be an object or null, not a string"},
    {EM "\"rows\":[{\"pk\":1,\"changed\":\"a\"}]}",
     "rows[0]: \"changed\" must be an array of strings, not a string"},
    {EM "\"rows\":[{\"pk\":1,\"changed\":[1]}]}",
     "rows[0]: \"changed\" must be an array of strings, not 1"},
    {EMP "\"created\":1}", "\"created\" must be true or false, not 1"},
    {EMP "\"created\":null}", "\"created\" must be true or false, not null"},
    {EMP "\"changed\":{}}", "\"changed\" must be an array of strings, not an object"},
    {EMP "\"changed\":[\"a\",[]]}", "\"changed\" must be an array of strings, not an array"},
    {EMP "\"before\":1}", "\"before\" must be an object or null, not 1"},
    {EMP "\"after\":[]}", "\"after\" must be an object or null, not an array"},
    {EMP "\"id\":7}", "\"id\" must be a string, not 7"},
    {EMP "\"ts\":\"now\"}", "\"ts\" must be an integer (milliseconds since 1970), not a string"},
    {EMP "\"ts\":1.5}", "\"ts\" must be an integer (milliseconds since 1970), not 1.5"},
    {EMP "\"ts\":1e12}", "\"ts\" must be an integer (milliseconds since 1970), not 1e12"},
    {EMP "\"ts\":12345678.5}",
     "\"ts\" must be an integer (milliseconds since 1970), not 12345678.5"},
    {EMP "\"version\":\"1\"}", "\"version\" must be an integer, not a string"},
    {EMP "\"version\":-1}", "\"version\" must be an integer from 0 to 9007199254740991, not -1"},
    {EMP "\"version\":1.0}", "\"version\" must be an integer from 0 to 9007199254740991, not 1.0"},
    {EMP "\"version\":9007199254740992}",
     "\"version\" must be an integer from 0 to 9007199254740991, not 9007199254740992"},
    {EMP "\"version\":99999999999999999999}",
     "\"version\" must be an integer from 0 to 9007199254740991, not 99999999999999999999"},
    {EMP "\"source\":1}", "\"source\" must be a string, not 1"},
    {EMP "\"tenant\":null}", "\"tenant\" must be a string, not null"},
    {EMP "\"trace\":[]}", "\"trace\" must be a string, not an array"},
    {EMP "\"sender\":{}}", "\"sender\" must be a string, not an object"},
    {EMP "\"parents\":\"a.B\"}", "\"parents\" must be an array of strings, not a string"},
    {EMP "\"parents\":[null]}", "\"parents\" must be an array of strings, not null"},
    {EMP "\"meta\":[]}", "\"meta\" must be an object, not an array"},
    {EMP "\"m2m\":[]}", "\"m2m\" must be an object, not an array"},
    {EMP "\"m2m\":{\"field\":1}}", "m2m: \"field\" must be a string, not 1"},
    {EMP "\"m2m\":{\"action\":1}}", "m2m: \"action\" must be add, remove or clear, not 1"},
    {EMP "\"m2m\":{\"action\":\"post_add\"}}",
     "m2m: \"action\" must be add, remove or clear, not \"post_add\""},
    {EMP "\"m2m\":{\"pks\":null}}", "m2m: \"pks\" must be an array, not null"},
    {EMP "\"m2m\":{\"pks\":[{}]}}",
     "m2m: \"pk\" must be a string, an integer or an array, not an object"},
};

START_TEST(refuses)
{
    struct decoded decoded;

    decoded_init(&decoded);
    ck_assert_msg(decoded_read(&decoded, refused[_i].text) == DECODE_BAD, "accepted: %s",
                  refused[_i].text);
    ck_assert_str_eq(decoded.err.text, refused[_i].says);
    ck_assert_int_eq(decoded.err.kind, ERROR_REJECT);
    decoded_release(&decoded);
}
END_TEST

static const struct {
    const char *members; /* between the braces, without model and pk */
    enum event_op op;
    bool is_guess;
    const char *op_name;
} ops[] = {
    {"\"event\":\"post_save\",\"created\":true", EVENT_CREATE, false, "create"},
    {"\"event\":\"post_save\",\"created\":false", EVENT_UPDATE, false, "update"},
    {"\"event\":\"post_save\"", EVENT_UPDATE, true, "update"},
    {"\"created\":true,\"event\":\"post_save\"", EVENT_CREATE, false, "create"},
    {"\"event\":\"post_delete\"", EVENT_DELETE, false, "delete"},
    {"\"event\":\"post_delete\",\"created\":true", EVENT_DELETE, false, "delete"},
    {"\"event\":\"bulk_create\"", EVENT_CREATE, false, "create"},
    {"\"event\":\"bulk_update\"", EVENT_UPDATE, false, "update"},
    {"\"event\":\"bulk_delete\"", EVENT_DELETE, false, "delete"},
    {"\"event\":\"m2m_changed\"", EVENT_M2M, false, "m2m"},
    {"\"event\":\"truncate\"", EVENT_TRUNCATE, false, "truncate"},
    {"\"event\":\"create\"", EVENT_CREATE, false, "create"},
    {"\"event\":\"update\"", EVENT_UPDATE, false, "update"},
    {"\"event\":\"delete\"", EVENT_DELETE, false, "delete"},
    {"\"event\":\"m2m\"", EVENT_M2M, false, "m2m"},
    {"\"event\":\"read\"", EVENT_READ, false, "read"},
    {"\"event\":\"POST_SAVE\"", EVENT_CUSTOM, false, "POST_SAVE"},
    {"\"event\":\"custom\"", EVENT_CUSTOM, false, "custom"},
    {"\"event\":\"price_list_published\"", EVENT_CUSTOM, false, "price_list_published"},
    {"\"event\":\"pre_save\",\"created\":true", EVENT_CUSTOM, false, "pre_save"},
};

START_TEST(op_is_derived_from_the_name)
{
    struct decoded decoded;
    char text[256];

    decoded_init(&decoded);
    snprintf(text, sizeof(text), "{%s,\"model\":\"a.B\",\"pk\":1}", ops[_i].members);
    decoded_need(&decoded, text);
    ck_assert_int_eq(decoded.event.op, ops[_i].op);
    ck_assert_int_eq(decoded.event.op_is_guess, ops[_i].is_guess);
    assert_text(decoded.event.op_name, ops[_i].op_name);
    decoded_release(&decoded);
}
END_TEST

START_TEST(op_texts)
{
    static const char *const texts[EVENT_OP_NR] = {"create",   "update", "delete", "m2m",
                                                   "truncate", "read",   "custom"};

    for (int op = 0; op < EVENT_OP_NR; op++)
        assert_text(event_op_text((enum event_op)op), texts[op]);
}
END_TEST

START_TEST(every_member_arrives)
{
    struct decoded decoded;
    struct event *event = &decoded.event;

    decoded_init(&decoded);
    decoded_need(&decoded,
                 "{\"meta\":{\"a\":1},\"m2m\":{\"field\":\"tags\",\"action\":\"add\",\"pks\":[1]},"
                 "\"parents\":[\"shop.Item\"],\"sender\":\"shop.Book\",\"trace\":\"00-1\","
                 "\"tenant\":\"acme\",\"source\":\"web\",\"version\":7,\"ts\":1795341600123,"
                 "\"id\":\"e-1\",\"after\":{\"x\":2},\"before\":{\"x\":1},\"changed\":[\"x\"],"
                 "\"created\":false,\"pk\":42,\"model\":\"shop.Product\",\"event\":\"post_save\","
                 "\"unknown\":1,\"alsounknown\":{},\"\":0,\"pk\\u0000\":1,\"paternts\":1}");
    ck_assert_int_eq(event->envelope, ENVELOPE_NATIVE);
    assert_text(event->name, "post_save");
    assert_text(event->model, "shop.Product");
    assert_text(event->sender, "shop.Book");
    assert_text(event->id, "e-1");
    assert_text(event->source, "web");
    assert_text(event->tenant, "acme");
    assert_text(event->trace, "00-1");
    assert_text(value_text(value_at(event->parents, 0)), "shop.Item");
    assert_text(value_text(value_get(event->m2m, SLICE("field"))), "tags");
    assert_text(value_text(value_get(event->meta, SLICE("a"))), "1");
    ck_assert_int_eq(value_type(event->created), VALUE_FALSE);
    ck_assert_int_eq(value_type(event->sent_changed), VALUE_ARRAY);
    ck_assert_int_eq(value_type(event->root), VALUE_OBJECT);
    ck_assert(event->has_version && event->version == 7);
    ck_assert(event->has_ts && event->ts_ms == INT64_C(1795341600123) && !event->ts_replaced);
    ck_assert_uint_eq(event->unknown_members, 5);
    ck_assert_uint_eq(event->rows_nr, 1);
    assert_text(value_text(event->rows[0].pk), "42");
    assert_text(value_text(value_get(event->rows[0].before, SLICE("x"))), "1");
    assert_text(value_text(value_get(event->rows[0].after, SLICE("x"))), "2");
    decoded_release(&decoded);
}
END_TEST

START_TEST(what_is_not_sent_is_absent)
{
    struct decoded decoded;
    struct event *event = &decoded.event;

    decoded_init(&decoded);
    memset(event, 0xff, sizeof(*event));
    decoded_need(&decoded, EM "\"pk\":1,\"id\":\"\",\"before\":null,\"after\":null}");
    ck_assert(slice_is_absent(event->sender) && slice_is_absent(event->id));
    ck_assert(slice_is_absent(event->source) && slice_is_absent(event->tenant));
    ck_assert(slice_is_absent(event->trace));
    ck_assert(!event->parents && !event->created && !event->sent_changed);
    ck_assert(!event->meta && !event->m2m && !event->has_version);
    ck_assert(!event->rows[0].before && !event->rows[0].after);
    ck_assert_uint_eq(event->unknown_members, 0);
    decoded_release(&decoded);
}
END_TEST

static const struct {
    const char *pk;
    enum value_type type;
    const char *prints;
} pks[] = {
    {"1", VALUE_NUMBER, "1"},
    {"-5", VALUE_NUMBER, "-5"},
    {"123456789012345678901234567890", VALUE_NUMBER, "123456789012345678901234567890"},
    {"\"1\"", VALUE_STRING, "\"1\""},
    {"\"\"", VALUE_STRING, "\"\""},
    {"[7]", VALUE_NUMBER, "7"},
    {"[\"a\"]", VALUE_STRING, "\"a\""},
    {"[1,\"a\",2.5,true]", VALUE_ARRAY, "[1,\"a\",2.5,true]"},
};

START_TEST(pk_keeps_its_type_and_one_column_is_unwrapped)
{
    struct decoded decoded;
    struct buffer out;
    char text[256];

    decoded_init(&decoded);
    buffer_init(&out);
    for (int i = 0; i < 3; i++) {
        static const char *const begin[] = {EM "\"pk\":", EM "\"pks\":[", EM "\"rows\":[{\"pk\":"};
        static const char *const end[] = {"}", "]}", "}]}"};
        const struct value *pk;

        snprintf(text, sizeof(text), "%s%s%s", begin[i], pks[_i].pk, end[i]);
        decoded_need(&decoded, text);
        pk = decoded.event.rows[0].pk;
        ck_assert_uint_eq(decoded.event.rows_nr, 1);
        ck_assert_int_eq(value_type(pk), pks[_i].type);
        buffer_clear(&out);
        value_print(pk, &out);
        assert_text(buffer_slice(&out), pks[_i].prints);
    }
    buffer_release(&out);
    decoded_release(&decoded);
}
END_TEST

START_TEST(all_rows_named_are_rows)
{
    static const char *const order[] = {"10", "11", "20", "21", "30"};
    struct decoded decoded;
    struct event *event = &decoded.event;

    decoded_init(&decoded);
    decoded_need(&decoded,
                 EM "\"pk\":30,\"pks\":[20,21],\"before\":{\"x\":1},\"after\":{\"x\":2},"
                    "\"rows\":[{\"pk\":10,\"before\":{\"y\":1}},{\"pk\":11,\"after\":{}}]}");
    ck_assert_uint_eq(event->rows_nr, 5);
    for (size_t i = 0; i < 5; i++)
        assert_text(value_text(event->rows[i].pk), order[i]);
    ck_assert(event->rows[0].before && !event->rows[0].after);
    ck_assert(!event->rows[1].before && event->rows[1].after);
    ck_assert(!event->rows[2].before && !event->rows[2].after);
    ck_assert(event->rows[4].before && event->rows[4].after);
    decoded_release(&decoded);
}
END_TEST

START_TEST(truncate_has_one_row_without_pk)
{
    struct decoded decoded;

    decoded_init(&decoded);
    decoded_need(&decoded, "{\"event\":\"truncate\",\"model\":\"a.B\"}");
    ck_assert_uint_eq(decoded.event.rows_nr, 1);
    ck_assert(decoded.event.rows[0].pk == NULL);
    decoded_release(&decoded);
}
END_TEST

static int list(char *text, const char *name, int nr, const char *item)
{
    int len = sprintf(text, EM "\"%s\":[", name);

    for (int i = 0; i < nr; i++)
        len += sprintf(text + len, "%s%s", i ? "," : "", item);
    return len + sprintf(text + len, "]}");
}

START_TEST(lists_are_bounded)
{
    static char text[TEXT_BYTES];
    struct decoded decoded;

    decoded_init(&decoded);
    list(text, "pks", DECODE_MAX_PKS, "1");
    decoded_need(&decoded, text);
    ck_assert_uint_eq(decoded.event.rows_nr, DECODE_MAX_PKS);
    list(text, "pks", DECODE_MAX_PKS + 1, "1");
    ck_assert_int_eq(decoded_read(&decoded, text), DECODE_BAD);
    ck_assert_str_eq(decoded.err.text, "\"pks\" must have at most 10000 elements, not 10001");
    list(text, "rows", DECODE_MAX_ROWS, "{\"pk\":1}");
    decoded_need(&decoded, text);
    ck_assert_uint_eq(decoded.event.rows_nr, DECODE_MAX_ROWS);
    list(text, "rows", DECODE_MAX_ROWS + 1, "{\"pk\":1}");
    ck_assert_int_eq(decoded_read(&decoded, text), DECODE_BAD);
    ck_assert_str_eq(decoded.err.text, "\"rows\" must have at most 1000 elements, not 1001");
    decoded_release(&decoded);
}
END_TEST

static const struct {
    const char *member;
    int max_chars;
} longest[] = {{"event", 200}, {"model", 200}, {"id", 128}};

START_TEST(lengths_count_characters)
{
    struct decoded decoded;
    char text[2048];
    char name[1024];

    decoded_init(&decoded);
    for (int more = 0; more < 2; more++) {
        const char *member = longest[_i].member;
        int len = 0;

        for (int i = 0; i < longest[_i].max_chars + more; i++)
            len += sprintf(name + len, "\xc3\xa9");
        snprintf(text, sizeof(text), "{\"%s\":\"%s\",%s%s\"pk\":1}", member, name, _i == 0 ? "" : E,
                 _i == 1 ? "" : M);
        ck_assert_int_eq(decoded_read(&decoded, text), more ? DECODE_BAD : DECODE_EVENT);
        ck_assert(!more || strstr(decoded.err.text, "must have at most") != NULL);
    }
    decoded_release(&decoded);
}
END_TEST

/* Integers of every length, so that each way of reading them is taken. */
START_TEST(versions_of_every_length)
{
    static const char *const digits = "9007199254740991";
    struct decoded decoded;
    char text[256];

    decoded_init(&decoded);
    for (int len = 1; len <= 16; len++) {
        uint64_t expected = 0;

        for (int i = 0; i < len; i++)
            expected = expected * 10 + (uint64_t)(digits[i] - '0');
        snprintf(text, sizeof(text), EMP "\"version\":%.*s}", len, digits);
        decoded_need(&decoded, text);
        ck_assert_uint_eq(decoded.event.version, expected);
        snprintf(text, sizeof(text), EMP "\"version\":%.*s.5}", len, digits);
        ck_assert_int_eq(decoded_read(&decoded, text), DECODE_BAD);
        snprintf(text, sizeof(text), EMP "\"version\":%.*se0}", len, digits);
        ck_assert_int_eq(decoded_read(&decoded, text), DECODE_BAD);
        snprintf(text, sizeof(text), EMP "\"version\":-%.*s}", len, digits);
        ck_assert_int_eq(decoded_read(&decoded, text), DECODE_BAD);
    }
    decoded_release(&decoded);
}
END_TEST

START_TEST(a_parsed_value_decodes_too)
{
    struct decoded decoded;
    const struct value *root;

    decoded_init(&decoded);
    root = decoded_json(&decoded, EMP "\"ts\":99999999999999}");
    ck_assert_int_eq(decode_native(root, &decoded.arena, &decoded.event, &decoded.err),
                     DECODE_EVENT);
    /* Without a record, no time is too late. */
    ck_assert(decoded.event.has_ts && decoded.event.ts_ms == INT64_C(99999999999999));
    root = decoded_json(&decoded, "[1]");
    ck_assert_int_eq(decode_native(root, &decoded.arena, &decoded.event, &decoded.err), DECODE_BAD);
    decoded_release(&decoded);
}
END_TEST

static Suite *native_suite(void)
{
    Suite *suite = suite_create("native");
    TCase *tcase = tcase_create("native");

    tcase_add_loop_test(tcase, refuses, 0, ARRAY_NR(refused));
    tcase_add_loop_test(tcase, op_is_derived_from_the_name, 0, ARRAY_NR(ops));
    tcase_add_test(tcase, op_texts);
    tcase_add_test(tcase, every_member_arrives);
    tcase_add_test(tcase, what_is_not_sent_is_absent);
    tcase_add_loop_test(tcase, pk_keeps_its_type_and_one_column_is_unwrapped, 0, ARRAY_NR(pks));
    tcase_add_test(tcase, all_rows_named_are_rows);
    tcase_add_test(tcase, truncate_has_one_row_without_pk);
    tcase_add_test(tcase, lists_are_bounded);
    tcase_add_loop_test(tcase, lengths_count_characters, 0, ARRAY_NR(longest));
    tcase_add_test(tcase, versions_of_every_length);
    tcase_add_test(tcase, a_parsed_value_decodes_too);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(native_suite)
