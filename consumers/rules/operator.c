/* The alternatives of a predicate: literals and operators. */
#include "consumers/rules/operator.h"
#include "consumers/base/decimal.h"
#include "consumers/base/suggest.h"

enum { WILDCARD_MAX_STARS = 3 };

/* The tests of one predicate, or those inside anything-but, while they are read. */
struct tests {
    struct loader *loader;
    enum field_root root;
    struct test *items;
    size_t nr, capacity;
};

static bool load_operator(struct tests *tests, const struct cursor *at);

static const struct {
    const char *name;
    enum test_kind kind;
} operators[] = {
    {"prefix", TEST_PREFIX},
    {"suffix", TEST_SUFFIX},
    {"equals-ignore-case", TEST_EQUALS_IGNORE_CASE},
    {"wildcard", TEST_WILDCARD},
    {"anything-but", TEST_ANYTHING_BUT},
    {"numeric", TEST_NUMERIC},
    {"exists", TEST_EXISTS},
};

static bool find_operator(struct slice name, enum test_kind *kind)
{
    for (size_t i = 0; i < ARRAY_NR(operators); i++) {
        if (slice_equals(slice_of(operators[i].name), name)) {
            *kind = operators[i].kind;
            return true;
        }
    }
    return false;
}

const char *operator_name(size_t index)
{
    return index < ARRAY_NR(operators) ? operators[index].name : NULL;
}

bool operator_is_known(struct slice name)
{
    enum test_kind kind;

    return find_operator(name, &kind);
}

struct slice operator_near(struct slice name)
{
    struct suggest suggest;

    suggest_init(&suggest, name);
    for (size_t i = 0; i < ARRAY_NR(operators); i++)
        suggest_offer(&suggest, slice_of(operators[i].name));
    return suggest.best;
}

/* How people name things elsewhere: Django's lookups, SQL, MongoDB. */
static const struct {
    const char *names[6];
    const char *help;
} foreign[] = {
    {{"startswith", "istartswith", "starts_with"}, "write {\"prefix\": \"…\"}"},
    {{"endswith", "iendswith", "ends_with"}, "write {\"suffix\": \"…\"}"},
    {{"contains", "icontains", "like"}, "write {\"wildcard\": \"*…*\"}"},
    {{"regex", "iregex", "match"}, "there are no regular expressions: {\"wildcard\": \"a*b\"}"},
    {{"iexact"}, "write {\"equals-ignore-case\": \"…\"}"},
    {{"gt", "$gt", ">", "min"}, "write {\"numeric\": [\">\", 1]}"},
    {{"gte", "$gte", ">="}, "write {\"numeric\": [\">=\", 1]}"},
    {{"lt", "$lt", "<", "max"}, "write {\"numeric\": [\"<\", 1]}"},
    {{"lte", "$lte", "<="}, "write {\"numeric\": [\"<=\", 1]}"},
    {{"range", "between"}, "write {\"numeric\": [\">=\", 1, \"<=\", 9]}"},
    {{"eq", "$eq", "=", "==", "exact", "equals"}, "write the value itself"},
    {{"in", "$in", "anyof", "any_of"}, "write the array itself: any of its values matches"},
    {{"not", "$not", "ne", "$ne", "!=", "not_in"}, "write {\"anything-but\": [\"…\"]}"},
    {{"isnull", "is_null"}, "write null for null, or {\"exists\": false} for an absent field"},
};

struct slice operator_foreign(struct slice name)
{
    for (size_t i = 0; i < ARRAY_NR(foreign); i++) {
        for (size_t j = 0; j < ARRAY_NR(foreign[i].names) && foreign[i].names[j]; j++) {
            if (slice_equals(name, slice_of(foreign[i].names[j])))
                return slice_of(foreign[i].help);
        }
    }
    return SLICE_ABSENT;
}

