/*
 * format - rule files laid out one way, so that an edit shows as what it changes.
 *
 * Two blanks a level. An object or array stands on one line when it holds no comment and ends within
 * FORMAT_COLUMNS characters; the file, its rules and what holds them never do. Names, numbers and strings
 * keep their bytes, members their order, comments their text and their neighbour: a comment at the
 * end of a line stays there, every other one goes on a line of its own above what it stood before.
 * One blank line between members is kept, trailing commas and a byte order mark are not.
 * Formatting what was formatted changes nothing.
 */
#ifndef CONSUMERS_RULES_FORMAT_H
#define CONSUMERS_RULES_FORMAT_H

#include "consumers/base/buffer.h"
#include "consumers/rules/scan.h"

enum { FORMAT_COLUMNS = 100 };

/*
 * Appends the formatted text. Comments and trailing commas are taken only where has_comments says so,
 * as in a .jsonc file. False for text that is not JSON: *problem says where, and nothing is added.
 */
bool format_json(struct slice text, bool has_comments, struct buffer *out, struct arena *arena,
                 struct scan_problem *problem);

#endif
