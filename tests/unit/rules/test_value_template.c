#include "consumers/rules/value_template.h"

#include <stdio.h>

#include "tests/unit/check_main.h"
#include "tests/unit/rules/event_of.h"

#define WRITTEN_HEX                                                                                \
    "80027d28580200000069644b0758040000006e616d655805000000436166c3a9580500000070"                 \
    "72696365580500000031322e35305804000000746167735d2858010000006158010000006265"                 \
    "580600000061637469766588580500000073746f636b4d2c0158030000006e65674affffffff"                 \
    "58030000006269678a060000000000015805000000726174696f473fe0000000000000580400"                 \
    "00006e6f6e654e58030000007375627d752e"
#define WRITTEN_JSON                                                                               \
    "{\"id\":7,\"name\":\"Caf\\u00e9\",\"price\":\"12.50\",\"tags\":[\"a\",\"b\"],\"active\":"     \
    "true,\"stock\":300,\"neg\":-1,\"big\":1099511627776,\"ratio\":0.5,\"none\":null,\"sub\":{}}"

static struct arena arena;

static void setup(void)
{
    arena_init(&arena, 1 << 16);
}

static void teardown(void)
{
    arena_release(&arena);
}

static const struct value_template *parse(const char *json,
                                          struct value_template_problems *problems)
{
    json_t *root = json_loads(json, JSON_DECODE_ANY, NULL);
    const struct value_template *value;

    ck_assert_ptr_nonnull(root);
    value = value_template_parse(root, &arena, problems);
    json_decref(root);
    return value;
}

#define EVENT                                                                                      \
    "{\"event\":\"post_save\",\"created\":false,\"model\":\"shop.Product\",\"pk\":42,"             \
    "\"after\":{\"name\":\"Caf\xc3\xa9\",\"price\":12.50,\"nul\":null,\"yes\":true,\"neg\":-1,"    \
    "\"big\":123456789012345678901234567890,\"obj\":{\"a\":[1,\"b\"]},\"text\":\"7\","             \
    "\"at\":\"2026-11-21T09:00:00Z\"}}"

