#include "consumers/rules/load.h"

#include "consumers/base/alloc.h"
#include "consumers/base/hash.h"
#include "consumers/rules/lint.h"

/* ---- one file: text to jansson's tree ---- */

static void report_span(struct loader *loader, const struct rule_file *file, struct span span,
                        const char *code, struct slice message)
{
    struct place place = locate_place(file->text, span);
    struct diagnostic d = {.severity = SEVERITY_ERROR,
                           .file = file->name,
                           .line = place.line,
                           .column = place.column,
                           .end_column = place.end_column,
                           .message = message,
                           .source_line = place.source_line};

    memcpy(d.code, code, 5);
    diagnostics_add(loader->found, &d);
}

struct duplicate_visit {
    struct loader *loader;
    const struct rule_file *file;
};

static void report_duplicate(struct span name, struct span first, void *context)
{
    const struct duplicate_visit *visit = context;
    struct slice text = visit->file->clean, message;

    if (diagnostics_skip(visit->loader->found, SEVERITY_ERROR))
        return;
    message = arena_printf(visit->loader->arena, "duplicate member %.*s (first on line %u)",
                           (int)(name.end - name.start), text.ptr + name.start,
                           locate_place(text, first).line);
    report_span(visit->loader, visit->file, name, "E102", message);
}

/* The number that ends where jansson stopped. */
static struct span number_before(struct slice text, size_t end)
{
    size_t start = end < text.len ? end : text.len;

    end = start;
    while (start > 0 && strchr("0123456789+-.eE", text.ptr[start - 1]))
        start--;
    return (struct span){start, end};
}

/* jansson stops at the end of what it did not like, so the place is found by reading again. */
static void report_syntax(struct loader *loader, const struct rule_file *file,
                          const json_error_t *error)
{
    struct scan_problem problem = {.message = SLICE_ABSENT};
    size_t position = error->position > 0 ? (size_t)error->position : 0;

    if (scan_check(file->clean, loader->arena, &problem)) {
        problem.span = number_before(file->clean, position);
        problem.message = json_error_code(error) == json_error_numeric_overflow
                              ? SLICE("a number that does not fit 64 bits: write it as a string")
                              : slice_of(error->text);
    }
    report_span(loader, file, problem.span, "E101", problem.message);
}

static bool is_object(const struct rule_file *file)
{
    size_t start = scan_space(file->clean, 0);

    return start < file->clean.len && file->clean.ptr[start] == '{';
}

/* Deeper nesting than any rule needs is refused here; jansson itself would take more. */
static void check_shape(struct loader *loader, struct rule_file *file, const json_error_t *error)
{
    struct scan_problem problem;
    bool is_whole = scan_check(file->clean, loader->arena, &problem);

    if (file->root && is_whole && is_object(file))
        return;
    if (is_whole && !is_object(file))
        report_span(loader, file, (struct span){scan_space(file->clean, 0), SIZE_MAX}, "E103",
                    slice_of(file->form));
    else
        report_syntax(loader, file, error);
    json_decref(file->root);
    file->root = NULL;
}

static void parse_file(struct loader *loader, struct rule_file *file)
{
    struct duplicate_visit visit = {loader, file};
    json_error_t error;

    file->root = json_loadb(file->clean.ptr, file->clean.len, JSON_REJECT_DUPLICATES, &error);
    if (!file->root && json_error_code(&error) == json_error_duplicate_key) {
        file->root = json_loadb(file->clean.ptr, file->clean.len, 0, &error);
        if (file->root)
            scan_duplicates(file->clean, report_duplicate, &visit);
    }
    check_shape(loader, file, &error);
}

void rule_file_open(struct loader *loader, const struct rule_source *source, const char *form,
                    struct rule_file *file)
{
    *file = (struct rule_file){
        .name = source->name, .text = source->text, .form = form, .arena = loader->arena};
    if (slice_starts_with(file->text, SLICE("\xef\xbb\xbf")))
        file->text = (struct slice){file->text.ptr + 3, file->text.len - 3};
    file->clean = slice_ends_with(file->name, SLICE(".jsonc"))
                      ? scan_blank_comments(file->text, loader->arena)
                      : file->text;
    parse_file(loader, file);
}

/* ---- all files: what they declare, then their rules ---- */

static void load_head(struct loader *loader, const struct cursor *root)
{
    static const char *const known[] = {"$schema",  "version", "caches", "models",
                                        "defaults", "rules",   "tests"};
    const struct cursor *version;
    struct slice schema;

    shape_known(loader, root, NAMES(known), "in a rule file");
    shape_text(loader, cursor_member(root, "$schema"), &schema);
    catalogue_load(loader, cursor_member(root, "models"));
    if (!shape_needs(loader, root, "version", &version) ||
        !shape_is(loader, version, SHAPE_INTEGER) || json_integer_value(version->json) == 1)
        return;
    report(loader, version, (struct remark){.code = "E105"},
           "\"version\" of a rule file is 1, the only one there is");
}

/* A default may be said in two files only if they agree. */
static void check_conflicts(struct loader *loader, const struct cursor *at)
{
    struct cursor_iter it = cursor_walk(at);
    const struct cursor *member, *earlier;

    while ((member = cursor_next(&it))) {
        const struct name_entry *first = names_find(&loader->default_names, member->step.name);

        if (!first) {
            names_add(&loader->default_names, loader->arena, member->step.name, member);
            continue;
        }
        earlier = first->at;
        if (!json_equal(earlier->json, member->json))
            report(loader, member, (struct remark){.code = "E106", .on_name = true},
                   "default \"%.*s\" differs from the one at %.*s:%u", SLICE_ARG(member->step.name),
                   SLICE_ARG(earlier->file->name), cursor_line(earlier));
    }
}