bool operator_unknown(struct loader *loader, const struct cursor *object)
{
    struct cursor_iter it = cursor_walk(object);
    const struct cursor *member = cursor_next(&it);
    struct remark remark = {.code = "E203", .on_name = true};

    if (!member) {
        report(loader, object, (struct remark){.code = "E107"}, "an object without an operator");
        return false;
    }
    if (operator_is_known(member->step.name)) {
        remark.help = SLICE("in an array, one object for each: [{\"prefix\": \"a\"}, "
                            "{\"suffix\": \"b\"}]");
        remark.on_name = false;
        report(loader, object, remark, "an operator must be alone in its object");
        return false;
    }
    remark.help = operator_foreign(member->step.name);
    if (slice_is_absent(remark.help))
        remark.suggestion = operator_near(member->step.name);
    report(loader, member, remark,
           "unknown operator \"%.*s\" (known: prefix, suffix, equals-ignore-case, wildcard, "
           "anything-but, numeric, exists)",
           SLICE_ARG(member->step.name));
    return false;
}

static void add_test(struct tests *tests, struct test test)
{
    tests->items = arena_grow(tests->loader->arena, tests->items, tests->nr, &tests->capacity,
                              sizeof(*tests->items));
    tests->items[tests->nr++] = test;
}

static bool is_text_root(enum field_root root)
{
    return root == FIELD_MODEL || root == FIELD_OP || root == FIELD_EVENT ||
           root == FIELD_EVENT_ID || root == FIELD_TENANT || root == FIELD_SOURCE ||
           root == FIELD_TRACE || root == FIELD_CHANGED;
}

/* A literal that the field can never be, because it always has one type. */
static bool check_type(struct tests *tests, const struct cursor *at)
{
    const char *type = is_text_root(tests->root) ? "a string" : NULL;
    const char *help = "write it in quotes";
    bool is_fine = json_is_string(at->json);
    struct slice name = field_root_text(tests->root);

    if (tests->root == FIELD_CREATED) {
        type = "a boolean";
        help = "write true or false";
        is_fine = json_is_boolean(at->json);
    } else if (tests->root == FIELD_TS || tests->root == FIELD_VERSION) {
        type = "a number";
        help = "write a number, without quotes";
        is_fine = json_is_number(at->json);
    }
    if (!type || is_fine)
        return true;
    report(tests->loader, at, (struct remark){.code = "E207", .help = slice_of(help)},
           "\"%.*s\" is always %s", SLICE_ARG(name), type);
    return false;
}

/* An op of one's own is fine, one that differs from a known one by a letter hardly. */
static void check_op(struct loader *loader, const struct cursor *at, struct slice op)
{
    struct suggest suggest;

    suggest_init(&suggest, op);
    for (unsigned i = 0; i < EVENT_CUSTOM; i++) {
        if (slice_equals(op, event_op_text((enum event_op)i)))
            return;
        suggest_offer(&suggest, event_op_text((enum event_op)i));
    }
    if (!slice_is_absent(suggest.best))
        report(loader, at, (struct remark){.code = "W415", .suggestion = suggest.best},
               "op \"%.*s\" is none of the known ones and near to one", SLICE_ARG(op));
}

static bool load_literal(struct tests *tests, const struct cursor *at)
{
    static const enum value_type types[] = {
        [JSON_STRING] = VALUE_STRING, [JSON_INTEGER] = VALUE_NUMBER, [JSON_REAL] = VALUE_NUMBER,
        [JSON_TRUE] = VALUE_TRUE,     [JSON_FALSE] = VALUE_FALSE,    [JSON_NULL] = VALUE_NULL};
    struct test test = {.kind = TEST_EXACT};

    if (json_is_array(at->json) || json_is_object(at->json)) {
        report(tests->loader, at, (struct remark){.code = "E107"},
               "an alternative must be a plain value or an operator");
        return false;
    }
    if (!check_type(tests, at))
        return false;
    test.type = types[json_typeof(at->json)];
    if (test.type == VALUE_STRING)
        test.text = cursor_string(at);
    else if (test.type == VALUE_NUMBER)
        test.text = cursor_compact(at);
    if (tests->root == FIELD_OP)
        check_op(tests->loader, at, test.text);
    add_test(tests, test);
    return true;
}

/* What is wrong with the character at *i, or NULL; *i moves over an escape. */
static const char *wildcard_fault(struct slice text, size_t *i, unsigned *stars)
{
    bool is_after_star =
        *stars > 0 && *i > 0 && text.ptr[*i - 1] == '*' && (*i < 2 || text.ptr[*i - 2] != '\\');

    if (text.ptr[*i] == '\\') {
        if (*i + 1 >= text.len || (text.ptr[*i + 1] != '*' && text.ptr[*i + 1] != '\\'))
            return "\"\\\" in a wildcard goes before \"*\" or \"\\\"";
        *i += 1;
        return NULL;
    }
    if (text.ptr[*i] != '*')
        return NULL;
    if (++*stars > WILDCARD_MAX_STARS)
        return "a wildcard may have at most 3 \"*\"";
    return is_after_star ? "two \"*\" side by side mean the same as one" : NULL;
}

