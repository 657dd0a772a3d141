#include "consumers/rules/rule_test.h"

#include <stdlib.h>

#include "consumers/base/alloc.h"
#include "consumers/base/suggest.h"
#include "consumers/rules/load.h"
#include "consumers/rules/loader.h"

enum { MOST_TIMES = 1000000 };

static bool load_list(struct loader *loader, const struct cursor *at, struct slice_list *out)
{
    struct slices texts = {0};
    bool is_fine = shape_texts(loader, at, &texts);

    *out = (struct slice_list){texts.items, texts.nr};
    return is_fine;
}

/* An array alone: what may be rewritten must be one. */
static bool load_array(struct loader *loader, const struct cursor *at, struct slice_list *out,
                       struct test_span *span)
{
    struct span found;

    if (!at || !shape_is(loader, at, SHAPE_ARRAY) || !load_list(loader, at, out))
        return false;
    found = locate(at->file->clean, &at->step).value;
    *span = (struct test_span){found.start, found.end};
    return true;
}

static void load_content(struct loader *loader, const struct cursor *at, struct test_key *out)
{
    if (!shape_is(loader, at, SHAPE_STRING | SHAPE_INTEGER | SHAPE_ARRAY))
        return;
    out->is_set = json_is_array(at->json);
    if (out->is_set)
        load_list(loader, at, &out->members);
    else
        out->value = json_is_string(at->json) ? cursor_string(at) : cursor_compact(at);
}

static void load_key(struct loader *loader, const struct cursor *at, struct test_key *out)
{
    static const char *const known[] = {"value", "ttl", "redis"};
    const struct cursor *value;

    *out = (struct test_key){.key = arena_copy(loader->arena, at->step.name),
                             .redis = SLICE("default"),
                             .value = SLICE(""),
                             .ttl_ms = -1};
    if (!shape_is(loader, at, SHAPE_STRING | SHAPE_INTEGER | SHAPE_ARRAY | SHAPE_OBJECT))
        return;
    if (!json_is_object(at->json)) {
        load_content(loader, at, out);
        return;
    }
    shape_known(loader, at, NAMES(known), "in a key that is given");
    if (shape_needs(loader, at, "value", &value))
        load_content(loader, value, out);
    shape_duration(loader, cursor_member(at, "ttl"), &out->ttl_ms);
    shape_text(loader, cursor_member(at, "redis"), &out->redis);
}

static struct test_keys load_keys(struct loader *loader, const struct cursor *at)
{
    struct test_keys keys = {NULL, 0};
    struct test_key *items;
    struct cursor_iter it;
    const struct cursor *member;

    if (!at || !shape_is(loader, at, SHAPE_OBJECT))
        return keys;
    items = arena_zero(loader->arena, json_object_size(at->json), sizeof(*items));
    it = cursor_walk(at);
    while ((member = cursor_next(&it)))
        load_key(loader, member, &items[keys.nr++]);
    keys.items = items;
    return keys;
}

static bool is_wait(const struct cursor *at)
{
    return json_object_size(at->json) == 1 && json_object_get(at->json, "at");
}

static void load_step(struct loader *loader, const struct cursor *at, struct test_step *out)
{
    static const char *const known[] = {"at", "set"};
    const struct cursor *set = cursor_member(at, "set");

    out->line = cursor_line(at);
    shape_duration(loader, cursor_member(at, "at"), &out->at_ms);
    if (set) {
        shape_known(loader, at, NAMES(known), "in a step that sets keys");
        out->kind = TEST_WRITE;
        out->write = load_keys(loader, set);
    } else if (is_wait(at)) {
        out->kind = TEST_WAIT;
    } else {
        out->kind = TEST_EVENT;
        out->event = cursor_compact(at);
    }
}

static void load_steps(struct loader *loader, const struct cursor *at, struct rule_test *test)
{
    struct test_step *steps = arena_zero(loader->arena, json_array_size(at->json), sizeof(*steps));
    struct cursor_iter it = cursor_walk(at);
    const struct cursor *element;
    int64_t before_ms = 0;

    while ((element = cursor_next(&it))) {
        struct test_step *step = &steps[test->steps_nr];

        if (!shape_is(loader, element, SHAPE_OBJECT))
            continue;
        step->at_ms = before_ms;
        load_step(loader, element, step);
        if (step->at_ms < before_ms)
            report(loader, cursor_member(element, "at"), (struct remark){.code = "E105"},
                   "\"at\" is before that of the step above it");
        before_ms = step->at_ms;
        test->steps_nr++;
    }
    test->steps = steps;
}

