/*
 * locate - the place of something in a rule file: along a JSON path to bytes, and from bytes to line
 * and column.
 *
 * A path is a chain of steps from the value up to the root; it costs nothing until somebody asks
 * where it leads. Lines and columns count from 1; a column is one code point, a tab too. A line ends
 * at LF; a CR before it is not part of the line.
 */
#ifndef CONSUMERS_RULES_LOCATE_H
#define CONSUMERS_RULES_LOCATE_H

#include "consumers/rules/scan.h"

struct step {
    const struct step *parent; /* NULL: the root */
    struct slice name;         /* of a member; absent: an element */
    size_t index;              /* of an element */
    size_t start;              /* where the value starts, once known; else 0 */
};

struct located {
    struct span name; /* of the last member on the path, quotes included; empty for an element */
    struct span value;
};

/* The text must be valid JSON and hold the path. With duplicate names the last one counts. */
struct located locate(struct slice text, const struct step *step);

/* `length` bytes from `offset` of the string that stands at `string`, as they are written. */
struct span locate_inside(struct slice text, size_t string, size_t offset, size_t length);

struct place {
    unsigned line, column, end_column;
    struct slice source_line;
};

/* A span that goes over the end of its line is cut there. */
struct place locate_place(struct slice text, struct span span);

#endif
