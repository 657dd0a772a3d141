/*
 * codes - every code a diagnostic of rule files can carry, and what it stands for in one line.
 *
 * E1xx syntax and shape, E2xx names and types, E3xx danger, W4xx warnings. A code keeps its meaning
 * for ever; a rule may silence warnings by code ("ignore"), never errors.
 */
#ifndef CONSUMERS_RULES_CODES_H
#define CONSUMERS_RULES_CODES_H

#include "consumers/base/slice.h"

struct code {
    const char *code;
    const char *title;
};

/* In order of code; NULL past the end. */
const struct code *code_at(size_t index);

/* NULL when there is no such code. */
const struct code *code_find(struct slice code);

#endif
