/* Warnings about one rule: what never matches, and purges that are more than is needed. */
#include "consumers/base/decimal.h"
#include "consumers/base/glob.h"
#include "consumers/rules/lint.h"

enum { CLASS_MOST = 8 };

/* ---- which tests lie within which ---- */

static bool is_same_literal(const struct test *a, const struct test *b)
{
    return a->type == b->type && slice_equals(a->text, b->text);
}

static bool holds_literal(const struct predicate *wide, const struct test *test)
{
    for (size_t i = 0; i < wide->tests_nr; i++) {
        if (wide->tests[i].kind == TEST_EXACT && is_same_literal(&wide->tests[i], test))
            return true;
    }
    return false;
}

bool lint_predicate_implies(const struct predicate *narrow, const struct predicate *wide)
{
    if (!slice_equals(narrow->path.text, wide->path.text))
        return false;
    if (slice_equals(narrow->want, wide->want))
        return true;
    for (size_t i = 0; i < narrow->tests_nr; i++) {
        if (narrow->tests[i].kind != TEST_EXACT || !holds_literal(wide, &narrow->tests[i]))
            return false;
    }
    return true;
}

bool lint_pattern_implies(const struct pattern *narrow, const struct pattern *wide)
{
    if (wide->groups_nr > 0)
        return false;
    for (size_t i = 0; i < wide->predicates_nr; i++) {
        size_t j = 0;

        while (j < narrow->predicates_nr &&
               !lint_predicate_implies(&narrow->predicates[j], &wide->predicates[i]))
            j++;
        if (j == narrow->predicates_nr)
            return false;
    }
    return true;
}

/* ---- W404 ---- */

static bool is_below(const struct numeric_bound *low, const struct numeric_bound *high)
{
    int order = decimal_compare(low->number, high->number);

    return order < 0 || (order == 0 && low->op != NUMERIC_GT && high->op != NUMERIC_LT);
}

static bool is_low(const struct numeric_bound *bound)
{
    return bound->op == NUMERIC_GT || bound->op == NUMERIC_GE;
}

static bool is_empty_range(const struct test *test)
{
    const struct numeric_bound *a = &test->bounds[0], *b = &test->bounds[1];

    if (test->kind != TEST_NUMERIC || test->bounds_nr < 2 || is_low(a) == is_low(b) ||
        a->op == NUMERIC_EQ || b->op == NUMERIC_EQ)
        return false;
    return is_low(a) ? !is_below(a, b) : !is_below(b, a);
}

static bool needs_other_op(const struct predicate *predicate, unsigned ops)
{
    const struct test *test = predicate->tests;
    bool wants_create = predicate->tests_nr == 1 && test->type == VALUE_TRUE;
    bool wants_update = predicate->tests_nr == 1 && test->type == VALUE_FALSE;

    if (predicate->path.root != FIELD_CREATED || test->kind != TEST_EXACT)
        return false;
    return (wants_create && !(ops & (1u << EVENT_CREATE))) ||
           (wants_update && ops == 1u << EVENT_CREATE);
}

static bool wants_m2m(const struct predicate *predicate)
{
    if (predicate->path.root != FIELD_M2M)
        return false;
    for (size_t i = 0; i < predicate->tests_nr; i++) {
        if (predicate->tests[i].kind == TEST_EXISTS && !predicate->tests[i].exists)
            return false;
    }
    return true;
}

/* What of the predicate rules out every event; NULL: nothing. */
static const char *contradiction(const struct rule *rule, const struct predicate *predicate)
{
    size_t empty = 0;

    for (size_t i = 0; i < predicate->tests_nr; i++)
        empty += is_empty_range(&predicate->tests[i]);
    if (empty > 0 && empty == predicate->tests_nr)
        return "no number lies in that range";
    if (needs_other_op(predicate, rule->ops))
        return "\"created\" contradicts \"op\"";
    if (wants_m2m(predicate) && !(rule->ops & (1u << EVENT_M2M | 1u << EVENT_CUSTOM)))
        return "only events of \"op\": \"m2m\" have m2m, and \"op\" does not name it";
    return NULL;
}

static void check_match(struct loader *loader, const struct cursor *when, const struct rule *rule)
{
    struct remark remark = {.code = "W404", .on_name = true};
    const char *why = rule->ops == 0 ? "its parts name different ops" : NULL;

    for (size_t i = 0; i < rule->when.predicates_nr && !why; i++)
        why = contradiction(rule, &rule->when.predicates[i]);
    if (!why && rule->has_unless && rule->unless.predicates_nr > 0 &&
        lint_pattern_implies(&rule->when, &rule->unless))
        why = "\"unless\" stops all that \"when\" lets through";
    if (why)
        report(loader, when, remark, "this rule can never match: %s", why);
}

/* ---- W403 ---- */

/* As a glob, or as a key: placeholders stand for themselves, between bytes that no key holds. */
static struct slice stand_in(struct loader *loader, struct slice source, bool is_glob)
{
    struct template_problems none = {.nr = 0};
    struct slice text = SLICE("");
    struct template tpl;

