/*
 * holds - one operator of a pattern against one value: prefix, numeric, anything-but, ...
 *
 * The value is there and is no array to be looked into; what is missing, unknown or many is match.h's.
 * Source: Amazon EventBridge, comparison operators of event patterns.
 */
#ifndef CONSUMERS_RULES_HOLDS_H
#define CONSUMERS_RULES_HOLDS_H

#include "consumers/rules/ruleset.h"

bool test_holds(const struct test *test, const struct field *field);

#endif
