/* Patterns: paths, nested objects, $or and the default op. Operators are in operator.c. */
#include "consumers/rules/loader.h"

#include "consumers/base/suggest.h"
#include "consumers/rules/encode.h"
#include "consumers/rules/holds.h"
#include "consumers/rules/operator.h"

struct builder {
    struct loader *loader;
    struct predicate *predicates;
    size_t predicates_nr, predicates_capacity;
    struct pattern_group *groups;
    size_t groups_nr, groups_capacity;
};

static bool load_members(struct builder *b, const struct cursor *at, struct slice prefix);

static const enum field_root matched_roots[] = {
    FIELD_CHANGED, FIELD_CREATED, FIELD_BEFORE,  FIELD_AFTER,    FIELD_MODEL,  FIELD_OP,
    FIELD_EVENT,   FIELD_PK,      FIELD_M2M,     FIELD_META,     FIELD_TENANT, FIELD_SOURCE,
    FIELD_TRACE,   FIELD_TS,      FIELD_VERSION, FIELD_EVENT_ID,
};

static bool is_container(enum field_root root)
{
    return root == FIELD_BEFORE || root == FIELD_AFTER || root == FIELD_M2M || root == FIELD_META;
}

static bool is_matched(enum field_root root)
{
    for (size_t i = 0; i < ARRAY_NR(matched_roots); i++) {
        if (matched_roots[i] == root)
            return true;
    }
    return false;
}

static bool unknown_field(struct loader *loader, const struct cursor *at, struct slice path,
                          struct slice first)
{
    struct remark remark = {.code = "E201", .on_name = true};
    struct slice below = {path.ptr + first.len, path.len - first.len};
    struct suggest suggest;

    suggest_init(&suggest, first);
    for (size_t i = 0; i < ARRAY_NR(matched_roots); i++)
        suggest_offer(&suggest, field_root_text(matched_roots[i]));
    if (slice_equals(first, SLICE("id")))
        remark.help =
            SLICE("write \"pk\" for the row's key or \"event_id\" for the event's own id");
    else if (!slice_is_absent(suggest.best))
        remark.suggestion =
            arena_printf(loader->arena, "%.*s%.*s", SLICE_ARG(suggest.best), SLICE_ARG(below));
    else
        remark.help = arena_printf(loader->arena,
                                   "write \"after.%.*s\" or \"before.%.*s\" for a field of the row",
                                   SLICE_ARG(path), SLICE_ARG(path));
    report(loader, at, remark,
           "unknown field \"%.*s\" in \"when\" (events have: changed, created, before.*, after.*, "
           "…)",
           SLICE_ARG(path));
    return false;
}

static bool check_m2m(struct loader *loader, const struct cursor *at, const struct field_path *path)
{
    static const char *const known[] = {"field", "action", "pks"};
    struct suggest suggest;

    if (path->root != FIELD_M2M || path->parts_nr == 0)
        return true;
    suggest_init(&suggest, path->parts[0].name);
    for (size_t i = 0; i < ARRAY_NR(known); i++) {
        if (slice_equals(path->parts[0].name, slice_of(known[i])))
            return true;
        suggest_offer(&suggest, slice_of(known[i]));
    }
    report(loader, at, (struct remark){.code = "E201", .on_name = true, .suggestion = suggest.best},
           "unknown field \"%.*s\" (m2m has: field, action, pks)", SLICE_ARG(path->text));
    return false;
}

/* The path's text cut at its dots; false for an empty part. */
static bool split(struct loader *loader, struct slice text, struct slices *parts)
{
    for (size_t start = 0; start <= text.len;) {
        const char *dot = memchr(text.ptr + start, '.', text.len - start);
        size_t end = dot ? (size_t)(dot - text.ptr) : text.len;

        if (end == start)
            return false;
        parts->items = arena_grow(loader->arena, parts->items, parts->nr, &parts->capacity,
                                  sizeof(*parts->items));
        parts->items[parts->nr++] = (struct slice){text.ptr + start, end - start};
        start = end + 1;
    }
    return true;
}

static bool parse_path(struct loader *loader, const struct cursor *at, struct slice text,
                       struct field_path *path)
{
    struct slices parts = {0};
    struct field_part *below;

    if (!split(loader, text, &parts)) {
        report(loader, at, (struct remark){.code = "E107", .on_name = true},
               "\"%.*s\" is no path: names with single dots between them", SLICE_ARG(text));
        return false;
    }
    if (!field_root_parse(parts.items[0], &path->root) || !is_matched(path->root))
        return unknown_field(loader, at, text, parts.items[0]);
    if (parts.nr > 1 && !is_container(path->root)) {
        report(loader, at, (struct remark){.code = "E210", .on_name = true},
               "\"%.*s\" is a plain value and has no fields", SLICE_ARG(parts.items[0]));
        return false;
    }
    below = arena_zero(loader->arena, parts.nr, sizeof(*below));
    for (size_t i = 1; i < parts.nr; i++)
        below[i - 1].name = parts.items[i];
    path->parts = below;
    path->parts_nr = parts.nr - 1;
    path->text = text;
    return check_m2m(loader, at, path);
}

static void note_field(struct loader *loader, const struct cursor *at,
                       const struct field_path *path)
{
    struct named_field *field;

    loader->fields = arena_grow(loader->arena, loader->fields, loader->fields_nr,
                                &loader->fields_capacity, sizeof(*loader->fields));
    field = &loader->fields[loader->fields_nr++];
    *field = (struct named_field){.at = at, .on_name = true, .root = path->root};
    if (path->parts_nr > 0)
        field->name = path->parts[0].name;
}