static void load_events(struct loader *loader, const struct cursor *at, struct rule_test *test)
{
    const struct cursor *one = cursor_member(at, "event"), *many = cursor_member(at, "events");
    struct test_step *step;

    if (one && many) {
        report(loader, many, (struct remark){.code = "E105", .on_name = true},
               "a test has \"event\" or \"events\", not both");
    } else if (many) {
        if (shape_is(loader, many, SHAPE_ARRAY))
            load_steps(loader, many, test);
    } else if (!one) {
        shape_needs(loader, at, "event", &one);
    } else if (shape_is(loader, one, SHAPE_OBJECT)) {
        step = arena_zero(loader->arena, 1, sizeof(*step));
        step->line = cursor_line(one);
        step->event = cursor_compact(one);
        test->steps = step;
        test->steps_nr = 1;
    }
}

static struct test_values load_values(struct loader *loader, const struct cursor *at, bool is_count)
{
    struct test_values values = {NULL, 0};
    struct test_value *items;
    struct cursor_iter it;
    const struct cursor *member;

    if (!at || !shape_is(loader, at, SHAPE_OBJECT))
        return values;
    items = arena_zero(loader->arena, json_object_size(at->json), sizeof(*items));
    it = cursor_walk(at);
    while ((member = cursor_next(&it))) {
        struct test_value *item = &items[values.nr++];

        item->name = arena_copy(loader->arena, member->step.name);
        item->value = SLICE_ABSENT;
        if (is_count)
            shape_integer(loader, member, 0, MOST_TIMES, &item->times);
        else if (shape_is(loader, member, SHAPE_STRING | SHAPE_INTEGER | SHAPE_NULL) &&
                 !json_is_null(member->json))
            item->value =
                json_is_string(member->json) ? cursor_string(member) : cursor_compact(member);
    }
    values.items = items;
    return values;
}

/* A key that was never there is deleted, or kept, whatever the rules do. */
static void check_keys(struct loader *loader, const struct cursor *at, struct slice_list keys,
                       const struct rule_test *test)
{
    for (size_t i = 0; i < keys.nr; i++) {
        const struct cursor *key = json_is_array(at->json) ? cursor_element(at, i) : at;
        struct suggest suggest;
        bool is_there = false;

        suggest_init(&suggest, keys.items[i]);
        for (size_t j = 0; j < test->given.nr; j++) {
            is_there |= slice_equals(test->given.items[j].key, keys.items[i]);
            suggest_offer(&suggest, test->given.items[j].key);
        }
        for (size_t j = 0; j < test->steps_nr; j++) {
            for (size_t k = 0; k < test->steps[j].write.nr; k++)
                is_there |= slice_equals(test->steps[j].write.items[k].key, keys.items[i]);
        }
        if (!is_there)
            report(loader, key, (struct remark){.code = "E105", .suggestion = suggest.best},
                   "\"%.*s\" is in \"%.*s\" but was never there: put it into \"given\"",
                   SLICE_ARG(keys.items[i]), SLICE_ARG(cursor_name(at)));
    }
}

static void load_expect(struct loader *loader, const struct cursor *at, struct rule_test *test)
{
    static const char *const known[] = {"includes", "exactly", "deleted", "kept",
                                        "rules",    "values",  "sent",    "dlq"};
    struct test_expect *expect = &test->expect;
    const struct cursor *deleted = cursor_member(at, "deleted"), *kept = cursor_member(at, "kept");

    shape_known(loader, at, NAMES(known), "in \"expect\"");
    if (json_object_size(at->json) == 0)
        report(loader, at, (struct remark){.code = "E104"},
               "an empty \"expect\" holds for any rules: name one of %.*s",
               SLICE_ARG(shape_list(loader, NAMES(known))));
    expect->has_includes = load_array(loader, cursor_member(at, "includes"), &expect->includes,
                                      &expect->includes_span);
    expect->has_exactly =
        load_array(loader, cursor_member(at, "exactly"), &expect->exactly, &expect->exactly_span);
    if (load_list(loader, deleted, &expect->deleted))
        check_keys(loader, deleted, expect->deleted, test);
    if (load_list(loader, kept, &expect->kept))
        check_keys(loader, kept, expect->kept, test);
    load_list(loader, cursor_member(at, "rules"), &expect->rules);
    expect->values = load_values(loader, cursor_member(at, "values"), false);
    expect->sent = load_values(loader, cursor_member(at, "sent"), true);
    shape_integer(loader, cursor_member(at, "dlq"), 0, MOST_TIMES, &expect->dead_letters);
}

