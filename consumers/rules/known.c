/* What rules name, for bounded labels: looked up once a name, not once an event. */
#include "consumers/rules/ruleset.h"

static bool predicate_names(const struct predicate *predicate, struct slice op)
{
    bool is_op = predicate->path.root == FIELD_OP || predicate->path.root == FIELD_EVENT;
    for (size_t i = 0; is_op && i < predicate->tests_nr; i++)
        if (predicate->tests[i].kind == TEST_EXACT && slice_equals(predicate->tests[i].text, op))
            return true;
    return false;
}

static bool pattern_names(const struct pattern *pattern, struct slice op)
{
    for (size_t i = 0; i < pattern->predicates_nr; i++)
        if (predicate_names(&pattern->predicates[i], op))
            return true;
    for (size_t i = 0; i < pattern->groups_nr; i++)
        for (size_t j = 0; j < pattern->groups[i].branches_nr; j++)
            if (pattern_names(&pattern->groups[i].branches[j], op))
                return true;
    return false;
}

bool ruleset_knows_op(const struct ruleset *ruleset, struct slice op)
{
    for (size_t i = 0; i < ruleset->rules_nr; i++)
        if (pattern_names(&ruleset->rules[i].when, op))
            return true;
    return false;
}
