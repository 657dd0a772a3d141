/* The table of settings, the file with every default, the schema and the page must agree. */
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumers/base/compiler.h"
#include "consumers/service/settings_table.h"
#include "tests/unit/check_main.h"
#include "tests/unit/service/loading.h"

static json_t *read_json(const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);

    ck_assert_msg(root != NULL, "%s:%d: %s", path, error.line, error.text);
    return root;
}

/* Along the dots of a key; `under` stands between two steps, "" for nothing. */
static const json_t *follow(const json_t *at, const char *key, const char *under)
{
    while (*key) {
        size_t len = strcspn(key, ".");
        char name[64];

        snprintf(name, sizeof(name), "%.*s", (int)len, key);
        if (*under)
            at = json_object_get(at, under);
        at = json_object_get(at, name);
        key += len + (key[len] == '.');
    }
    return at;
}

static void check_value(const char *what, const char *key, const json_t *value,
                        const char *fallback)
{
    json_t *want = json_loads(fallback, JSON_DECODE_ANY, NULL);

    ck_assert_msg(value != NULL, "%s has no %s", what, key);
    ck_assert_msg(json_equal(value, want), "%s: %s is not %s", what, key, fallback);
    json_decref(want);
}

static void check_schema(const char *key, const json_t *schema, const char *fallback,
                         const char *meaning)
{
    const char *description = json_string_value(json_object_get(schema, "description"));

    check_value("the schema", key, json_object_get(schema, "default"), fallback);
    ck_assert_msg(description != NULL, "the schema does not describe %s", key);
    ck_assert_str_eq(description, meaning);
}

START_TEST(the_file_holds_every_default)
{
    json_t *file = read_json("config/unstale.json");
    const struct setting_row *row = &setting_rows[_i];

    check_value("config/unstale.json", row->key, follow(file, row->key, ""), row->fallback);
    json_decref(file);
}
END_TEST

START_TEST(the_schema_describes_every_setting)
{
    json_t *schema = read_json("schemas/settings.v1.schema.json");
    const struct setting_row *row = &setting_rows[_i];

    check_schema(row->key, follow(schema, row->key, "properties"), row->fallback, row->meaning);
    json_decref(schema);
}
END_TEST

START_TEST(every_member_of_a_target_is_in_both)
{
    json_t *schema = read_json("schemas/settings.v1.schema.json");
    json_t *file = read_json("config/unstale.json");
    const struct redis_row *row = &redis_rows[_i];
    const json_t *members = follow(follow(schema, "target", "$defs"), row->name, "properties");

    check_schema(row->name, members, row->fallback, row->meaning);
    check_value("config/unstale.json", row->name,
                json_object_get(follow(file, "redis.default", ""), row->name), row->fallback);
    json_decref(schema);
    json_decref(file);
}
END_TEST

/* How many settings there are in a file or schema, groups not counted. */
static size_t count_leaves(const json_t *object, const char *under)
{
    const json_t *members = *under ? json_object_get(object, under) : object, *member;
    const char *name;
    size_t nr = 0, len = strlen("_file");

    json_object_foreach((json_t *)members, name, member)
    {
        bool is_group =
            strcmp(name, "kafka") == 0 || strcmp(name, "http") == 0 || strcmp(name, "log") == 0;
        bool is_path = strlen(name) > len && strcmp(name + strlen(name) - len, "_file") == 0;

        if (is_group)
            nr += count_leaves(member, under);
        else if (!is_path && strcmp(name, "$schema") != 0 && strcmp(name, "redis") != 0)
            nr++;
    }
    return nr;
}

START_TEST(neither_holds_anything_else)
{
    json_t *schema = read_json("schemas/settings.v1.schema.json");
    json_t *file = read_json("config/unstale.json");

    ck_assert_uint_eq(count_leaves(file, ""), SETTINGS_NR);
    ck_assert_uint_eq(count_leaves(schema, "properties"), SETTINGS_NR);
    ck_assert_uint_eq(count_leaves(follow(schema, "target", "$defs"), "properties"),
                      REDIS_MEMBERS_NR);
    ck_assert_uint_eq(json_object_size(follow(file, "redis.default", "")), REDIS_MEMBERS_NR);
    json_decref(schema);
    json_decref(file);
}
END_TEST

/* ---- the page ---- */

