/*
 * loader - what the files that load rules share; private to this room.
 *
 * Files are parsed by jansson; a cursor is a value together with the way to it, so that a report can
 * be put at its exact place. Cursors, and everything else here, live in the arena of the ruleset that
 * is being built. Order of work: caches, models and defaults of all files, then the rules.
 * Strings of jansson die with the files: whatever the ruleset keeps is copied.
 */
#ifndef CONSUMERS_RULES_LOADER_H
#define CONSUMERS_RULES_LOADER_H

#include <jansson.h>

#include "consumers/base/hash.h"
#include "consumers/rules/diagnostics.h"
#include "consumers/rules/locate.h"
#include "consumers/rules/names.h"
#include "consumers/rules/rule_test.h"
#include "consumers/rules/ruleset.h"

struct rule_source;

struct rule_file {
    struct slice name;
    struct slice text;  /* as it is, without a byte order mark */
    struct slice clean; /* the same with comments blanked: what was parsed */
    json_t *root;       /* NULL: did not parse */
    const char *form;   /* what such a file must be, for those that are no object */
    struct arena *arena;
};

struct cursor {
    struct step step; /* first: the chain of steps is the chain of cursors */
    const struct rule_file *file;
    json_t *json;
    unsigned line; /* of the value's start; 0: not known */
};

struct declared_cache {
    const struct cursor *at;
    enum digest hash; /* of a key, if the cache hashes them */
};

struct declared_model {
    struct model model;
    struct slice table; /* absent: not declared */
    const struct slice *m2m;
    size_t m2m_nr;
    const struct cursor *at;
};

/* Rule members that `defaults` may hold too. */
struct rule_options {
    struct slice cache; /* absent: "default" */
    const struct cursor *cache_at;
    enum rule_mode mode;
    bool is_enabled;
    bool skip_missing;
    int64_t max_keys;
    struct pattern unless;
    bool has_unless;
    const struct slice *ignore; /* codes of warnings */
    size_t ignore_nr;
};

/* A field that the rule in work names, to be held against its models and ops once those are known. */
struct named_field {
    const struct cursor *at;
    bool on_name; /* it is the member's name, else inside the string */
    bool in_template;
    bool in_key;
    size_t offset, length; /* of the placeholder in the string */
    enum field_root root;  /* FIELD_CHANGED: `name` is an element of it */
    struct slice name;     /* absent: the root as a whole */
};

/* A rule as it was read, for what is said once all are known. */
struct read_rule {
    const struct cursor *at;
    struct rule_options options;
};

struct loader {
    struct ruleset *set;
    struct arena *arena; /* the set's */
    struct diagnostics *found;
    struct rule_file *files;
    size_t files_nr;
    struct cache *caches;            /* the set's */
    struct declared_cache *declared; /* beside them, by index */
    size_t caches_nr, caches_capacity, declared_capacity;
    struct declared_model *models;
    size_t models_nr, models_capacity;
    struct name_table default_names; /* where each default was said first */
    struct rule_options defaults;
    struct rule *rules;     /* room for those of all files */
    struct read_rule *read; /* beside them, by index */
    struct name_table names;
    size_t rules_nr;
    const struct rule_options *options; /* of the rule in work; NULL: between rules */
    struct named_field *fields;
    size_t fields_nr, fields_capacity;
};

/* ---- cursors (cursor.c) ---- */

const struct cursor *cursor_root(const struct rule_file *file);
const struct cursor *cursor_member(const struct cursor *object, const char *name); /* NULL: none */
const struct cursor *cursor_element(const struct cursor *array, size_t index);

/*
 * for (it = cursor_walk(c); (at = cursor_next(&it));) members of an object, elements of an array. Elements
 * come with their place: to look each up from the array's start would take quadratic time.
 */
struct cursor_iter {
    const struct cursor *container;
    void *member;
    size_t index;
    struct scan_walk walk; /* over the text of an array, once begun */
};

struct cursor_iter cursor_walk(const struct cursor *container);
const struct cursor *cursor_next(struct cursor_iter *iter);

/* The same for an array whose elements' lines are asked for: they come with those too. */
struct cursor_places {
    const struct cursor *array;
    struct scan_walk walk;
    size_t index, counted;
    unsigned line;
};

struct cursor_places cursor_places(const struct cursor *array);
const struct cursor *cursor_next_placed(struct cursor_places *iter);

/* Name of the member, or of the nearest member above an element; "the file" at the root. */
struct slice cursor_name(const struct cursor *at);
struct slice cursor_string(const struct cursor *at);  /* of a string, in the arena */
struct slice cursor_compact(const struct cursor *at); /* compact JSON as written, in the arena */
unsigned cursor_line(const struct cursor *at);        /* of its name, else of the value */

