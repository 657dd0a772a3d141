/*
 * codes - every code a diagnostic of rule files can carry: what it stands for, why that is so, and
 * a rule file that has it beside one that has not.
 *
 * E1xx syntax and shape, E2xx names and types, E3xx danger, W4xx warnings. A code keeps its meaning
 * for ever; a rule may silence warnings by code ("ignore"), never errors.
 */
#ifndef CONSUMERS_RULES_CODES_H
#define CONSUMERS_RULES_CODES_H

#include "consumers/base/arena.h"

struct code {
    const char *code;
    const char *title;
    const char *why;
    const char *wrong, *right; /* whole rule files; read them through code_example() */
};

/* In order of code; NULL past the end. */
const struct code *code_at(size_t index);

/* NULL when there is no such code. */
const struct code *code_find(struct slice code);

/* The text of `wrong` or `right` as it would stand in a file. */
struct slice code_example(const char *text, struct arena *arena);

#endif
