/*
 * Every input that is kept for the fuzzers, as JSON: yyjson's decoder accepts what jansson accepts, and
 * reads the same out of it.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "consumers/base/compiler.h"
#include "consumers/base/decimal.h"
#include "tests/unit/check_main.h"
#include "tests/unit/event/decoded.h"

static const char *const folders[] = {
    "tests/fuzz/corpus/fuzz_event", "tests/fuzz/corpus/fuzz_format", "tests/fuzz/corpus/fuzz_plan",
    "tests/fuzz/corpus/fuzz_rules", "tests/fuzz/corpus/fuzz_value"};

static void same(const struct value *ours, const json_t *theirs);

static void same_object(const struct value *ours, const json_t *theirs)
{
    struct value_iter it = value_walk(ours);

    ck_assert_int_eq(value_type(ours), VALUE_OBJECT);
    ck_assert_uint_eq(value_nr(ours), json_object_size(theirs));
    while (value_next(&it))
        same(it.item, json_object_getn(theirs, it.name.ptr, it.name.len));
}

static void same_array(const struct value *ours, const json_t *theirs)
{
    ck_assert_int_eq(value_type(ours), VALUE_ARRAY);
    ck_assert_uint_eq(value_nr(ours), json_array_size(theirs));
    for (size_t i = 0; i < json_array_size(theirs); i++)
        same(value_at(ours, i), json_array_get(theirs, i));
}

static void same_string(const struct value *ours, const json_t *theirs)
{
    struct slice text = {json_string_value(theirs), json_string_length(theirs)};

    ck_assert_int_eq(value_type(ours), VALUE_STRING);
    ck_assert(slice_equals(value_text(ours), text));
}

static void same_integer(const struct value *ours, const json_t *theirs)
{
    int64_t number = 0;

    ck_assert_int_eq(value_type(ours), VALUE_NUMBER);
    ck_assert(decimal_to_int64(value_text(ours), &number));
    ck_assert_int_eq(number, json_integer_value(theirs));
}

static void same_real(const struct value *ours, const json_t *theirs)
{
    char text[512];

    ck_assert_int_eq(value_type(ours), VALUE_NUMBER);
    ck_assert_uint_lt(value_text(ours).len, sizeof(text));
    snprintf(text, sizeof(text), "%.*s", SLICE_ARG(value_text(ours)));
    ck_assert(strtod(text, NULL) == json_real_value(theirs));
}

static void same(const struct value *ours, const json_t *theirs)
{
    static const enum value_type types[] = {
        [JSON_NULL] = VALUE_NULL, [JSON_TRUE] = VALUE_TRUE, [JSON_FALSE] = VALUE_FALSE};

    ck_assert_ptr_nonnull(theirs);
    switch (json_typeof(theirs)) {
    case JSON_OBJECT:
        same_object(ours, theirs);
        break;
    case JSON_ARRAY:
        same_array(ours, theirs);
        break;
    case JSON_STRING:
        same_string(ours, theirs);
        break;
    case JSON_INTEGER:
        same_integer(ours, theirs);
        break;
    case JSON_REAL:
        same_real(ours, theirs);
        break;
    default:
        ck_assert_int_eq(value_type(ours), types[json_typeof(theirs)]);
    }
}

/* What jansson cannot tell: numbers that it cannot hold, NULs, and nesting beyond our limit. */
static bool is_beyond_compare(struct slice text, const json_t *theirs, const json_error_t *error,
                              const struct error *err)
{
    enum json_error_code code = theirs ? json_error_unknown : json_error_code(error);

    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
           memchr(text.ptr, '\0', text.len) || strstr(err->text, "nested deeper");
}

/* Returns true when both accepted it. */
static bool compare(const char *path, struct slice text, struct decoded *decoded)
{
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    size_t mark = slice_starts_with(text, SLICE("\xef\xbb\xbf")) ? 3 : 0, position;
    const struct value *ours;
    json_error_t error;
    json_t *theirs;
    bool is_accepted;

    error_clear(&decoded->err);
    ours = decode_json(text, &decoded->arena, &position, &decoded->err);
    theirs = json_loadb(text.ptr + mark, text.len - mark, flags, &error);
    is_accepted = ours && theirs;
    if (!is_beyond_compare(text, theirs, &error, &decoded->err))
        ck_assert_msg((ours != NULL) == (theirs != NULL), "%s\nours: %s\njansson: %s", path,
                      ours ? "accepted" : decoded->err.text, theirs ? "accepted" : error.text);
    if (is_accepted)
        same(ours, theirs);
    json_decref(theirs);
    return is_accepted;
}

static struct slice read_file(const char *path, struct arena *arena)
{
    FILE *file = fopen(path, "rb");
    char *text = arena_bytes(arena, DECODE_MAX_BYTES);
    size_t len;

    ck_assert_msg(file != NULL, "%s cannot be read", path);
    len = fread(text, 1, DECODE_MAX_BYTES, file);
    ck_assert(!ferror(file));
    fclose(file);
    return (struct slice){text, len};
}

START_TEST(reads_what_jansson_reads)
{
    struct decoded decoded;
    struct dirent *entry;
    unsigned accepted = 0;
    char path[1024];
    DIR *dir = opendir(folders[_i]);

    ck_assert_msg(dir != NULL, "%s cannot be read (tests run at the root of the project)",
                  folders[_i]);
    decoded_init(&decoded);
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folders[_i], entry->d_name);
        arena_reset(&decoded.arena, 0);
        accepted += compare(path, read_file(path, &decoded.arena), &decoded);
    }
    ck_assert_uint_gt(accepted, 0);
    decoded_release(&decoded);
    closedir(dir);
}
END_TEST

static Suite *corpora_suite(void)
{
    Suite *suite = suite_create("corpora");
    TCase *tcase = tcase_create("corpora");

    tcase_add_loop_test(tcase, reads_what_jansson_reads, 0, (int)ARRAY_NR(folders));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(corpora_suite)
