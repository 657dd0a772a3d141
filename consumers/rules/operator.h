/*
 * operator - the operators of a pattern by name; private to this room.
 */
#ifndef CONSUMERS_RULES_OPERATOR_H
#define CONSUMERS_RULES_OPERATOR_H

#include "consumers/rules/loader.h"

bool operator_is_known(struct slice name);
struct slice operator_near(struct slice name); /* absent: none is near */

/* What to write for an operator of another language, such as "startswith"; absent: it is none. */
struct slice operator_foreign(struct slice name);

/* E203 for an object that should be one operator and is not; always false. */
bool operator_unknown(struct loader *loader, const struct cursor *object);

#endif