static void add_quoted(struct buffer *line, const char *text)
{
    if (text)
        buffer_printf(line, " `%s` |", text);
    else
        buffer_add_text(line, "  |");
}

/* | `key` | `flag` | `variable` | `default` | meaning | */
static void print_line(struct buffer *line, const struct setting_row *row)
{
    buffer_add_char(line, '|');
    add_quoted(line, row->key);
    add_quoted(line, row->flag);
    add_quoted(line, row->variable);
    if (strcmp(row->fallback, "null") == 0)
        buffer_add_text(line, " none |");
    else
        add_quoted(line, row->fallback);
    buffer_add_char(line, ' ');
    for (const char *at = row->meaning; *at; at++)
        buffer_printf(line, "%s%c", *at == '|' ? "\\" : "", *at);
    buffer_add_text(line, " |\n");
}

static void check_page(const struct setting_row *row)
{
    char *page = loading_read("docs/settings.md");
    struct buffer line;

    buffer_init(&line);
    print_line(&line, row);
    ck_assert_msg(strstr(page, line.ptr) != NULL, "docs/settings.md has no line\n%s", line.ptr);
    buffer_release(&line);
    free(page);
}

START_TEST(the_page_has_every_setting)
{
    check_page(&setting_rows[_i]);
}
END_TEST

START_TEST(the_page_has_every_member_of_a_target)
{
    const struct redis_row *member = &redis_rows[_i];
    char key[64];
    struct setting_row row = {.key = key,
                              .flag = _i == REDIS_URL ? "--redis" : NULL,
                              .variable = _i == REDIS_URL ? "UNSTALE_REDIS_URL" : NULL,
                              .fallback = member->fallback,
                              .meaning = member->meaning};

    snprintf(key, sizeof(key), "redis.NAME.%s", member->name);
    check_page(&row);
}
END_TEST

START_TEST(the_page_has_nothing_else)
{
    char *page = loading_read("docs/settings.md");
    size_t rows = 0;

    for (const char *at = page; (at = strstr(at, "\n| `")); at++)
        rows++;
    ck_assert_uint_eq(rows, (size_t)SETTINGS_NR + REDIS_MEMBERS_NR);
    free(page);
}
END_TEST

/* ---- examples ---- */

static size_t load_folder(const char *folder, bool is_valid)
{
    DIR *dir = opendir(folder);
    size_t nr = 0;

    ck_assert_msg(dir != NULL, "%s", folder);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        char path[512];
        struct buffer errors;

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        buffer_init(&errors);
        struct settings *settings = settings_load(path, NULL, 0, NULL, &errors);
        ck_assert_msg((settings != NULL) == is_valid, "%s: %s", path, errors.ptr);
        ck_assert_msg((errors.len == 0) == is_valid, "%s: %s", path, errors.ptr);
        settings_free(settings);
        buffer_release(&errors);
        nr++;
    }
    closedir(dir);
    return nr;
}

START_TEST(examples_are_read_as_the_schema_reads_them)
{
    ck_assert_uint_ge(load_folder("schemas/examples/settings/valid", true), 10);
    ck_assert_uint_ge(load_folder("schemas/examples/settings/invalid", false), 30);
}
END_TEST

static Suite *settings_documents_suite(void)
{
    Suite *suite = suite_create("settings_documents");
    TCase *both = tcase_create("file and schema"), *page = tcase_create("page");

    tcase_add_loop_test(both, the_file_holds_every_default, 0, SETTINGS_NR);
    tcase_add_loop_test(both, the_schema_describes_every_setting, 0, SETTINGS_NR);
    tcase_add_loop_test(both, every_member_of_a_target_is_in_both, 0, REDIS_MEMBERS_NR);
    tcase_add_test(both, neither_holds_anything_else);
    tcase_add_test(both, examples_are_read_as_the_schema_reads_them);
    suite_add_tcase(suite, both);
    tcase_add_loop_test(page, the_page_has_every_setting, 0, SETTINGS_NR);
    tcase_add_loop_test(page, the_page_has_every_member_of_a_target, 0, REDIS_MEMBERS_NR);
    tcase_add_test(page, the_page_has_nothing_else);
    suite_add_tcase(suite, page);
    return suite;
}

CHECK_MAIN(settings_documents_suite)
