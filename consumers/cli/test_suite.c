#include "consumers/cli/test_suite.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consumers/base/alloc.h"
#include "consumers/cli/read_text.h"
#include "consumers/cli/verb.h"
#include "consumers/rules/load.h"

enum { ARENA_CHUNK_BYTES = 1 << 18 };

void test_suite_init(struct test_suite *suite)
{
    *suite = (struct test_suite){.wanted = NULL};
    arena_init(&suite->arena, ARENA_CHUNK_BYTES);
}

void test_suite_release(struct test_suite *suite)
{
    for (size_t i = 0; i < suite->sets_nr; i++)
        ruleset_free(suite->sets[i].ruleset);
    for (size_t i = 0; i < suite->files_nr; i++)
        test_file_free(suite->files[i]);
    free(suite->sets);
    free(suite->files);
    free(suite->results);
    arena_release(&suite->arena);
}

/* ---- rules ---- */

static void tell(struct test_suite *suite, const struct diagnostics *found)
{
    struct buffer text;

    suite->errors += found->errors;
    if (found->errors == 0)
        return;
    buffer_init(&text);
    diagnostics_print_text(found, cli_is_coloured(STDERR_FILENO), &text);
    fwrite(text.ptr, 1, text.len, stderr);
    buffer_release(&text);
}

static struct slice key_of(struct test_suite *suite, const char *const *paths, size_t nr)
{
    struct slice key = SLICE("");

    for (size_t i = 0; i < nr; i++)
        key = arena_printf(&suite->arena, "%.*s%s\n", SLICE_ARG(key), paths[i]);
    return key;
}

static struct test_set *find_set(struct test_suite *suite, const char *const *paths, size_t nr,
                                 bool *is_new)
{
    struct slice key = key_of(suite, paths, nr);
    struct test_set *set;
    struct diagnostics found;

    *is_new = false;
    for (size_t i = 0; i < suite->sets_nr; i++) {
        if (slice_equals(suite->sets[i].key, key))
            return &suite->sets[i];
    }
    *is_new = true;
    suite->sets =
        alloc_grow(suite->sets, suite->sets_nr, &suite->sets_capacity, sizeof(*suite->sets));
    set = &suite->sets[suite->sets_nr++];
    *set = (struct test_set){.key = key};
    diagnostics_init(&found);
    set->ruleset = load_paths(paths, nr, &found);
    if (set->ruleset)
        set->matched = arena_zero(&suite->arena, set->ruleset->rules_nr, sizeof(*set->matched));
    tell(suite, &found);
    diagnostics_release(&found);
    return set;
}

/* ---- tests ---- */

static bool is_wanted(struct test_suite *suite, const struct rule_test *test)
{
    return !suite->wanted ||
           regexec(suite->wanted, arena_text(&suite->arena, test->name), 0, NULL, 0) == 0;
}

static void run_test(struct test_suite *suite, const struct test_set *set,
                     const struct rule_test *test)
{
    struct test_outcome *result;
    struct buffer text;

    if (!is_wanted(suite, test))
        return;
    suite->results = alloc_grow(suite->results, suite->results_nr, &suite->results_capacity,
                                sizeof(*suite->results));
    result = &suite->results[suite->results_nr++];
    test_run(set->ruleset, test, set->matched, &suite->arena, result);
    suite->passed += result->is_passed;
    suite->failed += !result->is_passed;
    buffer_init(&text);
    test_print_result(suite, result, &text);
    fwrite(text.ptr, 1, text.len, stdout);
    buffer_release(&text);
}

static struct test_file *load_file(struct test_suite *suite, const char *path)
{
    struct test_file *file = NULL;
    struct error err = ERROR_INIT;
    struct diagnostics found;
    struct buffer text;

    buffer_init(&text);
    if (read_text(path, &text, &err)) {
        diagnostics_init(&found);
        file = test_file_load(
            &(struct rule_source){arena_copy(&suite->arena, slice_of(path)), buffer_slice(&text)},
            &found);
        tell(suite, &found);
        diagnostics_release(&found);
    } else {
        fprintf(stderr, "unstale: %s\n", err.text);
        suite->errors++;
    }
    buffer_release(&text);
    return file;
}

static size_t folder_bytes(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash - path) : 0;
}

/* Of the file that names it; "." is that file's folder itself. */
static const char *resolve(struct test_suite *suite, const char *path, struct slice name)
{
    size_t folder = folder_bytes(path);
    bool is_folder = slice_equals(name, SLICE("."));

    if (is_folder)
        return folder ? arena_text(&suite->arena, (struct slice){path, folder}) : ".";
    if (folder == 0 || (name.len > 0 && name.ptr[0] == '/'))
        return arena_text(&suite->arena, name);
    return arena_text(&suite->arena,
                      arena_printf(&suite->arena, "%.*s/%.*s", (int)folder, path, SLICE_ARG(name)));
}

