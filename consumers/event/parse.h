/*
 * parse - JSON text to a tree, in two steps; private to this room.
 *
 * After parse_text() the text is JSON, and nothing more is known: names may stand twice and nesting
 * may have any depth, so the tree must not be recursed into. parse_check() finds and words either.
 * A reader that looks at every member anyway may do the check on the way (see member_take()) and
 * come back here only for the words.
 */
#ifndef CONSUMERS_EVENT_PARSE_H
#define CONSUMERS_EVENT_PARSE_H

#include "consumers/base/error.h"
#include "consumers/event/tree.h"

struct parse {
    struct slice text;
    size_t skip;      /* bytes of its byte order mark */
    const char *copy; /* of the text behind the mark */
    const struct value *root;
};

/* On failure *position is the byte it failed at, of both. */
bool parse_text(struct slice text, struct arena *arena, struct parse *parse, size_t *position,
                struct error *err) CHECKED;
bool parse_check(const struct parse *parse, struct arena *arena, size_t *position,
                 struct error *err) CHECKED;

#endif