static void load_name(struct loader *loader, const struct cursor *at, struct rule_test *test,
                      struct name_table *names)
{
    const struct cursor *name;
    const struct name_entry *first;

    test->line = cursor_line(at);
    if (!shape_needs(loader, at, "name", &name) || !shape_text(loader, name, &test->name))
        return;
    test->line = cursor_line(name);
    first = names_find(names, test->name);
    if (test->name.len == 0)
        report(loader, name, (struct remark){.code = "E105"}, "a test needs a name that says it");
    else if (first)
        report(loader, name, (struct remark){.code = "E106"},
               "test \"%.*s\" is defined twice (first on line %u)", SLICE_ARG(test->name),
               cursor_line(first->at));
    else
        names_add(names, loader->arena, test->name, name);
}

static void load_test(struct loader *loader, const struct cursor *at, struct rule_test *test,
                      struct name_table *names)
{
    static const char *const known[] = {"name",  "description", "given",
                                        "event", "events",      "expect"};
    const struct cursor *expect;
    struct slice description;

    shape_known(loader, at, NAMES(known), "in a test");
    test->file = arena_copy(loader->arena, at->file->name);
    load_name(loader, at, test, names);
    shape_text(loader, cursor_member(at, "description"), &description);
    test->given = load_keys(loader, cursor_member(at, "given"));
    load_events(loader, at, test);
    if (shape_needs(loader, at, "expect", &expect) && shape_is(loader, expect, SHAPE_OBJECT))
        load_expect(loader, expect, test);
}

void rule_test_load(struct loader *loader, const struct cursor *at, struct rule_test_array *out)
{
    struct name_table names = {0};
    struct cursor_places it;
    const struct cursor *element;

    if (!at || !shape_is(loader, at, SHAPE_ARRAY))
        return;
    it = cursor_places(at);
    while ((element = cursor_next_placed(&it))) {
        if (!shape_is(loader, element, SHAPE_OBJECT))
            continue;
        out->items =
            arena_grow(loader->arena, out->items, out->nr, &out->capacity, sizeof(*out->items));
        out->items[out->nr] = (struct rule_test){.name = SLICE("")};
        load_test(loader, element, &out->items[out->nr++], &names);
    }
}

struct test_file *test_file_load(const struct rule_source *source, struct diagnostics *found)
{
    static const char *const known[] = {"$schema", "rules", "tests"};
    struct test_file *file = alloc_zero(1, sizeof(*file));
    struct rule_file opened;
    struct loader loader = {.arena = &file->arena, .found = found};
    struct rule_test_array tests = {NULL, 0, 0};
    unsigned errors = found->errors;
    const struct cursor *root, *at;
    struct slice schema;

    arena_init(&file->arena, 1 << 14);
    rule_file_open(&loader, source, "a file of tests is an object: {\"tests\": [...]}", &opened);
    if (opened.root) {
        root = cursor_root(&opened);
        shape_known(&loader, root, NAMES(known), "in a file of tests");
        shape_text(&loader, cursor_member(root, "$schema"), &schema);
        load_list(&loader, cursor_member(root, "rules"), &file->rules);
        if (shape_needs(&loader, root, "tests", &at))
            rule_test_load(&loader, at, &tests);
        json_decref(opened.root);
    }
    found->files_nr++;
    diagnostics_sort(found);
    file->tests = tests.items;
    file->tests_nr = tests.nr;
    if (found->errors == errors)
        return file;
    test_file_free(file);
    return NULL;
}

void test_file_free(struct test_file *file)
{
    if (!file)
        return;
    arena_release(&file->arena);
    free(file);
}