/* Each literal of `changed` is the name of a field. */
static void note_changed(struct loader *loader, const struct cursor *at)
{
    struct cursor_iter it = cursor_walk(at);
    const struct cursor *element = json_is_array(at->json) ? cursor_next(&it) : at;

    while (element) {
        if (json_is_string(element->json)) {
            loader->fields = arena_grow(loader->arena, loader->fields, loader->fields_nr,
                                        &loader->fields_capacity, sizeof(*loader->fields));
            loader->fields[loader->fields_nr++] = (struct named_field){
                .at = element, .root = FIELD_CHANGED, .name = cursor_string(element)};
        }
        element = json_is_array(at->json) ? cursor_next(&it) : NULL;
    }
}

/* The names of ops are few and known: what the tests say of each is asked once. */
static unsigned ops_of(const struct predicate *predicate)
{
    unsigned ops = 0;

    for (unsigned op = 0; op < EVENT_CUSTOM; op++) {
        struct field name = field_of_text(event_op_text((enum event_op)op));

        for (size_t i = 0; i < predicate->tests_nr; i++) {
            if (test_holds(&predicate->tests[i], &name))
                ops |= 1u << op;
        }
    }
    return ops;
}

static bool add_predicate(struct builder *b, const struct cursor *at, const struct field_path *path)
{
    struct predicate predicate = {.path = *path};

    note_field(b->loader, at, path);
    if (path->root == FIELD_CHANGED)
        note_changed(b->loader, at);
    if (!pattern_load_tests(b->loader, at, &predicate))
        return false;
    if (path->root == FIELD_OP)
        predicate.ops = ops_of(&predicate);
    b->predicates = arena_grow(b->loader->arena, b->predicates, b->predicates_nr,
                               &b->predicates_capacity, sizeof(*b->predicates));
    b->predicates[b->predicates_nr++] = predicate;
    return true;
}

/*
 * An object is either one operator or the fields below. A single member whose name is near to an
 * operator's, or below a field is one elsewhere, is taken for an operator, never silently for a field
 * (which a path with dots still names).
 */
static bool load_object(struct builder *b, const struct cursor *at, const struct field_path *path)
{
    struct cursor_iter it = cursor_walk(at);
    const struct cursor *first = cursor_next(&it);
    bool is_single = json_object_size(at->json) == 1, is_foreign;
    struct slice near;

    if (!first) {
        report(b->loader, at, (struct remark){.code = "E107"},
               "\"%.*s\" has neither an operator nor fields", SLICE_ARG(path->text));
        return false;
    }
    if (is_single && operator_is_known(first->step.name))
        return add_predicate(b, at, path);
    near = operator_near(first->step.name);
    is_foreign = is_single && !slice_is_absent(operator_foreign(first->step.name));
    if (!is_container(path->root) || (is_single && !slice_is_absent(near)) ||
        (path->parts_nr > 0 && (is_foreign || operator_is_known(first->step.name))))
        return operator_unknown(b->loader, at);
    return load_members(b, at, path->text);
}

static bool load_field(struct builder *b, const struct cursor *at, struct slice prefix)
{
    struct field_path path = {0};
    struct slice text = prefix.len == 0 ? arena_copy(b->loader->arena, at->step.name)
                                        : arena_printf(b->loader->arena, "%.*s.%.*s",
                                                       SLICE_ARG(prefix), SLICE_ARG(at->step.name));

    if (!parse_path(b->loader, at, text, &path))
        return false;
    return json_is_object(at->json) ? load_object(b, at, &path) : add_predicate(b, at, &path);
}

static bool load_branch(struct loader *loader, const struct cursor *at, struct slice prefix,
                        struct pattern *out)
{
    struct builder b = {.loader = loader};
    bool is_fine = shape_is(loader, at, SHAPE_OBJECT) && load_members(&b, at, prefix);

    *out = (struct pattern){b.predicates, b.predicates_nr, b.groups, b.groups_nr};
    return is_fine;
}

static bool load_or(struct builder *b, const struct cursor *at, struct slice prefix)
{
    struct cursor_iter it = cursor_walk(at);
    size_t nr = json_array_size(at->json);
    struct pattern *branches;
    bool is_fine = true;

    if (!json_is_array(at->json) || nr < 2) {
        report(b->loader, at, (struct remark){.code = "E107"},
               "\"$or\" must be an array of two or more patterns");
        return false;
    }
    branches = arena_zero(b->loader->arena, nr, sizeof(*branches));
    for (size_t i = 0; i < nr; i++) {
        const struct cursor *branch = cursor_next(&it);

        is_fine = load_branch(b->loader, branch, prefix, &branches[i]) && is_fine;
        if (json_is_object(branch->json) && json_object_size(branch->json) == 0) {
            report(b->loader, branch, (struct remark){.code = "E107"},
                   "an empty branch of \"$or\" matches everything");
            is_fine = false;
        }
    }
    b->groups = arena_grow(b->loader->arena, b->groups, b->groups_nr, &b->groups_capacity,
                           sizeof(*b->groups));
    b->groups[b->groups_nr++] = (struct pattern_group){branches, nr};
    return is_fine;
}

static bool load_members(struct builder *b, const struct cursor *at, struct slice prefix)
{
    struct cursor_iter it = cursor_walk(at);
    const struct cursor *member;
    bool is_fine = true;

    while ((member = cursor_next(&it))) {
        bool is_or = slice_equals(member->step.name, SLICE("$or"));

        is_fine = (is_or ? load_or(b, member, prefix) : load_field(b, member, prefix)) && is_fine;
    }
    return is_fine;
}

bool pattern_load(struct loader *loader, const struct cursor *at, struct pattern *out)
{
    return load_branch(loader, at, SLICE(""), out);
}
