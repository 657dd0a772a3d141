/*
 * scan - walks over JSON text without building anything: where a member, an element or a character
 * of a string stands.
 *
 * jansson keeps no positions, so a diagnostic finds its place by walking the text again. Everything
 * here except scan_check() expects text that is valid JSON. Offsets are bytes from the start.
 * Source: RFC 8259.
 */
#ifndef CONSUMERS_RULES_SCAN_H
#define CONSUMERS_RULES_SCAN_H

#include "consumers/base/arena.h"

enum { SCAN_MAX_DEPTH = 64 };

struct span {
    size_t start, end; /* bytes, end is one past the last */
};

size_t scan_space(struct slice text, size_t at);

/* One past the string, or past any value, that starts at `at`. */
size_t scan_string(struct slice text, size_t at);
size_t scan_value(struct slice text, size_t at);

/* The text a string stands for; a view of `text` unless it holds escapes. */
struct slice scan_decode(struct slice text, size_t at, struct arena *arena);

/* Where the byte `offset` of the decoded string stands in the text. */
size_t scan_raw_offset(struct slice text, size_t at, size_t offset);

/* Walks an object or array: start at its bracket, then scan_next() until it is false. */
struct scan_walk {
    struct slice text;
    size_t at;
    bool is_object;
    struct span name; /* of an object's member, quotes included */
    struct span value;
};

struct scan_walk scan_walk(struct slice text, size_t container);
bool scan_next(struct scan_walk *walk);

struct scan_problem {
    struct span span;
    struct slice message;
};

/* False and the first problem, at the first byte that cannot be right. Nesting is limited too. */
bool scan_check(struct slice text, struct arena *arena, struct scan_problem *problem);

/* Calls visit for every member whose name its object has already had. */
void scan_duplicates(struct slice text,
                     void (*visit)(struct span name, struct span first, void *context),
                     void *context);

/*
 * A copy in which comments and trailing commas are blanks, so that every position holds. An unclosed
 * comment is left as it is and fails as JSON does.
 */
struct slice scan_blank_comments(struct slice text, struct arena *arena);

/* The value without white space between its tokens. */
struct slice scan_compact(struct slice text, struct span value, struct arena *arena);

#endif
