/* The examples that the schema is tested with: the decoder must agree with it on every one. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/check_main.h"
#include "tests/unit/event/decoded.h"

static const char *const folder = "schemas/examples/event";

static struct slice read_file(const char *path, struct arena *arena)
{
    FILE *file = fopen(path, "rb");
    char *text = arena_bytes(arena, DECODE_MAX_BYTES);
    size_t len;

    ck_assert_msg(file != NULL, "%s cannot be read (tests run at the root of the project)", path);
    len = fread(text, 1, DECODE_MAX_BYTES, file);
    ck_assert(len > 0 && !ferror(file));
    fclose(file);
    return (struct slice){text, len};
}

static unsigned check_folder(const char *kind, enum decode_result expected)
{
    struct decoded decoded;
    struct dirent *entry;
    unsigned nr = 0;
    char path[1024];
    DIR *dir;

    snprintf(path, sizeof(path), "%s/%s", folder, kind);
    dir = opendir(path);
    ck_assert_msg(dir != NULL, "%s cannot be read (tests run at the root of the project)", path);
    decoded_init(&decoded);
    while ((entry = readdir(dir))) {
        if (!slice_ends_with(slice_of(entry->d_name), SLICE(".json")))
            continue;
        snprintf(path, sizeof(path), "%s/%s/%s", folder, kind, entry->d_name);
        arena_reset(&decoded.arena, 0);
        decoded_read_at(&decoded, read_file(path, &decoded.arena), RECORD_MS);
        ck_assert_msg(decoded.result == expected, "%s: %s", path,
                      decoded.err.text[0] ? decoded.err.text : "accepted");
        nr++;
    }
    decoded_release(&decoded);
    closedir(dir);
    return nr;
}

START_TEST(valid_ones_are_events)
{
    ck_assert_uint_ge(check_folder("valid", DECODE_EVENT), 20);
}
END_TEST

START_TEST(invalid_ones_are_refused)
{
    ck_assert_uint_ge(check_folder("invalid", DECODE_BAD), 50);
}
END_TEST

static Suite *examples_suite(void)
{
    Suite *suite = suite_create("examples");
    TCase *tcase = tcase_create("examples");

    tcase_add_test(tcase, valid_ones_are_events);
    tcase_add_test(tcase, invalid_ones_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(examples_suite)
