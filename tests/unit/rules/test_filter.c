#include "consumers/rules/filter.h"

#include "consumers/rules/python.h"
#include "tests/unit/check_main.h"

static struct arena arena;

static void setup(void)
{
    arena_init(&arena, 1 << 14);
}

static void teardown(void)
{
    arena_release(&arena);
}

#define BAD NULL

/* Expected texts come from Python 3: str(datetime), repr(datetime.timestamp()), strftime. */
static const struct {
    const char *filter, *text, *want;
} rows[] = {
    {"lower", "STRASSE \xc3\x84", "strasse \xc3\xa4"},
    {"upper",
     "stra\xc3\x9f"
     "e",
     "STRASSE"},
    {"trim", " \t a b\xc2\xa0\n", "a b"},
    {"md5", "5:", "016ce7cd3f0850d6c33696df9f9440d5"},
    {"md5", "", "d41d8cd98f00b204e9800998ecf8427e"},
    {"json", "a\"b\\\n\x01", "\"a\\\"b\\\\\\n\\u0001\""},
    {"str", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05+00:00"},
    {"str", "2026-01-02T03:04:05.100Z", "2026-01-02 03:04:05.100000+00:00"},
    {"str", "2026-01-02T03:04:05.123456789", "2026-01-02 03:04:05.123456"},
    {"str", "2026-01-02T03:04:05.000000+02:00", "2026-01-02 03:04:05+02:00"},
    {"str", "2026-01-02T03:04-0530", "2026-01-02 03:04:00-05:30"},
    {"str", "2026-01-02T03:04:05-00:00", "2026-01-02 03:04:05+00:00"},
    {"str", "2026-01-02T03:04:05+02:00:30", "2026-01-02 03:04:05+02:00:30"},
    {"str", "2026-01-02", "2026-01-02"},
    {"str", "2026-01-02 03:04:05Z", "2026-01-02 03:04:05Z"},
    {"str", "2026-13-02T03:04:05Z", "2026-13-02T03:04:05Z"},
    {"str", "Mug", "Mug"},
    {"timestamp", "2026-11-21T09:00:00.000001+00:00", "1795251600.000001"},
    {"timestamp", "2026-11-21T09:00:00Z", "1795251600.0"},
    {"timestamp", "2026-11-21T09:00:00", "1795251600.0"},
    {"timestamp", "2026-11-21T10:00:00.5+01:00", "1795251600.5"},
    {"timestamp", "2026-11-21", "1795219200.0"},
    {"timestamp", "1970-01-01T00:00:00Z", "0.0"},
    {"timestamp", "1970-01-01T00:00:00.000001Z", "1e-06"},
    {"timestamp", "1970-01-01T00:00:00.000099Z", "9.9e-05"},
    {"timestamp", "1970-01-01T00:00:00.000100Z", "0.0001"},
    {"timestamp", "1969-12-31T23:59:59.25Z", "-0.75"},
    {"timestamp", "9999-12-31T23:59:59.999999Z", "253402300800.0"},
    {"timestamp", "2026-02-30T00:00:00Z", BAD},
    {"timestamp", "soon", BAD},
    {"timestamp", "2026-01-02T24:00:00Z", BAD},
    {"timestamp", "2026-01-02T03:04:05Zx", BAD},
    {"date:%Y-%m-%d", "2026-01-02T23:59:59-11:00", "2026-01-02"},
    {"date:%d/%m/%y %H:%M:%S.%f", "2026-01-02T03:04:05.6Z", "02/01/26 03:04:05.600000"},
    {"date:%a %A %b %B %j %u %w %p %I", "2026-01-04T15:04:05",
     "Sun Sunday Jan January 004 7 0 PM 03"},
    {"date:%G-W%V %U %W", "2026-01-01", "2026-W01 00 00"},
    {"date:%z %%", "2026-01-02T03:04:05+02:00", "+0200 %"},
    {"date:%z", "2026-01-02T03:04:05", ""},
    {"date:%Y", "", BAD},
    {"date:%F", "2024-02-29", "2024-02-29"},
    {"date:%F", "2023-02-29", BAD},
    {"date:%F", "0000-01-01", BAD},
    {"slug", "Caf\xc3\xa9 & Tea -- No. 5", "cafe-tea-no-5"},
    {"slug",
     " _-Stra\xc3\x9f"
     "e\xc2\xa0"
     "2_-",
     "strae-2"},
    {"slug", "\xef\xac\x81sh \xe8\x8c\xb6", "fish"},
    {"slug", "\xe8\x8c\xb6", ""},
    {"slug",
     "a\tb\n\x1c"
     "c",
     "a-b-c"},
    {"urlencode", "a b/c?\xc3\xa9~_.-*", "a%20b%2Fc%3F%C3%A9~_.-%2A"},
    {"sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {"sha256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"pad:5", "42", "00042"},
    {"pad:5", "-42", "-0042"},
    {"pad:3", "\xc3\xa9", "00\xc3\xa9"},
    {"pad:2", "abc", "abc"},
    {"trunc:2",
     "a\xc3\xa9"
     "b",
     "a\xc3\xa9"},
    {"trunc:9", "ab", "ab"},
    {"len",
     "a\xc3\xa9"
     "b",
     "3"},
    {"len", "", "0"},
    {"pyjson", "a\"\xc3\xa9\xf0\x9f\x98\x80\x7f\x01\n",
     "\"a\\\"\\u00e9\\ud83d\\ude00\\u007f\\u0001\\n\""},
};

START_TEST(test_filter)
{
    struct filter filter;
    struct template_problem problem;
    struct field field = field_of_text(slice_of(rows[_i].text));
    const char *why = NULL;
    bool ok;

    ck_assert(filter_parse(slice_of(rows[_i].filter), &arena, &filter, &problem));
    ok = filter_apply(&filter, true, &arena, &field, &why);
    ck_assert_msg(ok == (rows[_i].want != NULL), "%s of %s", rows[_i].filter, rows[_i].text);
    if (ok)
        ck_assert_msg(slice_equals(field.text, slice_of(rows[_i].want)), "%s of %s is %.*s",
                      rows[_i].filter, rows[_i].text, SLICE_ARG(field.text));
    else
        ck_assert_ptr_nonnull(why);
}
END_TEST

/* From Python 3: repr(float). */
static const struct {
    double number;
    const char *text;
} floats[] = {
    {0.0, "0.0"},
    {-0.0, "-0.0"},
    {2.5, "2.5"},
    {100000.0, "100000.0"},
    {1e15, "1000000000000000.0"},
    {9999999999999998.0, "9999999999999998.0"},
    {1e16, "1e+16"},
    {1.5e16, "1.5e+16"},
    {0.0001, "0.0001"},
    {0.00012345, "0.00012345"},
    {0.00001, "1e-05"},
    {-1.25e-7, "-1.25e-07"},
    {0.1, "0.1"},
    {1.0 / 3, "0.3333333333333333"},
    {5e-324, "5e-324"},
    {1.7976931348623157e308, "1.7976931348623157e+308"},
    {123456.789, "123456.789"},
    {-12.5, "-12.5"},
};

START_TEST(test_float)
{
    char out[PYTHON_FLOAT_BYTES];
    struct slice text = {out, python_float(floats[_i].number, out)};

    ck_assert_msg(slice_equals(text, slice_of(floats[_i].text)), "%s: %.*s", floats[_i].text,
                  SLICE_ARG(text));
}
END_TEST

START_TEST(test_names_are_listed)
{
    size_t nr = 0;

    while (filter_name(nr))
        nr++;
    ck_assert_uint_eq(nr, 18);
}
END_TEST

static Suite *filter_suite(void)
{
    Suite *suite = suite_create("filter");
    TCase *cases = tcase_create("filter");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, test_filter, 0, (int)ARRAY_NR(rows));
    tcase_add_loop_test(cases, test_float, 0, (int)ARRAY_NR(floats));
    tcase_add_test(cases, test_names_are_listed);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(filter_suite)