/* ---- reports (cursor.c) ---- */

struct remark {
    const char *code; /* W...: a warning, unless the rule in work ignores it */
    bool on_name;     /* the member's name; else the value (of an object: its brace) */
    bool is_inside;   /* offset and length: a part of the string */
    size_t offset, length;
    struct slice suggestion, help;
};

void report(struct loader *loader, const struct cursor *at, struct remark remark,
            const char *format, ...) PRINTF_LIKE(4, 5);

/* "rules.json:3:18" of a value. */
struct slice report_place(struct loader *loader, const struct cursor *at);

/* ---- shapes (shape.c): false after a report; NULL cursors are absent members ---- */

enum {
    SHAPE_OBJECT = 1 << JSON_OBJECT,
    SHAPE_ARRAY = 1 << JSON_ARRAY,
    SHAPE_STRING = 1 << JSON_STRING,
    SHAPE_INTEGER = 1 << JSON_INTEGER,
    SHAPE_REAL = 1 << JSON_REAL,
    SHAPE_BOOL = 1 << JSON_TRUE | 1 << JSON_FALSE,
    SHAPE_NULL = 1 << JSON_NULL
};

struct names {
    const char *const *items;
    size_t nr;
};

#define NAMES(array) ((struct names){(array), ARRAY_NR(array)})

bool shape_is(struct loader *loader, const struct cursor *at, unsigned types);

/* E201 for members that are none of the names; `what` is "in a cache". */
void shape_known(struct loader *loader, const struct cursor *at, struct names known,
                 const char *what);

bool shape_text(struct loader *loader, const struct cursor *at, struct slice *out);
bool shape_flag(struct loader *loader, const struct cursor *at, bool *out);
bool shape_integer(struct loader *loader, const struct cursor *at, int64_t least, int64_t most,
                   int64_t *out);
bool shape_duration(struct loader *loader, const struct cursor *at, int64_t *ms);
bool shape_word(struct loader *loader, const struct cursor *at, struct names words, unsigned *out);

struct slices {
    struct slice *items;
    size_t nr, capacity;
};

/* A string or an array of strings. */
bool shape_texts(struct loader *loader, const struct cursor *at, struct slices *out);

/* E104 for a member that is not there. */
bool shape_needs(struct loader *loader, const struct cursor *at, const char *name,
                 const struct cursor **out);

struct slice shape_list(struct loader *loader, struct names names); /* "a, b, c" */

/* ---- the parts of a file ---- */

/* Parses it; what is wrong with its text is reported, and root is NULL. */
void rule_file_open(struct loader *loader, const struct rule_source *source, const char *form,
                    struct rule_file *file);

struct rule_test_array {
    struct rule_test *items;
    size_t nr, capacity;
};

/* Appends the tests of a "tests" member; NULL: there is none. */
void rule_test_load(struct loader *loader, const struct cursor *at, struct rule_test_array *out);

void cache_load_all(struct loader *loader, const struct cursor *caches);
void cache_add_implicit(struct loader *loader);

void catalogue_load(struct loader *loader, const struct cursor *models);
void catalogue_finish(struct loader *loader);
/* Adds the labels of models whose parents, near or far, include the label. */
void catalogue_children(struct loader *loader, struct slice label, struct slices *out);
/* Holds the fields that the rule names against the catalogue, and its rows against its ops. */
void catalogue_check(struct loader *loader, const struct rule *rule);
void catalogue_check_model(struct loader *loader, const struct cursor *at, struct slice label);

/* A pattern object; its fields are noted in loader->fields. What could be read is set even if not all could. */
bool pattern_load(struct loader *loader, const struct cursor *at, struct pattern *out);
bool pattern_load_tests(struct loader *loader, const struct cursor *at, struct predicate *out);
/* With op in (create, update, delete) wherever neither op nor event is named. */
struct pattern pattern_with_default_op(struct loader *loader, const struct pattern *pattern);
/* Sets models and ops of the rule from its `when`. */
void pattern_scope(struct loader *loader, struct rule *rule);

void action_load_all(struct loader *loader, const struct cursor *verbs, struct rule *rule);

/* A template in a string; problems are reported, fields noted. */
bool template_load(struct loader *loader, const struct cursor *at, struct template *out);

/* Reads what `at` (a rule or `defaults`) has of them over what *options holds. */
void options_load(struct loader *loader, const struct cursor *at, struct rule_options *options);
void rule_load(struct loader *loader, const struct cursor *at);

void danger_check_pattern(struct loader *loader, const struct cursor *at,
                          const struct template *pattern, const struct action *action,
                          bool is_broad_allowed);
bool danger_guard_fits(const struct template *key);

#endif