static const struct {
    const char *value;
    enum serializer serializer;
    const char *want; /* text, or "hex:..." */
    enum render_status status;
    enum reason reason;
} rows[] = {
    {"{\"id\":\"{pk}\",\"name\":\"{after.name}\",\"price\":\"{after.price}\"}", SERIALIZER_JSON,
     "{\"id\":42,\"name\":\"Caf\xc3\xa9\",\"price\":12.50}", RENDER_OK, 0},
    {"{\"t\":\"p{pk}-{after.name}\",\"c\":[1,2.5,true,false,null,\"x\",{}]}", SERIALIZER_JSON,
     "{\"t\":\"p42-Caf\xc3\xa9\",\"c\":[1,2.5,true,false,null,\"x\",{}]}", RENDER_OK, 0},
    /* a double is written in the fewest digits that read back */
    {"[0.1,12.50,-0.0,1e22,1e-7,5e-324,1.7976931348623157e308]", SERIALIZER_JSON,
     "[0.1,12.5,-0.0,1e+22,1e-07,5e-324,1.7976931348623157e+308]", RENDER_OK, 0},
    {"0.1", SERIALIZER_RAW, "0.1", RENDER_OK, 0},
    {"[0.1,-0.0]", SERIALIZER_PICKLE, "hex:80025d28473fb999999999999a478000000000000000652e",
     RENDER_OK, 0},
    {"\"{obj}\"", SERIALIZER_JSON, "{\"a\":[1,\"b\"]}", RENDER_OK, 0},
    {"\"{after}\"", SERIALIZER_RAW,
     "{\"name\":\"Caf\xc3\xa9\",\"price\":12.50,\"nul\":null,\"yes\":true,\"neg\":-1,"
     "\"big\":123456789012345678901234567890,\"obj\":{\"a\":[1,\"b\"]},\"text\":\"7\","
     "\"at\":\"2026-11-21T09:00:00Z\"}",
     RENDER_OK, 0},
    {"\"{name}\"", SERIALIZER_JSON, "\"Caf\xc3\xa9\"", RENDER_OK, 0},
    {"\"{name}\"", SERIALIZER_RAW, "Caf\xc3\xa9", RENDER_OK, 0},
    {"\"{{x}}\"", SERIALIZER_JSON, "\"{x}\"", RENDER_OK, 0},
    {"[\"{nul}\",\"{lost|default:null}\",\"{lost|default:x}\"]", SERIALIZER_JSON,
     "[null,null,\"x\"]", RENDER_OK, 0},
    {"{\"a\":\"{lost?}\",\"b\":\"{lost?}!\",\"c\":1}", SERIALIZER_JSON, "{\"c\":1}", RENDER_OK, 0},
    {"[\"{lost?}\",1,\"{lost?}\",2]", SERIALIZER_JSON, "[1,2]", RENDER_OK, 0},
    {"\"{lost?}\"", SERIALIZER_JSON, "", RENDER_DROPPED, 0},
    {"{\"a\":\"{lost}\"}", SERIALIZER_JSON, "", RENDER_FAILED, REASON_MISSING_FIELD},
    {"\"{at|timestamp}\"", SERIALIZER_JSON, "\"1795251600.0\"", RENDER_OK, 0},
    {"\"x{nul}\"", SERIALIZER_JSON, "\"xNone\"", RENDER_OK, 0},
    {"\"x{nul}\"", SERIALIZER_RAW, "", RENDER_FAILED, REASON_NULL_FIELD},
    {"\"{yes}\"", SERIALIZER_RAW, "true", RENDER_OK, 0},
    /* integers are digits for every reader */
    {"\"{pk}\"", SERIALIZER_JSON, "42", RENDER_OK, 0},
    {"\"{pk}\"", SERIALIZER_PICKLE, "42", RENDER_OK, 0},
    {"\"{big}\"", SERIALIZER_PICKLE, "123456789012345678901234567890", RENDER_OK, 0},
    {"\"{text}\"", SERIALIZER_PICKLE,
     "hex:8002580100000037"
     "2e",
     RENDER_OK, 0},
    {"7", SERIALIZER_PICKLE, "7", RENDER_OK, 0},
    {"\"{yes}\"", SERIALIZER_PICKLE, "hex:8002882e", RENDER_OK, 0},
    {"{\"id\":7}", SERIALIZER_PICKLE, "hex:80027d28580200000069644b07752e", RENDER_OK, 0},
    {"[]", SERIALIZER_PICKLE, "hex:80025d2e", RENDER_OK, 0},
    {"[\"{price}\",\"{big}\",\"{neg}\",\"{nul}\"]", SERIALIZER_PICKLE,
     "hex:80025d28474029000000000000"
     "8a0dd20a3f4eeee073c3f60fe98e01"
     "4affffffff"
     "4e"
     "652e",
     RENDER_OK, 0},
    {"[255,256,65535,65536,2147483647,2147483648,-2147483648,-2147483649,-128]", SERIALIZER_PICKLE,
     "hex:80025d284bff4d00014dffff4a000001004affffff7f"
     "8a050000008000"
     "4a00000080"
     "8a05ffffff7fff"
     "4a80ffffff652e",
     RENDER_OK, 0},
    {"{\"a\":\"{obj}\"}", SERIALIZER_PICKLE,
     "hex:80027d28580100000061"
     "7d28580100000061"
     "5d284b01580100000062"
     "65"
     "75"
     "752e",
     RENDER_OK, 0},
    {"{\"a\":\"{lost?}\"}", SERIALIZER_PICKLE, "hex:80027d2e", RENDER_OK, 0},
    /* msgpack, as its specification has it */
    {"{\"id\":7,\"name\":\"{name}\",\"price\":\"12.50\"}", SERIALIZER_MSGPACK,
     "hex:83a2696407a46e616d65a5436166c3a9a57072696365a531322e3530", RENDER_OK, 0},
    {"[127,128,255,256,65535,65536,4294967295,4294967296]", SERIALIZER_MSGPACK,
     "hex:987fcc80ccffcd0100cdffffce00010000ceffffffffcf0000000100000000", RENDER_OK, 0},
    {"[-1,-32,-33,-128,-129,-32768,-32769,-2147483648,-2147483649]", SERIALIZER_MSGPACK,
     "hex:99ffe0d0dfd080d1ff7fd18000d2ffff7fffd280000000d3ffffffff7fffffff", RENDER_OK, 0},
    {"[0.5,true,false,null,{},[]]", SERIALIZER_MSGPACK, "hex:96cb3fe0000000000000c3c2c08090",
     RENDER_OK, 0},
    {"{\"a\":\"{lost?}\",\"o\":\"{obj}\"}", SERIALIZER_MSGPACK, "hex:81a16f81a1619201a162",
     RENDER_OK, 0},
    {"\"12345678901234567890123456789012\"", SERIALIZER_MSGPACK,
     "hex:d9203132333435363738393031323334353637383930313233343536373839303132", RENDER_OK, 0},
    {"[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7]", SERIALIZER_MSGPACK,
     "hex:dc001001020304050607080901020304050607", RENDER_OK, 0},
    {"\"{pk}\"", SERIALIZER_MSGPACK, "42", RENDER_OK, 0},
    {"[\"{big}\"]", SERIALIZER_MSGPACK, "", RENDER_FAILED, REASON_BAD_VALUE},
};

