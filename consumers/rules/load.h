/*
 * load - rule files to a ruleset, or everything that is wrong with them.
 *
 * Reads the named files, and from folders every *.json and *.jsonc in name order, and merges them;
 * *_test.json and *_test.jsonc of a folder are files of tests and are left out.
 * The same loader serves run, reload, check, explain and test: what check accepts, run accepts.
 * Strict: unknown members anywhere are errors with the nearest name, duplicate members and
 * duplicate rule names too. `.jsonc` may hold comments and trailing commas; `.json` may not.
 */
#ifndef CONSUMERS_RULES_LOAD_H
#define CONSUMERS_RULES_LOAD_H

#include "consumers/rules/diagnostics.h"
#include "consumers/rules/ruleset.h"

/* A file's contents under the name it is reported with; text is borrowed until load returns. */
struct rule_source {
    struct slice name;
    struct slice text;
};

/* NULL when there was an error; *found then says all of them. Warnings alone do not stop a load. */
struct ruleset *load_sources(const struct rule_source *sources, size_t nr,
                             struct diagnostics *found);

/*
 * Reads paths (files, folders, "-" for standard input) and calls load_sources. A path that cannot be
 * read and a folder without rule files are E101.
 */
struct ruleset *load_paths(const char *const *paths, size_t nr, struct diagnostics *found);

/* A file of tests on its own; NULL when there was an error, *found then says all of them. */
struct test_file *test_file_load(const struct rule_source *source, struct diagnostics *found);
void test_file_free(struct test_file *file);

/* True for names that end in _test.json or _test.jsonc. */
bool test_file_is_name(struct slice name);

/* Files as they were read, in the order load_paths() takes them; "-" is named "<stdin>". */
struct rule_files {
    struct arena arena;
    struct rule_source *items;
    size_t nr;
};

/* Reads paths without looking into the files. False when a path cannot be read: E101 in *found. */
bool load_files(const char *const *paths, size_t nr, struct rule_files *out,
                struct diagnostics *found);
void load_files_release(struct rule_files *files);

/*
 * A fingerprint of names and contents, for polling: equal while nothing changed. False when a path
 * cannot be read (the caller keeps what it has).
 */
bool load_fingerprint(const char *const *paths, size_t nr, uint64_t *fingerprint);

#endif
