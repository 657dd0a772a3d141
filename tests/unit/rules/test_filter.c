#include "consumers/rules/filter.h"

#include "consumers/rules/encode.h"
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

START_TEST(test_names_are_listed)
{
    size_t nr = 0;

    while (filter_name(nr))
        nr++;
    ck_assert_uint_eq(nr, 9);
}
END_TEST

static Suite *filter_suite(void)
{
    Suite *suite = suite_create("filter");
    TCase *cases = tcase_create("filter");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, test_filter, 0, (int)ARRAY_NR(rows));
    tcase_add_test(cases, test_names_are_listed);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(filter_suite)