    if (!template_parse(source, loader->arena, &tpl, &none))
        return SLICE_ABSENT;
    for (size_t i = 0; i < tpl.segments_nr; i++) {
        const struct segment *segment = &tpl.segments[i];
        struct slice piece = segment->literal;
        char *escaped;

        if (!slice_is_absent(segment->text)) {
            piece = (struct slice){source.ptr + segment->offset, segment->length};
            escaped = arena_bytes(loader->arena, glob_escaped_bytes(piece) + 1);
            if (is_glob)
                piece = (struct slice){escaped, glob_escape(piece, escaped)};
            piece = arena_printf(loader->arena, "\x01%.*s\x01", SLICE_ARG(piece));
        }
        text = arena_printf(loader->arena, "%.*s%.*s", SLICE_ARG(text), SLICE_ARG(piece));
    }
    return text;
}

bool lint_is_written(const struct template *target)
{
    for (size_t i = 0; i < target->segments_nr; i++) {
        if (target->segments[i].digest)
            return false;
    }
    return true;
}

static bool covers(struct loader *loader, const struct action *purge, const struct template *key)
{
    struct slice name = stand_in(loader, key->source, false);

    for (size_t i = 0; i < purge->targets_nr; i++) {
        if (lint_is_written(&purge->targets[i]) &&
            glob_match(stand_in(loader, purge->targets[i].source, true), name))
            return true;
    }
    return false;
}

static void check_delete(struct loader *loader, const struct cursor *at, const struct rule *rule,
                         const struct action *action)
{
    for (size_t i = 0; i < action->targets_nr; i++) {
        const struct template *key = &action->targets[i];

        for (size_t j = 0; j < rule->actions_nr && lint_is_written(key); j++) {
            if (rule->actions[j].verb != VERB_PURGE || !covers(loader, &rule->actions[j], key))
                continue;
            report(loader, at, (struct remark){.code = "W403", .on_name = true},
                   "\"%.*s\" is deleted by the purge \"%.*s\" of this rule as well",
                   SLICE_ARG(key->source), SLICE_ARG(rule->actions[j].targets[0].source));
            return;
        }
    }
}

static void check_covered(struct loader *loader, const struct cursor *verbs,
                          const struct rule *rule)
{
    for (size_t i = 0; i < rule->actions_nr; i++) {
        const struct action *action = &rule->actions[i];

        if (action->verb == VERB_DELETE && action->again_after_ms == 0 &&
            action->guard == GUARD_NONE)
            check_delete(loader, cursor_member(verbs, "delete"), rule, action);
    }
}

/* ---- W407 ---- */

/* The end of a class of plain characters, or NULL. */
static const char *plain_class(const char *open, const char *end)
{
    const char *at = open + 1;

    while (at < end && *at != ']' && !strchr("\\^-[", *at))
        at++;
    return at < end && *at == ']' && at > open + 1 && at - open <= CLASS_MOST + 1 ? at : NULL;
}

/* The keys that a pattern without `*` and `?` and with one class at most can match, as JSON. */
static struct slice exact_form(struct loader *loader, struct slice source)
{
    const char *end = source.ptr + source.len;
    const char *open = memchr(source.ptr, '[', source.len), *close;
    struct slice text = SLICE("");

    for (size_t i = 0; i < source.len; i++) {
        if (strchr("*?\\", source.ptr[i]))
            return SLICE_ABSENT;
    }
    if (open == NULL)
        return arena_printf(loader->arena, "\"%.*s\"", SLICE_ARG(source));
    close = plain_class(open, end);
    if (close == NULL || memchr(close, '[', (size_t)(end - close)))
        return SLICE_ABSENT;
    for (const char *at = open + 1; at < close; at++)
        text = arena_printf(loader->arena, "%.*s%s\"%.*s%c%.*s\"", SLICE_ARG(text),
                            text.len ? ", " : "", (int)(open - source.ptr), source.ptr, *at,
                            (int)(end - close - 1), close + 1);
    return arena_printf(loader->arena, "[%.*s]", SLICE_ARG(text));
}

/* Fan-outs have brackets of their own. */
void lint_pattern(struct loader *loader, const struct cursor *at, const struct template *pattern,
                  enum verb verb)
{
    struct slice keys;

    for (size_t i = 0; i < pattern->segments_nr; i++) {
        if (pattern->segments[i].is_fanned_out)
            return;
    }
    keys = exact_form(loader, pattern->source);
    if (slice_is_absent(keys))
        return;
    report(loader, at,
           (struct remark){.code = "W407",
                           .help = arena_printf(loader->arena, "write \"%s\": %.*s",
                                                verb == VERB_PURGE ? "delete" : "key",
                                                SLICE_ARG(keys))},
           "\"%.*s\" walks the whole database for keys that can be named",
           SLICE_ARG(pattern->source));
}

void lint_rule(struct loader *loader, const struct cursor *at, const struct rule *rule)
{
    const struct cursor *when = cursor_member(at, "when"), *verbs = cursor_member(at, "do");

    if (!when || !verbs || rule->actions_nr == 0)
        return;
    check_match(loader, when, rule);
    check_covered(loader, verbs, rule);
}