static void print_hex(struct slice bytes, char *out)
{
    out += sprintf(out, "hex:");
    for (size_t i = 0; i < bytes.len; i++)
        out += sprintf(out, "%02x", (unsigned char)bytes.ptr[i]);
}

START_TEST(test_render)
{
    struct value_template_problems problems = {.nr = 0};
    const struct value_template *value = parse(rows[_i].value, &problems);
    struct event *event = event_of(EVENT, &arena);
    struct render_failure failure = {.reason = REASON_NONE};
    struct slice out = SLICE("");
    char hex[2048];
    enum render_status status;

    ck_assert_ptr_nonnull(value);
    status = value_template_render(value,
                                   &(struct render_input){event, &event->rows[0], SIDE_NEW, &arena},
                                   rows[_i].serializer, &out, &failure);
    ck_assert_msg(status == rows[_i].status, "%s: status %d", rows[_i].value, (int)status);
    ck_assert_int_eq(failure.reason, rows[_i].reason);
    print_hex(out, hex);
    if (strncmp(rows[_i].want, "hex:", 4) == 0)
        ck_assert_str_eq(hex, rows[_i].want);
    else
        ck_assert_msg(slice_equals(out, slice_of(rows[_i].want)), "%s: %.*s", rows[_i].value,
                      SLICE_ARG(out));
}
END_TEST

/* A pickle that four Djangos read back: of a dict with every type of plain data. */
START_TEST(test_pickle_that_django_read)
{
    static const char wanted[] = WRITTEN_HEX;
    struct value_template_problems problems = {.nr = 0};
    const struct value_template *value = parse("\"{after}\"", &problems);
    struct event *event = event_of("{\"event\":\"post_save\",\"created\":true,\"model\":\"m.M\","
                                   "\"pk\":1,\"after\":" WRITTEN_JSON "}",
                                   &arena);
    struct render_failure failure;
    struct slice out;
    char hex[2048];

    ck_assert_int_eq(value_template_render(
                         value, &(struct render_input){event, &event->rows[0], SIDE_NEW, &arena},
                         SERIALIZER_PICKLE, &out, &failure),
                     RENDER_OK);
    print_hex(out, hex);
    ck_assert_str_eq(hex + 4, wanted);
}
END_TEST

START_TEST(test_problems)
{
    struct value_template_problems problems = {.nr = 0};

    ck_assert_ptr_null(parse("{\"a/b\":[\"{x|lowr}\"],\"c\":\"{\",\"d\":\"{y[]}\"}", &problems));
    ck_assert_uint_eq(problems.nr, 3);
    ck_assert(slice_equals(problems.items[0].pointer, SLICE("/a~1b/0")));
    ck_assert_str_eq(problems.items[0].problem.code, "E204");
    ck_assert(slice_equals(problems.items[1].pointer, SLICE("/c")));
    ck_assert_str_eq(problems.items[1].problem.code, "E110");
    ck_assert(slice_equals(problems.items[2].pointer, SLICE("/d")));
    ck_assert_str_eq(problems.items[2].problem.code, "E208");
}
END_TEST

static void count_visit(const struct segment *segment, struct slice pointer, void *context)
{
    ck_assert(!slice_is_absent(segment->text));
    ck_assert_uint_ge(pointer.len, 2);
    ++*(int *)context;
}

START_TEST(test_visit)
{
    struct value_template_problems problems = {.nr = 0};
    const struct value_template *value =
        parse("{\"a\":\"{x}\",\"b\":[\"{y}-{z}\",\"c\"]}", &problems);
    int visits = 0;

    value_template_visit(value, count_visit, &visits);
    ck_assert_int_eq(visits, 3);
}
END_TEST

static Suite *value_template_suite(void)
{
    Suite *suite = suite_create("value_template");
    TCase *cases = tcase_create("value_template");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, test_render, 0, (int)ARRAY_NR(rows));
    tcase_add_test(cases, test_pickle_that_django_read);
    tcase_add_test(cases, test_problems);
    tcase_add_test(cases, test_visit);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(value_template_suite)