static void load_defaults(struct loader *loader, const struct cursor *at)
{
    static const char *const known[] = {"cache",    "mode",   "enabled", "on_missing",
                                        "max_keys", "ignore", "unless"};

    if (!at || !shape_is(loader, at, SHAPE_OBJECT))
        return;
    shape_known(loader, at, NAMES(known), "in \"defaults\"");
    check_conflicts(loader, at);
    options_load(loader, at, &loader->defaults);
}

static void load_rules(struct loader *loader, const struct cursor *rules)
{
    struct cursor_places it;
    const struct cursor *at;

    if (!shape_is(loader, rules, SHAPE_ARRAY))
        return;
    it = cursor_places(rules);
    while ((at = cursor_next_placed(&it)))
        rule_load(loader, at);
}

static size_t count_rules(const struct loader *loader)
{
    size_t nr = 0;

    for (size_t i = 0; i < loader->files_nr; i++)
        nr += json_array_size(json_object_get(loader->files[i].root, "rules"));
    return nr;
}

/* Warnings heed the defaults, patterns the catalogue: so first models, then defaults, then caches. */
static void load_declarations(struct loader *loader, const struct cursor *const *roots)
{
    for (size_t i = 0; i < loader->files_nr; i++) {
        if (roots[i])
            load_head(loader, roots[i]);
    }
    catalogue_finish(loader);
    for (size_t i = 0; i < loader->files_nr; i++) {
        if (roots[i])
            load_defaults(loader, cursor_member(roots[i], "defaults"));
    }
    for (size_t i = 0; i < loader->files_nr; i++) {
        if (roots[i])
            cache_load_all(loader, cursor_member(roots[i], "caches"));
    }
    cache_add_implicit(loader);
}

static void load_tests(struct loader *loader, const struct cursor *const *roots)
{
    struct rule_test_array tests = {NULL, 0, 0};

    for (size_t i = 0; i < loader->files_nr; i++) {
        if (roots[i])
            rule_test_load(loader, cursor_member(roots[i], "tests"), &tests);
    }
    loader->set->tests = tests.items;
    loader->set->tests_nr = tests.nr;
}

static void load_all(struct loader *loader)
{
    const struct cursor **roots =
        arena_zero(loader->arena, loader->files_nr, sizeof(struct cursor *));
    bool is_whole = true;

    for (size_t i = 0; i < loader->files_nr; i++) {
        is_whole = is_whole && loader->files[i].root;
        if (loader->files[i].root)
            roots[i] = cursor_root(&loader->files[i]);
    }
    load_declarations(loader, roots);
    loader->rules = arena_zero(loader->arena, count_rules(loader), sizeof(*loader->rules));
    loader->read = arena_zero(loader->arena, count_rules(loader), sizeof(*loader->read));
    for (size_t i = 0; i < loader->files_nr; i++) {
        const struct cursor *rules = roots[i] ? cursor_member(roots[i], "rules") : NULL;

        if (rules)
            load_rules(loader, rules);
    }
    load_tests(loader, roots);
    loader->set->rules = loader->rules;
    loader->set->rules_nr = loader->rules_nr;
    if (is_whole && loader->files_nr > 0 && count_rules(loader) == 0)
        report(loader, roots[0], (struct remark){.code = "E104"},
               loader->files_nr == 1 ? "there is no rule in this file"
                                     : "there is no rule in any of these files");
}

static void hash_sources(const struct rule_source *sources, size_t nr, char hash[static 17])
{
    char hex[DIGEST_HEX_BYTES];
    struct buffer all;

    buffer_init(&all);
    for (size_t i = 0; i < nr; i++) {
        buffer_printf(&all, "%zu:", sources[i].text.len);
        buffer_add(&all, sources[i].text);
    }
    digest_hex(DIGEST_SHA256, buffer_slice(&all), hex);
    memcpy(hash, hex, 16);
    hash[16] = '\0';
    buffer_release(&all);
}

struct ruleset *load_sources(const struct rule_source *sources, size_t nr,
                             struct diagnostics *found)
{
    struct ruleset *set = alloc_zero(1, sizeof(*set));
    struct loader loader = {.set = set,
                            .arena = &set->arena,
                            .found = found,
                            .files_nr = nr,
                            .defaults = {.is_enabled = true, .max_keys = RULE_MAX_KEYS}};

    arena_init(&set->arena, 1 << 14);
    set->files_nr = nr;
    hash_sources(sources, nr, set->hash);
    loader.files = arena_zero(&set->arena, nr, sizeof(*loader.files));
    for (size_t i = 0; i < nr; i++)
        rule_file_open(&loader, &sources[i],
                       "a rule file is an object: {\"version\": 1, \"rules\": [...]}",
                       &loader.files[i]);
    load_all(&loader);
    if (found->errors == 0)
        lint_set(&loader);
    for (size_t i = 0; i < nr; i++)
        json_decref(loader.files[i].root);
    diagnostics_sort(found);
    found->files_nr += nr;
    found->rules_nr += loader.rules_nr;
    if (found->errors > 0) {
        ruleset_free(set);
        return NULL;
    }
    ruleset_build_index(set);
    return set;
}
