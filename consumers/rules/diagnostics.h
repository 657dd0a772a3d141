/*
 * diagnostics - everything that is wrong with a set of rule files, each at its place.
 *
 * A loader goes on after an error, so that an editor sees all of them at once. Codes: E1xx syntax
 * and shape, E2xx names and types, E3xx danger, W4xx warnings; a code never changes its meaning.
 * Lines and columns count from 1, columns in characters (code points), end_column is one past the
 * last. Messages are terse, begin in lower case and name what was expected. Beyond DIAGNOSTICS_MAX errors
 * are counted only, and of a very long line a part is kept: a file of one line with a mistake in each
 * rule must not take memory by the gigabyte.
 */
#ifndef CONSUMERS_RULES_DIAGNOSTICS_H
#define CONSUMERS_RULES_DIAGNOSTICS_H

#include "consumers/base/arena.h"
#include "consumers/base/buffer.h"

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

enum { DIAGNOSTICS_MAX = 1000 };

struct diagnostic {
    enum severity severity;
    char code[8];                      /* "E201" */
    struct slice file;                 /* as the user named it */
    unsigned line, column, end_column; /* line 0: the file as a whole */
    struct slice message;
    struct slice suggestion; /* the nearest valid name; absent if none is near */
    struct slice help;       /* what to do, shown under the carets; absent if the message says it */
    struct slice source_line; /* the line in question, for the excerpt; absent if there is none */
    unsigned source_column;   /* where that begins: 1, or further on in a very long line */
    bool source_is_cut;       /* it goes on behind */
    size_t order;             /* set by diagnostics_sort() */
};

struct diagnostics {
    struct arena arena;
    struct diagnostic *items; /* by file, then line, then column, once sorted */
    size_t nr, capacity;
    unsigned errors, warnings; /* errors: those beyond DIAGNOSTICS_MAX too */
    size_t files_nr, rules_nr; /* what was looked at, set by the loader */
};

void diagnostics_init(struct diagnostics *list);
void diagnostics_release(struct diagnostics *list);

/*
 * True when no more are kept. An error is counted then, so that whoever asks need not find out where it
 * is and what to say of it.
 */
bool diagnostics_skip(struct diagnostics *list, enum severity severity);

/* Copies what the diagnostic points to; source_column and source_is_cut are filled in here. */
void diagnostics_add(struct diagnostics *list, const struct diagnostic *diagnostic);
/* Takes back the warnings from items[from] on: a rule with errors is not judged finely. */
void diagnostics_drop_warnings(struct diagnostics *list, size_t from);

/* By name of file, line and column; those of one place as they were added. */
void diagnostics_sort(struct diagnostics *list);

/* `file:line:col: error[E201]: message`, the source line, carets and the help or suggestion. */
void diagnostics_print_text(const struct diagnostics *list, bool coloured, struct buffer *out);

/* A JSON array of {"file","line","column","end_column","severity",...}. */
void diagnostics_print_json(const struct diagnostics *list, struct buffer *out);

/*
 * A SARIF 2.1.0 log of one run, the rules of its tool being the codes that were found. `version` is
 * the program's.
 * Source: OASIS, Static Analysis Results Interchange Format 2.1.0.
 */
void diagnostics_print_sarif(const struct diagnostics *list, const char *version,
                             struct buffer *out);

/*
 * A workflow command a line, `::error file=...,line=...::message`, which GitHub shows beside the line.
 * Source: GitHub Actions, workflow commands.
 */
void diagnostics_print_github(const struct diagnostics *list, struct buffer *out);

#endif