static bool check_wildcard(struct loader *loader, const struct cursor *at, struct slice text)
{
    unsigned stars = 0;

    for (size_t i = 0; i < text.len; i++) {
        struct remark remark = {.code = "E107", .is_inside = true, .offset = i, .length = 1};
        const char *fault = wildcard_fault(text, &i, &stars);

        if (fault) {
            report(loader, at, remark, "%s", fault);
            return false;
        }
    }
    return true;
}

static bool load_text_test(struct tests *tests, const struct cursor *at, enum test_kind kind)
{
    struct test test = {.kind = kind, .type = VALUE_STRING};

    if (!shape_text(tests->loader, at, &test.text))
        return false;
    if (kind == TEST_WILDCARD && !check_wildcard(tests->loader, at, test.text))
        return false;
    add_test(tests, test);
    return true;
}

/* What anything-but holds: a literal, a list of them, or a text operator over one text or several. */
static bool load_inner(struct tests *inner, const struct cursor *at)
{
    struct cursor_iter it = cursor_walk(at);
    const struct cursor *element;
    enum test_kind kind;
    bool is_fine = true;

    if (json_is_object(at->json)) {
        element = cursor_next(&it);
        if (!element || json_object_size(at->json) != 1 ||
            !find_operator(element->step.name, &kind))
            return operator_unknown(inner->loader, at);
        if (kind >= TEST_ANYTHING_BUT) {
            report(inner->loader, element, (struct remark){.code = "E107", .on_name = true},
                   "\"anything-but\" takes prefix, suffix, equals-ignore-case or wildcard");
            return false;
        }
        if (!json_is_array(element->json))
            return load_text_test(inner, element, kind);
        it = cursor_walk(element);
        while ((at = cursor_next(&it)))
            is_fine = load_text_test(inner, at, kind) && is_fine;
        return is_fine;
    }
    if (!json_is_array(at->json))
        return load_literal(inner, at);
    while ((element = cursor_next(&it)))
        is_fine = load_literal(inner, element) && is_fine;
    return is_fine;
}

static bool load_anything_but(struct tests *tests, const struct cursor *at)
{
    struct tests inner = {.loader = tests->loader, .root = tests->root};

    if (!load_inner(&inner, at))
        return false;
    if (inner.nr == 0) {
        report(tests->loader, at, (struct remark){.code = "E107"}, "\"anything-but\" is empty");
        return false;
    }
    add_test(tests,
             (struct test){.kind = TEST_ANYTHING_BUT, .inner = inner.items, .inner_nr = inner.nr});
    return true;
}

static bool load_comparison(struct loader *loader, const struct cursor *at, enum numeric_op *op)
{
    static const char *const texts[] = {
        [NUMERIC_EQ] = "=", [NUMERIC_LT] = "<",  [NUMERIC_LE] = "<=",
        [NUMERIC_GT] = ">", [NUMERIC_GE] = ">=",
    };
    static const enum numeric_op offered[] = {NUMERIC_GE, NUMERIC_LE, NUMERIC_EQ, NUMERIC_GT,
                                              NUMERIC_LT};
    struct remark remark = {.code = "E203", .help = SLICE_ABSENT};
    struct suggest suggest;
    struct slice text;

    if (!shape_text(loader, at, &text))
        return false;
    suggest_init(&suggest, text);
    for (size_t i = 0; i < ARRAY_NR(offered); i++) {
        *op = offered[i];
        if (slice_equals(text, slice_of(texts[*op])))
            return true;
        suggest_offer(&suggest, slice_of(texts[*op]));
    }
    if (slice_is_absent(suggest.best))
        remark.help = SLICE("there are \"=\", \"<\", \"<=\", \">\" and \">=\"");
    remark.suggestion = suggest.best;
    report(loader, at, remark, "unknown numeric operator \"%.*s\"", SLICE_ARG(text));
    return false;
}