static struct test_set *set_of_file(struct test_suite *suite, const char *path,
                                    const struct test_file *file)
{
    static const struct slice here = {".", 1};
    struct slice_list named = file->rules.nr > 0 ? file->rules : (struct slice_list){&here, 1};
    const char **paths = arena_zero(&suite->arena, named.nr, sizeof(*paths));
    bool is_new;

    for (size_t i = 0; i < named.nr; i++)
        paths[i] = resolve(suite, path, named.items[i]);
    return find_set(suite, paths, named.nr, &is_new);
}

void test_suite_add_file(struct test_suite *suite, const char *path, const char *const *rules,
                         size_t nr)
{
    struct test_file *file = load_file(suite, path);
    struct test_set *set;
    bool is_new;

    if (!file)
        return;
    suite->files =
        alloc_grow(suite->files, suite->files_nr, &suite->files_capacity, sizeof(*suite->files));
    suite->files[suite->files_nr++] = file;
    set = nr > 0 && file->rules.nr == 0 ? find_set(suite, rules, nr, &is_new)
                                        : set_of_file(suite, path, file);
    for (size_t i = 0; set->ruleset && i < file->tests_nr; i++)
        run_test(suite, set, &file->tests[i]);
}

/* ---- test files beside rules ---- */

static int is_test_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && test_file_is_name(slice_of(entry->d_name));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static void add_folder(struct test_suite *suite, const char *folder, const char *const *rules,
                       size_t nr)
{
    struct dirent **entries;
    int found = scandir(folder, &entries, is_test_file, by_name);
    size_t len = strlen(folder);

    while (len > 1 && folder[len - 1] == '/')
        len--;
    for (int i = 0; i < found; i++) {
        struct slice path =
            arena_printf(&suite->arena, "%.*s/%s", (int)len, folder, entries[i]->d_name);

        test_suite_add_file(suite, arena_text(&suite->arena, path), rules, nr);
        free(entries[i]);
    }
    if (found >= 0)
        free(entries);
}

/* rules.json: rules_test.json and rules_test.jsonc. */
static void add_beside(struct test_suite *suite, const char *path, const char *const *rules,
                       size_t nr)
{
    static const char *const endings[] = {"_test.json", "_test.jsonc"};
    struct slice stem = slice_of(path);

    if (slice_ends_with(stem, SLICE(".json")))
        stem.len -= 5;
    else if (slice_ends_with(stem, SLICE(".jsonc")))
        stem.len -= 6;
    for (size_t i = 0; i < ARRAY_NR(endings); i++) {
        const char *name = arena_text(
            &suite->arena, arena_printf(&suite->arena, "%.*s%s", SLICE_ARG(stem), endings[i]));

        if (access(name, F_OK) == 0)
            test_suite_add_file(suite, name, rules, nr);
    }
}

void test_suite_add_rules(struct test_suite *suite, const char *const *paths, size_t nr)
{
    bool is_new;
    struct test_set *set = find_set(suite, paths, nr, &is_new);
    const struct test_set own = *set;

    for (size_t i = 0; is_new && own.ruleset && i < own.ruleset->tests_nr; i++)
        run_test(suite, &own, &own.ruleset->tests[i]);
    for (size_t i = 0; i < nr; i++) {
        if (is_folder(paths[i]))
            add_folder(suite, paths[i], paths, nr);
        else
            add_beside(suite, paths[i], paths, nr);
    }
}

/* ---- coverage ---- */

struct covers {
    struct test_cover *items;
    size_t nr, capacity;
};

static struct test_cover *find_cover(struct covers *covers, const struct rule *rule,
                                     struct arena *arena)
{
    for (size_t i = 0; i < covers->nr; i++) {
        if (slice_equals(covers->items[i].rule->name, rule->name) &&
            slice_equals(covers->items[i].rule->file, rule->file))
            return &covers->items[i];
    }
    covers->items =
        arena_grow(arena, covers->items, covers->nr, &covers->capacity, sizeof(*covers->items));
    covers->items[covers->nr] = (struct test_cover){rule, false};
    return &covers->items[covers->nr++];
}

static void cover_set(struct covers *covers, const struct test_set *set, struct arena *arena)
{
    for (size_t i = 0; set->ruleset && i < set->ruleset->rules_nr; i++) {
        const struct rule *rule = &set->ruleset->rules[i];

        if (rule->is_enabled)
            find_cover(covers, rule, arena)->is_hit |= set->matched[i];
    }
}

const struct test_cover *test_suite_cover(struct test_suite *suite, size_t *nr, size_t *hit)
{
    struct covers covers = {NULL, 0, 0};

    for (size_t i = 0; i < suite->sets_nr; i++)
        cover_set(&covers, &suite->sets[i], &suite->arena);
    *nr = covers.nr;
    *hit = 0;
    for (size_t i = 0; i < covers.nr; i++)
        *hit += covers.items[i].is_hit;
    return covers.items;
}