static bool load_number(struct loader *loader, const struct cursor *at, struct slice *number)
{
    if (!shape_is(loader, at, SHAPE_INTEGER | SHAPE_REAL | SHAPE_STRING))
        return false;
    *number = json_is_string(at->json) ? cursor_string(at) : cursor_compact(at);
    if (decimal_is_number(*number))
        return true;
    report(loader, at, (struct remark){.code = "E105"},
           "\"%.*s\" is no number: digits as in \"9.50\"", SLICE_ARG(*number));
    return false;
}

static bool load_numeric(struct tests *tests, const struct cursor *at)
{
    struct test test = {.kind = TEST_NUMERIC};
    size_t nr = json_array_size(at->json);
    bool is_fine = true;

    if (!json_is_array(at->json) || (nr != 2 && nr != 4)) {
        report(tests->loader, at, (struct remark){.code = "E107"},
               "\"numeric\" takes one or two comparisons, as in [\">=\", 0, \"<\", 100]");
        return false;
    }
    for (size_t i = 0; i < nr; i += 2) {
        struct numeric_bound *bound = &test.bounds[test.bounds_nr++];

        is_fine = load_comparison(tests->loader, cursor_element(at, i), &bound->op) && is_fine;
        is_fine = load_number(tests->loader, cursor_element(at, i + 1), &bound->number) && is_fine;
    }
    if (is_fine)
        add_test(tests, test);
    return is_fine;
}

static bool load_operator(struct tests *tests, const struct cursor *at)
{
    struct cursor_iter it = cursor_walk(at);
    const struct cursor *member = cursor_next(&it);
    struct test test = {.kind = TEST_EXISTS};
    enum test_kind kind;

    if (!member || json_object_size(at->json) != 1 || !find_operator(member->step.name, &kind))
        return operator_unknown(tests->loader, at);
    switch (kind) {
    case TEST_ANYTHING_BUT:
        return load_anything_but(tests, member);
    case TEST_NUMERIC:
        return load_numeric(tests, member);
    case TEST_EXISTS:
        if (!shape_flag(tests->loader, member, &test.exists))
            return false;
        add_test(tests, test);
        return true;
    default:
        return load_text_test(tests, member, kind);
    }
}

/* Labels are inherited: a rule on a parent model matches the children that the catalogue lists. */
static void add_children(struct tests *tests)
{
    size_t nr = tests->nr;

    for (size_t i = 0; i < nr; i++) {
        struct slices children = {0};

        if (tests->items[i].kind != TEST_EXACT)
            continue;
        catalogue_children(tests->loader, tests->items[i].text, &children);
        for (size_t child = 0; child < children.nr; child++)
            add_test(tests, (struct test){.kind = TEST_EXACT,
                                          .type = VALUE_STRING,
                                          .text = children.items[child]});
    }
}

static void check_models(struct tests *tests, const struct cursor *at)
{
    struct cursor_iter it = cursor_walk(at);
    const struct cursor *element;

    if (json_is_string(at->json))
        catalogue_check_model(tests->loader, at, cursor_string(at));
    while (json_is_array(at->json) && (element = cursor_next(&it))) {
        if (json_is_string(element->json))
            catalogue_check_model(tests->loader, element, cursor_string(element));
    }
}

bool pattern_load_tests(struct loader *loader, const struct cursor *at, struct predicate *out)
{
    struct tests tests = {.loader = loader, .root = out->path.root};
    struct cursor_iter it = cursor_walk(at);
    const struct cursor *element;
    bool is_fine = true;

    /* Below a container every type is possible. */
    if (out->path.parts_nr > 0)
        tests.root = FIELD_ROW;
    out->want = cursor_compact(at);
    if (json_is_object(at->json)) {
        is_fine = load_operator(&tests, at);
    } else if (!json_is_array(at->json)) {
        is_fine = load_literal(&tests, at);
    } else {
        while ((element = cursor_next(&it)))
            is_fine = (json_is_object(element->json) ? load_operator(&tests, element)
                                                     : load_literal(&tests, element)) &&
                      is_fine;
    }
    if (is_fine && tests.nr == 0) {
        report(loader, at, (struct remark){.code = "E107"},
               "an empty array matches nothing: name at least one value");
        return false;
    }
    if (is_fine && tests.root == FIELD_MODEL) {
        check_models(&tests, at);
        add_children(&tests);
    }
    out->tests = tests.items;
    out->tests_nr = tests.nr;
    return is_fine;
}
